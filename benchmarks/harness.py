"""What every benchmark needs: servers that end with it, CPU of a process tree, tables, bars.

CPU time is the figure to trust: it is read from the kernel's per-process clocks in nanoseconds,
for a server and everything it started, and hardly depends on what else the machine does. Wall
times are given where a user waits, always as medians of alternating rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TOOLS = ROOT / ".tools"
BIN = Path(sys.executable).parent
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
PAGE_HEADERS = {"Accept": JSON_TYPE, "Accept-Encoding": "gzip"}
READY_SECONDS = 60
SMALL_ROUND = "a small round: only bars that hold at any size are judged"


class CannotRunError(Exception):
    """A tool is missing or a server did not start; the message says what to do."""


# ── the outcome ──────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True, kw_only=True)
class Report:
    """Rows and bars of one benchmark; printed as a table and kept as JSON."""

    name: str
    small: bool
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    bars: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, *cells: Any) -> None:
        self.rows.append(cells)

    def at_most(
        self, what: str, value: float, limit: float, unit: str = "", *, at_any_size: bool = False
    ) -> None:
        """A bar; one of zero is of what must never happen, and holds at any size by itself."""
        judged = not self.small or at_any_size or limit == 0
        self._bar(what, value, f"≤ {limit:g}{unit}", unit, ok=value <= limit, judged=judged)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> None:
        judged = not self.small
        self._bar(what, value, f"≥ {limit:g}{unit}", unit, ok=value >= limit, judged=judged)

    def _bar(
        self, what: str, value: float, limit: str, unit: str, *, ok: bool, judged: bool
    ) -> None:
        shown = f"{value:.3g}{unit}" if abs(value) < 1000 else f"{value:,.0f}{unit}"
        bar = {"what": what, "value": value, "shown": shown, "limit": limit}
        self.bars.append({**bar, "ok": ok, "judged": judged})

    def finish(self) -> int:
        """Print, save; 0 when every bar is met.

        A small round shows that everything runs and answers right: bars of times and sizes are not judged
        there: it does less than they are about, and times on a busy machine say nothing.
        """
        console = Console(width=120)
        table = Table(title=self.name, title_justify="left")
        for column in self.columns:
            table.add_column(column, justify="left" if column == self.columns[0] else "right")
        for row in self.rows:
            table.add_row(*[f"{c:.3g}" if isinstance(c, float) else str(c) for c in row])
        if self.rows:
            console.print(table)
        for bar in self.bars:
            console.print(f"  {bar_line(bar)}")
        if not all(bar["judged"] for bar in self.bars):
            console.print(f"  {SMALL_ROUND}")
        for note in self.notes:
            console.print(f"  note: {note}")
        kept = kept_at(self.name, small=self.small)
        kept.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "name": self.name, "small": self.small, "machine": machine(),
            "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "columns": self.columns, "rows": self.rows, "bars": self.bars, "notes": self.notes,
        }  # fmt: skip
        kept.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        return 0 if all(bar["ok"] for bar in self.bars if bar["judged"]) else 1


def kept_at(name: str, *, small: bool) -> Path:
    """Where a round's figures lie: a small one never takes the place of a whole one."""
    return RESULTS / f"{name}{'.small' if small else ''}.json"


def bar_line(bar: Mapping[str, Any]) -> str:
    """What a bar says on a terminal: met and missed only of what was judged."""
    mark = ("met" if bar["ok"] else "MISSED") if bar["judged"] else "not judged"
    return f"{mark:10} {bar['what']}: {bar['shown']} (bar {bar['limit']})"


def machine() -> dict[str, Any]:
    model = "unknown"
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
        model = found.group(1) if found else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
    }


def arguments(description: str, **extra: Mapping[str, Any]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a quick round, for CI")
    for name, options in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **options)
    return parser.parse_args()


def run_main(main: Any) -> None:
    """Run a benchmark's main; a missing tool is said in one line and ends with 2."""
    try:
        sys.exit(main())
    except CannotRunError as error:
        print(f"cannot run: {error}", file=sys.stderr)
        sys.exit(2)


# ── processes ────────────────────────────────────────────────────────────────────────────────


