"""The kept graph of reach: right, whole or not used."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.exposure.ports import NOW_TX, Edge, Held, Theft
from pratique.exposure.reach import close_reach
from pratique.exposure.reach_graph import build_graph
from pratique.settings import Settings
from pratique.store import reach_cache
from pratique.store.connect import Row, Session
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.logs import open_log
from pratique.store.reach_cache import REACH_FILE, ReachCache
from pratique.store.rebuild import rebuild_from
from pratique.values.spans import DAWN, OPEN, Span, exactly

NOT_SUPERSEDED = 2**53 - 1
NAMES = [f"identity:token/{letter}-ä" for letter in "abcdefgh"]


class Tables:
    """A projection with edges put straight into its tables."""

    def __init__(self, folder: Path, origin: str = "log.example/one") -> None:
        self.database = SqliteDatabase(folder / "facts.db", "facts")
        self.facts: list[tuple[Edge, int]] = []
        self._write("DELETE FROM projection")
        self._write("INSERT INTO projection VALUES (1, 0, ?)", origin)

    def _write(self, sql: str, *values: object) -> None:
        self.database._writer.execute(sql, values)

    def add(self, relation: str, subject: str, object_: str, span: Span, entry: int) -> None:
        for name in (subject, object_):
            self._write("INSERT OR IGNORE INTO entities (name) VALUES (?)", name)
        self._write(
            "INSERT INTO edges SELECT ?, s.entity, ?, ?, o.entity, ?, ?, ?, ?, 5, '', ?"
            " FROM entities s, entities o WHERE s.name = ? AND o.name = ?",
            relation, entry, len(self.facts), *span, NOT_SUPERSEDED, subject, object_,
        )  # fmt: skip
        self.facts.append((Edge(relation, subject, object_, span, 5, entry, ""), NOT_SUPERSEDED))
        self.grow(entry + 1)

    def grow(self, size: int) -> None:
        self._write("UPDATE projection SET applied = max(applied, ?)", size)

    def retract(self, entry: int, by: int) -> None:
        self._write("UPDATE edges SET tx_to = ? WHERE entry = ?", by, entry)
        self.facts = [(e, by if e.entry == entry else until) for e, until in self.facts]
        self.grow(by + 1)

    def expected(self, thefts: list[Theft], tx: int) -> dict[str, tuple[Held, ...]]:
        known = [edge for edge, until in self.facts if edge.entry < tx <= until]
        by = {kind: [e for e in known if e.relation == kind] for kind in ("assumes", "rotated")}
        return as_dict(close_reach(build_graph(by["assumes"], by["rotated"]), thefts))


def as_dict(reach: object) -> dict[str, tuple[Held, ...]]:
    return {name: tuple(spans) for name, spans in reach.items()}  # type: ignore[attr-defined]  # any mapping


class Counting:
    """A session that counts how often tables were read whole."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.reads = 0

    def run(self, name: str, /, **values: object) -> list[Row]:
        self.reads += name == "list_reach_edges"
        return self._session.run(name, **values)


@contextmanager
def counting(tables: Tables) -> Iterator[Counting]:
    with tables.database.snapshot() as session:
        yield Counting(session)


def some_tables(folder: Path, seed: int = 1) -> Tables:
    rng = random.Random(seed)
    tables = Tables(folder)
    for entry in range(30):
        start = rng.choice([DAWN, rng.randrange(20)])
        end = rng.choice([OPEN, max(start, 0) + rng.randrange(20)])
        if rng.random() < 0.3:
            tables.add("rotated", *[rng.choice(NAMES)] * 2, exactly(rng.randrange(20)), entry)
        else:
            tables.add("assumes", *rng.sample(NAMES, 2), exactly(start, end), entry)
    return tables


THEFTS = [Theft(NAMES[0], 3, 9, ""), Theft(NAMES[4], 12, 12, ""), Theft("identity:x/y", 1, 2, "")]


@pytest.fixture(autouse=True)
def _keep_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach_cache, "_SMALL", 0)


def answer(cache: ReachCache, tables: Tables, tx: int = NOW_TX) -> dict[str, tuple[Held, ...]]:
    with tables.database.snapshot() as session:
        return as_dict(close_reach(cache.graph(session, tx=tx), THEFTS))


@pytest.mark.parametrize("seed", range(20))
def test_tables_memory_and_file_give_the_same_answer(seed: int, tmp_path: Path) -> None:
    tables = some_tables(tmp_path, seed)
    expected = tables.expected(THEFTS, NOW_TX)
    cache = ReachCache(tmp_path / REACH_FILE)
    assert answer(ReachCache(None), tables) == expected
    assert answer(cache, tables) == expected
    assert answer(cache, tables) == expected
    assert answer(ReachCache(tmp_path / REACH_FILE), tables) == expected


@pytest.mark.slow
def test_walking_a_mapped_graph_copies_it_when_much_is_had(tmp_path: Path) -> None:
    tables = Tables(tmp_path)
    for entry in range(reach_cache_many() + 50):
        tables.add("assumes", f"identity:x/{entry}", f"identity:x/{entry + 1}", exactly(0), entry)
    thefts = [Theft("identity:x/0", 5, 6, "")]
    path = tmp_path / REACH_FILE
    with tables.database.snapshot() as session:
        made = close_reach(ReachCache(path).graph(session, tx=NOW_TX), thefts)
        mapped = close_reach(ReachCache(path).graph(session, tx=NOW_TX), thefts)
        assert as_dict(mapped) == as_dict(made)
        assert len(mapped) == reach_cache_many() + 51


