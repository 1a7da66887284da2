"""A LiteLLM-like question at 50 million rows of presence: two releases, asked for by name.

The fleet is `fleet.py`'s: 100,000 assets, 0.3 % of them with a bad release. In process: who had it,
then how many identities, datasets, clients and vendors lay one step from there, through the named
questions as `pratique exposed --counts` asks them: from the book of extent, which a full question made
before, and, as rows more, in the tables alone, and every one of these things with its spans and a proof
(`measure_blast`). Then the command itself, from start to end.

Run: .venv/bin/python benchmarks/exposure_narrow.py [--small] [--assets N]
Bars: at most 10 ms of CPU in process, at most 120 ms of CPU for the whole command.
The first run of a size makes its fleet below .tools/fleets (50 million rows: 9 GB, some minutes).
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence

import fleet
from harness import BIN, Report, arguments, run_main
from pratique.exposure.blast import Blast, Exposed, find_thefts, measure_blast
from pratique.exposure.ports import NOW_TX, Extent, Hit
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.reach_cache import REACH_FILE
from pratique.values.spans import OPEN

ASSETS, SMALL_ASSETS, ROUNDS = 93_000, 1_000, 31
QUESTION = f"{fleet.BAD[0]}=={','.join(fleet.BAD[1:])}"


def bad_hits(store: InventoryStore) -> Sequence[Hit]:
    """Who may have had one of the two, and from when to when."""
    items = [
        row.id
        for row in store.items_named([("pypi", fleet.BAD[0])], tx=NOW_TX)
        if row.version in fleet.BAD[1:]
    ]
    return store.hits(items, fleet.BAD_FROM, OPEN, tx=NOW_TX)


def counted(store: InventoryStore) -> list[Extent]:
    spans = [(hit.asset, hit.span.from_lo, hit.span.to_hi) for hit in bad_hits(store)]
    return list(store.extent(spans, tx=NOW_TX))


def proven(store: InventoryStore) -> Blast:
    hits = bad_hits(store)
    names = {row.id: f"asset:{row.name}" for row in store.assets_by_id({hit.asset for hit in hits})}
    exposed = [
        Exposed(hit.asset, names[hit.asset], hit.span.from_lo, hit.span.to_hi, hit.entry)
        for hit in hits
    ]
    thefts = find_thefts(store, exposed, tx=NOW_TX)
    return measure_blast(store, thefts, exposed=exposed, tx=NOW_TX)


def cpu(work: Callable[[InventoryStore], object], store: InventoryStore, rounds: int) -> float:
    """Median CPU milliseconds."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work(store)
        spent.append((time.process_time() - began) * 1000)
    return statistics.median(spent)


_OF_DEVELOPERS = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}


def _children_cpu() -> float:
    """Seconds, finer than the hundredths of `os.times`."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def command(home: str, *more: str) -> tuple[float, float]:
    """Median CPU and wall milliseconds of the command, from start to end.

    It finds compiled byte code, as whoever runs an installed Pratique does: the first round compiles
    what was changed since `make env`, whatever this shell says about writing it down.
    """
    words = [str(BIN / "pratique"), "exposed", QUESTION, "--home", home, *more]
    environ = {name: text for name, text in os.environ.items() if name not in _OF_DEVELOPERS}
    rounds = []
    for _ in range(10):
        before, began = _children_cpu(), time.monotonic()
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=600, env=environ
        )
        wall, after = time.monotonic() - began, _children_cpu()
        assert done.returncode == 1, done.stderr
        rounds.append(((after - before) * 1000, wall * 1000))
    del rounds[0]
    spent, wall = (statistics.median(one) for one in zip(*rounds, strict=True))
    return spent, wall


def main() -> int:
    options = arguments(
        __doc__ or "", assets={"type": int, "default": 0, "help": "how many instead of 93,000"}
    )
    made = fleet.fleet(options.assets or (SMALL_ASSETS if options.small else ASSETS))
    report = Report(
        name="exposure_narrow", small=options.small, columns=("question", "CPU ms", "wall ms"),
    )  # fmt: skip
    database = SqliteDatabase(made.facts, "facts")
    store = InventoryStore(database, reach_file=made.home / REACH_FILE)
    figures, blast = {one.kind: one.number for one in counted(store)}, proven(store)
    assert figures["asset"] == made.bad_assets
    narrow = cpu(counted, store, ROUNDS)
    report.row("in process: counted", narrow, "")
    tables = InventoryStore(database)
    assert counted(tables) == counted(store)
    report.row("in process: counted in the tables", cpu(counted, tables, ROUNDS), "")
    report.row("in process: each with spans and proof", cpu(proven, store, 7), "")
    database.close()
    spent, wall = command(str(made.home), "--counts")
    report.row("pratique exposed --counts", spent, wall)
    whole = command(str(made.home))
    report.row("pratique exposed", *whole)
    report.at_most("joined question in process, CPU", narrow, 10, " ms")
    report.at_most("the whole command with --counts, CPU", spent, 120, " ms")
    report.at_most("the whole command, CPU", whole[0], 120, " ms")
    found = ", ".join(f"{count:,} of {kind}" for kind, count in figures.items())
    report.notes.append(f"{made.rows:,} rows, {made.assets:,} assets; found {found}")
    report.notes.append(
        f"with further identities: {len(blast.identities):,} identities, {len(blast.datasets):,} datasets"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
