"""Suspending a vendor with thousands of leases under running downloads: when does the last byte come?

Run: .venv/bin/python benchmarks/parties_suspend.py [--small]
10,000 live leases, 200 streams under 100 of them at a door of two processes; half read all they get,
half 1 MiB a second. A process of its own suspends, as `pratique party suspend` does it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from custody_ground import BUCKET, MIB, door, ground, noise, target
from harness import Report, arguments, run_main, scratch
from kit.custody import lease_id
from kit.s3_door import Custodian
from pratique.custody.model import Lease, ScopeId
from pratique.doors.cli.custody_desk import open_desk
from pratique.doors.cli.party_suspend import brief_plan, make_plan, tell_broker
from pratique.drill.revocation import RevocationReport, measure_revocation
from pratique.drill.streams import Target
from pratique.parties.entries import contract_draft, party_draft, project_draft
from pratique.parties.model import Contract, Party, PartyKind, Project, SuspensionScope
from pratique.parties.suspension import Ask
from pratique.store.custody_holds import begin_hold
from pratique.store.custody_rows import lease_values
from pratique.store.custody_tree import add_scopes
from pratique.store.logs import open_log
from pratique.store.parties import read_register
from pratique.values.instants import now_utc

BY: Final = "operator:bench"
_CLOCKS: Final = 3
_STREAMING: Final = 100
"""Leases that streams run under; the others are there, and are stopped with them."""
_VENDOR: Final = ScopeId("vendor:acme")


@dataclass(kw_only=True)
class Round:
    """One suspension."""

    report: RevocationReport
    plan_ms: float
    """Opening the stores, healing, folding the register and listing what stops."""
    force_ms: float
    """The hold's transaction and the entries' append, both synced."""
    leases: int
    epochs: int
    """Changes of custody's state: one transaction is one."""
    batches: int
    """Appends that the suspension's entries stand in."""

    def since_force(self, whole_ms: float) -> float:
        """A time since the command began as one since it began to put the hold into force."""
        return max(0.0, whole_ms - self.plan_ms)


def registered(made: Custodian) -> None:
    """A vendor, its client, its project and their clocks."""
    starts = date(2025, 1, 1)
    contracts = (
        Contract(id="msa", party="acme", starts=starts, evidence_hours=48),
        Contract(id="dpa", party="meta", starts=starts, notice_hours=24, update_hours=24),
    )
    project = Project(name="dialogs", vendor="acme", client="meta", datasets=(BUCKET,))
    drafts = [
        party_draft("acme", Party(name="acme", kind=PartyKind.VENDOR), source="", actor=BY),
        party_draft("meta", Party(name="meta", kind=PartyKind.CLIENT), source="", actor=BY),
        project_draft(project.id, project, source="", actor=BY),
        *(contract_draft(one.id, one, source="", actor=BY) for one in contracts),
    ]
    log = open_log(made.settings)
    try:
        log.append(drafts, now=now_utc())
    finally:
        log.close()


def crowd(made: Custodian, like: Lease, count: int) -> None:
    """Leases that nobody reads with, in one transaction: granting 10,000 would take an hour of syncs."""
    with made.state._database.write() as session:  # noqa: SLF001 - a benchmark's shortcut past the grants
        scopes: dict[ScopeId, tuple[int | None, int | None]] = {}
        for number in range(count):
            lease = replace(like, id=lease_id(1_000_000 + number), holder=f"p-{number % 500}")
            session.run("add_lease", **lease_values(lease))
            scopes[lease.scopes[0]] = (lease.budget_bytes, lease.budget_objects)
            scopes |= dict.fromkeys(lease.scopes[1:], (None, None))
        add_scopes(session, scopes)


def suspend(home: Path, number: int) -> dict[str, float]:
    """As the command does it: plan, hold, entries, broker."""
    begun = time.monotonic()
    ask = Ask(
        id=suspension_id(number), scope=SuspensionScope(party="acme"), reason="bench", by=BY,
        incident="INC-42",
    )  # fmt: skip
    with open_desk(home) as desk:
        now = now_utc()
        register = read_register(desk.stores.presence)
        plan = brief_plan(desk, register, ask, now)
        planned, epoch = time.monotonic(), desk.custody.epoch()
        begin_hold(
            desk.custody, plan.hold, plan.drafts(),
            lambda drafts: desk.stores.log.append(drafts, now=now),
        )  # fmt: skip
        forced = time.monotonic()
        if tell_broker(desk, plan.hold):
            raise RuntimeError("the broker was not told")
        listed = make_plan(desk, register, ask, now, begun=plan).leases
        assert len(listed) == plan.suspension.leases
        return {
            "plan": planned - begun, "force": forced - planned, "leases": plan.suspension.leases,
            "epochs": desk.custody.epoch() - epoch,
        }  # fmt: skip


