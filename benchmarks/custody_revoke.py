"""Suspending under running downloads: when does the last byte of each stream come, and how much still does?

Run: .venv/bin/python benchmarks/custody_revoke.py [--small]
100 clients at a door of two processes; half read all they get, half 1 MiB a second. Beside it, what a
bearer's download does on the same machine when its credential is withdrawn: nginx goes on.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from custody_ground import BUCKET, MIB, door, ground, noise, target
from harness import Report, arguments, run_main, scratch
from kit.s3_door import Custodian
from pratique.custody.entries import state_entry
from pratique.custody.model import ScopeId, ScopeState
from pratique.drill.revocation import RevocationReport, measure_revocation
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

SCOPE = ScopeId("vendor:acme")


def change(made: Custodian, state: ScopeState) -> None:
    """As `pratique scope suspend` and `resume` do it: ledger, then doors, then broker."""
    found = made.state.scope(SCOPE)
    assert found is not None
    draft = state_entry(
        found, state, reason="bench", incident="", epoch=made.state.epoch(), actor="operator:bench"
    )
    log = open_log(made.settings)
    try:
        [entry] = log.append([draft], now=now_utc())
    finally:
        log.close()
    changed = made.state.set_state(SCOPE, state, reason="bench", incident="", entry=entry)
    if state is ScopeState.LIVE and changed is not None:
        made.admin.resume(SCOPE, epoch=changed.changed_epoch)
    else:
        made.admin.suspend(SCOPE, reason="bench")


def measure(folder: Path, *, streams: int, rounds: int) -> list[RevocationReport]:
    found = []
    with ground(folder / "home", workers=2) as made:
        made.put("stream.bin", noise(64 * MIB))
        with door(made.settings) as url:
            time.sleep(2)
            for _ in range(rounds):
                lease, secret = made.grant(budget_bytes=1 << 30)
                found.append(
                    asyncio.run(
                        measure_revocation(
                            [target(url, "stream.bin", lease, secret)], scope=SCOPE,
                            streams=streams, fast_rate=0,
                            suspend=lambda: change(made, ScopeState.SUSPENDED), say=lambda _: None,
                        )
                    )
                )  # fmt: skip
                change(made, ScopeState.LIVE)
                time.sleep(1)
    return found


def main() -> int:
    options = arguments(__doc__ or "")
    streams, rounds = (20, 1) if options.small else (100, 5)
    report = Report(
        name="custody_revoke", small=options.small,
        columns=("round", "p50 ms", "p99 ms", "slowest ms", "most after, MiB", "all after, MiB"),
    )  # fmt: skip
    with scratch() as folder:
        found = measure(folder, streams=streams, rounds=rounds)
    for number, one in enumerate(found, 1):
        report.row(
            str(number), one.p50_ms, one.p99_ms, one.slowest_ms, one.bytes_after_max / MIB,
            one.bytes_after_total / MIB,
        )  # fmt: skip
    report.at_most(
        f"suspend → last byte at {streams} clients, p99 (worst round)",
        max(one.p99_ms for one in found), 1000, " ms",
    )  # fmt: skip
    report.at_most(
        "bytes of one stream after the suspension, most",
        max(one.bytes_after_max for one in found) / MIB, 2.5, " MiB",
    )  # fmt: skip
    report.at_most("streams that went on", sum(one.not_ended for one in found), 0)
    untold = sum(one.streams - one.told_why for one in found)
    report.at_most("readers that were not told why", untold, 0)
    report.notes.append(
        f"{streams} streams of /{BUCKET} over two processes; half read all they get, half 1 MiB/s; "
        "times from the beginning of the suspension, ledger and fsync included; readers' receive buffers are "
        "64 and 256 KiB, since what has reached a client's own system no door recalls"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
