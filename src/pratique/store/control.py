"""Opening the state that decisions depend on, and healing it after a crash.

Order of durability of a token, a waiver or a revocation:

1. the ledger entry;
2. the row in control state, from which moment it is in force;
3. the answer to whoever asked (for a token: its secret, shown once).

A crash between 1 and 2 leaves an entry without its row. `heal_control` puts a waiver or a
revocation into force from its entry. A token cannot be healed, and need not be: its secret was
never shown, so that nobody can use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from pratique.errors import ValueFormatError
from pratique.index.ports import ControlState, Waiver
from pratique.settings import Settings
from pratique.store.bodies import WaiverBody
from pratique.store.presence_rows import EventRow, Events
from pratique.values.digests import parse_sha256
from pratique.values.instants import Instant


class ClosableControl(ControlState, Protocol):
    """Control state that whoever opened it also closes."""

    def close(self) -> None:
        """Close connections."""
        ...


def open_control(settings: Settings) -> ClosableControl:
    """Open shared state: PostgreSQL when a database URL is set, else SQLite files in home."""
    if settings.storage.database_url:
        from pratique.store.control_postgres import PostgresControl  # noqa: PLC0415 - psycopg is slow to import

        return PostgresControl(settings.storage.database_url)
    from pratique.store.control_sqlite import SqliteControl  # noqa: PLC0415 - as above

    return SqliteControl(settings.home)


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What was put into force from the ledger, by id; empty almost always."""

    waivers: tuple[str, ...]
    waivers_revoked: tuple[str, ...]
    tokens_revoked: tuple[str, ...]


def heal_control(control: ControlState, events: Events) -> Healed:
    """Put into force what the ledger says was granted or revoked and control state lacks."""
    known = {waiver.id for waiver in control.waivers()}
    restored = []
    for event in events.events("waiver"):
        waiver = _waiver_of(event)
        if waiver is not None and waiver.id not in known:
            control.add_waiver(waiver)
            restored.append(waiver.id)
    return Healed(
        waivers=tuple(restored),
        waivers_revoked=_revoke_all(
            {w.id for w in control.waivers() if w.revoked_at is None},
            [(str(e.body.get("waiver", "")), e.at) for e in events.events("waiver-revoked")],
            lambda waiver_id, at: control.revoke_waiver(waiver_id, at=at),
        ),
        tokens_revoked=_revoke_all(
            {t.id for t in control.tokens() if t.revoked_at is None},
            [(e.subject.removeprefix("token:"), e.at) for e in events.events("token-revoked")],
            lambda token_id, at: control.revoke_token(token_id, at=at),
        ),
    )


def _revoke_all(
    living: set[str], revoked: Sequence[tuple[str, Instant]], revoke: Callable[[str, Instant], bool]
) -> tuple[str, ...]:
    return tuple(one for one, at in revoked if one in living and revoke(one, at))


def _waiver_of(event: EventRow) -> Waiver | None:
    """The waiver that an entry grants; None when the entry is not as documented."""
    try:
        body = msgspec.convert(event.body, WaiverBody)
        digest = parse_sha256(event.subject.removeprefix("sha256:"))
    except (msgspec.ValidationError, ValueFormatError):
        return None
    return Waiver(
        id=body.waiver,
        sha256=digest,
        filename=body.filename,
        index=body.index,
        asset=body.asset,
        approver=event.actor.partition(":")[2],
        reason=body.reason,
        created_at=event.at,
        expires_at=body.expires_at,
        overrides_deny=body.overrides_deny,
    )
