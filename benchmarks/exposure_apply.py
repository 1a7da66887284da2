"""Applying looks: interval changes per CPU-second, from ledger entries to rows, by the real Projector.

A month of a small fleet: each environment is read once whole (300 packages), then every day, and each
day three packages of it are replaced. Entries are those that a collector would send: contents as
differences, looks that name them. Reading the ledger counts; writing it does not.

Run: .venv/bin/python benchmarks/exposure_apply.py [--small]
Bar: at least 50,000 interval changes (starts and ends) per CPU-second.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import Report, arguments, run_main, scratch
from pratique.inventory.observed.entries import Content, content_of, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore
from pratique.settings import Settings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.logs import open_log
from pratique.store.projector import Projector

START = datetime(2026, 2, 1, 2, tzinfo=UTC)
PACKAGES, CHANGED, POOL = 300, 3, 1_000


def sighting(package: int, version: int) -> Sighting:
    item = Item(
        type="pypi", name=f"package-{package}", version=f"1.{version}.0",
        digest=f"sha256:{package * 1000 + version:064x}",
    )  # fmt: skip
    return Sighting(
        item=item, stage=Stage.INSTALLED, at=f"package_{package}-1.{version}.0.dist-info"
    )


class Environment:
    """One environment as a collector finds it; all take the same few releases of each package."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.name = f"host/machine-{number}"
        self.rng = rng
        chosen = rng.sample(range(POOL), PACKAGES)
        self.versions = {package: rng.randrange(3) for package in chosen}
        self.base: tuple[str, Content] | None = None

    def change(self, day: int) -> None:
        for package in self.rng.sample(sorted(self.versions), CHANGED):
            newest = 3 + day // 7
            self.versions[package] = newest - (self.versions[package] == newest)

    def drafts(self, at: datetime, recorded: set[str]) -> list[Draft]:
        look = Look(
            asset=self.name, asset_kind=AssetKind.ENVIRONMENT, place_kind=PlaceKind.ENVIRONMENT,
            locator="/srv/app/.venv", at_lo=at, at_hi=at, evidence_class=EvidenceClass.OBSERVED,
            collector="sweep/environments", machine=self.name,
            sightings=tuple(sighting(*one) for one in sorted(self.versions.items())),
        )  # fmt: skip
        content = content_of(look)
        drafts = look_drafts(look, base=self.base, is_recorded=recorded.__contains__)
        recorded.add(content.id)
        self.base = content.id, content
        return drafts


def month(environments: int, days: int) -> Iterator[list[Draft]]:
    """The entries of each day."""
    rng = random.Random(5)
    fleet = [Environment(number, rng) for number in range(environments)]
    recorded: set[str] = set()
    for day in range(days):
        drafts: list[Draft] = []
        for environment in fleet:
            if day:
                environment.change(day)
            drafts += environment.drafts(START + timedelta(days=day), recorded)
        yield drafts


def fill(log: LogStore, days: list[list[Draft]]) -> None:
    """Record some days."""
    for drafts in days:
        for start in range(0, len(drafts), 1_000):
            log.append(drafts[start : start + 1_000], now=START)


def check(path: Path, environments: int, days: int) -> None:
    """Every interval is there: those that ended and those that did not."""
    connection = sqlite3.connect(path)
    counted = connection.execute(
        "SELECT count(*), sum(to_hi = 253402300799000000) FROM presence WHERE tx_to = 9007199254740991"
    ).fetchone()
    connection.close()
    ended = environments * CHANGED * (days - 1)
    assert counted == (environments * PACKAGES + ended, environments * PACKAGES), counted


def main() -> int:
    options = arguments(__doc__ or "")
    environments, days = (20, 10) if options.small else (300, 30)
    report = Report(
        name="exposure_apply", small=options.small,
        columns=("part", "entries", "changes", "CPU s", "changes per CPU s"),
    )  # fmt: skip
    with scratch() as folder:
        log = open_log(Settings(home=folder))
        database = SqliteDatabase(folder / "facts.db", "facts")
        first, *others = list(month(environments, days))
        total = spent = 0.0
        for part, drafted, changes in (
            ("first looks", [first], environments * PACKAGES),
            ("daily looks", others, environments * 2 * CHANGED * (days - 1)),
        ):
            fill(log, drafted)
            began = time.process_time()
            entries = Projector(log, database).catch_up()
            took = time.process_time() - began
            report.row(part, f"{entries:,}", f"{changes:,}", took, f"{changes / took:,.0f}")
            total, spent = total + changes, spent + took
        database.close()
        check(folder / "facts.db", environments, days)
        log.close()
    report.at_least("interval changes per CPU-second", total / spent, 50_000)
    report.notes.append(f"{environments} environments of {PACKAGES} packages, {days} days")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
