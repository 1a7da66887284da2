"""The tables of what collectors saw give the oracle's answers, at every ledger size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.fact_worlds import (
    ITEMS,
    Step,
    ask_everything,
    expect_same,
    is_well_formed,
    oracle_of,
    tell,
    worlds,
)
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX
from pratique.ledger.entries import Entry
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.projector import Projector
from pratique.values.spans import DAWN, OPEN

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


@SOME
@given(worlds)
def test_every_question_is_answered_as_the_oracle_does(world: list[Step]) -> None:
    entries = tell(world)
    with projected(entries) as database:
        store, oracle = InventoryStore(database), oracle_of(entries)
        for tx in (NOW_TX, *range(len(entries) + 1)):
            expect_same(ask_everything(store, tx=tx), ask_everything(oracle, tx=tx))


@SOME
@given(worlds, st.lists(st.integers(1, 40), max_size=6), st.booleans())
def test_rows_depend_on_entries_not_on_batches(
    world: list[Step], cuts: list[int], one_by_one: bool
) -> None:
    entries = tell(world)
    cuts = list(range(len(entries))) if one_by_one else cuts
    with projected(entries) as at_once, projected(entries, cuts=cuts) as in_pieces:
        assert all_rows(at_once) == all_rows(in_pieces)


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
