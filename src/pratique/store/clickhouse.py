"""ClickHouse, for interval facts beyond 10⁹ rows: what is asked of it, and filling it.

Rows are only ever added: a statement about an interval is one row of `*_opens`, its end of validity
one row of `*_closes`, joined by an id made from the statement's key. So adding a row twice changes
nothing, and shipping can be repeated after a crash. The tables of the projection remain the source.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import AssetKind
from pratique.store.connect import Database, Row, Session
from pratique.store.inventory_runs import EVIDENCE, asset_number, decode_runs, place_number
from pratique.store.statements import SQL_FOLDER, Statement, parse_statements

_CHUNK: Final = 100_000
_LISTED: Final = (
    "items", "assets", "asset_states", "places", "place_seen", "details", "identities",
    "lineage_items", "lineage_identities", "tallies", "unreadable",
)  # fmt: skip
_SINCE: Final = frozenset({"items", "asset_states", "place_seen", "tallies", "unreadable"})


class ClickHouseSession(Protocol):
    """One session: temporary tables live as long as it."""

    def run(self, sql: str, params: Mapping[str, object]) -> list[Row]:
        """Run a statement with `{name:Type}` parameters; gives its rows, none for one without."""
        ...

    def add(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Add rows to a table, all its columns in order."""
        ...


@functools.cache
def clickhouse_statements() -> Mapping[str, Statement]:
    """Every statement of `sql/clickhouse`."""
    return MappingProxyType(
        {
            statement.name: statement
            for path in sorted((SQL_FOLDER / "clickhouse").glob("*.sql"))
            # Parameters are written as ClickHouse wants them; nothing is to be translated.
            for statement in parse_statements(path.read_text("utf-8"), dialect="sqlite")
        }
    )


def create_tables(session: ClickHouseSession) -> None:
    """Make the tables that are missing, and the session's own."""
    for name, statement in clickhouse_statements().items():
        if name.startswith("create_"):
            session.run(statement.sql, {})


def ship_facts(database: Database, session: ClickHouseSession, *, since: int = 0) -> int:
    """Add what a projection says that its first `since` entries did not; gives what it rests on now.

    Order: ship again from the number given last. From an older number nothing is counted twice.
    """
    with database.snapshot() as source:
        rows = source.run("read_projection")
        for table in _LISTED:
            _add(session, table, source.run(f"ship_{table}", **_since(table, since)))
        for table in _OPENED:
            _ship_statements(source, session, table, since)
        _ship_runs(source, session, since)
        applied = int(rows[0][0]) if rows else 0
        session.add("shipped", [[applied]])
        return applied


def _since(table: str, since: int) -> dict[str, object]:
    return {"since": since} if table in _SINCE else {}


def _ship_statements(source: Session, session: ClickHouseSession, table: str, since: int) -> None:
    opens: list[Sequence[object]] = []
    closes: list[Sequence[object]] = []
    for *row, tx_to in source.run(f"ship_{table}", since=since):
        key, opened = _OPENED[table](row)
        opens.append(opened)
        if tx_to != NOW_TX:
            closes.append((*key, tx_to))
    _add(session, f"{table}_opens", opens)
    _add(session, f"{table}_closes", closes)


def _ship_runs(source: Session, session: ClickHouseSession, since: int) -> None:
    """Packed runs, as the rows that they would be if they were not packed."""
    added: dict[str, list[Sequence[object]]] = {
        table: [] for table in ("assets", "places", "place_seen", "occupancy_opens", "looks_opens")
    }
    fresh: dict[int, set[int]] = {}
    for ordinal, body, series, owner, kind, locator, lineage, name, prefix in source.run(
        "ship_runs", since=since
    ):
        for run in decode_runs(body):
            if run.entry < since:
                continue
            asset, place = asset_number(owner, run.number), place_number(series, run.number)
            fresh.setdefault(owner, set()).add(run.number)
            row = (lineage, ordinal, run.lo, place, asset, int(EVIDENCE), run.lo, run.hi, run.hi)
            _, opened = _occupancy((*row, run.hi, run.entry, run.entry))
            added["occupancy_opens"].append(opened)
            added["assets"].append((asset, f"{prefix}/{run.number}"))
            added["places"].append((place, asset, kind, locator, lineage, name, ""))
            look = (place, run.entry, asset, 1, run.lo, run.hi, 1, 1, 0, 1, int(run.appeared))
            added["looks_opens"].append(look)
            added["place_seen"].append((place, run.entry, run.hi))
    for table, rows in added.items():
        _add(session, table, rows)
    _add(session, "asset_states", list(_run_states(source, fresh)))


