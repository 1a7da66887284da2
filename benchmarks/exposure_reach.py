"""Transitive reach: 300,000 identities, 600,000 `assumes` facts that hold for a time, 1,650 stolen.

The facts lie in the real tables. The graph is made from them once and kept beside the projection;
each question is asked in a process of its own, which maps the file, walks the graph from the stolen
identities and names everything reached. A second row asks the worst: a tenth of all identities stolen
at any time of two months.

Run: .venv/bin/python benchmarks/exposure_reach.py [--small]
Bar: everything that can be had from 1,650 thefts in at most 0.3 s of CPU.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import fleet
from harness import Report, arguments, run_main, scratch
from pratique.exposure.ports import NOW_TX, Theft
from pratique.exposure.reach import close_reach
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.reach_cache import REACH_FILE, ReachCache

IDENTITIES, ROOTS, ROUNDS = 300_000, 1_650, 7
HOUR = 3_600_000_000


def make(path: Path, identities: int) -> int:
    """Identities and what they may assume; gives the number of facts."""
    connection = fleet.open_bulk(path)
    edges = list(fleet.reach_edges(random.Random(7), identities))
    names = ((n, name(n)) for n in range(1, identities + 1))
    fleet.insert(connection, "entities", names)
    fleet.insert_edges(connection, edges)
    fleet.insert(connection, "projection", [(1, 2, "bench.example/reach")])
    fleet.close_bulk(connection)
    return sum(relation == "assumes" for relation, *_ in edges)


def name(number: int) -> str:
    return f"identity:ci-secret/team-{number % 97}/token-{number}"


def thefts(identities: int, *, wide: bool) -> list[Theft]:
    """Stolen within 46 minutes at the end, or by the thousand over two months."""
    rng = random.Random(8)
    count = identities // 10 if wide else ROOTS * identities // IDENTITIES
    start, length = (fleet.END - 60 * fleet.DAY, 50 * fleet.DAY) if wide else (fleet.BAD_FROM, HOUR)
    moments = (start + int(rng.random() * length) for _ in range(count))
    return [
        Theft(name(1 + rng.randrange(identities)), at, at + 30 * 60_000_000, "") for at in moments
    ]


def ask(path: Path, identities: int, *, wide: bool) -> dict[str, float]:
    """In a process of its own: map, walk, name; CPU in milliseconds."""
    stolen = thefts(identities, wide=wide)
    database = SqliteDatabase(path, "facts")
    with database.snapshot() as session:
        began = time.process_time()
        graph = ReachCache(path.with_name(REACH_FILE)).graph(session, tx=NOW_TX)
        mapped = time.process_time()
        reach = close_reach(graph, stolen)
        walked = time.process_time()
        found = len(reach.earliest())
        named = time.process_time()
    database.close()
    return {
        "found": found,
        "map": (mapped - began) * 1000,
        "walk": (walked - mapped) * 1000,
        "name": (named - walked) * 1000,
        "all": (named - began) * 1000,
    }


def best(path: Path, identities: int, *, wide: bool) -> dict[str, float]:
    """The median round by all of its CPU, each in a new process."""
    rounds = []
    for _ in range(ROUNDS):
        words = [sys.executable, __file__, "--ask", str(path), str(identities), str(int(wide))]
        done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120)
        rounds.append(json.loads(done.stdout))
    chosen: dict[str, float] = sorted(rounds, key=lambda one: one["all"])[ROUNDS // 2]
    return chosen


def main() -> int:
    if sys.argv[1:2] == ["--ask"]:
        print(json.dumps(ask(Path(sys.argv[2]), int(sys.argv[3]), wide=sys.argv[4] == "1")))
        return 0
    options = arguments(__doc__ or "")
    identities = IDENTITIES // 15 if options.small else IDENTITIES
    report = Report(
        name="exposure_reach", small=options.small,
        columns=("stolen", "reached", "map ms", "walk ms", "name ms", "all ms CPU"),
    )  # fmt: skip
    with scratch() as folder:
        path = folder / "facts.db"
        edges = make(path, identities)
        database = SqliteDatabase(path, "facts")
        began = time.process_time()
        with database.snapshot() as session:
            ReachCache(folder / REACH_FILE).graph(session, tx=NOW_TX)
        prepared = time.process_time() - began
        database.close()
        narrow, wide = best(path, identities, wide=False), best(path, identities, wide=True)
        size = (folder / REACH_FILE).stat().st_size
    for what, one in (("within 46 minutes", narrow), ("a tenth, over 50 days", wide)):
        report.row(what, f"{one['found']:,}", one["map"], one["walk"], one["name"], one["all"])
    reach = (narrow["map"] + narrow["walk"]) / 1000
    report.at_most("full reach, mapped and walked, CPU", reach, 0.3, " s")
    held = f"{identities:,} identities, {edges:,} assumes facts, {identities // 10:,} rotations"
    again = f"{prepared:.1f} s of CPU, kept in {size / 1e6:.0f} MB"
    report.notes += [held, f"making the graph anew after a change of these facts: {again}"]
    return report.finish()


if __name__ == "__main__":
    run_main(main)