def suspension_id(number: int) -> str:
    return f"S-{'A' * 11}{'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[number]}"


class Operator:
    """Who suspends, in a process of their own, as a command is: begun, and waiting for the word."""

    def __init__(self, home: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_operate, args=(theirs, home), daemon=True)
        self._process.start()
        self._line.recv()

    def suspend(self, number: int) -> dict[str, float]:
        """Suspend, and wait until it is in force and the broker was told."""
        self._line.send(number)
        found = self._line.recv()
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def _operate(line: Connection, home: Path) -> None:
    with open_desk(home) as desk:  # a command that has begun has loaded what it needs
        desk.custody.epoch()
    line.send("here")
    while True:
        line.send(suspend(home, line.recv()))


def resume(made: Custodian, number: int) -> None:
    """Lifted without its entry: the next round must not find it standing."""
    hold = made.state.standing_holds()[0]
    made.state.lift_hold(hold.id, entry=number)
    made.admin.release(hold.id)


def batches(made: Custodian, number: int) -> int:
    """Appends that a suspension's entries stand in: those of one append have one instant."""
    own = suspension_id(number)
    log = open_log(made.settings)
    try:
        found = [one.recorded_at for one in log.entries() if own in str(one.body)]
    finally:
        log.close()
    assert len(found) == 1 + _CLOCKS
    return len(set(found))


def measure(folder: Path, *, streams: int, leases: int, rounds: int) -> list[Round]:
    found = []
    with ground(folder / "home", workers=2) as made:
        made.put("stream.bin", noise(64 * MIB))
        registered(made)
        granted = [made.grant(budget_bytes=1 << 30) for _ in range(min(_STREAMING, streams))]
        crowd(made, granted[0][0], leases - len(granted))
        with door(made.settings) as url, closing(Operator(made.settings.home)) as operator:
            time.sleep(2)
            targets = [target(url, "stream.bin", *one) for one in granted]
            for number in range(rounds):
                found.append(_round(made, operator, targets, streams, number))
                resume(made, number)
                time.sleep(1)
    return found


def _round(
    made: Custodian, operator: Operator, targets: Sequence[Target], streams: int, number: int
) -> Round:
    told: dict[str, float] = {}
    report = asyncio.run(
        measure_revocation(
            targets, scope=_VENDOR, streams=streams, fast_rate=0,
            suspend=lambda: told.update(operator.suspend(number)), say=lambda _: None,
        )
    )  # fmt: skip
    return Round(
        report=report, plan_ms=told["plan"] * 1000, force_ms=told["force"] * 1000,
        leases=int(told["leases"]), epochs=int(told["epochs"]), batches=batches(made, number),
    )  # fmt: skip


def main() -> int:
    options = arguments(__doc__ or "")
    streams, leases, rounds = (20, 500, 1) if options.small else (200, 10_000, 5)
    report = Report(
        name="parties_suspend", small=options.small,
        columns=(
            "round", "leases", "plan ms", "force ms", "p50 ms", "p99 ms", "slowest ms", "whole command ms",
            "most after, MiB",
        ),
    )  # fmt: skip
    with scratch() as folder:
        found = measure(folder, streams=streams, leases=leases, rounds=rounds)
    for number, one in enumerate(found, 1):
        times = one.report
        report.row(
            str(number), one.leases, one.plan_ms, one.force_ms, one.since_force(times.p50_ms),
            one.since_force(times.p99_ms), one.since_force(times.slowest_ms), times.p99_ms,
            times.bytes_after_max / MIB,
        )  # fmt: skip
    report.at_most(
        f"suspension of {leases:,} leases → last byte of {streams} streams, p99 (worst round)",
        max(one.since_force(one.report.p99_ms) for one in found), 1000, " ms",
    )  # fmt: skip
    report.at_most("streams that went on", sum(one.report.not_ended for one in found), 0)
    untold = sum(one.report.streams - one.report.told_why for one in found)
    report.at_most("readers that were not told why", untold, 0)
    epochs, batches = max(one.epochs for one in found), max(one.batches for one in found)
    report.at_most("transactions of custody's state", epochs, 1, at_any_size=True)
    report.at_most("appends of the ledger", batches, 1, at_any_size=True)
    report.at_most("leases that the plan left out", leases - min(one.leases for one in found), 0)
    report.notes.append(
        f"{streams} streams of /{BUCKET} over two processes; half read all they get, half 1 MiB/s; times "
        "from the beginning of the hold's transaction, ledger and fsync included; the whole command also "
        "opens its stores, catches up with what the streams had recorded, and plans"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
