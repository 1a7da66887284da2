"""Making the projection again from the ledger (`pratique ledger rebuild`).

The new tables are built aside and exchanged in one transaction: readers see the old ones or the new
ones, never half of them. A crash before the exchange leaves the old tables and a leftover that the
next rebuild removes.
"""

from __future__ import annotations

from pathlib import Path

from pratique.ledger.store import LogStore
from pratique.settings import Settings
from pratique.store.connect import Database
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.extent_cache import EXTENT_FILE
from pratique.store.logs import open_log
from pratique.store.presence import FACTS_FILE, FACTS_SCHEMA, open_facts
from pratique.store.presence_rows import RebuildReport
from pratique.store.projector import Projector
from pratique.store.reach_cache import REACH_FILE
from pratique.store.watch_cache import WATCH_FILE

_LEFTOVERS = ("", "-wal", "-shm")
_REBUILT_SCHEMA = FACTS_SCHEMA + "_rebuilt"


def rebuild_projections(settings: Settings) -> RebuildReport:
    """Build every projection again from the installation's own ledger.

    Raises: StoreUnavailableError; LedgerDamagedError when the ledger cannot be read to its end.
    """
    log = open_log(settings)
    try:
        return rebuild_from(log, settings)
    finally:
        log.close()


def rebuild_from(log: LogStore, settings: Settings) -> RebuildReport:
    """Build every projection again from a log that is open."""
    try:
        if settings.storage.database_url:
            return _rebuild_postgres(log, settings)
        return _rebuild_sqlite(log, settings)
    finally:
        # Made from the tables that were there before: of a ledger that was restored they would tell
        # what it no longer says.
        for name in (REACH_FILE, EXTENT_FILE, WATCH_FILE):
            (settings.home / name).unlink(missing_ok=True)


def _rebuild_sqlite(log: LogStore, settings: Settings) -> RebuildReport:
    path = settings.home / f"{FACTS_FILE}.rebuilt"
    _remove(path)
    rebuilt = SqliteDatabase(path, "facts")
    try:
        Projector(log, rebuilt).catch_up()
        live = SqliteDatabase(settings.home / FACTS_FILE, "facts")
        before = _count(live)
        live.replace_with(rebuilt)
        report = _report(live, before)
        live.close()
    finally:
        rebuilt.close()
        _remove(path)
    return report


def _rebuild_postgres(log: LogStore, settings: Settings) -> RebuildReport:
    from pratique.store.connect_postgres import PostgresDatabase  # noqa: PLC0415 - psycopg is slow to import

    url = settings.storage.database_url
    live = open_facts(settings)
    before = _count(live)
    live.close()
    PostgresDatabase.drop_schema(url, _REBUILT_SCHEMA)
    rebuilt = PostgresDatabase(url, ("facts",), schema=_REBUILT_SCHEMA, deadline_seconds=600.0)
    Projector(log, rebuilt).catch_up()
    rebuilt.take_place_of(FACTS_SCHEMA)
    live = open_facts(settings)
    report = _report(live, before)
    live.close()
    return report


def _count(database: Database) -> dict[str, int]:
    return {str(table): int(count) for table, count in database.fetch("count_fact_rows")}


def _report(live: Database, before: dict[str, int]) -> RebuildReport:
    rows = _count(live)
    applied = live.fetch("read_projection")
    return RebuildReport(
        entries=applied[0][0] if applied else 0,
        unreadable=rows["unreadable_entries"],
        rows=rows,
        rows_before=before,
    )


def _remove(path: Path) -> None:
    for suffix in _LEFTOVERS:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
