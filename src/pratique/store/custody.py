"""Opening custody's state: `custody.db` in home, or PostgreSQL.

Order of durability of everything that people decide here, as in `store.control`:

1. the ledger entry;
2. the row, from which moment it is in force;
3. the answer to whoever asked (for a lease: its secret, shown once).

A crash between 1 and 2 leaves an entry without its row; `store.custody_heal` puts it into force. A
lease cannot be healed, and need not be: nobody has its secret. A suspension by the velocity rule is
in force before its entry, because it must be; its row stays `unlogged` until the entry is durable.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from pratique.custody.velocity import VelocityRule
from pratique.settings import Settings
from pratique.store.connect import Database, Row, Session
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.custody_leases import LeaseTables
from pratique.store.custody_marks import MarkTables
from pratique.store.custody_requests import RequestTables
from pratique.store.custody_roles import RoleTables
from pratique.store.custody_rotation import RotationTables
from pratique.store.custody_slabs import SlabTables
from pratique.store.custody_uploads import UploadTables
from pratique.store.custody_writes import WriteTables
from pratique.store.errors import StoreUnavailableError

CUSTODY_FILE: Final = "custody.db"
CUSTODY_SCHEMA: Final = "pratique_custody"

_STATEMENT_SECONDS = 10.0
_WRITERS = 4
"""Transactions of one process at a time on PostgreSQL: they would wait for the same rows anyway."""
_QUEUE_SECONDS = 20.0


class CustodyStore(
    LeaseTables,
    SlabTables,
    RequestTables,
    UploadTables,
    MarkTables,
    RoleTables,
    RotationTables,
    WriteTables,
):
    """`DatasetState`, `LeaseState` and `MarkState` in one. Safe to call from any thread."""

    def __init__(self, database: Database, *, velocity: VelocityRule) -> None:
        SlabTables.__init__(self, database, velocity=velocity)

    def close(self) -> None:
        """Close connections."""
        self._database.close()


def velocity_rule(settings: Settings) -> VelocityRule:
    """The rule that `[custody]` sets."""
    custody = settings.custody
    return VelocityRule(
        factor=custody.velocity_factor, floor_bytes=int(custody.velocity_floor_gib * (1 << 30))
    )


def open_custody(settings: Settings) -> CustodyStore:
    """Open shared state: PostgreSQL when a database URL is set, else a SQLite file in home."""
    if settings.storage.database_url:
        from pratique.store.connect_postgres import PostgresDatabase  # noqa: PLC0415 - psycopg is slow to import

        database: Database = _Queued(
            PostgresDatabase(
                settings.storage.database_url,
                ("custody",),
                schema=CUSTODY_SCHEMA,
                deadline_seconds=_STATEMENT_SECONDS,
            )
        )
    else:
        database = _InPlace(settings.home / CUSTODY_FILE)
    return CustodyStore(database, velocity=velocity_rule(settings))


class _InPlace:
    """A file that must stay where it was opened.

    SQLite goes on with a file that was moved away; nobody else's suspension would ever be in it.
    """

    def __init__(self, path: Path) -> None:
        self._inner = SqliteDatabase(path, "custody")
        self._path = path
        self._opened = _identity(path)

    def fetch(self, name: str, /, **values: object) -> list[Row]:
        self._check()
        return self._inner.fetch(name, **values)

    def snapshot(self) -> AbstractContextManager[Session]:
        self._check()
        return self._inner.snapshot()

    def write(self, *, durable: bool = True) -> AbstractContextManager[Session]:
        self._check()
        return self._inner.write(durable=durable)

    def close(self) -> None:
        self._inner.close()

    def _check(self) -> None:
        if _identity(self._path) != self._opened:
            raise StoreUnavailableError(
                f"{self._path.name} is not the file that was opened",
                remedy="put it back, or start again with the one that is there",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Queued:
    """A database whose writers wait here, not in connections of the server."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self._places = threading.BoundedSemaphore(_WRITERS)

    def fetch(self, name: str, /, **values: object) -> list[Row]:
        return self._inner.fetch(name, **values)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        if not self._places.acquire(timeout=_QUEUE_SECONDS):
            raise StoreUnavailableError(
                f"no turn to write within {_QUEUE_SECONDS:.0f} s",
                remedy="check that PostgreSQL answers; everything waits for it",
            )
        try:
            with self._inner.write(durable=durable) as session:
                yield session
        finally:
            self._places.release()

    def snapshot(self) -> AbstractContextManager[Session]:
        return self._inner.snapshot()

    def close(self) -> None:
        self._inner.close()
