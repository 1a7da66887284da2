"""The statements for ClickHouse, run by the real engine, give the oracle's answers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kit.clickhouse import ChdbSession
from kit.fact_worlds import (
    HOURS,
    IDENTITIES,
    ITEMS,
    WINDOWS,
    Step,
    micros,
    oracle_of,
    tell_together,
    worlds,
)
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX, Theft
from pratique.inventory.observed.model import identity_key
from pratique.ledger.entries import Entry
from pratique.store.clickhouse import clickhouse_statements, ship_facts
from pratique.store.clickhouse_facts import ClickHouseFacts
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.projector import Projector
from pratique.values.spans import DAWN, OPEN

pytestmark = pytest.mark.clickhouse

SOME = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Each example asks the engine some hundred questions: making a failing one smaller takes long.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


class Ledger:
    """Entries of many worlds; a failure need not print them all."""

    def __init__(self, together: Sequence[Sequence[Step]]) -> None:
        self.entries = tell_together(together)

    def __repr__(self) -> str:
        return f"<{len(self.entries)} entries>"


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Each statement costs the engine milliseconds, however few rows there are: many worlds at once."""
    return Ledger(draw(st.lists(worlds, min_size=12, max_size=24)))


@pytest.fixture(scope="module")
def engine() -> Iterator[ChdbSession]:
    session = ChdbSession()
    yield session
    session.close()


def empty(engine: ChdbSession) -> ClickHouseFacts:
    facts = ClickHouseFacts(engine)
    for name in clickhouse_statements():
        table = name.removeprefix("create_")
        if name != table and not table.startswith("picked"):
            engine.run(f"TRUNCATE TABLE {table}", {})
    return facts


def ship(engine: ChdbSession, entries: Sequence[Entry], cuts: Sequence[int] = ()) -> None:
    """Project these entries and ship them, at once or each time the ledger has one of these sizes."""
    database = SqliteDatabase(Path(":memory:"), "facts")
    log: Any = MemoryLog(entries)
    since = 0
    for size in (*cuts, len(entries)):
        Projector(log, database, end=size).catch_up()
        since = ship_facts(database, engine, since=since)
    database.close()


def ask(queries: Any, *, tx: int) -> dict[str, list[Any]]:
    """Answers of every question that both can be asked."""
    return {question: sorted(rows, key=repr) for question, rows in _answers(queries, tx)}


