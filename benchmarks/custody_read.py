"""A read through the S3 door over TLS, beside nginx sending the same plaintext: CPU per request.

Run: .venv/bin/python benchmarks/custody_read.py [--small]
Ours decrypts, checks the signature, the lease, the budget and the scopes, and writes the read down. Three
servers take turns: nginx (TLS 1.3, one worker, no log), ours, and ours with its checks off
(custody_bare.py). Every request is signed once and sent by wrk. *Again*: a few ranges over and over, as in
a second epoch. *First*: each range once, so that every request discloses something new.
CPU is that of all processes of a server, the key broker included.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

from custody_bare import serve_bare
from custody_ground import BUCKET, KIB, MIB, Node, ground, noise, signed
from harness import CannotRunError, Report, arguments, cpu_seconds, run_main, scratch, server, tool
from kit.door import free_port
from kit.s3_door import Custodian
from peers import nginx_frame
from pratique.custody.model import Lease

_LONGEST = 120
_AGAIN = 64
"""Ranges that are read over and over."""
_TLS = """
  server {{
    listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3; ssl_buffer_size 16k;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location /{bucket}/ {{ root {folder}; }}
  }}
  server {{ listen 127.0.0.1:{ready}; location = /ready {{ return 200; }} }}
"""
_LUA = """
local lines, at, left = {}, 0, tonumber("@COUNT@")
for line in io.lines("@FILE@") do
  local heads = line:gsub("|", "\\r\\n")
  lines[#lines + 1] = "GET @PATH@ HTTP/1.1\\r\\n" .. heads .. "\\r\\n\\r\\n"
end
function request()
  at = at % #lines + 1
  return lines[at]
end
function response(status, _, body)
  if status ~= 206 then
    io.stderr:write("Non-2xx: " .. status .. " " .. body:sub(1, 500):gsub("\\n", " ") .. "\\n")
    os.exit(1)
  end
  if left then
    left = left - 1
    if left == 0 then wrk.thread:stop(); io.stderr:write("done\\n") end
  end
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One size of reads."""

    name: str
    size: int
    connections: int
    bar: float
    seconds: float
    """How long it is read again; 0: each range once more, since few of them fit into a while."""


KINDS = (
    Kind(name="64 KiB", size=64 * KIB, connections=8, bar=0.35, seconds=2),
    Kind(name="1 MiB", size=MIB, connections=4, bar=0.40, seconds=2),
    Kind(name="64 MiB", size=64 * MIB, connections=2, bar=0.55, seconds=0),
)
CHECKS_BAR_US = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that is measured."""

    url: str
    cpu: Callable[[], float]
    lease: tuple[Lease, str] | None = None


# ── load ─────────────────────────────────────────────────────────────────────────────────────


def spans(kind: Kind, total: int, *, first: bool) -> list[str]:
    count = total // kind.size
    if not first:
        count = min(count, _AGAIN)
    return [f"bytes={n * kind.size}-{(n + 1) * kind.size - 1}" for n in range(count)]


def cost(folder: Path, served: Served, kind: Kind, asked: list[str], *, once: bool) -> float:
    """µs of CPU per request; each of `asked` once, or all of them again and again for a while."""
    lines = []
    for span in asked:
        heads = {"host": served.url.partition("://")[2], "range": span}
        if served.lease is not None:
            heads = dict(signed(served.url, "object", *served.lease, span))
        lines.append("|".join(f"{name}: {value}" for name, value in heads.items()))
    requests, script = folder / "requests.txt", folder / "load.lua"
    requests.write_text("\n".join(lines) + "\n", "ascii")
    text = _LUA.replace("@FILE@", str(requests)).replace("@PATH@", f"/{BUCKET}/object")
    script.write_text(text.replace("@COUNT@", str(len(asked)) if once else ""), "utf-8")
    # More connections than requests would ask for some of them twice.
    connections = min(kind.connections, len(asked))
    before = served.cpu()
    text = _wrk(script, served.url, connections, None if once else kind.seconds)
    spent = served.cpu() - before
    found = re.search(r"(\d+) requests in", text)
    if found is None or "Non-2xx" in text or int(found.group(1)) == 0:
        raise CannotRunError(f"{served.url} answered badly:\n{text}")
    return spent / int(found.group(1)) * 1e6


def _wrk(script: Path, url: str, connections: int, seconds: float | None) -> str:
    """What wrk says; without `seconds` it is ended as soon as its script has all answers."""
    process = subprocess.Popen(
        [tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds or _LONGEST:g}s",
         "--timeout", "60s", "-s", script, url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    if seconds is None:
        said = process.stderr.readline()  # its own clock would run on
        process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=_LONGEST + 60)
    return f"{out}\n{said}{errors}"


# ── servers ──────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def nginx_tls(folder: Path, plaintext: bytes) -> Iterator[Served]:
    place = folder / "nginx"
    (place / BUCKET).mkdir(parents=True)
    (place / BUCKET / "object").write_bytes(plaintext)
    issued = trustme.CA().issue_cert("127.0.0.1")
    (place / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(place / "key.pem")
    port, ready = free_port(), free_port()
    site = _TLS.format(port=port, ready=ready, folder=place, bucket=BUCKET)
    config = place / "nginx.conf"
    config.write_text(nginx_frame(place, site), "utf-8")
    command: list[str | Path] = [tool("nginx", "nginx-light"), "-c", config, "-p", place]
    with server("nginx", command, port=ready, folder=place, ready="/ready") as started:
        yield Served(url=f"https://127.0.0.1:{port}", cpu=started.cpu)


@contextlib.contextmanager
def ours(made: Custodian, *, bare: bool) -> Iterator[Served]:
    node = Node(made.settings, serve_bare if bare else None)
    broker = made.admin.status().pid

    def cpu() -> float:
        pid = node.process.pid
        assert pid is not None
        return cpu_seconds(pid) + cpu_seconds(broker)

    try:
        time.sleep(3)
        yield Served(url=node.url, cpu=cpu)
    finally:
        node.close()


def leased(made: Custodian, served: Served, total: int) -> Served:
    """The same server asked under a new lease, which has not read anything yet."""
    lease = made.grant(budget_bytes=2 * total, budget_objects=1000)
    time.sleep(0.3)  # until the door has heard of it: before, few may ask at once
    return Served(url=served.url, cpu=served.cpu, lease=lease)


def check_bytes(served: Served, plaintext: bytes) -> None:
    """That it is the plaintext which is served."""
    assert served.lease is not None
    span = f"bytes=1000-{MIB + 999}"
    heads = signed(served.url, "object", *served.lease, span)
    words = [part for name, value in heads.items() for part in ("-H", f"{name}: {value}")]
    done = subprocess.run(
        ["curl", "-sk", "-m", "20", *words, f"{served.url}/{BUCKET}/object"],
        capture_output=True,
        check=True,
    )
    if (
        hashlib.sha256(done.stdout).digest()
        != hashlib.sha256(plaintext[1000 : MIB + 1000]).digest()
    ):
        raise CannotRunError(f"our door served something else: {done.stdout[:200]!r}")


# ── the measurement ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Medians of all rounds, µs of CPU per request."""

    nginx: float
    ours: float
    bare: float
    ratio: float


def measure(
    folder: Path, made: Custodian, total: int, plaintext: bytes, rounds: int
) -> dict[tuple[str, bool], Line]:
    found: dict[tuple[str, bool], list[tuple[float, float, float]]] = {}
    with (
        nginx_tls(folder, plaintext) as plain,
        ours(made, bare=False) as full,
        ours(made, bare=True) as bare,
    ):
        check_bytes(leased(made, full, total), plaintext)
        warm = leased(made, bare, total)
        for kind in KINDS:
            again = leased(made, full, total)
            cost(folder, again, kind, spans(kind, total, first=False), once=True)
            for first in (True, False):
                asked = spans(kind, total, first=first)
                for _ in range(rounds):
                    # First reads need a lease that has read nothing; nginx knows no difference.
                    mine = leased(made, full, total) if first else again
                    figures = tuple(
                        cost(folder, one, kind, asked, once=first or not kind.seconds)
                        for one in (plain, mine, warm)
                    )
                    found.setdefault((kind.name, first), []).append(figures)  # type: ignore[arg-type]  # one figure for each door
    return {
        key: Line(
            nginx=statistics.median(one[0] for one in each),
            ours=statistics.median(one[1] for one in each),
            bare=statistics.median(one[2] for one in each),
            ratio=statistics.median(one[0] / one[1] for one in each),
        )
        for key, each in found.items()
    }


def main() -> int:
    options = arguments(__doc__ or "")
    total, rounds = (128 * MIB, 1) if options.small else (512 * MIB, 3)
    report = Report(
        name="custody_read", small=options.small,
        columns=("read", "which", "nginx µs", "ours µs", "checks off µs", "of nginx", "s/GB"),
    )  # fmt: skip
    with scratch() as folder, ground(folder / "home", tls=True) as made:
        plaintext = noise(total)
        made.put("object", plaintext)
        lines = measure(folder, made, total, plaintext, rounds)
    for kind in KINDS:
        for first in (False, True):
            line, which = lines[kind.name, first], "first" if first else "again"
            report.row(
                kind.name, which, line.nginx, line.ours, line.bare, line.ratio,
                line.ours / 1e6 / (kind.size / 1e9),
            )  # fmt: skip
            report.at_least(f"{kind.name} {which}: work per CPU, of nginx", line.ratio, kind.bar)
    for first in (False, True):
        line, which = lines["64 KiB", first], "first" if first else "again"
        report.at_most(f"all checks, 64 KiB {which}", line.ours - line.bare, CHECKS_BAR_US, " µs")
    report.notes.append(
        f"TLS 1.3 on loopback, one process each, medians of {rounds} rounds in turns; "
        f"'first': each range of {total // MIB} MiB once under a new lease; "
        f"'again': the first {_AGAIN} ranges over and over"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
