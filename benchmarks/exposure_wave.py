"""1,092 releases at once, as in the Shai-Hulud wave, at 50 million rows of presence.

Which assets had any of them within the last week, from when to when: every sighting as a value, and
the assets by name. As rows more: how far it goes from these assets, counted, and the same for the
worst single release, the one that most assets have.

Run: .venv/bin/python benchmarks/exposure_wave.py [--small] [--assets N]
Bar: at most 1 s of CPU for the wave.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence

import fleet
from exposure_narrow import ASSETS, SMALL_ASSETS
from harness import Report, arguments, run_main
from pratique.exposure.ports import NOW_TX, Hit
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.values.spans import OPEN

ROUNDS = 5
WEEK = fleet.END - 7 * fleet.DAY


def who_had(
    store: InventoryStore, releases: Collection[tuple[str, str]]
) -> tuple[Sequence[Hit], int]:
    """Sightings of any of these since a week, and how many assets they are at."""
    rows = store.items_named([("pypi", name) for name, _ in releases], tx=NOW_TX)
    items = [row.id for row in rows if (row.name, row.version) in releases]
    hits = store.hits(items, WEEK, OPEN, tx=NOW_TX)
    return hits, len(store.assets_by_id({hit.asset for hit in hits}))


def main() -> int:
    options = arguments(
        __doc__ or "", assets={"type": int, "default": 0, "help": "how many instead of 93,000"}
    )
    made = fleet.fleet(options.assets or (SMALL_ASSETS if options.small else ASSETS))
    report = Report(
        name="exposure_wave", small=options.small,
        columns=("question", "sightings", "assets", "CPU s"),
    )  # fmt: skip
    database = SqliteDatabase(made.facts, "facts")
    store = InventoryStore(database)
    wave = frozenset(made.wave)
    worst = frozenset({(fleet.package_name(0), fleet.version_of(0, 0))})
    spent = {}
    for name, releases in ((f"{len(wave):,} releases", wave), ("the commonest release", worst)):
        hits, assets = who_had(store, releases)
        rounds = []
        for _ in range(ROUNDS):
            began = time.process_time()
            who_had(store, releases)
            rounds.append(time.process_time() - began)
        spent[name] = statistics.median(rounds)
        report.row(name, f"{len(hits):,}", f"{assets:,}", spent[name])
        assert assets
        began = time.process_time()
        spans = {hit.asset: (hit.asset, hit.span.from_lo, hit.span.to_hi) for hit in hits}
        figures = {one.kind: one.number for one in store.extent(list(spans.values()), tx=NOW_TX)}
        counted = time.process_time() - began
        further = f"{figures['identity']:,} identities"
        report.row(f"{name}: one step further", further, f"{figures['asset']:,}", counted)
    database.close()
    report.at_most(f"{len(wave):,} releases, CPU", spent[f"{len(wave):,} releases"], 1, " s")
    report.notes.append(f"{made.rows:,} rows, {made.assets:,} assets")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
