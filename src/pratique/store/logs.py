"""Opening the log of an installation, wherever it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pratique.errors import SettingsError
from pratique.settings import Settings

if TYPE_CHECKING:
    from pratique.ledger.audit import AuditReport, Progress
    from pratique.ledger.store import LogStore
    from pratique.store.segment_log import SegmentLog

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
    if must_exist:
        _require_ledger(settings)
    origin = settings.storage.log_origin
    if settings.storage.database_url:
        from pratique.store.postgres_log import PostgresLog  # noqa: PLC0415 - psycopg is slow to import

        return PostgresLog(settings.storage.database_url, folder=folder, origin=origin)
    return _open_folder(folder, origin)


def ask_log(settings: Settings) -> LogStore:
    """The log of an installation for one question: opened only if more is asked than its length.

    Raises: as `open_log` with `must_exist`, but for checks that were made before and whose ground has
    not changed since.
    """
    if settings.storage.database_url:
        return open_log(settings, must_exist=True)
    _require_ledger(settings)
    from pratique.store.log_asked import AskedLog  # noqa: PLC0415 - as above

    folder, origin = ledger_folder(settings), settings.storage.log_origin
    return AskedLog(folder, origin=origin, opening=lambda: _open_folder(folder, origin))


def _open_folder(folder: Path, origin: str) -> SegmentLog:
    from pratique.store.segment_log import SegmentLog  # noqa: PLC0415 - loads cryptography

    return SegmentLog(folder, origin=origin)


def audit_log(settings: Settings, *, progress: Progress) -> AuditReport:
    """Check every byte of the log.

    Raises: SettingsError when nothing was ever logged here; LedgerDamagedError when so little is
    left that there is nothing to check against; LedgerUnavailableError.
    """
    _require_ledger(settings)
    if settings.storage.database_url:
        from pratique.store.postgres_audit import audit_postgres  # noqa: PLC0415 - as above
        from pratique.store.postgres_log import PostgresLog  # noqa: PLC0415 - as above

        log = PostgresLog(
            settings.storage.database_url,
            folder=ledger_folder(settings),
            origin=settings.storage.log_origin,
        )
        try:
            return audit_postgres(log, progress=progress)
        finally:
            log.close()
    from pratique.store.segment_audit import audit_segments  # noqa: PLC0415 - as above

    return audit_segments(
        ledger_folder(settings), origin=settings.storage.log_origin, progress=progress
    )


def publish(log: LogStore, folder: Path) -> tuple[int, int]:
    """Write the log as C2SP tiles; gives entries published and files written."""
    from pratique.store.log_publish import publish_log  # noqa: PLC0415 - one command needs it

    return publish_log(log, folder)


def _require_ledger(settings: Settings) -> None:
    if not ledger_folder(settings).is_dir():
        raise SettingsError(
            f"there is no ledger in {settings.home}",
            remedy="name the home of a running Pratique with --home or PRATIQUE_HOME",
        )