def tool(name: str, package: str) -> str:
    """Path of a program from the system's packages."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise CannotRunError(f"'{name}' is missing; to do: apt install {package}")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(pid: int) -> list[int]:
    """A process and everything below it that is alive."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        here = waiting.pop()
        found.append(here)
        waiting += children.get(here, [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process tree: user and system, ended threads included.

    A clock id made from a pid is the kernel's CPU clock of that process (clock_getcpuclockid).
    """
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            total += time.clock_gettime_ns((~one << 3) | 2)
    return total / 1e9


def memory_mib(pid: int) -> tuple[float, float]:
    """Proportional (PSS) and unshared (USS) memory of a process tree, in MiB."""
    pss = uss = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text("utf-8")
            numbers = {k: int(v) for k, v in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
            pss += numbers["Pss"]
            uss += numbers["Private_Clean"] + numbers["Private_Dirty"]
    return pss / 1024, uss / 1024


@dataclass(slots=True)
class Server:
    """A started server."""

    name: str
    pid: int
    base: str
    """Base URL, without a slash at the end."""
    log: Path

    def cpu(self) -> float:
        return cpu_seconds(self.pid)


@contextlib.contextmanager
def server(
    name: str, command: Sequence[str | Path], *, port: int, folder: Path, ready: str,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:  # fmt: skip
    """Start a server on loopback, wait until `ready` answers, end it and all it started."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Server(name, process.pid, f"http://127.0.0.1:{port}", log)
    try:
        _wait_ready(process, started, ready)
        yield started
    finally:
        stop(process)


def _wait_ready(process: subprocess.Popen[bytes], started: Server, ready: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            get(started.base + ready, timeout=5)
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    tail = started.log.read_text("utf-8", "replace")[-2000:]
    raise CannotRunError(f"{started.name} did not get ready; its log ends:\n{tail}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process group that we started, gently first."""
    for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as name:
        yield Path(name)


# ── requests ─────────────────────────────────────────────────────────────────────────────────

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Loopback is never reached through a proxy."""


def get(url: str, headers: Mapping[str, str] | None = None, *, timeout: float = 60) -> bytes:
    """A body, as sent (compressed if we said so)."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    with _OPENER.open(request, timeout=timeout) as answer:
        body: bytes = answer.read()
        return body


def page(url: str) -> dict[str, Any]:
    """A project page as JSON."""
    body = get(url, PAGE_HEADERS)
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    content: dict[str, Any] = json.loads(body)
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What wrk did to a server, and what that cost the server."""

    requests: int
    cpu_ms: float
    """Per request, whole process tree."""
    per_second: float
    p50_ms: float
    p99_ms: float


def load(
    target: Server, path: str, *, headers: Mapping[str, str], seconds: float, connections: int = 8,
) -> Load:  # fmt: skip
    """Ask for one path again and again with wrk; refuse to report anything but full answers."""
    wrk = tool("wrk", "wrk")
    flags = [part for key, value in headers.items() for part in ("-H", f"{key}: {value}")]
    before = target.cpu()
    done = subprocess.run(
        [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "60s", "--latency",
         *flags, target.base + path],
        check=True, capture_output=True, text=True, timeout=seconds + 90,
    )  # fmt: skip
    cpu = target.cpu() - before
    return _read_wrk(done.stdout, cpu, target.name)


def _read_wrk(text: str, cpu: float, name: str) -> Load:
    if "Non-2xx" in text or "Socket errors" in text:
        raise CannotRunError(f"{name} answered with errors:\n{text}")
    found = re.search(r"(\d+) requests in", text)
    requests = int(found.group(1)) if found else 0
    if not requests:
        raise CannotRunError(f"{name} answered nothing:\n{text}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    return Load(
        requests=requests,
        cpu_ms=cpu * 1000 / requests,
        per_second=float(rate.group(1)) if rate else 0.0,
        p50_ms=_latency(text, "50%"),
        p99_ms=_latency(text, "99%"),
    )


def _latency(text: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s|m)\b", text)
    if not found:
        return float("nan")
    return float(found.group(1)) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[found.group(2)]
