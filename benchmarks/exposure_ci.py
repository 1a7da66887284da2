"""Ten million CI runs: how much they take on disk, and which of them had a release.

2,500 workflows, each with a history of 100 lock files of 300 packages; every run took one of them, so
the runs are 3·10⁹ rows if each package of each were one. Here a content is stored once, and a finished
run is some bytes in a block of its job. Rows go straight into the real tables; a thousandth of the
runs is written through ledger entries by the real projector first, and must take the same blocks.
The question: 75 workflows had a bad release in one of their contents; which runs took that, and when?

Run: .venv/bin/python benchmarks/exposure_ci.py [--small] [--runs N]
Bars: at most 400 MB for 10,000,000 runs, and at most 5 ms of CPU for the question.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fleet
from harness import Report, arguments, run_main, scratch
from pratique.exposure.ports import NOW_TX, Hit
from pratique.inventory.observed.entries import look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.settings import Settings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_lineages import LAST_ORD
from pratique.store.inventory_reader import InventoryStore
from pratique.store.inventory_runs import BLOCK_RUNS, Run, block_columns
from pratique.store.logs import open_log
from pratique.store.projector import Projector
from pratique.values.spans import OPEN, from_micros

RUNS, LINEAGES, VERSIONS, PACKAGES, CHANGED = 10_000_000, 2_500, 100, 300, 3
BAD_LINEAGES, ROUNDS = 75, 15
MINUTE = 60_000_000
_COLUMNS = (
    "runs", "number_min", "number_max", "entry_min", "entry_max", "lo_min", "hi_max", "body",
)  # fmt: skip


class Maker:
    """Fills the tables; knows the answer."""

    def __init__(self, path: Path, runs: int) -> None:
        self.connection = fleet.open_bulk(path)
        self.rng = random.Random(11)
        self.each = runs // LINEAGES
        self.expected = 0
        self.bad_item = 1

    def make(self) -> None:
        self.make_contents()
        numbers = range(1, LINEAGES + 1)
        insert = fleet.insert
        insert(
            self.connection,
            "run_assets",
            ((n, fleet.short_hash("a", n), workflow(n)) for n in numbers),
        )
        insert(
            self.connection,
            "run_places",
            ((n, n, "ci-log", "build", n, self.each) for n in numbers),
        )
        later = fleet.set_aside_indexes(self.connection, "run_blocks")
        insert(self.connection, "run_blocks", self.blocks())
        for statement in later:
            self.connection.execute(statement)
        size = LINEAGES * self.each + 1
        insert(self.connection, "projection", [(1, size, "bench.example/ci")])
        fleet.close_bulk(self.connection)

    def make_contents(self) -> None:
        """Items and which contents of which lineage they lie in."""
        items = [(self.bad_item, "litellm", "1.82.7")]
        items += [(2 + n, f"package-{n}", "1.0") for n in range(3_000)]
        insert = fleet.insert
        insert(
            self.connection,
            "items",
            ((n, fleet.short_hash(n), "pypi", name, v, "", "", "", 0) for n, name, v in items),
        )
        insert(self.connection, "details", [(1, "d", "{}")])
        lineages = range(1, LINEAGES + 1)
        insert(
            self.connection,
            "lineages",
            ((n, fleet.short_hash("l", n), workflow(n), 1, VERSIONS) for n in lineages),
        )
        rows = sorted(row for n in lineages for row in self.content_rows(n))
        later = fleet.set_aside_indexes(self.connection, "lineage_items")
        insert(self.connection, "lineage_items", rows)
        for statement in later:
            self.connection.execute(statement)

    def content_rows(self, lineage: int) -> Iterator[tuple[Any, ...]]:
        """300 packages, and three that replace others in each later content."""
        held = self.rng.sample(range(2, 3_002), PACKAGES)
        began = dict.fromkeys(held, 1)
        for version in range(2, VERSIONS + 1):
            for place in self.rng.sample(range(PACKAGES), CHANGED):
                item, other = held[place], self.rng.randrange(2, 3_002)
                if other in began:
                    continue
                yield self.content_row(item, lineage, began.pop(item), version - 1)
                held[place], began[other] = other, version
        for item, since in began.items():
            yield self.content_row(item, lineage, since, LAST_ORD)
        if lineage <= BAD_LINEAGES:
            yield self.content_row(self.bad_item, lineage, VERSIONS - 1, VERSIONS - 1)
            self.expected += sum(self.version_of(run) == VERSIONS - 1 for run in range(self.each))

    def content_row(self, item: int, lineage: int, since: int, until: int) -> tuple[Any, ...]:
        sighting = fleet.sighting_number(item * 1_000 + since)
        return item, lineage, since, sighting, until, 3, None, None, 1

    def version_of(self, run: int) -> int:
        """Contents come one after the other."""
        return 1 + run * VERSIONS // self.each

    def run(self, lineage: int, run: int) -> Run:
        """A run of five to fifteen minutes; entries follow time over all workflows."""
        step = fleet.HISTORY * fleet.DAY // self.each
        lo = fleet.BEGIN + run * step + self.rng.randrange(step // 2)
        length = 5 * MINUTE + self.rng.randrange(10 * MINUTE)
        return Run(1 + run, run * LINEAGES + lineage, lo, lo + length, appeared=True)

    def blocks(self) -> Iterator[tuple[Any, ...]]:
        """Blocks as the projector leaves them: full ones, and the rest of each content."""
        for lineage in range(1, LINEAGES + 1):
            by_version: dict[int, list[Run]] = {}
            for number in range(self.each):
                by_version.setdefault(self.version_of(number), []).append(self.run(lineage, number))
            for version, runs in by_version.items():
                for block, start in enumerate(range(0, len(runs), BLOCK_RUNS)):
                    columns = block_columns(runs[start : start + BLOCK_RUNS])
                    yield lineage, version, block, *(columns[name] for name in _COLUMNS)


def workflow(number: int) -> str:
    return f"ci/github/acme/service-{number}/build"


def ask(store: InventoryStore) -> list[Hit]:
    """Which runs had the bad release."""
    items = [row.id for row in store.items_named([("pypi", "litellm")], tx=NOW_TX)]
    return list(store.hits(items, fleet.BEGIN, OPEN, tx=NOW_TX))


def bytes_as_projected(folder: Path, runs: int) -> float:
    """Bytes per run in blocks, as the real projector packs runs of a few workflows."""
    log = open_log(Settings(home=folder))
    recorded: set[str] = set()
    drafts = []
    for run in range(runs):
        at = from_micros(fleet.BEGIN + run * 7 * MINUTE)
        item = Item(type="pypi", name="package-1", version=f"1.{run * 10 // runs}")
        look = Look(
            asset=f"{workflow(run % 4)}/{1 + run // 4}", asset_kind=AssetKind.CI_RUN,
            place_kind=PlaceKind.CI_LOG, locator="build", at_lo=at,
            at_hi=at + timedelta(minutes=5, seconds=run % 600), mode=LookMode.EVENT, ended=True,
            lineage=workflow(run % 4), sightings=(Sighting(item=item, stage=Stage.INSTALLED),),
            evidence_class=EvidenceClass.LOGGED, collector="ci-log/github",
        )  # fmt: skip
        drafts += look_drafts(look, base=None, is_recorded=recorded.__contains__)
        recorded.add(drafts[-1].body["content"])
    for start in range(0, len(drafts), 1_000):
        log.append(drafts[start : start + 1_000], now=from_micros(fleet.END))
    database = SqliteDatabase(folder / "facts.db", "facts")
    Projector(log, database).catch_up()
    database.close()
    log.close()
    connection = sqlite3.connect(folder / "facts.db")
    packed, size = connection.execute(
        "SELECT sum(runs), sum(length(body)) FROM run_blocks"
    ).fetchone()
    connection.close()
    assert packed == runs, packed
    return float(size) / runs


def main() -> int:
    options = arguments(__doc__ or "", runs={"type": int, "default": 0, "help": "how many runs"})
    runs = options.runs or (RUNS // 40 if options.small else RUNS)
    report = Report(
        name="exposure_ci", small=options.small, columns=("what", "value"),
    )  # fmt: skip
    with scratch() as folder:
        projected = bytes_as_projected(folder, max(2_000, runs // 1_000))
    with scratch() as folder:
        path = folder / "facts.db"
        maker = Maker(path, runs)
        maker.make()
        size = path.stat().st_size
        database = SqliteDatabase(path, "facts")
        store = InventoryStore(database)
        assert len(ask(store)) == maker.expected
        rounds = []
        for _ in range(ROUNDS):
            began = time.process_time()
            ask(store)
            rounds.append((time.process_time() - began) * 1000)
        database.close()
        connection = sqlite3.connect(path)
        blocks, body = connection.execute(
            "SELECT count(*), sum(length(body)) FROM run_blocks"
        ).fetchone()
        contents = connection.execute("SELECT count(*) FROM lineage_items").fetchone()[0]
        connection.close()
    report.row("runs", f"{maker.each * LINEAGES:,}")
    report.row("rows of contents", f"{contents:,}")
    report.row("blocks", f"{blocks:,}")
    report.row("bytes of a run in blocks", body / runs)
    report.row("bytes of a run in blocks, by the projector", projected)
    report.row("MB of the whole file", size / 1e6)
    report.row("runs that had it", f"{maker.expected:,}")
    if runs == RUNS:
        report.at_most("10,000,000 runs on disk", size / 1e6, 400, " MB")
    report.at_most("question, CPU", statistics.median(rounds), 5, " ms")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
