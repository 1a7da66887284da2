"""Opening the log of an installation, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

from pratique.errors import SettingsError
from pratique.ledger.store import LogStore
from pratique.settings import Settings

LEDGER_FOLDER = "ledger"


def ledger_folder(settings: Settings) -> Path:
    """Where the log (or, with PostgreSQL, its key) lies."""
    return settings.home / LEDGER_FOLDER


def open_log(settings: Settings, *, must_exist: bool = False) -> LogStore:
    """Open the log: PostgreSQL when a database URL is set, else segments in home/ledger.

    Raises: SettingsError when `must_exist` and nothing was ever logged here; LedgerUnavailableError,
    LedgerKeyError, LedgerDamagedError.
    """
    folder = ledger_folder(settings)
    if must_exist and not folder.is_dir():
        raise SettingsError(
            f"there is no ledger in {settings.home}",
            remedy="name the home of a running Pratique with --home or PRATIQUE_HOME",
        )
    origin = settings.storage.log_origin
    if settings.storage.database_url:
        from pratique.store.postgres_log import PostgresLog  # noqa: PLC0415 - psycopg is slow to import

        return PostgresLog(settings.storage.database_url, folder=folder, origin=origin)
    from pratique.store.segment_log import SegmentLog  # noqa: PLC0415 - loads cryptography

    return SegmentLog(folder, origin=origin)
