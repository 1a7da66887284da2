"""The statements for ClickHouse, run by the real engine, give the oracle's answers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from kit.clickhouse import ChdbSession
from kit.fact_worlds import (
    HOURS,
    IDENTITIES,
    ITEMS,
    WINDOWS,
    Step,
    micros,
    oracle_of,
    tell,
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
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Each example asks the engine some hundred questions: making a failing one smaller takes long.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


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
    windows = [(micros(start), micros(end)) for start, end in WINDOWS]
    for start, end in (*windows, (DAWN, OPEN)):
        hits = queries.hits(list(items), start, end, tx=tx)
        places = {row.id: row for row in queries.places({hit.place for hit in hits})}
        yield (
            f"hits {start} {end}",
            [(items[h.item], assets[h.asset], places[h.place][2:], *h[3:]) for h in hits],
        )
        yield f"holds {start} {end}", queries.holds(list(assets), start, end, tx=tx)
    keys = [f"asset:{name}" for name in named]
    keys += [identity_key(one, name) for one in IDENTITIES for name in named]
    yield "holds from", queries.edges_from("holds", keys, tx=tx)
    for relation in ("assumes", "rotated"):
        yield f"{relation} from", queries.edges_from(relation, keys, tx=tx)
        yield f"{relation} to", queries.edges_to(relation, keys, tx=tx)
        yield f"{relation} of", queries.edges_of(relation, tx=tx)
    thefts = [Theft(key, micros(2), micros(HOURS), "") for key in keys if "identity" in key]
    yield "reach", queries.reach(thefts, tx=tx).items()


def expect_same(engine: ChdbSession, entries: Sequence[Entry], facts: ClickHouseFacts) -> None:
    oracle = oracle_of(entries)
    for tx in (NOW_TX, *range(0, len(entries) + 1, 3)):
        found, expected = ask(facts, tx=tx), ask(oracle, tx=tx)
        assert found.keys() == expected.keys()
        for question, answer in expected.items():
            assert found[question] == answer, (tx, question)


@SOME
@given(worlds)
def test_every_question_is_answered_as_the_oracle_does(
    engine: ChdbSession, world: list[Step]
) -> None:
    entries = tell(world)
    facts = empty(engine)
    ship(engine, entries)
    expect_same(engine, entries, facts)


@SOME
@given(worlds)
def test_shipping_again_and_in_pieces_changes_nothing(
    engine: ChdbSession, world: list[Step]
) -> None:
    entries = tell(world)
    facts = empty(engine)
    middle = len(entries) // 2
    ship(engine, entries, cuts=[middle, middle])
    ship(engine, entries)
    expect_same(engine, entries, facts)


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
