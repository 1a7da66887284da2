"""How long deciding takes: microseconds per file on a page of 3,204 files, the size of litellm's.

Run: .venv/bin/python benchmarks/decide.py [--json]
Bar: a plainly allowed old file takes at most 2.5 µs, the page at most 8 ms of CPU.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from pratique.policy.advisories import build_index
from pratique.policy.compile import CompiledPolicy, compile_policy
from pratique.policy.decide import bind, decide_page
from pratique.policy.language import parse_policy
from pratique.policy.model import (
    FileFacts,
    ProjectFacts,
    ProvenanceFacts,
    Verdict,
    VettingFacts,
)
from pratique.policy.osv import Record, parse_record
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName

NOW = datetime(2026, 3, 24, 12, tzinfo=UTC)
PROJECT = ProjectName("litellm")
RELEASES = 1602
DENY = "[[deny]]\nprojects=['lite*']\nversions='==9.9'\nreason='x'\n"


def page(*, young: int = 0) -> list[FileFacts]:
    """Wheel and sdist of each release; the last `young` files were uploaded an hour ago."""
    files: list[str] = []
    for release in range(RELEASES):
        version = f"1.{release // 40}.{release % 40}"
        files.extend((f"litellm-{version}-py3-none-any.whl", f"litellm-{version}.tar.gz"))
    return [
        FileFacts(
            filename=name,
            project=PROJECT,
            sha256=Sha256(f"{number:064x}"),
            uploaded_at=NOW
            - (timedelta(hours=1) if number >= len(files) - young else timedelta(400)),
            vetting=VettingFacts(verdict=Verdict.CLEAN) if number >= len(files) - young else None,
            fresh_dependencies=(),
            provenance=ProvenanceFacts(attested=False),
        )
        for number, name in enumerate(files)
    ]


def record(id_: str, **affected: object) -> Record:
    body = {
        "id": id_,
        "affected": [{"package": {"ecosystem": "PyPI", "name": "litellm"}, **affected}],
        "database_specific": {"github_reviewed": True},
    }
    return parse_record(json.dumps(body).encode())


def span(fixed: str) -> list[dict[str, object]]:
    return [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]


MALWARE = record("MAL-2026-2144", versions=["1.82.7", "1.82.8"])
FIXES = [record(f"GHSA-{n}", ranges=span(f"1.{n}.0")) for n in range(20)]
RANGED = record("MAL-2026-9999", ranges=span("0.0.1"))
NEWEST_FIX = record("GHSA-new", ranges=span(f"1.{(RELEASES - 1) // 40}.{(RELEASES - 1) % 40}"))


def policy(text: str = "", *records: Record) -> CompiledPolicy:
    return compile_policy(parse_policy(text, source="policy.toml"), build_index(records))


def measure(work: Callable[[], object], *, rounds: int = 9) -> float:
    """Best CPU time of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    about = ProjectFacts(index="pypi", project=PROJECT)
    old, busy = page(), page(young=20)
    cases = {
        "default policy, all old": (old, policy()),
        "default policy, 20 young": (busy, policy()),
        "a deny by pattern and version": (old, policy(DENY)),
        "malware by version": (old, policy("", MALWARE)),
        "malware by range": (old, policy("", MALWARE, RANGED)),
        "20 reviewed fixes": (busy, policy("", MALWARE, *FIXES)),
        "a young fix among them": (busy, policy("", MALWARE, *FIXES, NEWEST_FIX)),
        "vulnerable = hide, 20 ranges": (old, policy("[advisory]\nvulnerable='hide'", *FIXES)),
    }
    results = []
    for name, (files, rules) in cases.items():
        seconds = measure(partial(decide_page, about, files, rules, NOW))
        results.append(
            {"case": name, "ms_per_page": seconds * 1e3, "us_per_file": seconds * 1e6 / len(files)}
        )
    rules = policy("", MALWARE, *FIXES)
    once = measure(lambda: [bind(rules, about) for _ in range(200)]) / 200
    results.append({"case": "bind alone (per single-file request)", "us": once * 1e6})
    if "--json" in sys.argv[1:]:
        print(json.dumps(results, indent=2))
        return
    print(f"{len(old)} files; best of 9, CPU time")
    for row in results:
        if "us" in row:
            print(f"  {row['case']:<38} {row['us']:7.1f} us")
        else:
            print(
                f"  {row['case']:<38} {row['ms_per_page']:7.2f} ms {row['us_per_file']:6.2f} us/file"
            )


if __name__ == "__main__":
    main()
