"""Control state in PostgreSQL, shared by any number of processes and hosts.

The epoch is a row that triggers raise in the same transaction as every decision. A thread listens
for the notice that comes with it, and looks by itself every second in case a notice is lost; what
it last saw is in memory, so that asking costs nothing. When it could not look for three seconds,
`epoch` refuses to answer: a decision may have changed that this process does not know.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

from pratique.store.connect import Row
from pratique.store.connect_postgres import PostgresDatabase, PostgresSession, translated
from pratique.store.control_tables import ControlTables
from pratique.store.errors import StoreUnavailableError

CONTROL_SCHEMA = "pratique"

_STATEMENT_SECONDS = 2.0
"""Longer than any statement here takes by far; shorter than the limit below."""

_LOOK_SECONDS = 1.0
"""How long the listener waits for a notice before it looks by itself."""

_TRUST_SECONDS = 3.0
"""How long a look is believed; after it the epoch is unknown and doors refuse."""

_PAUSE_SECONDS = 0.2
"""Between attempts to reach a server that does not answer."""


class PostgresControl(ControlTables):
    """`ControlState` for several nodes. Open it after forking: it owns a thread."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        database = PostgresDatabase(
            url, ("control", "seen"), schema=CONTROL_SCHEMA, deadline_seconds=_STATEMENT_SECONDS
        )
        super().__init__(control=database, seen=database)
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen_value = 0  # guarded by _lock, as the two below
        self._generation = 0
        self._looked_at = 0.0
        self._closing = threading.Event()
        self._look_through(database)
        self._listener = threading.Thread(
            target=self._listen, name="pratique-control-listener", daemon=True
        )
        self._listener.start()

    def epoch(self) -> int:
        """A number that differs from every earlier one once a decision has changed.

        Own changes count at once, those of others as soon as the notice arrives.
        Raises: StoreUnavailableError when nothing could be confirmed for three seconds.
        """
        with self._lock:
            age = self._monotonic() - self._looked_at
            if age > _TRUST_SECONDS:
                raise StoreUnavailableError(
                    f"the database has not been heard of for {age:.0f} s",
                    expected=f"an answer at least every {_TRUST_SECONDS:.0f} s",
                    remedy="check that PostgreSQL runs and can be reached",
                )
            return self._generation

    def _decide(self, name: str, /, **values: object) -> list[Row]:
        asked_at = self._monotonic()
        with self._control.write() as session:
            rows = session.run(name, **values)
            value = session.run("read_control_epoch")[0][0]
        self._note(value, asked_at)
        return rows

    def _look_through(self, database: PostgresDatabase) -> None:
        asked_at = self._monotonic()
        self._note(database.fetch("read_control_epoch")[0][0], asked_at)

    def _note(self, value: int, asked_at: float) -> None:
        """Remember what was read. Any difference counts, so that a restored backup does too."""
        with self._lock:
            if value != self._seen_value:
                self._seen_value = value
                self._generation += 1
            self._looked_at = max(self._looked_at, asked_at)

    def _listen(self) -> None:
        """The listener thread: connect, listen until the connection breaks, connect again."""
        while not self._closing.is_set():
            with suppress(StoreUnavailableError), translated(), self._database.connect() as link:
                link.execute("LISTEN pratique_control")
                self._follow(link)
            if not self._closing.is_set():
                self._database.forget_idle()
                self._closing.wait(_PAUSE_SECONDS)

    def _follow(self, link: psycopg.Connection[Row]) -> None:
        session = PostgresSession(link)
        while not self._closing.is_set():
            asked_at = self._monotonic()
            self._note(session.run("read_control_epoch")[0][0], asked_at)
            for _ in link.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                pass

    def close(self) -> None:
        """Stop listening and close connections."""
        self._closing.set()
        with suppress(StoreUnavailableError), translated(), self._database.connection() as link:
            link.execute("NOTIFY pratique_control")  # so that the listener need not wait
        self._listener.join(timeout=_LOOK_SECONDS + _STATEMENT_SECONDS)
        super().close()
