"""The tables of what collectors saw give the oracle's answers, at every ledger size."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.fact_worlds import (
    IDENTITIES,
    ITEMS,
    PLACES,
    Step,
    Story,
    ask_everything,
    at,
    expect_same,
    is_well_formed,
    micros,
    oracle_of,
    tell,
    worlds,
)
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX, FactQueries, Hit
from pratique.inventory.observed.entries import content_of
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Entry
from pratique.settings import Settings, StorageSettings
from pratique.store.connect_postgres import PostgresDatabase
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_contents import MAX_DEPTH
from pratique.store.inventory_numbers import MAX_TEXT
from pratique.store.inventory_reader import InventoryStore
from pratique.store.presence import open_facts
from pratique.store.projector import Projector
from pratique.store.rebuild import rebuild_from
from pratique.values.spans import DAWN, OPEN, Span

SOME = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def projected(entries: Sequence[Entry], *, cuts: Sequence[int] = ()) -> Iterator[SqliteDatabase]:
    """The tables after these entries, applied in as many batches as there are cuts."""
    database = SqliteDatabase(Path(":memory:"), "facts")
    log = MemoryLog(entries)
    try:
        for end in sorted({min(cut, len(entries)) for cut in cuts}):
            Projector(log, database, end=end).catch_up()  # type: ignore[arg-type] # a log in memory
        Projector(log, database).catch_up()  # type: ignore[arg-type] # a log in memory
        yield database
    finally:
        database.close()


def all_rows(database: SqliteDatabase) -> dict[str, list[tuple[object, ...]]]:
    tables = [name for name, _ in database.fetch("count_fact_rows")]
    reader = database._reader
    return {t: sorted(reader.execute(f"SELECT * FROM {t}"), key=repr) for t in tables}


@pytest.mark.slow
@SOME
@given(worlds)
def test_every_question_is_answered_as_the_oracle_does(world: list[Step]) -> None:
    entries = tell(world)
    with projected(entries) as database:
        store, oracle = InventoryStore(database), oracle_of(entries)
        for tx in (NOW_TX, *range(len(entries) + 1)):
            expect_same(ask_everything(store, tx=tx), ask_everything(oracle, tx=tx))


@pytest.mark.slow
@SOME
@given(worlds, st.lists(st.integers(1, 40), max_size=6), st.booleans())
def test_rows_depend_on_entries_not_on_batches(
    world: list[Step], cuts: list[int], one_by_one: bool
) -> None:
    entries = tell(world)
    cuts = list(range(len(entries))) if one_by_one else cuts
    with projected(entries) as at_once, projected(entries, cuts=cuts) as in_pieces:
        assert all_rows(at_once) == all_rows(in_pieces)


@pytest.mark.slow
@SOME
@given(worlds)
def test_an_answer_as_of_a_ledger_size_never_changes(world: list[Step]) -> None:
    """Answering as of n from the whole log is answering from the log that had n entries."""
    entries = tell(world)
    with projected(entries) as whole:
        store = InventoryStore(whole)
        for size in range(len(entries) + 1):
            with projected(entries[:size]) as then:
                expect_same(
                    ask_everything(store, tx=size), ask_everything(InventoryStore(then), tx=size)
                )


@pytest.mark.slow
@SOME
@given(worlds)
def test_every_span_is_well_formed(world: list[Step]) -> None:
    entries = tell(world)
    with projected(entries) as database:
        store = InventoryStore(database)
        names = [(item.type, item.name) for item in ITEMS]
        items = [row.id for row in store.items_named(names, tx=NOW_TX)]
        hits = store.hits(items, DAWN, OPEN, tx=NOW_TX)
        assert all(is_well_formed(hit.span) and hit.span.certain for hit in hits)


def _pairs_of_looks() -> Iterator[Look]:
    """Two looks at each of many places: every way in which two spans can lie to each other."""
    spans = [(low, high) for low in range(4) for high in range(low, 4)]
    seen = (Sighting(item=ITEMS[0], stage=Stage.INSTALLED),)
    ways = itertools.product(spans, spans, LookMode, LookMode, (True, False))
    for number, (one, other, mode, other_mode, again) in enumerate(ways):
        for (low, high), how, there in ((one, mode, True), (other, other_mode, again)):
            yield Look(
                **PLACES[0],
                locator=f"place-{number}",
                at_lo=at(low),
                at_hi=at(high),
                mode=how,
                sightings=seen if there else (),
                evidence_class=EvidenceClass.OBSERVED,
                collector="sweep/test",
            )


def test_all_relations_of_two_looks_and_a_window() -> None:
    entries = tell(list(_pairs_of_looks()))
    with projected(entries) as database:
        store, oracle = InventoryStore(database), oracle_of(entries)
        hits = list(oracle.hits([1], DAWN, OPEN, tx=NOW_TX))
        assert len({hit.span for hit in hits}) > 40
        for start, end in itertools.combinations_with_replacement(range(-1, 6), 2):
            window = micros(start), micros(end)
            found = sorted(_by_place(store, store.hits([1], *window, tx=NOW_TX)))
            expected = [hit for hit in hits if hit.span.may_overlap(*window)]
            assert found == sorted(_by_place(oracle, expected))


def _by_place(queries: FactQueries, hits: Sequence[Hit]) -> Iterator[tuple[str, Span]]:
    names = {row.id: row.locator for row in queries.places([hit.place for hit in hits])}
    return ((names[hit.place], hit.span) for hit in hits)


def test_a_rebuild_makes_the_same_rows(tmp_path: Path, facts_settings: Settings) -> None:
    entries = tell(examples())
    log = MemoryLog(entries)
    live = open_facts(facts_settings)
    for end in range(0, len(entries), 3):
        Projector(log, live, end=end).catch_up()  # type: ignore[arg-type] # a log in memory
    Projector(log, live).catch_up()  # type: ignore[arg-type] # a log in memory
    store = InventoryStore(live)
    answers = [ask_everything(store, tx=tx) for tx in (NOW_TX, 5, 9)]
    live.close()
    report = rebuild_from(log, facts_settings)  # type: ignore[arg-type] # a log in memory
    assert report.rows == report.rows_before
    assert report.rows["presence"] > 5
    assert report.rows["run_blocks"] > 0
    live = open_facts(facts_settings)
    store = InventoryStore(live)
    assert [ask_everything(store, tx=tx) for tx in (NOW_TX, 5, 9)] == answers
    live.close()


@pytest.fixture(params=["sqlite", "postgres"])
def facts_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    url = request.getfixturevalue("postgres_url")
    return Settings(home=tmp_path, storage=StorageSettings(database_url=url))


def test_hostile_entries_are_unreadable_and_nothing_else_is_lost() -> None:
    story = Story()
    story.add(look_with(ITEMS[0]))
    good = story.entries[-1]
    spoiled: list[tuple[str, str, dict[str, Any]]] = [
        ("look", "asset:x", {**good.body, "content": "f" * 32}),
        ("look", "asset:" + "x" * 2000, good.body),
        ("look", "asset:x\x00", good.body),
        ("look", "host:x", good.body),
        ("look", "asset:x", {**good.body, "at_lo": "2026-03-25T00:00:00Z"}),
        ("look", "asset:x", {**good.body, "at_lo": "yesterday"}),
        ("look", "asset:x", {}),
        ("content", "content:" + "e" * 32, {"base": "d" * 32, "part": 0, "parts": 1}),
        ("content", "content:" + "e" * 32, {"base": "", "part": 0, "parts": 0}),
        ("content", "content:" + "e" * 32, {"base": "", "part": 9, "parts": 2}),
        ("content", "content:" + "e" * 32, {"base": "", "part": 0, "parts": 10**12}),
        (
            "content",
            "content:" + "e" * 32,
            {"base": "", "part": 0, "parts": 1, "removed": ["s\x00"]},
        ),
        ("content", "content:" + "e" * 32, {"base": "", "part": 0, "parts": 1, "added": 5}),
        ("facts", "facts:x", {"facts": [{"relation": "holds", "subject": "a", "object": "b"}]}),
        ("facts", "facts:x", {"facts": [{"relation": "owns", "subject": "a:b", "object": "b:c"}]}),
        ("retraction", "entry:0", {"entry": 10**15, "fact": None, "reason": ""}),
        ("retraction", "entry:0", {"entry": good.sequence, "fact": 3, "reason": ""}),
        ("retraction", "entry:0", {"entry": 0, "fact": None, "reason": "a content is no look"}),
    ]
    entries = list(story.entries)
    for kind, subject, body in spoiled:
        entry = msgspec.structs.replace(
            good, sequence=len(entries), kind=kind, subject=subject, body=body
        )
        entries.append(entry)
    with projected(entries) as database:
        store = InventoryStore(database)
        assert store.totals(tx=NOW_TX) == (1, 1, len(entries), len(spoiled))
        items = store.items_named([("pypi", "litellm")], tx=NOW_TX)
        assert len(store.hits([items[0].id], DAWN, OPEN, tx=NOW_TX)) == 1


def test_names_too_long_for_an_index_are_shortened_to_a_hash(postgres_url: str) -> None:
    long = Item(type="pypi", name="x" * 5000 + "\x00", version="é" * 5000)
    story = Story()
    story.add(look_with(long))
    database = PostgresDatabase(postgres_url, ("facts",), schema="s", deadline_seconds=30)
    Projector(MemoryLog(story.entries), database).catch_up()  # type: ignore[arg-type] # a log in memory
    store = InventoryStore(database)
    asset = next(iter(store.assets(tx=NOW_TX)))
    ((item, _),) = store.contents_at(asset.id, micros(3), tx=NOW_TX)
    assert item.name.startswith("xxx")
    assert len(item.name.encode()) <= MAX_TEXT
    database.close()


@pytest.mark.slow
def test_contents_are_given_back_whole_after_any_number_of_changes() -> None:
    """Chains of changes are cut; a content reads the same whichever way it is kept."""
    story, contents = Story(), []
    for number in range(3 * MAX_DEPTH):
        items = [Item(type="pypi", name=f"p{n}", version="1") for n in range(number, number + 5)]
        look = look_with(*items, hour=0)
        story.add(look)
        contents.append(content_of(look))
    with projected(story.entries, cuts=[50, 100]) as database:
        store = InventoryStore(database)
        for content in contents:
            assert store.is_recorded(content.id)
            assert store.known_content(content.id) == content
        assert not store.is_recorded("0" * 32)
        assert store.known_content("0" * 32) is None
        place = PLACES[0]["asset"], PLACES[0]["place_kind"], "here"
        # All at the same instant: the last recorded counts as the newest.
        assert store.last_content(*place) == (contents[-1].id, contents[-1])
        assert store.last_content("other", PLACES[0]["place_kind"], "here") is None


def look_with(*items: Item, hour: int = 3) -> Look:
    return Look(
        **PLACES[0],
        locator="here",
        at_lo=at(hour),
        at_hi=at(hour),
        sightings=tuple(Sighting(item=item, stage=Stage.INSTALLED) for item in items),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/test",
    )


def examples() -> list[Step]:
    """A world with something of everything."""
    changing = [look_with(*ITEMS[: 1 + hour % 4], hour=hour) for hour in (1, 3, 5, 2, 8)]
    partial = msgspec.structs.replace(look_with(ITEMS[2], hour=6), whole=False)
    run = Look(
        asset="ci/acme/2",
        asset_kind=AssetKind.CI_RUN,
        place_kind=PlaceKind.CI_LOG,
        locator="build",
        at_lo=at(2),
        at_hi=at(3),
        mode=LookMode.EVENT,
        ended=True,
        lineage="ci/acme/build",
        sightings=(Sighting(item=ITEMS[0], stage=Stage.INSTALLED),),
        identities=tuple(IDENTITIES),
        evidence_class=EvidenceClass.LOGGED,
        collector="ci-log/test",
    )
    others = [msgspec.structs.replace(run, asset=f"ci/acme/{number}") for number in (3, 4, 5)]
    fact = Fact(relation=Relation.HOLDS, subject="asset:ci/acme/4", object="identity:env/X")
    return [*changing, partial, run, *others, (fact,), 1, look_with(hour=9), 4]
