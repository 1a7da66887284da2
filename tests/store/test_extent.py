"""The first figures of an answer, counted by each database as the oracle counts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.fact_worlds import HOURS, IDENTITIES, ITEMS, Step, at, looks, micros, oracle_of, tell
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX, Extent
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
    identity_key,
)
from pratique.ledger.entries import Entry
from pratique.store.connect import Database
from pratique.store.connect_postgres import PostgresDatabase
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.projector import Projector
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, OPEN

HELD = sorted({identity_key(one, "build-7") for one in IDENTITIES})
STEPS = {
    Relation.HOLDS: (["asset:build-7", "asset:vendor-1"], [*HELD, "identity:token/x"]),
    Relation.OPENS: ([*HELD, "identity:token/x"], ["dataset:d1", "dataset:d2"]),
    Relation.BELONGS_TO: (["dataset:d1", "dataset:d2"], ["client:c1", "people:p1"]),
    Relation.OPERATED_BY: (["asset:build-7", "asset:ci/acme/1"], ["vendor:v1", "client:c1"]),
}
hours = st.integers(0, HOURS)


@st.composite
def chains(draw: st.DrawFn) -> tuple[Fact, ...]:
    """Facts that lead on from assets, for some hours or for ever."""
    found = []
    for relation in draw(st.lists(st.sampled_from(list(STEPS)), min_size=1, max_size=6)):
        subjects, objects = STEPS[relation]
        start, end = sorted((draw(hours), draw(hours)))
        found.append(
            Fact(
                relation=relation,
                subject=draw(st.sampled_from(subjects)),
                object=draw(st.sampled_from(objects)),
                from_lo=render_instant(at(start)),
                from_hi=render_instant(at(start)),
                to_lo=render_instant(at(end)),
                to_hi=draw(st.sampled_from(["", render_instant(at(end))])),
            )
        )
    return tuple(found)


worlds = st.lists(st.one_of(looks(), chains(), chains(), st.integers(1, 4)), min_size=1, max_size=9)
exposures = st.lists(st.tuples(st.integers(0, 4), hours, hours), min_size=1, max_size=4)


def expect_the_same(
    database: Database, world: list[Step], drawn: list[tuple[int, int, int]]
) -> None:
    entries = tell(world)
    log: Any = MemoryLog(entries)
    Projector(log, database).catch_up()
    for tx in (NOW_TX, len(entries) // 2):
        found = count(InventoryStore(database), drawn, tx)
        assert found == count(oracle_of(entries), drawn, tx)


def count(queries: Any, drawn: list[tuple[int, int, int]], tx: int) -> list[Extent]:
    """Ask about the same assets, whatever the store's numbers for them."""
    numbers = [row.id for row in sorted(queries.assets(tx=tx), key=lambda row: row.name)]
    exposed = [
        (numbers[which % len(numbers)], micros(min(bounds)), micros(max(bounds)))
        for which, *bounds in drawn
        if numbers
    ]
    return sorted(queries.extent(exposed, tx=tx))


SOME = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@settings(SOME, max_examples=150)
@given(worlds, exposures)
def test_sqlite_counts_as_the_oracle_does(
    world: list[Step], drawn: list[tuple[int, int, int]]
) -> None:
    database = SqliteDatabase(Path(":memory:"), "facts")
    try:
        expect_the_same(database, world, drawn)
    finally:
        database.close()


@settings(SOME, max_examples=20)
@given(worlds, exposures)
def test_postgres_counts_as_the_oracle_does(
    postgres_url: str, world: list[Step], drawn: list[tuple[int, int, int]]
) -> None:
    with fresh(postgres_url) as database:
        expect_the_same(database, world, drawn)


@contextmanager
def fresh(url: str) -> Iterator[PostgresDatabase]:
    PostgresDatabase.drop_schema(url, "extent")
    database = PostgresDatabase(url, ("facts",), schema="extent", deadline_seconds=60)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture
def story() -> list[Entry]:
    def fact(relation: Relation, subject: str, object_: str, start: int, end: int | None) -> Fact:
        stamps = [render_instant(at(start))] * 2 + [render_instant(at(end))] * 2 if end else []
        names = ("from_lo", "from_hi", "to_lo", "to_hi")
        bounds = dict(zip(names, stamps, strict=False))
        return Fact(relation=relation, subject=subject, object=object_, **bounds)

    return tell(
        [
            (
                fact(Relation.HOLDS, "asset:a", "identity:t/x", 1, 5),
                fact(Relation.HOLDS, "asset:b", "identity:t/x", 1, None),
                fact(Relation.HOLDS, "asset:b", "identity:t/late", 8, 9),
                fact(Relation.OPENS, "identity:t/x", "dataset:d", 6, 7),
                fact(Relation.OPENS, "identity:t/late", "dataset:e", 1, 7),
                fact(Relation.BELONGS_TO, "dataset:d", "client:c", 1, None),
                fact(Relation.BELONGS_TO, "dataset:d", "people:p", 1, 6),
                fact(Relation.OPERATED_BY, "asset:a", "vendor:v", 1, 2),
            )
        ]
    )


def test_runs_that_are_packed_count_too() -> None:
    look = Look(
        asset="ci/acme/7",
        asset_kind=AssetKind.CI_RUN,
        place_kind=PlaceKind.CI_LOG,
        locator="build",
        at_lo=at(1),
        at_hi=at(3),
        mode=LookMode.EVENT,
        ended=True,
        lineage="ci/acme",
        sightings=(Sighting(item=ITEMS[0], stage=Stage.INSTALLED),),
        identities=(IDENTITIES[0],),
        evidence_class=EvidenceClass.LOGGED,
        collector="ci-log/github",
    )
    opens = Fact(relation=Relation.OPENS, subject=HELD[0], object="dataset:d")
    database = SqliteDatabase(Path(":memory:"), "facts")
    log: Any = MemoryLog(tell([look, (opens,)]))
    Projector(log, database).catch_up()
    assert database.fetch("list_all_run_blocks", tx=NOW_TX)
    store = InventoryStore(database)
    (run,) = store.assets(tx=NOW_TX)
    found = store.extent([(run.id, micros(0), micros(9))], tx=NOW_TX)
    assert found == [
        Extent("asset", 1, micros(0)),
        Extent("identity", 1, micros(1)),
        Extent("dataset", 1, micros(1)),
    ]
    assert store.extent([(run.id, micros(4), micros(9))], tx=NOW_TX)[1:] == []
    database.close()


def test_each_step_begins_where_the_one_before_arrived(story: list[Entry]) -> None:
    database = SqliteDatabase(Path(":memory:"), "facts")
    log: Any = MemoryLog(story)
    Projector(log, database).catch_up()
    store = InventoryStore(database)
    numbers = {row.name: row.id for row in store.assets(tx=NOW_TX)}
    exposed = [(numbers["a"], micros(2), micros(3)), (numbers["b"], micros(4), OPEN)]
    found = {one.kind: (one.number, one.first) for one in store.extent(exposed, tx=NOW_TX)}
    assert found == {
        "asset": (2, micros(2)),
        "identity": (2, micros(2)),
        "dataset": (1, micros(6)),
        "client": (1, micros(6)),
    }
    assert store.extent([], tx=NOW_TX) == []
    always = store.extent([(numbers["a"], DAWN, OPEN)], tx=NOW_TX)
    assert ("vendor", 1, micros(1)) in always
    database.close()
