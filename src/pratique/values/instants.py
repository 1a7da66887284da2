"""Instants: always aware, always UTC. "Now" is passed in, never read in a room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pratique.errors import ValueFormatError

Instant: TypeAlias = datetime
"""An aware datetime in UTC. Built by `parse_instant`, `as_instant` or a `Clock`."""

Clock: TypeAlias = Callable[[], Instant]
"""What hands out the present instant; doors and edges receive one, rooms receive an Instant."""


def as_instant(moment: datetime) -> Instant:
    """Convert an aware datetime to UTC.

    Raises: ValueFormatError when the datetime is naive, because its meaning would be a guess.
    """
    if moment.tzinfo is None:
        raise ValueFormatError(
            f"instant without a time zone: {moment.isoformat()}",
            expected="an offset such as Z or +00:00",
        )
    return moment.astimezone(UTC)


def parse_instant(text: str) -> Instant:
    """Read an RFC 3339 instant; a bare date means its first instant in UTC.

    Raises: ValueFormatError for anything else, naive times included.
    Source: RFC 3339 section 5.6; PEP 700 "upload-time".
    """
    stripped = text.strip()
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        raise ValueFormatError(
            f"not an instant: {text[:80]!r}", expected="RFC 3339, such as 2026-03-24T10:39:00Z"
        ) from None
    if moment.tzinfo is None and len(stripped) == len("2026-03-24"):
        moment = moment.replace(tzinfo=UTC)
    return as_instant(moment)


def render_instant(moment: Instant) -> str:
    """Write an instant as RFC 3339 in UTC with a Z, microseconds only where there are any."""
    return as_instant(moment).replace(tzinfo=None).isoformat() + "Z"


def render_minute(moment: Instant) -> str:
    """Write an instant for a person: minutes are enough, always in UTC, rounded up.

    Rounding up keeps the promise "held until" true to the minute.
    """
    moment = as_instant(moment)
    if moment.second or moment.microsecond:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def render_second(moment: Instant) -> str:
    """Write an instant for a person to whom seconds matter, always in UTC: `2026-03-24 10:39:00 UTC`."""
    return as_instant(moment).strftime("%Y-%m-%d %H:%M:%S UTC")


def now_utc() -> Instant:
    """The wall clock, for `assembly` and tests; rooms never call it."""
    return datetime.now(tz=UTC)