def _answers(queries: Any, tx: int) -> Iterator[tuple[str, Any]]:
    names = [(item.type, item.name) for item in ITEMS] + [("pypi", "absent")]
    items = {row.id: row[1:] for row in queries.items_named(names, tx=tx)}
    yield "items", items.values()
    digests = ["sha256:" + "a" * 64, "sha256:" + "b" * 64, ""]
    yield "digests", (row[1:] for row in queries.items_with_digest(digests, tx=tx))
    assets = {row.id: row.name for row in queries.assets(tx=tx)}
    yield "assets", (row[1:] for row in queries.assets(tx=tx))
    named = sorted(assets.values())
    yield "by name", (row[1:] for row in queries.assets_by_name(named) if tx == NOW_TX)
    yield "by id", (row[1:] for row in queries.assets_by_id(list(assets)) if tx == NOW_TX)
    # One ledger size is asked about with every window, others with a few.
    windows = [(micros(start), micros(end)) for start, end in WINDOWS[:: 1 if tx == NOW_TX else 3]]
    for start, end in (*windows, (DAWN, OPEN)):
        hits = queries.hits(list(items), start, end, tx=tx)
        places = {row.id: row for row in queries.places({hit.place for hit in hits})}
        yield (
            f"hits {start} {end}",
            [(items[h.item], assets[h.asset], places[h.place][2:], *h[3:]) for h in hits],
        )
        yield f"holds {start} {end}", queries.holds(list(assets), start, end, tx=tx)
        for some in (None, [number for number, name in assets.items() if name in named[::3]]):
            looks = queries.watched(some, start, end, tx=tx)
            names_ = {row.id: row[2:] for row in queries.places({look.place for look in looks})}
            told = [(assets[one.asset], names_[one.place], *one[2:]) for one in looks]
            yield f"watched {some is None} {start} {end}", told
    yield "conflicts", ((assets[one.asset], *one[1:]) for one in queries.conflicts(tx=tx))
    yield "totals", [queries.totals(tx=tx)]
    for number, name in sorted(assets.items(), key=lambda one: one[1])[:: len(assets) // 6 + 1]:
        for hour in (0, 3, HOURS + 1):
            pairs = queries.contents_at(number, micros(hour), tx=tx)
            places = {row.id: row for row in queries.places({hit.place for _, hit in pairs})}
            found = [(row[1:], places[hit.place][2:], *hit[3:]) for row, hit in pairs]
            yield f"contents {name} {hour}", found
        hits = queries.hits_of_asset(number, names[:2], tx=tx)
        yield f"ever {name}", [(items[hit.item], *hit[3:]) for hit in hits]
    keys = [f"asset:{name}" for name in named]
    keys += [identity_key(one, name) for one in IDENTITIES for name in named]
    yield "holds from", queries.edges_from("holds", keys, tx=tx)
    for relation in ("assumes", "rotated"):
        yield f"{relation} from", queries.edges_from(relation, keys, tx=tx)
        yield f"{relation} to", queries.edges_to(relation, keys, tx=tx)
        yield f"{relation} of", queries.edges_of(relation, tx=tx)
    thefts = [Theft(key, micros(2), micros(HOURS), "") for key in keys if "identity" in key]
    yield "reach", queries.reach(thefts, tx=tx).items()


def expect_same(facts: ClickHouseFacts, entries: Sequence[Entry], *, sizes: Sequence[int]) -> None:
    oracle = oracle_of(entries)
    for tx in sizes:
        found, expected = ask(facts, tx=tx), ask(oracle, tx=tx)
        assert found.keys() == expected.keys()
        for question, answer in expected.items():
            assert found[question] == answer, (tx, question)


@SOME
@given(ledgers())
def test_every_question_is_answered_as_the_oracle_does(engine: ChdbSession, ledger: Ledger) -> None:
    entries = ledger.entries
    facts = empty(engine)
    ship(engine, entries)
    size = len(entries)
    expect_same(facts, entries, sizes=[NOW_TX, size * 2 // 3, size // 3])


@SOME
@given(ledgers())
def test_shipping_again_and_in_pieces_changes_nothing(engine: ChdbSession, ledger: Ledger) -> None:
    entries = ledger.entries
    facts = empty(engine)
    middle = len(entries) // 2
    ship(engine, entries, cuts=[middle, middle])
    ship(engine, entries)
    expect_same(facts, entries, sizes=[NOW_TX, middle])


def test_numbers_and_texts_arrive_as_they_are(engine: ChdbSession) -> None:
    empty(engine)
    texts = ["it's", "back\\slash", "tab\tnew\nline", "ünï", "{tx:UInt64}", "%s", ""]
    engine.add("details", [[2**53 + n, text] for n, text in enumerate(texts)])
    rows = engine.run("SELECT detail, body FROM details ORDER BY detail", {})
    assert rows == [(2**53 + n, text) for n, text in enumerate(texts)]
    asked = engine.run("SELECT {text:String}, {low:Int64}", {"text": texts[0], "low": DAWN})
    assert asked == [(texts[0], DAWN)]


def test_a_large_question_needs_no_longer_statement(engine: ChdbSession) -> None:
    facts = empty(engine)
    rng = random.Random(3)
    engine.add(
        "presence_opens",
        [
            [n % 50_000, n, n, 1, 1, 3, 2, n, n + 5, OPEN, 1, 1, 1]
            for n in rng.sample(range(200_000), 100_000)
        ],
    )
    wanted = list(range(40_000))
    hits = facts.hits(wanted, 0, 100_000, tx=NOW_TX)
    assert len(json.dumps(wanted)) > 200_000
    assert {hit.item for hit in hits} <= set(wanted)
    assert 0 < len(hits) < 100_000
