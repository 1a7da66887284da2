"""PostgreSQL gives the oracle's answers too; its partitions hold what they are named for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings

from kit.fact_story import FactStory, item, seen
from kit.fact_worlds import (
    ITEMS,
    PLACES,
    Step,
    Story,
    ask_everything,
    expect_same,
    oracle_of,
    tell,
    worlds,
)
from kit.memory_log import MemoryLog
from pratique.exposure.answering import Sources, answer_asked
from pratique.exposure.incident import Asked, Release
from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import EvidenceClass, Look, Sighting, Stage
from pratique.ledger.entries import Entry
from pratique.store.connect_postgres import PostgresDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.presence import PresenceStore
from pratique.store.projector import Projector

FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
_numbers = itertools.count()


@contextmanager
def projected(url: str, entries: Sequence[Entry]) -> Iterator[PostgresDatabase]:
    name = f"world_{next(_numbers)}"
    database = PostgresDatabase(url, ("facts",), schema=name, deadline_seconds=30)
    try:
        for end in (len(entries) // 2, len(entries)):
            Projector(MemoryLog(entries), database, end=end).catch_up()  # type: ignore[arg-type] # a log in memory
        yield database
    finally:
        database.close()


@FEW
@given(world=worlds)
def test_postgres_answers_as_the_oracle_does(postgres_url: str, world: list[Step]) -> None:
    entries = tell(world)
    with projected(postgres_url, entries) as database:
        store, oracle = InventoryStore(database), oracle_of(entries)
        for tx in (NOW_TX, len(entries) // 2):
            expect_same(ask_everything(store, tx=tx), ask_everything(oracle, tx=tx))


def _look(at: datetime, *, there: bool) -> Look:
    sighting = Sighting(item=ITEMS[0], stage=Stage.INSTALLED)
    return Look(
        **PLACES[0],
        locator="venv",
        at_lo=at,
        at_hi=at,
        sightings=(sighting,) if there else (),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/test",
    )


def _partitions(url: str, schema: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            f"SELECT tableoid::regclass::text, count(*) FROM {schema}.presence GROUP BY 1".encode()
        ).fetchall()
    return {name.removeprefix(f"{schema}."): count for name, count in rows}


def test_what_ends_moves_from_the_open_partition_to_its_month(postgres_url: str) -> None:
    first = datetime(2026, 3, 30, tzinfo=UTC)
    story = Story()
    story.add(_look(first, there=True))
    with projected(postgres_url, story.entries) as database:
        schema = database._schema
        assert _partitions(postgres_url, schema) == {"presence_open_now": 1}
        story.add(_look(first + timedelta(days=3), there=False))
        Projector(MemoryLog(story.entries), database).catch_up()  # type: ignore[arg-type] # a log in memory
        # What was known before stays, as superseded; what is known now lies in the month of the end.
        expected = {"presence_open_past": 1, "presence_2026_04": 1}
        assert _partitions(postgres_url, schema) == expected
        store = InventoryStore(database)
        items = [item.id for item in store.items_named([("pypi", "litellm")], tx=NOW_TX)]
        later = 2**51
        assert store.hits(items, later, later, tx=2) != []
        assert store.hits(items, later, later, tx=NOW_TX) == []


def test_ends_of_any_year_have_a_partition(postgres_url: str) -> None:
    story = Story()
    for year in (1971, 2019, 2020, 2039, 2040, 9000):
        moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
        story.add(_look(moment - timedelta(days=1), there=True))
        story.add(_look(moment, there=False))
    with projected(postgres_url, story.entries) as database:
        found = _partitions(postgres_url, database._schema)
        assert found == {
            "presence_open_past": 6,
            "presence_early": 2,
            "presence_2020_12": 1,
            "presence_2039_12": 1,
            "presence_far": 2,
        }
        oracle = oracle_of(story.entries)
        expect_same(ask_everything(InventoryStore(database)), ask_everything(oracle))


def test_a_reader_does_not_wait_while_a_month_is_added(postgres_url: str) -> None:
    first = datetime(2026, 3, 30, tzinfo=UTC)
    story = Story()
    story.add(_look(first, there=True))
    with projected(postgres_url, story.entries) as database:
        with database.write() as writing:
            month = {
                "name": "presence_2031_01",
                "first": 1924992000000000,
                "next": 1927670400000000,
            }
            writing.run("ensure_presence_month", **month)
            # The writer has not committed: the reader sees the state before it, at once.
            assert InventoryStore(database).hits([1], 0, 2**51, tx=NOW_TX) != []
            writing.run("ensure_presence_month", **month)
        assert InventoryStore(database).hits([1], 0, 2**51, tx=NOW_TX) != []


def test_the_book_of_watches_and_incidents_are_read_on_postgres_too(postgres_url: str) -> None:
    story = FactStory()
    bad = seen(item("litellm", "1.82.8"))
    for number in range(4):
        story.run(f"ci/a/{number}", bad if number == 2 else seen(item("x", "1")), lineage="ci/a")
    story.machine("lap", seen(item("litellm", "1.82.6")), when="11:00")
    log: Any = story.log
    with projected(postgres_url, story.log.kept) as database:
        presence = PresenceStore(database, log)
        size = story.log.size()
        assert not presence.knows_doors()
        assert presence.advisories_mentioning("package:pypi/litellm", tx=size) == ()
        book = presence.watch_book(size)
        assert book is not None
        asked = Asked(releases=(Release(type="pypi", name="litellm", version="1.82.8"),))
        expected = story.ask(asked).answer
        for one in (book, None):
            sources = Sources(presence.inventory, story, book=one)
            assert answer_asked(asked, sources, now=story.now, tx=size).answer == expected
