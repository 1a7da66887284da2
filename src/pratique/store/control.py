"""Opening the state that decisions depend on, and healing it after a crash.

Order of durability of a token, waiver or revocation: 1. the ledger entry, 2. the row here. A crash
between the two leaves an entry without its row; `heal_control` puts a waiver or a revocation into
force from its entry. A token cannot be healed, because its secret was never shown to anybody: it
stays without effect and `pratique token list` does not know it.
"""

from __future__ import annotations

from pratique.index.ports import ControlState
from pratique.settings import Settings


def open_control(settings: Settings) -> ControlState:
    """Open shared state: PostgreSQL when a database URL is set, else SQLite files in home."""
    if settings.storage.database_url:
        from pratique.store.control_postgres import PostgresControl  # noqa: PLC0415 - psycopg is slow to import

        return PostgresControl(settings.storage.database_url)
    from pratique.store.control_sqlite import SqliteControl  # noqa: PLC0415 - as above

    return SqliteControl(settings.home)
