"""What the store's classes ask of a database: named statements and transactions.

Owns: the two protocols that `connect_sqlite` and `connect_postgres` fulfil, and the choice
between them. The store's classes are written once against these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = tuple[Any, ...]
"""One row as the driver gives it; each store class turns it into a value at once."""


class Session(Protocol):
    """A transaction that is open."""

    def run(self, name: str, /, **values: object) -> list[Row]:
        """Run a named statement; gives its rows, none for a statement that returns none."""
        ...

    def run_many(self, name: str, /, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a named statement once per row."""
        ...

    def run_rows(
        self, name: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], /
    ) -> None:
        """As `run_many`, of rows that are tuples of these parameters; no lists among them."""
        ...


class Database(Protocol):
    """A database with a schema that is up to date. Safe to call from any thread.

    Raises: StoreUnavailableError, for everything the database refuses to do.
    """

    def fetch(self, name: str, /, **values: object) -> list[Row]:
        """Read with a named statement, outside any transaction."""
        ...

    def write(self, *, durable: bool = True) -> AbstractContextManager[Session]:
        """A transaction that holds the right to write from its start; commits unless it raises.

        With `durable` off a power failure (never the end of this process) may forget it.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Session]:
        """Several reads that see one state."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
