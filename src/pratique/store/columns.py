"""How values lie in columns, the same in every dialect.

Instants are whole microseconds since 1970 in UTC (exact, sortable, no time zone to forget);
lists of short texts are JSON arrays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pratique.values.instants import Instant, as_instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: Instant) -> int:
    """An instant as a column value."""
    return (as_instant(moment) - _EPOCH) // _MICROSECOND


def to_micros_or_null(moment: Instant | None) -> int | None:
    """An instant that may be absent as a column value."""
    return None if moment is None else to_micros(moment)


def from_micros(value: int) -> Instant:
    """A column value as an instant."""
    return _EPOCH + value * _MICROSECOND


def from_micros_or_null(value: int | None) -> Instant | None:
    """A column value that may be NULL as an instant."""
    return None if value is None else from_micros(value)
