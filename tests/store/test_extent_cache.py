"""The kept book of extent: it counts as the tables do, whatever came since, or is not used."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.fact_worlds import IDENTITIES, Step, at, looks, micros, oracle_of, tell
from kit.memory_log import MemoryLog
from pratique.exposure.extent_book import Steps
from pratique.exposure.ports import NOW_TX, Extent
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Identity,
    Look,
    LookMode,
    PlaceKind,
    Relation,
)
from pratique.ledger.entries import Entry
from pratique.settings import Settings
from pratique.store import extent_cache
from pratique.store.connect import Database, Row, Session
from pratique.store.connect_postgres import PostgresDatabase
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.extent_cache import EXTENT_FILE, ExtentCache
from pratique.store.inventory_reader import InventoryStore
from pratique.store.logs import open_log
from pratique.store.projector import Projector
from pratique.store.reach_cache import REACH_FILE
from pratique.store.rebuild import rebuild_from
from pratique.values.spans import DAWN, OPEN
from store.test_extent import chains, count, exposures

SOME = settings(deadline=None, suppress_health_check=list(HealthCheck))
IN_MEMORY = Path(":memory:")
worlds = st.lists(st.one_of(looks(), looks(), chains(), st.integers(1, 4)), min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def _keep_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extent_cache, "_SMALL", 0)


def project(entries: list[Entry], database: Database, *, end: int | None = None) -> None:
    log: Any = MemoryLog(entries)
    Projector(log, database, end=end).catch_up()


def refresh(store: InventoryStore) -> None:
    """As the full question does."""
    store.reach([], tx=NOW_TX)


class Asked:
    """Which statements a store ran."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        snapshot = database.snapshot

        @contextmanager
        def watched() -> Iterator[Session]:
            with snapshot() as session:
                listening: Any = Listening(session, self.names)
                yield listening

        monkeypatch.setattr(database, "snapshot", watched)


class Listening:
    def __init__(self, session: Session, names: list[str]) -> None:
        self._session = session
        self._names = names

    def run(self, name: str, /, **values: object) -> list[Row]:
        self._names.append(name)
        return self._session.run(name, **values)

    def __getattr__(self, other: str) -> Any:
        return getattr(self._session, other)


# ── as the oracle counts ─────────────────────────────────────────────────────────────────────


