"""Ten million CI runs: how much they take on disk, and which of them had a release.

2,500 workflows, each with a history of 100 lock files of 300 packages; every run took one of them, so
the runs are 3·10⁹ rows if each package of each were one. Here a content is stored once and a run is
one look. Rows go straight into the real tables, as the projector leaves them. The question: 75
workflows had a bad release in one of their contents; which runs took that, and when?

Run: .venv/bin/python benchmarks/exposure_ci.py [--small]
Bars: at most 400 MB for 10,000,000 runs, and at most 5 ms of CPU for the question.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fleet
from harness import Report, arguments, run_main, scratch
from pratique.exposure.ports import NOW_TX, Hit
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_lineages import LAST_ORD
from pratique.store.inventory_reader import InventoryStore
from pratique.values.spans import OPEN

RUNS, LINEAGES, VERSIONS, PACKAGES, CHANGED = 10_000_000, 2_500, 100, 300, 3
BAD_LINEAGES, ROUNDS = 75, 15
MINUTE = 60_000_000


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
        for table in ("places", "looks", "occupancy", "inventory_assets"):
            self.make_table(table)
        self.make_table("asset_states")
        size = LINEAGES * self.each + 1
        fleet.insert(self.connection, "projection", [(1, size, "bench.example/ci")])
        fleet.close_bulk(self.connection)

    def make_contents(self) -> None:
        """Items and which contents of which lineage they lie in."""
        names = [f"package-{n}" for n in range(3_000)]
        items = [
            (self.bad_item, "litellm", "1.82.7"),
            *((2 + n, name, "1.0") for n, name in enumerate(names)),
        ]
        fleet.insert(
            self.connection,
            "items",
            (
                (n, fleet.short_hash(n), "pypi", name, version, "", "", "", 0)
                for n, name, version in items
            ),
        )
        fleet.insert(self.connection, "details", [(1, "d", "{}")])
        fleet.insert(
            self.connection,
            "lineages",
            (
                (n, fleet.short_hash("l", n), workflow(n), 1, VERSIONS)
                for n in range(1, LINEAGES + 1)
            ),
        )
        rows = sorted(row for n in range(1, LINEAGES + 1) for row in self.content_rows(n))
        fleet.insert(self.connection, "lineage_items", rows)

    def content_rows(self, lineage: int) -> Iterator[tuple[Any, ...]]:
        chosen = self.rng.sample(range(2, 3_002), PACKAGES)
        for item in chosen:
            yield item, lineage, 1, fleet.sighting_number(item), LAST_ORD, 3, None, None, 1
        for version in range(2, VERSIONS + 1):
            for item in self.rng.sample(range(2, 3_002), CHANGED):
                sighting = fleet.sighting_number(item * 1000 + version)
                yield item, lineage, version, sighting, LAST_ORD, 3, None, None, 1
        if lineage <= BAD_LINEAGES:
            yield self.bad_item, lineage, VERSIONS - 1, 7, VERSIONS - 1, 3, None, None, 1
            self.expected += sum(self.version_of(run) == VERSIONS - 1 for run in range(self.each))

    def version_of(self, run: int) -> int:
        """Contents come one after the other."""
        return 1 + run * VERSIONS // self.each

    def runs(self) -> Iterator[tuple[int, int, int, int]]:
        """Number, lineage, version, start: in order of lineage and time."""
        step = fleet.HISTORY * fleet.DAY // self.each
        for lineage in range(1, LINEAGES + 1):
            for run in range(self.each):
                # Numbers follow time over all lineages, as a ledger's sequences do.
                number = run * LINEAGES + lineage
                yield number, lineage, self.version_of(run), fleet.BEGIN + run * step + lineage

    def make_table(self, table: str) -> None:
        later = fleet.set_aside_indexes(self.connection, table)
        rows = getattr(self, f"{table}_rows")()
        fleet.insert(self.connection, table, rows)
        for statement in later:
            self.connection.execute(statement)

    def inventory_assets_rows(self) -> Iterator[tuple[Any, ...]]:
        return ((n, f"{workflow(lineage)}/{n}") for n, lineage, _, _ in self.runs())

    def asset_states_rows(self) -> Iterator[tuple[Any, ...]]:
        return ((n, n, "ci-run", at) for n, _, _, at in self.runs())

    def places_rows(self) -> Iterator[tuple[Any, ...]]:
        return (
            (n, fleet.short_hash(n), n, "ci-log", "build", lineage, "", 0, 1, at + 5 * MINUTE, 1,
             at + 5 * MINUTE, at + 5 * MINUTE, 0, 0)
            for n, lineage, _, at in self.runs()
        )  # fmt: skip

    def looks_rows(self) -> Iterator[tuple[Any, ...]]:
        return (
            (n, n, at, at + 5 * MINUTE, 1, 1, 1, 1, 0, 1, "ci-run", 3, 1, 1, NOW_TX)
            for n, _, _, at in self.runs()
        )

    def occupancy_rows(self) -> Iterator[tuple[Any, ...]]:
        return (
            (lineage, version, n, n, n, n, 3, at, at, at + 5 * MINUTE, at + 5 * MINUTE,
             at + 5 * MINUTE, NOW_TX)
            for n, lineage, version, at in self.runs()
        )  # fmt: skip


def workflow(number: int) -> str:
    return f"ci/github/acme/service-{number}/build"


def ask(store: InventoryStore) -> list[Hit]:
    """Which runs had the bad release."""
    items = [row.id for row in store.items_named([("pypi", "litellm")], tx=NOW_TX)]
    return list(store.hits(items, fleet.BEGIN, OPEN, tx=NOW_TX))


def sizes(path: Path, runs: int) -> list[tuple[str, float]]:
    """Bytes per run of each table with its indexes, where SQLite can tell."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m"
            " ON m.name = s.name WHERE s.aggregate GROUP BY 1 ORDER BY 2 DESC LIMIT 8"
        ).fetchall()
    except sqlite3.OperationalError:
        rows = []
    connection.close()
    return [(name, size / runs) for name, size in rows]


def main() -> int:
    options = arguments(__doc__ or "", runs={"type": int, "default": 0, "help": "how many runs"})
    runs = options.runs or (RUNS // 200 if options.small else RUNS)
    report = Report(
        name="exposure_ci", small=options.small, columns=("what", "value"),
    )  # fmt: skip
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
        for table, each in sizes(path, runs):
            report.row(f"bytes per run: {table}", each)
    per_run = size / runs
    report.row("bytes per run: the whole file", per_run)
    report.row("runs that had it", f"{maker.expected:,}")
    report.at_most("10,000,000 runs on disk", per_run * RUNS / 1e6, 400, " MB")
    report.at_most("question, CPU", statistics.median(rounds), 5, " ms")
    report.notes.append(f"measured with {runs:,} runs of {LINEAGES:,} workflows")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