def reach_cache_many() -> int:
    from pratique.exposure import reach  # noqa: PLC0415 - a private number, looked up where it is needed

    return reach._MANY


def test_a_second_process_reads_the_file_instead_of_the_tables(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    answer(ReachCache(tmp_path / REACH_FILE), tables)
    with counting(tables) as session:
        cache = ReachCache(tmp_path / REACH_FILE)
        cache.graph(session, tx=NOW_TX)
        cache.graph(session, tx=NOW_TX)
        assert session.reads == 0


def test_other_entries_leave_the_file_alone(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    cache = ReachCache(tmp_path / REACH_FILE)
    answer(cache, tables)
    tables.add("opens", NAMES[0], "dataset:d", exactly(1), 70)
    with counting(tables) as session:
        cache.graph(session, tx=NOW_TX)
        ReachCache(tmp_path / REACH_FILE).graph(session, tx=NOW_TX)
        assert session.reads == 0


@pytest.mark.parametrize("change", ["fact", "rotation", "retraction"])
def test_what_came_or_went_makes_it_anew(change: str, tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    cache = ReachCache(tmp_path / REACH_FILE)
    before = answer(cache, tables)
    if change == "fact":
        tables.add("assumes", NAMES[0], "identity:new/one", exactly(0), 80)
    elif change == "rotation":
        tables.add("rotated", NAMES[0], NAMES[0], exactly(5), 80)
    else:
        gone = next(spans[0].entry for spans in before.values() if spans[0].came_from)
        tables.retract(gone, 80)
    expected = tables.expected(THEFTS, NOW_TX)
    assert expected != before
    assert answer(cache, tables) == expected
    assert answer(ReachCache(tmp_path / REACH_FILE), tables) == expected


def test_the_past_is_answered_from_the_tables(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    tables.retract(3, 60)
    cache = ReachCache(tmp_path / REACH_FILE)
    answer(cache, tables)
    for tx in (0, 1, 10, 30, 60, 61):
        assert answer(cache, tables, tx) == tables.expected(THEFTS, tx)
    assert answer(cache, tables) == tables.expected(THEFTS, NOW_TX)


def test_the_file_of_another_log_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Tables(tmp_path / "other", "log.example/two")
    other.add("assumes", NAMES[0], "identity:of/another-log", exactly(0), 5)
    path = tmp_path / REACH_FILE
    answer(ReachCache(path), other)
    tables = some_tables(tmp_path)
    assert answer(ReachCache(path), tables) == tables.expected(THEFTS, NOW_TX)


def test_the_file_of_a_longer_log_is_not_used(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    path = tmp_path / REACH_FILE
    answer(ReachCache(path), tables)
    tables.database.close()
    (tmp_path / "facts.db").unlink()
    shorter = Tables(tmp_path)
    shorter.add("assumes", NAMES[0], NAMES[5], exactly(0), 3)
    assert answer(ReachCache(path), shorter) == shorter.expected(THEFTS, NOW_TX)


def test_a_damaged_file_is_noticed_wherever_it_is_damaged(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    path = tmp_path / REACH_FILE
    expected = answer(ReachCache(path), tables)
    whole = path.read_bytes()

    @given(st.integers(0, len(whole) - 1), st.integers(0, 7))
    def flip(place: int, bit: int) -> None:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        assert answer(ReachCache(path), tables) == expected

    flip()


@pytest.mark.parametrize("length", [0, 1, 50, 95, 96, 97, 500])
def test_a_file_cut_short_is_not_used(length: int, tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    path = tmp_path / REACH_FILE
    expected = answer(ReachCache(path), tables)
    path.write_bytes(path.read_bytes()[:length])
    assert answer(ReachCache(path), tables) == expected


def test_a_failure_to_write_costs_the_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    tables = some_tables(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    cache = ReachCache(tmp_path / REACH_FILE)
    assert answer(cache, tables) == tables.expected(THEFTS, NOW_TX)
    assert list(tmp_path.glob(f"{REACH_FILE}*")) == []


def test_what_a_killed_writer_left_is_swept_away_later(tmp_path: Path) -> None:
    abandoned, living = tmp_path / f"{REACH_FILE}.dead", tmp_path / f"{REACH_FILE}.alive"
    abandoned.write_bytes(b"half")
    living.write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(abandoned, (hours_ago, hours_ago))
    answer(ReachCache(tmp_path / REACH_FILE), some_tables(tmp_path))
    assert not abandoned.exists()
    assert living.exists()


def test_a_replaced_file_leaves_those_who_read_the_old_one_alone(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    path = tmp_path / REACH_FILE
    answer(ReachCache(path), tables)
    reader = ReachCache(path)
    with tables.database.snapshot() as session:
        old = reader.graph(session, tx=NOW_TX)
    before = as_dict(close_reach(old, THEFTS))
    tables.add("assumes", NAMES[0], "identity:new/one", exactly(0), 80)
    answer(ReachCache(path), tables)
    assert as_dict(close_reach(old, THEFTS)) == before


def test_many_threads_ask_at_once(tmp_path: Path) -> None:
    tables = some_tables(tmp_path)
    cache, answers = ReachCache(tmp_path / REACH_FILE), list[object]()
    threads = [
        threading.Thread(target=lambda: answers.append(answer(cache, tables))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [tables.expected(THEFTS, NOW_TX)] * 8


def test_a_rebuild_forgets_what_was_made_before(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    log = open_log(settings)
    (tmp_path / REACH_FILE).write_bytes(b"of a ledger that was replaced")
    rebuild_from(log, settings)
    log.close()
    assert not (tmp_path / REACH_FILE).exists()