def _run_states(
    source: Session, fresh: Mapping[int, Collection[int]]
) -> Iterator[Sequence[object]]:
    """What is known of these runs' assets: since when, over all of their jobs told so far."""
    for owner, numbers in fresh.items():
        values = {"run_asset": owner, "least": min(numbers), "most": max(numbers)}
        rows = source.run("ship_runs_again", **values)
        runs = [run for (body,) in rows for run in decode_runs(body) if run.number in numbers]
        known: dict[int, int] = {}
        for run in sorted(runs, key=lambda run: run.entry):
            known[run.number] = since = min(run.lo, known.get(run.number, run.lo))
            yield asset_number(owner, run.number), run.entry, AssetKind.CI_RUN.value, since


def _id(*key: object) -> int:
    """Names a statement by its key."""
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(key), digest_size=8).digest(), "big")


_Opened = tuple[tuple[object, int], tuple[object, ...]]
"""Key of the closing row without its end, and the opening row."""


def _presence(row: Sequence[object]) -> _Opened:
    item, from_lo, place, asset, stage, quality, from_hi, to_lo, to_hi, tx_from, entry, detail = row
    name = _id(item, place, tx_from, stage, entry)
    bounds = from_hi, to_lo, to_hi
    opened = item, from_lo, name, place, asset, stage, quality, *bounds, tx_from, entry, detail
    return (item, name), opened


def _holding(row: Sequence[object]) -> _Opened:
    asset, identity, place, quality, from_lo, from_hi, to_lo, to_hi, tx_from, entry = row
    name = _id(asset, identity, place, tx_from, entry)
    bounds = from_lo, from_hi, to_lo, to_hi
    return (asset, name), (asset, identity, name, place, quality, *bounds, tx_from, entry)


def _occupancy(row: Sequence[object]) -> _Opened:
    lineage, ordinal, from_lo, place, asset, quality, from_hi, to_lo, to_hi, latest, *known = row
    tx_from, entry = known
    name = _id(lineage, ordinal, place, tx_from, entry)
    bounds = from_hi, to_lo, to_hi, latest
    opened = lineage, ordinal, from_lo, name, place, asset, quality, *bounds, tx_from, entry
    return (lineage, name), opened


def _edge(row: Sequence[object]) -> _Opened:
    relation, subject, object_, number, *bounds, quality, entry, note = row
    name = _id(entry, number)
    return (relation, name), (relation, subject, object_, name, *bounds, quality, entry, note)


def _look(row: Sequence[object]) -> _Opened:
    place, entry, *_ = row
    return (place, int(str(entry))), tuple(row)


_OPENED: Final = {
    "looks": _look,
    "presence": _presence,
    "holdings": _holding,
    "occupancy": _occupancy,
    "edges": _edge,
}


def _add(session: ClickHouseSession, table: str, rows: Sequence[Sequence[object]]) -> None:
    for chunk in _chunks(rows):
        session.add(table, chunk)


def _chunks(rows: Sequence[Sequence[object]]) -> Iterator[Sequence[Sequence[object]]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def pick(session: ClickHouseSession, table: str, rows: Iterable[Sequence[object]]) -> None:
    """Put what a question starts from into one of the session's own tables, emptied before."""
    session.run(clickhouse_statements()[f"forget_{table}"].sql, {})
    listed = list(rows)
    if listed:
        session.add(table, listed)
