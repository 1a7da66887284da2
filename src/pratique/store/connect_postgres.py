"""PostgreSQL: a few connections kept open, a schema of our own, deadlines on everything.

Owns: connecting, giving out connections to threads, translating errors, migrations under an
advisory lock. Statements never wait longer than their deadline, because the index door calls some
of them from its event loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from pratique.store.connect import Row
from pratique.store.errors import StoreUnavailableError
from pratique.store.migrations import Group, pending_migrations
from pratique.store.statements import load_statements

_CONNECT_SECONDS = 5
_KEPT_CONNECTIONS = 4
"""Idle connections kept; more are opened when more threads ask at once, and closed again."""

_MIGRATION_LOCK = 0x70726174
"""Key of the advisory lock that lets one process at a time change the schema."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into ours where they surface; they never contain the password."""
    try:
        yield
    except psycopg.Error as error:
        first_line = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StoreUnavailableError(
            f"PostgreSQL did not do what was asked: {first_line}",
            remedy="check that the server runs and that [storage] database_url is right",
        ) from error


def connect_server(url: str, *, schema: str, deadline_seconds: float) -> psycopg.Connection[Row]:
    """Open one connection in autocommit whose unqualified names mean `schema`."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        application_name="pratique",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=2,
        tcp_user_timeout=10_000,
    )
    milliseconds = str(round(deadline_seconds * 1000))
    settings = {
        "search_path": schema,
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": "60000",
        # Whatever the server's defaults are: what was committed is durable, and whoever waits for a
        # locked row then sees what it holds.
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
    }
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


class PostgresSession:
    """An open transaction on one connection."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self._statements = load_statements("postgres")

    def run(self, name: str, /, **values: object) -> list[Row]:
        """Run a named statement."""
        cursor = self._connection.execute(self._statements[name].sql.encode(), values)
        return cursor.fetchall() if cursor.description is not None else []

    def run_many(self, name: str, /, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a named statement once per row."""
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(self._statements[name].sql.encode(), rows)

    def run_rows(
        self, name: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], /
    ) -> None:
        """As `run_many`, of rows that are tuples of these parameters; no lists among them."""
        self.run_many(name, [dict(zip(columns, row, strict=True)) for row in rows])

    def replace_schema(self, *, old: str, new: str) -> None:
        """Drop a schema and give its name to another."""
        names = {"old": sql.Identifier(old), "new": sql.Identifier(new)}
        self._connection.execute(sql.SQL("DROP SCHEMA {old} CASCADE").format(**names))
        self._connection.execute(sql.SQL("ALTER SCHEMA {new} RENAME TO {old}").format(**names))


class PostgresDatabase:
    """The tables of some groups, in one schema of a database."""

    def __init__(
        self, url: str, groups: tuple[Group, ...], *, schema: str, deadline_seconds: float
    ) -> None:
        self._url = url
        self._schema = schema
        self._deadline_seconds = deadline_seconds
        self._idle: list[psycopg.Connection[Row]] = []
        self._lock = threading.Lock()
        self._closed = False
        with translated():
            self._migrate(groups)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Row]]:
        """Borrow a connection; one that failed is not given out again."""
        with self._lock:
            taken = self._idle.pop() if self._idle else None
        if taken is None:
            taken = self.connect()
        try:
            yield taken
        except BaseException:
            taken.close()
            # The others probably died with it (the server was restarted).
            self.forget_idle()
            raise
        with self._lock:
            keep = len(self._idle) < _KEPT_CONNECTIONS and not self._closed
            if keep:
                self._idle.append(taken)
        if not keep:
            taken.close()

    def connect(self) -> psycopg.Connection[Row]:
        """Open a connection that the caller owns."""
        return connect_server(
            self._url, schema=self._schema, deadline_seconds=self._deadline_seconds
        )

    def forget_idle(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            forgotten, self._idle = self._idle, []
        for connection in forgotten:
            with suppress(psycopg.Error):
                connection.close()

    def fetch(self, name: str, /, **values: object) -> list[Row]:
        """Read with a named statement; asked once more when a kept connection turns out dead."""
        for last in (False, True):
            try:
                with translated(), self.connection() as connection:
                    return PostgresSession(connection).run(name, **values)
            except StoreUnavailableError as error:
                if last or not isinstance(error.__cause__, psycopg.OperationalError):
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSession]:
        """Several reads that see one state."""
        with translated(), self.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield PostgresSession(connection)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[PostgresSession]:
        """A transaction that may write."""
        with translated(), self.connection() as connection, connection.transaction():
            if not durable:
                connection.execute("SET LOCAL synchronous_commit = off")
            yield PostgresSession(connection)

    def _migrate(self, groups: tuple[Group, ...]) -> None:
        with self.connect() as connection:
            connection.execute("SELECT set_config('statement_timeout', '600000', false)")
            connection.execute("SELECT set_config('lock_timeout', '60000', false)")
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                self._prepare_schema(connection)
                for group in groups:
                    self._migrate_group(connection, group)

    def _prepare_schema(self, connection: psycopg.Connection[Row]) -> None:
        """Create what is missing; a role that may not create only finds what is there."""
        wanted = connection.execute(
            "SELECT to_regnamespace(%s) IS NULL, to_regclass('schema_migrations') IS NULL",
            (self._schema,),
        ).fetchall()
        no_schema, no_table = wanted[0]
        if no_schema:
            name = sql.Identifier(self._schema)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        if no_table:
            connection.execute(
                "CREATE TABLE schema_migrations (group_name text NOT NULL, number integer NOT NULL,"
                " name text NOT NULL, applied_at bigint NOT NULL, PRIMARY KEY (group_name, number))"
            )

    def _migrate_group(self, connection: psycopg.Connection[Row], group: Group) -> None:
        rows = connection.execute(
            "SELECT number FROM schema_migrations WHERE group_name = %s", (group,)
        ).fetchall()
        applied = frozenset(number for (number,) in rows)
        for migration in pending_migrations("postgres", group, applied=applied):
            connection.execute(migration.sql.encode())
            connection.execute(
                "INSERT INTO schema_migrations VALUES (%s, %s, %s, %s)",
                (group, migration.number, migration.name, time.time_ns() // 1000),
            )

    @staticmethod
    def drop_schema(url: str, schema: str) -> None:
        """Remove a schema that a rebuild left behind."""
        with translated(), connect_server(url, schema=schema, deadline_seconds=60) as connection:
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))

    def take_place_of(self, schema: str) -> None:
        """Exchange another schema for ours, in one transaction, and close."""
        with self.write() as session:
            session.replace_schema(old=schema, new=self._schema)
        self.close()

    def close(self) -> None:
        """Close the connections that nobody uses, and the others when they come back."""
        with self._lock:
            self._closed = True
        self.forget_idle()
