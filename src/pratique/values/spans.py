"""Four-bounded spans: when something was so, as far as looks at it can tell.

A look at 02:00 without a file and one at 03:00 with it give a start in (02:00, 03:00]. So a span
has two bounds for its start and two for its end: it lasted at least over the `definite` part and at
most over the `possible` part. Bounds are whole microseconds since 1970 in UTC, because millions of
them are compared; half-open, as everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pratique.values.instants import Instant, as_instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DAWN: Final = -62_135_596_800_000_000
"""Before anything was watched: 0001-01-01, the lower bound of a start nobody saw."""
OPEN: Final = 253_402_300_799_000_000
"""Not ended as far as known: 9999-12-31T23:59:59Z."""


def to_micros(moment: Instant) -> int:
    """An instant as whole microseconds since 1970."""
    return (as_instant(moment) - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> Instant:
    """The instant of a number of microseconds since 1970."""
    return _EPOCH + value * _MICROSECOND


def is_dawn(moment: Instant) -> bool:
    """Whether an instant stands for a start that nobody saw."""
    return to_micros(moment) == DAWN


def to_micros_or_null(moment: Instant | None) -> int | None:
    """As `to_micros`, of an instant that may be absent."""
    return None if moment is None else to_micros(moment)


def from_micros_or_null(value: int | None) -> Instant | None:
    """As `from_micros`, of a number that may be absent."""
    return None if value is None else from_micros(value)


class Span(NamedTuple):
    """`from_lo <= from_hi`, `to_lo <= to_hi`, `from_lo <= to_hi`.

    It began in [from_lo, from_hi] and ended in [to_lo, to_hi]. `to_lo` is the last instant at which
    it was seen; `to_hi` is OPEN while nobody has seen it gone. `from_hi <= to_lo` except where the
    very existence is not certain.
    """

    from_lo: int
    from_hi: int
    to_lo: int
    to_hi: int

    @property
    def certain(self) -> bool:
        """Whether there is an instant at which it surely was so."""
        return self.from_hi <= self.to_lo

    def may_overlap(self, start: int, end: int) -> bool:
        """Whether it may have been so at an instant of `[start, end)`.

        An empty window `[t, t)` asks for the instant t. A span of zero length counts at its instant.
        """
        return _touch(self.from_lo, self.to_hi, start, end)

    def surely_overlaps(self, start: int, end: int) -> bool:
        """Whether it surely was so at an instant of `[start, end)`."""
        return self.certain and _touch(self.from_hi, self.to_lo, start, end)

    def surely_covers(self, start: int, end: int) -> bool:
        """Whether it surely was so throughout `[start, end)`."""
        return self.certain and self.from_hi <= start and end <= self.to_lo


def _touch(first: int, last: int, start: int, end: int) -> bool:
    """Whether half-open `[first, last)` and `[start, end)` share an instant; empty ones are points."""
    return first < max(end, start + 1) and start < max(last, first + 1)


def exactly(start: int, end: int = OPEN) -> Span:
    """A span whose bounds are known."""
    return Span(start, start, end, end)
