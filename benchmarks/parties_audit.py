"""An audit pack of a year's history, and its verification offline.

A log of a million entries is made: a register of 500 vendors, leases, reads of them, a drill a week. The pack
of a vendor is written by the real command in a process of its own, and verified by it without a home:
of a vendor that nearly all entries are about (the worst case), and of one that a hundredth is about. The
projection is up to date before, as doors keep it.

Run: .venv/bin/python benchmarks/parties_audit.py [--small]
Bars: pack 60 s, verified 5 s, of time, which is what was asked, and of CPU as well: that is the time with
one core, and says the same on a busy machine; 600 MiB.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness import BIN, Report, arguments, run_main, scratch
from kit.custody_samples import lease_id, sample_lease
from pratique.custody.entries import lease_entry
from pratique.ledger.entries import Draft
from pratique.parties.entries import contract_draft, party_draft, project_draft
from pratique.parties.model import Contract, Party, PartyKind, Project
from pratique.settings import Settings
from pratique.store.logs import open_log

ENTRIES, VENDORS, LEASES = 1_000_000, 500, 400
SHARE = 100
"""Objects that the holder of one lease works on, of 64 segments each."""
START = datetime(2025, 11, 1, tzinfo=UTC)
ACTOR = "operator:bench"
BATCH = 5_000


class Measured(NamedTuple):
    """One process."""

    wall: float
    cpu: float
    mebibytes: float


def register() -> Iterator[Draft]:
    yield party_draft("mercury", Party(name="mercury", kind=PartyKind.OWN), source="", actor=ACTOR)
    for client in ("lab", "hooli"):
        told = Party(name=client, kind=PartyKind.CLIENT)
        yield party_draft(client, told, source="", actor=ACTOR)
    for number in range(VENDORS):
        name = f"vendor-{number}"
        told = Party(name=name, kind=PartyKind.VENDOR, title=f"Vendor {number} Ltd")
        yield party_draft(name, told, source="", actor=ACTOR)
        contract = Contract(
            id=f"msa-{number}", party=name, starts=date(2025, 1, 1), notice_hours=24
        )
        yield contract_draft(contract.id, contract, source="", actor=ACTOR)
        work = Project(name="coding", vendor=name, client="lab", purpose="labelling")
        yield project_draft(work.id, work, source="", actor=ACTOR)


def vendor_of(number: int) -> str:
    """Of a lease: one of a hundred is of the small vendor."""
    return "vendor-1" if number % 100 == 99 else "vendor-0"


def leases() -> Iterator[Draft]:
    for number in range(LEASES):
        terms = {"not_before": START, "not_after": START + timedelta(days=365)}
        lease = sample_lease(number, client="lab", selectors=("tasks",), **terms)
        yield lease_entry(replace(lease, vendor=vendor_of(number)), actor=ACTOR)


def reads(number: int, chance: random.Random) -> Draft:
    """What a door writes of a busy stretch: a few reads, announced or done."""
    lease = chance.randrange(LEASES)
    mine = range(lease * SHARE // 2, lease * SHARE // 2 + SHARE)
    spans = [(f"OBJ{chance.choice(mine):013d}", chance.randrange(60)) for _ in range(3)]
    ahead = number % 3 == 0
    body = {
        "client": "lab", "dataset": "tasks", "vendor": vendor_of(lease), "project": "coding",
        "holder": f"p-{lease}", "process": f"door-{number % 4}", "number": number // 4,
        "reads": [] if ahead else [[o, 1, s, s + 3, 262_144, 206, 0, 1] for o, s in spans],
        "names": [] if ahead else [f"198.51.100.{lease % 250}", "Boto3/1.40"],
        "ahead": [[o, 1, s, s + 15] for o, s in spans] if ahead else [], "seconds": 10 * ahead,
    }  # fmt: skip
    kind = "reads-ahead" if ahead else "reads"
    return Draft(kind=kind, subject=f"lease:{lease_id(lease)}", actor="door:s3", body=body)


def drill(number: int) -> Draft:
    body = {"streams": 200, "p50_ms": 200, "p99_ms": 400 + number, "bytes_after_max": 0, "nodes": 2}
    return Draft(kind="revocation-drill", subject="scope:vendor:vendor-0", actor=ACTOR, body=body)


def make(home: Path, entries: int) -> None:
    chance = random.Random(6)
    log = open_log(Settings(home=home))
    log.append([*register(), *leases()], now=START)
    left = entries - log.size()
    every = timedelta(days=360) / left
    weekly = max(left // 52, 1)
    for start in range(0, left, BATCH):
        drafts = [
            drill(n // weekly) if n % weekly == 0 else reads(n, chance)
            for n in range(start, min(start + BATCH, left))
        ]
        log.append(drafts, now=START + every * start)
    log.close()


def measured(*words: str, codes: tuple[int, ...] = (0,)) -> Measured:
    """Wall, CPU and peak memory of a command and what it starts."""
    began, before = time.monotonic(), os.times()
    done = subprocess.run(
        ["/usr/bin/env", "time", "-f", "%M", str(BIN / "pratique"), *words],
        check=False, capture_output=True, text=True, timeout=1_800, cwd="/",
    )  # fmt: skip
    wall, after = time.monotonic() - began, os.times()
    assert done.returncode in codes, (done.returncode, done.stderr[-2000:], done.stdout[-500:])
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return Measured(wall, cpu, int(done.stderr.split()[-1]) / 1024)


def main() -> int:
    options = arguments(
        __doc__ or "", home={"type": Path, "help": "a home that an earlier round made"}
    )
    entries = 40_000 if options.small else ENTRIES
    report = Report(
        name="parties_audit", small=options.small,
        columns=("what", "wall s", "CPU s", "peak MiB", "pack MB"),
    )  # fmt: skip
    with scratch() as folder:
        home = options.home or folder / "home"
        if options.home is None:
            make(home, entries)
        caught_up = measured("party", "list", "--home", str(home))
        report.row("projection caught up (not counted)", *caught_up, "")
        key = (home / "ledger" / "verifier-key").read_text("utf-8").strip()
        for vendor, share in (("vendor-0", "99 %"), ("vendor-1", "1 %")):
            pack = folder / f"{vendor}.zip"
            written = measured("party", "audit", vendor, "-o", str(pack), "--home", str(home))
            size = pack.stat().st_size / 1e6
            report.row(f"pack, {share} of the entries", *written, size)
            checked = measured("verify", str(pack), "--key", key)
            report.row(f"verified, {share} of the entries", *checked, "")
            report.at_most(f"pack, {share}, time", written.wall, 60, " s")
            report.at_most(f"verified, {share}, time", checked.wall, 5, " s")
            report.at_most(f"pack, {share}, CPU", written.cpu, 60, " s")
            report.at_most(f"verified, {share}, CPU", checked.cpu, 5, " s")
            report.at_most(f"memory of writing, {share}", written.mebibytes, 600, " MiB")
    report.notes.append(
        f"{entries:,} entries, {LEASES} leases of {SHARE} objects each, {VENDORS} vendors"
    )
    report.notes.append(
        "time is what was asked; CPU is held to the same bars, since it is the time with one core, and a "
        "busy machine changes it little; verifying is shared by two processes, so it takes less time than CPU"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
