"""SQLite files: one reading and one writing connection each, both behind a lock.

WAL, so readers never wait for writers, in this process or another. A file is created for its
owner's eyes only.
"""

from __future__ import annotations

import functools
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

from pratique.store.connect import Row
from pratique.store.errors import StoreUnavailableError
from pratique.store.migrations import Group, pending_migrations
from pratique.store.statements import PARAMETER, load_statements

_BUSY_SECONDS = 5.0
"""How long a writer waits for another process's transaction; they last milliseconds."""

_WAL_ATTEMPTS = 100
_WAL_PAUSE_SECONDS = 0.05

_OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables; RETURNING came earlier."""

_FACTS_CACHE_KIB = 32_768
"""Pages of the projection that its writer keeps, when there are as many: a batch that does not fit is
read and written several times over."""

_MIGRATIONS_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours where they surface."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailableError(
            f"cannot use {path}: {error}",
            remedy="check that the file is readable and writable and that the disk has room",
        ) from error


def connect_file(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open one connection, in autocommit, usable from any thread (callers lock)."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreUnavailableError(
            f"this Python's SQLite is too old: {sqlite3.sqlite_version}",
            expected="3.37 or newer",
        )
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Two processes that create the file at once: SQLite does not wait here by itself."""
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _parameters(values: Mapping[str, object]) -> dict[str, object]:
    """Lists travel as JSON text, for json_each()."""
    return {
        name: json.dumps(value) if isinstance(value, list) else value
        for name, value in values.items()
    }


@functools.cache
def _names(sql: str) -> tuple[str, ...]:
    """The parameters of a statement."""
    return tuple(dict.fromkeys(PARAMETER.findall(sql)))


@functools.cache
def _by_position(sql: str, names: tuple[str, ...]) -> str:
    """A statement with numbered parameters.

    Binding by name takes a third of the time of a short statement.
    """
    numbers = {name: number for number, name in enumerate(names, 1)}
    return PARAMETER.sub(lambda found: f"?{numbers[found.group(1)]}", sql)


class SqliteSession:
    """An open transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._statements = load_statements("sqlite")

    def run(self, name: str, /, **values: object) -> list[Row]:
        """Run a named statement."""
        sql = self._statements[name].sql
        return self._connection.execute(sql, _parameters(values)).fetchall()

    def run_many(self, name: str, /, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a named statement once per row."""
        if not rows:
            return
        sql = self._statements[name].sql
        names = _names(sql)
        sql = _by_position(sql, names)
        # The same parameters are lists in every row, and mostly none is.
        lists = any(isinstance(value, list) for value in rows[0].values())
        values = map(_parameters, rows) if lists else rows
        if len(names) > 1:
            self._connection.executemany(sql, map(itemgetter(*names), values))
        else:
            self._connection.executemany(sql, ([row[name] for name in names] for row in values))

    def run_rows(
        self, name: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], /
    ) -> None:
        """As `run_many`, of rows that are tuples of these parameters; no lists among them."""
        if rows:
            sql = _by_position(self._statements[name].sql, columns)
            self._connection.executemany(sql, rows)


class SqliteDatabase:
    """One file with the tables of one group."""

    def __init__(self, path: Path, group: Group) -> None:
        self.path = path
        with translated(path):
            if str(path) != ":memory:":
                _create_private(path)
            self._writer = connect_file(path)
            if group == "facts":
                self._writer.execute(f"PRAGMA cache_size = -{_FACTS_CACHE_KIB}")
            self._migrate(group)
            # A file in memory belongs to one connection only, which then also reads.
            in_memory = str(path) == ":memory:"
            self._reader = self._writer if in_memory else connect_file(path, read_only=True)
        self._write_lock = threading.RLock()
        self._read_lock = self._write_lock if in_memory else threading.RLock()

    def fetch(self, name: str, /, **values: object) -> list[Row]:
        """Read with a named statement."""
        with self._read_lock, translated(self.path):
            return SqliteSession(self._reader).run(name, **values)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSession]:
        """Several reads that see one state."""
        with self._read_lock, self._transaction(self._reader, "BEGIN") as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[SqliteSession]:
        """A transaction that may write."""
        with self._write_lock:
            with translated(self.path):
                level = "FULL" if durable else "NORMAL"
                self._writer.execute(f"PRAGMA synchronous = {level}")
            with self._transaction(self._writer, "BEGIN IMMEDIATE") as session:
                yield session

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, begin: str) -> Iterator[SqliteSession]:
        with translated(self.path):
            connection.execute(begin)
            try:
                yield SqliteSession(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def replace_with(self, other: SqliteDatabase) -> None:
        """Take over another file's whole content in one transaction; readers see old or new."""
        with self._write_lock, translated(self.path):
            other._writer.backup(self._writer)

    def _migrate(self, group: Group) -> None:
        # Mostly there is nothing to do, and no reason to wait for whoever is writing.
        if self._is_current(group):
            return
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            self._writer.execute(_MIGRATIONS_TABLE)
            rows = self._writer.execute("SELECT number FROM schema_migrations").fetchall()
            applied = frozenset(number for (number,) in rows)
            for migration in pending_migrations("sqlite", group, applied=applied):
                for statement in split_script(migration.sql):
                    self._writer.execute(statement)
                self._writer.execute(
                    "INSERT INTO schema_migrations VALUES (?, ?, ?)",
                    (migration.number, migration.name, time.time_ns() // 1000),
                )
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _is_current(self, group: Group) -> bool:
        """Whether the tables are there with all changes. Raises: as `pending_migrations`."""
        known = "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'"
        if self._writer.execute(known).fetchone() == (0,):
            return False
        rows = self._writer.execute("SELECT number FROM schema_migrations").fetchall()
        applied = frozenset(number for (number,) in rows)
        return not pending_migrations("sqlite", group, applied=applied)

    def close(self) -> None:
        """Close both connections."""
        with self._read_lock, self._write_lock:
            self._reader.close()
            self._writer.close()


def split_script(script: str) -> list[str]:
    """The statements of a script; a trigger with its inner semicolons is one.

    `executescript` is not used because it commits whatever is open.
    """
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if _without_comments(pending):
        raise ValueError(f"unfinished statement: {pending[:80]!r}")
    return statements


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip()


def _create_private(path: Path) -> None:
    """Create a file that is not there. One that is there is not opened.

    POSIX: closing any descriptor of a file drops all locks of this process on it. If the file were
    opened here while another connection of ours has it, the next process to leave would take itself
    for the last one and remove the WAL from under us: we would never see another change.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailableError(
            f"cannot create {path}: {error.strerror}", remedy="choose another home with --home"
        ) from error
