"""Audits: what reviewers found in files. They decide, so they lie with tokens and waivers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pratique.policy.model import Verdict
from pratique.settings import Settings
from pratique.store.connect import Database, Row
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.spans import from_micros, from_micros_or_null, to_micros, to_micros_or_null
from pratique.vet.records import Audit

_STATEMENT_SECONDS = 10.0


class AuditStore:
    """Reviewers' audits. Safe to call from any thread; every change raises the control epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def add_audit(self, audit: Audit) -> None:
        """Keep an audit; the same id again changes nothing, also after it was revoked."""
        with self._database.write() as session:
            session.run(
                "add_audit",
                id=audit.id,
                sha256=audit.sha256,
                filename=audit.filename,
                verdict=audit.verdict.value,
                reason=audit.reason,
                reviewer=audit.reviewer,
                origin=audit.origin,
                statement=audit.statement,
                created_at=to_micros(audit.created_at),
                revoked_at=to_micros_or_null(audit.revoked_at),
            )

    def revoke_audit(self, audit_id: str, *, at: Instant) -> bool:
        """Revoke; False when there is no such living audit."""
        with self._database.write() as session:
            return bool(session.run("revoke_audit", id=audit_id, at=to_micros(at)))

    def audits(self) -> Sequence[Audit]:
        """All audits, oldest first, revoked ones included."""
        return tuple(_audit(row) for row in self._database.fetch("list_audits"))

    def audits_of(self, digests: Iterable[Sha256]) -> dict[Sha256, tuple[Audit, ...]]:
        """Audits of those files that have some, oldest first, revoked ones included."""
        found: dict[Sha256, tuple[Audit, ...]] = {}
        for row in self._database.fetch("find_audits", digests=list(digests)):
            audit = _audit(row)
            found[audit.sha256] = (*found.get(audit.sha256, ()), audit)
        return found


def open_audits(settings: Settings) -> AuditStore:
    """Open them where control state is: PostgreSQL, or `control.db` in home."""
    if settings.storage.database_url:
        from pratique.store.connect_postgres import PostgresDatabase  # noqa: PLC0415 - psycopg is slow to import
        from pratique.store.control_postgres import CONTROL_SCHEMA  # noqa: PLC0415 - as above

        return AuditStore(
            PostgresDatabase(
                settings.storage.database_url,
                ("control",),
                schema=CONTROL_SCHEMA,
                deadline_seconds=_STATEMENT_SECONDS,
            )
        )
    return AuditStore(SqliteDatabase(settings.home / "control.db", "control"))


def _audit(row: Row) -> Audit:
    audit_id, digest, filename, verdict, reason, reviewer, origin, statement, *times = row
    created_at, revoked_at = times
    return Audit(
        id=audit_id,
        sha256=Sha256(digest),
        filename=filename,
        verdict=Verdict(verdict),
        reason=reason,
        reviewer=reviewer,
        origin=origin,
        statement=bytes(statement),
        created_at=from_micros(created_at),
        revoked_at=from_micros_or_null(revoked_at),
    )
