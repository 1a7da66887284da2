"""What it costs to know who sent a request to the S3 door: µs of CPU, beside botocore signing it.

Run: .venv/bin/python benchmarks/sigv4_verify.py [--json]
Bar: headers, claim, signature and operation of a typical GET take at most 20 µs together, the
signature (claim and verification) at most 10 µs. Part of the 25 µs that all checks together may take.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kit.s3_signing import REGIONS, SECRET, Wire, sign
from pratique.custody.aws_chunked import ChunkChain, ChunkedBody
from pratique.custody.checksums import new_digest
from pratique.custody.requests import classify
from pratique.custody.s3_headers import fold_headers
from pratique.custody.sigv4 import Claim, Payload, day_key, parse_claim, verify

ROUNDS = 7
CALLS = 5_000
BAR_SIGNATURE_US = 10.0
BAR_TOGETHER_US = 20.0


def cost(call: Callable[[], object], *, calls: int = CALLS) -> float:
    """Least µs of CPU per call over the rounds: others on the machine only ever add."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time_ns() - begun) / calls / 1000)
    return best


def requests() -> dict[str, Wire]:
    plain = {"user-agent": "Boto3/1.44", "accept-encoding": "identity", "range": "bytes=0-65535"}
    return {
        "GET of a range": sign(path="/some-data/train/shard-00017.jsonl", headers=plain),
        "GET, key with spaces and ü": sign(path="/some-data/train/a b ü/17.jsonl", headers=plain),
        "GET, presigned": sign(path="/some-data/train/17.jsonl", presigned_seconds=60),
        "ListObjectsV2": sign(
            path="/some-data",
            query=(
                ("list-type", "2"), ("prefix", "train/2026/"), ("delimiter", "/"),
                ("encoding-type", "url"),
            ),
        ),
    }  # fmt: skip


def measure(wire: Wire) -> dict[str, float]:
    headers = wire.headers
    now = datetime.now(UTC)
    claim = wire.check()
    key = day_key(SECRET, date=claim.date, region=claim.region, service="s3")
    line: dict[str, Any] = {"path": wire.path, "query": wire.query, "headers": headers}
    claimed = partial(parse_claim, headers=headers, query=wire.query, regions=REGIONS, now=now)
    figures = {
        "headers": cost(partial(fold_headers, wire.raw_headers)),
        "claim": cost(claimed),
        "verify": cost(partial(verify, claim, method=wire.method, key=key, **line)),
        "operation": cost(partial(classify, method=wire.method, host=headers["host"], **line)),
    }
    figures["together"] = sum(figures.values())
    return figures


def bodies(claim: Claim) -> dict[str, float]:
    """Seconds of CPU per GB of bodies."""
    piece = bytes(64 * 1024)
    found = {}
    for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256"):
        digest = new_digest(name)
        found[f"checksum {name}"] = (
            cost(partial(digest.update, piece), calls=200) * 1e3 / len(piece)
        )
    wire = b"10000\r\n" + piece + b"\r\n"

    def decode(count: int = 64) -> None:
        body = ChunkedBody(
            Payload.STREAMING_UNSIGNED_TRAILER, decoded_length=count * len(piece), chain=None
        )
        for _ in range(count):
            body.feed(wire)

    found["aws-chunked, unsigned"] = cost(decode, calls=4) * 1e3 / (64 * len(piece))
    chain = ChunkChain(claim, bytes(32))

    def signed() -> None:
        try:
            chain.check_chunk(piece, "0" * 64)
        except Exception:  # noqa: BLE001  # a wrong signature costs what a right one does
            return

    found["chunk signature"] = cost(signed, calls=100) * 1e3 / len(piece)
    return found


def main() -> int:
    rows = {name: measure(wire) for name, wire in requests().items()}
    signing = cost(partial(sign, path="/some-data/train/shard-00017.jsonl"), calls=300)
    per_gb = bodies(sign().check())
    typical = rows["GET of a range"]
    good = (
        typical["claim"] + typical["verify"] <= BAR_SIGNATURE_US
        and typical["together"] <= BAR_TOGETHER_US
    )
    if "--json" in sys.argv:
        figures = {"us": rows, "botocore_signs_us": signing, "seconds_per_gb": per_gb}
        print(json.dumps(figures | {"bar_held": good}, indent=2))
        return 0 if good else 1
    print(f"{'µs of CPU per request':30}" + "".join(f"{name:>11}" for name in typical))
    for name, row in rows.items():
        print(f"{name:30}" + "".join(f"{value:11.2f}" for value in row.values()))
    print(f"\nbotocore builds and signs the first: {signing:.0f} µs")
    for name, seconds in per_gb.items():
        print(f"{name:30}{seconds:8.3f} s of CPU per GB")
    print(f"\nbar {'held' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
