"""The tables of what collectors saw give the oracle's answers, at every ledger size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from kit.fact_worlds import Step, ask_everything, oracle_of, tell, worlds
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX
from pratique.ledger.entries import Entry
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.projector import Projector

SOME = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def projected(entries: Sequence[Entry], *, cuts: Sequence[int] = ()) -> Iterator[SqliteDatabase]:
    """The tables after these entries, applied in as many batches as there are cuts."""
    database = SqliteDatabase(Path(":memory:"), "facts")
    log = MemoryLog(entries)
    try:
        for end in sorted({min(cut, len(entries)) for cut in cuts}):
            Projector(log, database, end=end).catch_up()  # type: ignore[arg-type]
        Projector(log, database).catch_up()  # type: ignore[arg-type]
        yield database
    finally:
        database.close()


def expect_same(found: dict[str, object], expected: dict[str, object]) -> None:
    """Compare answer by answer, so that a failure shows one question."""
    assert found.keys() == expected.keys()
    for question, answer in expected.items():
        assert found[question] == answer, question


@SOME
@given(worlds)
def test_every_question_is_answered_as_the_oracle_does(world: list[Step]) -> None:
    entries = tell(world)
    with projected(entries) as database:
        store, oracle = InventoryStore(database), oracle_of(entries)
        for tx in (NOW_TX, *range(len(entries) + 1)):
            expect_same(ask_everything(store, tx=tx), ask_everything(oracle, tx=tx))
