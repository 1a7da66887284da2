"""Finished CI runs are packed, say the same as rows would, and keep their numbers when unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.fact_worlds import ITEMS, Step, Story, ask_everything, at, expect_same, micros, oracle_of
from kit.memory_log import MemoryLog
from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Gap,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.inventory_runs import (
    BLOCK_RUNS,
    MAX_SERIES,
    PACKED,
    Run,
    asset_number,
    decode_runs,
    encode_runs,
    place_number,
    run_name,
    series_and_number,
)
from pratique.store.projector import Projector

_int = st.integers(-(2**61), 2**61)
_runs = st.lists(
    st.builds(
        lambda number, entry, lo, length, appeared: Run(number, entry, lo, lo + length, appeared),
        st.integers(0, 2**40 - 1),
        st.integers(0, 2**53),
        _int,
        st.integers(0, 2**60),
        st.booleans(),
    ),
    min_size=1,
    max_size=BLOCK_RUNS,
)


@given(_runs)
def test_a_block_gives_back_its_runs(runs: list[Run]) -> None:
    assert decode_runs(encode_runs(runs)) == runs


def test_neighbours_take_some_twenty_bytes() -> None:
    starts = [(n, 10**15 + 10**9 * n + n) for n in range(256)]
    runs = [Run(9_000_000 + 7 * n, 5 * n, lo, lo + 3 * 10**8, appeared=True) for n, lo in starts]
    assert len(encode_runs(runs)) / len(runs) < 20


@given(st.integers(0, MAX_SERIES), st.integers(0, 2**40 - 1))
def test_numbers_hold_series_and_run(series: int, number: int) -> None:
    for make in (asset_number, place_number):
        assert PACKED <= make(series, number) < 2**63
        assert series_and_number(make(series, number)) == (series, number)
    assert asset_number(series, number) != place_number(series, number)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ci/github/acme/api/88123", ("ci/github/acme/api", 88123)),
        ("ci/0", ("ci", 0)),
        ("ci/007", None),
        ("ci/-1", None),
        ("ci/٣", None),
        ("ci/1099511627776", None),
        ("ci/" + "9" * 400, None),
        ("88123", None),
        ("build-7", None),
        ("ci/log-ab12", None),
    ],
)
def test_names_that_end_in_a_number(name: str, found: tuple[str, int] | None) -> None:
    assert run_name(name) == found


def finished(number: int, *, hour: int = 2, locator: str = "build") -> Look:
    return Look(
        asset=f"ci/github/acme/api/{number}",
        asset_kind=AssetKind.CI_RUN,
        place_kind=PlaceKind.CI_LOG,
        locator=locator,
        at_lo=at(hour),
        at_hi=at(hour) + timedelta(minutes=5),
        mode=LookMode.EVENT,
        ended=True,
        lineage="ci/github/acme/api/build",
        sightings=(Sighting(item=ITEMS[0], stage=Stage.INSTALLED),),
        evidence_class=EvidenceClass.LOGGED,
        collector="ci-log/test",
    )


def apply(steps: Sequence[Step]) -> tuple[Story, SqliteDatabase]:
    story = Story()
    for step in steps:
        story.add(step)
    database = SqliteDatabase(Path(":memory:"), "facts")
    Projector(MemoryLog(story.entries), database).catch_up()  # type: ignore[arg-type] # a log in memory
    return story, database


def rows(database: SqliteDatabase) -> dict[str, int]:
    return {str(table): int(count) for table, count in database.fetch("count_fact_rows")}


def test_finished_runs_are_packed_and_fill_blocks() -> None:
    story, database = apply([finished(number, hour=number % 9) for number in range(600)])
    counted = rows(database)
    assert counted["run_blocks"] == 3
    assert counted["run_assets"] == counted["run_places"] == 1
    assert counted["looks"] == counted["places"] == counted["inventory_assets"] == 0
    store = InventoryStore(database)
    items = [row.id for row in store.items_named([("pypi", "litellm")], tx=NOW_TX)]
    hits = store.hits(items, micros(3), micros(3), tx=NOW_TX)
    assert len(hits) == len([n for n in range(600) if n % 9 == 3])
    names = {row.id: row.name for row in store.assets_by_id([hit.asset for hit in hits])}
    assert all(int(names[hit.asset].rpartition("/")[2]) % 9 == 3 for hit in hits)
    assert {row.locator for row in store.places([hit.place for hit in hits])} == {"build"}
    assert store.totals(tx=NOW_TX)[:2] == (600, 600)
    assert store.totals(tx=len(story.entries) // 2)[1] == len(story.entries) // 2 - 1
    database.close()


@pytest.mark.parametrize(
    "change",
    [
        {"mode": LookMode.SAMPLED},
        {"ended": False},
        {"whole": False},
        {"gaps": (Gap(what="x", why="y"),)},
        {"evidence_class": EvidenceClass.OBSERVED},
        {"lineage": ""},
        {"machine": "m"},
        {"asset_kind": AssetKind.HOST},
        {"asset": "ci/github/acme/api/log-12"},
        {"sightings": ()},
    ],
)
def test_what_says_more_gets_rows_of_its_own(change: dict[str, object]) -> None:
    _, database = apply([msgspec.structs.replace(finished(7), **change)])
    assert rows(database)["run_blocks"] == 0
    assert rows(database)["looks"] == 1
    database.close()


def _sampled(look: Look, moment: datetime) -> Look:
    return msgspec.structs.replace(
        look, mode=LookMode.SAMPLED, ended=False, at_lo=moment, at_hi=moment
    )


MORE: dict[str, Step] = {
    "the same run again": finished(2),
    "the same place later": finished(2, hour=5),
    "another kind of look": _sampled(finished(2), at(9)),
    "a look elsewhere in the run": msgspec.structs.replace(
        finished(2), place_kind=PlaceKind.ENVIRONMENT, lineage=""
    ),
    "a fact": (
        Fact(relation=Relation.HOLDS, subject="asset:ci/github/acme/api/2", object="identity:a/b"),
    ),
    "a retraction": 3,
}


@pytest.mark.parametrize("more", MORE)
def test_a_run_of_which_more_is_known_is_unpacked_with_its_numbers(more: str) -> None:
    world: list[Step] = [finished(1), finished(2), finished(2, locator="test"), finished(3)]
    story, before = apply(world)
    size = len(story.entries)
    told = ask_everything(InventoryStore(before), tx=size)
    numbers = _numbers(InventoryStore(before), size)
    assert rows(before)["looks"] == 0
    story, after = apply([*world, MORE[more]])
    store = InventoryStore(after)
    assert rows(after)["looks"] >= 2
    assert rows(after)["inventory_assets"] == 1
    expect_same(ask_everything(store, tx=size), told)
    assert _numbers(store, size) == numbers
    expect_same(ask_everything(store), ask_everything(oracle_of(story.entries)))
    before.close()
    after.close()


def _numbers(store: InventoryStore, tx: int) -> list[object]:
    items = [row.id for row in store.items_named([("pypi", "litellm")], tx=tx)]
    return sorted(store.hits(items, micros(0), micros(9), tx=tx))


def test_another_place_of_a_run_is_packed_too() -> None:
    _, database = apply([finished(2), finished(2, locator="test")])
    assert rows(database)["run_places"] == 2
    assert rows(database)["looks"] == 0
    assert InventoryStore(database).totals(tx=NOW_TX)[:2] == (2, 1)
    database.close()


def test_facts_of_one_entry_about_a_packed_run_and_another_asset() -> None:
    """Unpacking in the middle of an entry once wrote half of what the entry says of an asset."""
    host = Look(
        asset="build-7",
        asset_kind=AssetKind.HOST,
        place_kind=PlaceKind.ENVIRONMENT,
        locator="venv",
        at_lo=at(9),
        at_hi=at(9),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/test",
    )
    early = "2026-03-23T00:00:00Z"
    facts = (
        Fact(
            relation=Relation.HOLDS, subject="asset:build-7", object="identity:a/b", from_lo=early
        ),
        Fact(
            relation=Relation.HOLDS,
            subject="asset:ci/github/acme/api/2",
            object="asset:build-7",
            from_lo="2026-03-22T00:00:00Z",
        ),
        Fact(
            relation=Relation.HOLDS,
            subject="asset:build-7",
            object="identity:c/d",
            from_lo="2026-03-21T00:00:00Z",
        ),
    )
    story, database = apply([host, finished(2), facts])
    expect_same(ask_everything(InventoryStore(database)), ask_everything(oracle_of(story.entries)))
    database.close()