def expect_the_same(
    database: Database,
    folder: Path,
    world: list[Step],
    drawn: list[tuple[int, int, int]],
    part: float,
) -> None:
    """With a book that is older than the question, in memory and mapped."""
    entries = tell(world)
    reach_file = folder / REACH_FILE
    store = InventoryStore(database, reach_file=reach_file)
    project(entries, database, end=int(len(entries) * part))
    refresh(store)
    project(entries, database)
    for tx in (NOW_TX, len(entries) // 2):
        expected = count(oracle_of(entries), drawn, tx)
        assert count(store, drawn, tx) == expected
        assert count(InventoryStore(database, reach_file=reach_file), drawn, tx) == expected


@settings(SOME, max_examples=200)
@given(worlds, exposures, st.sampled_from([0.3, 0.6, 0.8, 1.0, 1.0]))
def test_sqlite_counts_with_a_book_as_the_oracle_does(
    world: list[Step], drawn: list[tuple[int, int, int]], part: float
) -> None:
    database = SqliteDatabase(IN_MEMORY, "facts")
    try:
        with TemporaryDirectory() as folder:
            expect_the_same(database, Path(folder), world, drawn, part)
    finally:
        database.close()


@settings(SOME, max_examples=15)
@given(worlds, exposures, st.sampled_from([0.5, 1.0]))
def test_postgres_counts_with_a_book_as_the_oracle_does(
    postgres_url: str, world: list[Step], drawn: list[tuple[int, int, int]], part: float
) -> None:
    PostgresDatabase.drop_schema(postgres_url, "extent_book")
    database = PostgresDatabase(postgres_url, ("facts",), schema="extent_book", deadline_seconds=60)
    try:
        with TemporaryDirectory() as folder:
            expect_the_same(database, Path(folder), world, drawn, part)
    finally:
        database.close()


# ── when it is used ──────────────────────────────────────────────────────────────────────────


def look(asset: str, start: int, end: int, *held: Identity, locator: str = "here") -> Look:
    return Look(
        asset=asset,
        asset_kind=AssetKind.HOST,
        place_kind=PlaceKind.ENVIRONMENT,
        locator=locator,
        at_lo=at(start),
        at_hi=at(end),
        mode=LookMode.EVENT,
        identities=held,
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/test",
    )


def opens(identity: str, dataset: str) -> tuple[Fact, ...]:
    return (Fact(relation=Relation.OPENS, subject=identity, object=dataset),)


KEY, LOCAL = IDENTITIES[0], IDENTITIES[1]
FEW = Identity(kind="env", name="OPENAI_API_KEY", locator="elsewhere", fingerprint="f2")
WORLD: list[Step] = [
    look("a", 1, 3, KEY, LOCAL),
    look("b", 1, 3, FEW, LOCAL),
    opens("identity:env/OPENAI_API_KEY", "dataset:d"),
    look("c", 2, 3),
]


class Fleet:
    """A projection that grows, asked about all of its assets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = list(WORLD)
        self.database = SqliteDatabase(folder / "facts.db", "facts")
        self.store = self.opened()
        self.grow()

    def opened(self) -> InventoryStore:
        return InventoryStore(self.database, reach_file=self.folder / REACH_FILE)

    def grow(self, *steps: Step) -> None:
        self.world += steps
        project(tell(self.world), self.database)

    def asked(self, queries: Any, *, start: int = 0) -> list[Extent]:
        numbers = [row.id for row in sorted(queries.assets(tx=NOW_TX), key=lambda row: row.name)]
        return sorted(queries.extent([(n, micros(start), micros(9)) for n in numbers], tx=NOW_TX))

    def expect(self, *stores: InventoryStore) -> None:
        for store in stores or (self.store, self.opened()):
            assert self.asked(store) == self.asked(oracle_of(tell(self.world)))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    made.database.close()


def test_first_figures_never_make_it_and_the_full_question_does(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(fleet.database, monkeypatch)
    fleet.expect(fleet.store)
    assert "count_extent" in asked.names
    assert not (fleet.folder / EXTENT_FILE).exists()
    refresh(fleet.store)
    assert (fleet.folder / EXTENT_FILE).exists()
    asked.names.clear()
    fleet.expect()
    assert asked.names.count("read_projection") == 2
    tables = {"count_extent", "list_taken", "list_extent_entities", "count_looks_at"}
    assert not tables & set(asked.names)
    fleet.grow(look("c", 5, 6))
    fleet.expect()
    assert asked.names.count("count_looks_at") == 2


def test_one_credential_seen_by_the_book_and_by_the_tables_counts_once(fleet: Fleet) -> None:
    refresh(fleet.store)
    fleet.grow(look("d", 1, 3, KEY), look("b", 4, 5, FEW))
    fleet.expect()
    assert ("identity", 3, micros(0)) in fleet.asked(fleet.store)


def test_only_assets_that_were_looked_at_since_are_asked_about_in_the_tables(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(fleet.store)
    asked = Asked(fleet.database, monkeypatch)
    fleet.grow(look("b", 5, 6))
    fleet.expect()
    assert "list_taken" in asked.names
    assert "count_extent" not in asked.names


def test_what_is_taken_back_counts_no_more(fleet: Fleet) -> None:
    refresh(fleet.store)
    fleet.grow(3)
    fleet.expect()


def test_a_look_taken_back_leaves_its_asset_to_the_tables(fleet: Fleet) -> None:
    """The look that saw a key gone is taken back: the asset holds the key again."""
    fleet.grow(look("b", 4, 6))
    refresh(fleet.store)
    before = fleet.asked(fleet.store, start=7)
    fleet.grow(1)
    assert fleet.asked(fleet.store, start=7) == fleet.asked(fleet.opened(), start=7) != before
    assert fleet.asked(fleet.store, start=7) == fleet.asked(oracle_of(tell(fleet.world)), start=7)


def test_a_look_that_replaces_one_taken_back_is_noticed(fleet: Fleet) -> None:
    """As many looks as before, at the same time."""
    fleet.world = [look("a", 1, 3, KEY, LOCAL), look("b", 1, 3, LOCAL)]
    fleet.database.close()
    (fleet.folder / "facts.db").unlink()
    fleet.database = SqliteDatabase(fleet.folder / "facts.db", "facts")
    fleet.store = fleet.opened()
    fleet.grow()
    refresh(fleet.store)
    fleet.grow(1, look("b", 1, 3, KEY))
    fleet.expect()


@pytest.mark.parametrize(
    "fact",
    [
        Fact(relation=Relation.HOLDS, subject="asset:a", object="identity:token/x"),
        Fact(relation=Relation.OPENS, subject="identity:env/OPENAI_API_KEY", object="dataset:e"),
        Fact(relation=Relation.BELONGS_TO, subject="dataset:d", object="client:c"),
        Fact(relation=Relation.OPERATED_BY, subject="asset:c", object="vendor:v"),
    ],
)
def test_a_fact_that_comes_or_goes_sets_it_aside(
    fleet: Fleet, fact: Fact, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(fleet.store)
    asked = Asked(fleet.database, monkeypatch)
    fleet.grow((fact,))
    fleet.expect()
    assert asked.names.count("count_extent") == 2
    refresh(fleet.store)
    fleet.expect()
    fleet.grow(1)
    fleet.expect()
    assert asked.names.count("count_extent") == 4


def test_other_facts_leave_it_be(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(fleet.store)
    asked = Asked(fleet.database, monkeypatch)
    local = "identity:ssh-key/a/~/.ssh/id_ed25519"
    fleet.grow((Fact(relation=Relation.ASSUMES, subject="identity:role/r", object=local),))
    fleet.grow(look("a", 5, 6, LOCAL))
    fleet.expect()
    assert "count_extent" not in asked.names


def test_one_that_is_too_old_is_made_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(fleet.store)
    monkeypatch.setattr(extent_cache, "_PATIENCE", 1)
    fleet.grow(look("b", 5, 6), look("c", 7, 8, KEY))
    asked = Asked(fleet.database, monkeypatch)
    fleet.expect()
    assert asked.names.count("count_extent") == 2
    refresh(fleet.store)
    fleet.expect()
    assert asked.names.count("count_extent") == 2


def test_more_than_can_be_numbered_is_left_to_the_tables(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent_cache, "_edges", one_step_too_many)
    refresh(fleet.store)
    fleet.expect()
    assert not (fleet.folder / EXTENT_FILE).exists()


def one_step_too_many(*_args: object, **_values: object) -> Steps:
    return Steps(array("i", [2**31]), array("q"))


def test_a_small_fleet_has_none(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extent_cache, "_SMALL", 1_000)
    refresh(fleet.store)
    fleet.expect()
    assert not (fleet.folder / EXTENT_FILE).exists()


def test_without_a_file_there_is_none(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of one question, on PostgreSQL or of a past state, must not make one each time."""
    asked = Asked(fleet.database, monkeypatch)
    store = InventoryStore(fleet.database)
    refresh(store)
    fleet.expect(store)
    assert "list_extent_entities" not in asked.names


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_file_is_noticed_wherever_it_is_damaged(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(fleet.store)
    path = fleet.folder / EXTENT_FILE
    whole = path.read_bytes()
    asked = Asked(fleet.database, monkeypatch)

    @settings(SOME)
    @given(st.integers(0, len(whole) - 1), st.integers(0, 7))
    @example(0, 0)
    def flip(place: int, bit: int) -> None:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        asked.names.clear()
        fleet.expect(fleet.opened())
        assert "count_extent" in asked.names

    flip()


@pytest.mark.parametrize("kept", [0, 1, 40, 260, -8, -1])
def test_a_file_cut_short_is_not_used(fleet: Fleet, kept: int) -> None:
    refresh(fleet.store)
    path = fleet.folder / EXTENT_FILE
    path.write_bytes(path.read_bytes()[:kept])
    fleet.expect(fleet.opened())


def test_the_file_of_another_log_is_not_used(fleet: Fleet) -> None:
    refresh(fleet.store)
    fleet.database._writer.execute("DELETE FROM entities WHERE name = 'dataset:d'")
    fleet.database._writer.execute("DELETE FROM edges")
    fleet.database._writer.execute("UPDATE projection SET origin = 'log.example/other'")
    kinds = {one.kind for one in fleet.asked(fleet.opened())}
    assert kinds == {"asset", "identity"}


def test_a_disk_that_is_full_costs_the_file_only(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refresh(fleet.store)
    fleet.expect()
    assert list(fleet.folder.glob(f"{EXTENT_FILE}*")) == []


def test_a_rebuild_forgets_what_was_made_before(tmp_path: Path) -> None:
    log = open_log(Settings(home=tmp_path))
    (tmp_path / EXTENT_FILE).write_bytes(b"of a ledger that was replaced")
    rebuild_from(log, Settings(home=tmp_path))
    log.close()
    assert not (tmp_path / EXTENT_FILE).exists()


def test_the_past_is_asked_of_the_tables(fleet: Fleet) -> None:
    refresh(fleet.store)
    with fleet.database.snapshot() as session:
        counted = ExtentCache(fleet.folder / EXTENT_FILE).count(
            session, [(1, DAWN, OPEN)], "[]", tx=1
        )
    assert counted is None
