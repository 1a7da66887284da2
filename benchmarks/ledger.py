"""The ledger: durable entries per second beside SQLite, proofs in a long log, replay, the queue.

Every batch is durable before the next begins: one fdatasync and one signature for us, one COMMIT
with `synchronous=FULL` for SQLite, which neither hashes nor signs. Rounds alternate between the two.

Run: .venv/bin/python benchmarks/ledger.py [--small]
Bars: at least 20,000 entries/s in batches of 100; a proof in a log of 1,000,000 in at most 5 ms.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness import Report, arguments, run_main
from pratique.ledger.canonical import encode_entry, prepare, render_time
from pratique.ledger.entries import Draft
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.store.recorder import GroupCommitRecorder
from pratique.store.segment_audit import audit_segments
from pratique.store.segment_log import SegmentLog

ORIGIN = "bench.example/ledger"
BATCHES = (1, 10, 100, 1000)
ROUNDS = 5


def draft(number: int) -> Draft:
    """A delivery as the index door records it."""
    digest = f"{number:064x}"
    return Draft(
        kind="delivery",
        subject=f"sha256:{digest}",
        actor="asset:ci-runner",
        body={
            "index": "pypi", "project": "litellm", "version": "1.82.6",
            "filename": "litellm-1.82.6-py3-none-any.whl", "sha256": digest, "door": "file",
            "outcome": "allow", "rule": "cool-down", "method": "GET", "status": 200, "range": "",
            "agent": "pip/25.3 python/3.12.3", "waiver": "", "delivery": digest[-16:],
        },
    )  # fmt: skip


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk that the home folder would be on, not in memory."""
    folder = Path(tempfile.mkdtemp(prefix="pratique-bench-", dir=Path(__file__).parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def now() -> datetime:
    return datetime.now(tz=UTC)


class SqlitePeer:
    """The same entries in a table; the least a careful program would do."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE entries (sequence INTEGER PRIMARY KEY, leaf BLOB)")
        self._next = 0

    def append(self, drafts: list[Draft]) -> None:
        moment = render_time(now())
        first = self._next
        self._next += len(drafts)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO entries VALUES (?, ?)",
            (
                (
                    first + place,
                    encode_entry(prepare(one), sequence=first + place, recorded_at=moment),
                )
                for place, one in enumerate(drafts)
            ),
        )
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def rate(
    append: Callable[[list[Draft]], object], batches: list[list[Draft]]
) -> tuple[float, float]:
    """Entries per second of wall time, microseconds of CPU per entry."""
    count = sum(map(len, batches))
    began, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        append(batch)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return count / wall, cpu / count * 1e6


def append_rates(report: Report, folder: Path, *, small: bool) -> None:
    log = SegmentLog(folder / "ours", origin=ORIGIN)
    peer = SqlitePeer(folder / "peer.db")
    for size in BATCHES:
        count = max(size, min(20_000, 300 * size) // (10 if small else 1))
        rounds = 3 if small else ROUNDS
        ours, theirs = [], []
        for _ in range(rounds):
            batches = [[draft(n + i) for i in range(size)] for n in range(0, count, size)]
            ours.append(rate(lambda batch: log.append(batch, now=now()), batches))
            theirs.append(rate(peer.append, batches))
        our_rate, our_cpu = (statistics.median(values) for values in zip(*ours, strict=True))
        their_rate, their_cpu = (statistics.median(values) for values in zip(*theirs, strict=True))
        report.row(f"append, batches of {size}", f"{our_rate:,.0f}/s", f"{our_cpu:.1f} µs",
                   f"{their_rate:,.0f}/s", f"{their_cpu:.1f} µs")  # fmt: skip
        if size == 100:
            report.at_least("durable entries in batches of 100", our_rate, 20_000, "/s")
    log.close()
    peer.close()


def spread(work: Callable[[], object], *, times: int) -> tuple[str, tuple[str, float]]:
    """Median and 99th percentile of wall time, and of CPU time, which other processes do not touch."""
    walls, cpus = [], []
    for _ in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        work()
        cpus.append((time.process_time() - cpu) * 1e3)
        walls.append((time.perf_counter() - began) * 1e3)
    middle, high = times // 2, times * 99 // 100
    walls.sort()
    cpus.sort()
    return (
        f"p50 {walls[middle]:.2f}, p99 {walls[high]:.2f} ms",
        (f"p50 {cpus[middle]:.2f}, p99 {cpus[high]:.2f} ms", cpus[high]),
    )


def long_log(report: Report, folder: Path, *, entries: int) -> None:
    log = SegmentLog(folder / "long", origin=ORIGIN)
    prepared = [prepare(draft(n)) for n in range(1000)]
    for _ in range(0, entries, 1000):
        log.append(prepared, now=now())
    log.close()

    began = time.perf_counter()
    log = SegmentLog(folder / "long", origin=ORIGIN)
    report.row(
        f"open a log of {entries:,}", f"{(time.perf_counter() - began) * 1e3:.2f} ms", "", "", ""
    )
    chooser = random.Random(1)  # the same entries each time
    wall, cpu = spread(lambda: log.prove_inclusion(chooser.randrange(entries)), times=500)
    report.row(f"proof in {entries:,}", wall, cpu[0], "", "")
    report.at_most(f"p99 of a proof in {entries:,}, CPU", cpu[1], 5.0, " ms")
    wall, cpu = spread(lambda: log.prove_consistency(chooser.randrange(1, entries)), times=200)
    report.row(f"growth proof in {entries:,}", wall, cpu[0], "", "")

    began = time.perf_counter()
    frontier, _ = extend(Frontier(), (leaf_hash(leaf) for leaf in log.leaves()))
    elapsed = time.perf_counter() - began
    assert frontier.root() == log.frontier().root()
    report.row("replay: read, hash, root", f"{entries / elapsed:,.0f}/s", "", "", "")
    began = time.perf_counter()
    count = sum(1 for _ in log.entries(0, min(entries, 100_000)))
    report.row(
        "replay: parse entries", f"{count / (time.perf_counter() - began):,.0f}/s", "", "", ""
    )
    began = time.perf_counter()
    audit = audit_segments(folder / "long", origin=ORIGIN, progress=lambda _done, _all: None)
    assert audit.sound
    report.row("verify every byte", f"{entries / (time.perf_counter() - began):,.0f}/s", "", "", "")
    log.close()


def queue(report: Report, folder: Path) -> None:
    log = SegmentLog(folder / "queue", origin=ORIGIN)
    recorder = GroupCommitRecorder(log, clock=now, linger_seconds=5.0)
    drafts = [draft(n) for n in range(900)]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for one in drafts:
            recorder.enqueue(one)
        best = min(best, (time.process_time() - began) / len(drafts) * 1e6)
        recorder.flush()
    recorder.close()
    log.close()
    report.row("queue an entry", "", f"{best:.1f} µs", "", "")


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(
        name="ledger",
        small=options.small,
        columns=("question", "ours", "CPU per entry", "SQLite WAL FULL", "its CPU per entry"),
    )
    with scratch() as folder:
        append_rates(report, folder, small=options.small)
        queue(report, folder)
        long_log(report, folder, entries=50_000 if options.small else 1_000_000)
    return report.finish()


if __name__ == "__main__":
    run_main(main)
