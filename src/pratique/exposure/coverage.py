"""When the door was watching, and when not. Only coverage clears.

Several doors are one coverage: a door that is shut lets nothing through.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from pratique.exposure.facts import Watch
from pratique.values.instants import Instant
from pratique.values.intervals import Interval, join_intervals, subtract_intervals


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Spans watched and not watched within one interval."""

    asked: Interval
    """The interval of the question, its end no later than now."""
    watched: tuple[Interval, ...]
    gaps: tuple[Interval, ...]

    @property
    def whole(self) -> bool:
        """Whether every instant was watched; of no time at all nothing is known."""
        return not self.gaps and self.asked.start != self.asked.end


def measure_coverage(watches: Iterable[Watch], asked: Interval, *, now: Instant) -> Coverage:
    """Cut the spans of watching to what was asked.

    Shape: `asked` without an end, or with one in the future, ends now; nobody has watched later.
    """
    end = now if asked.end is None else min(asked.end, now)
    bounded = Interval(start=min(asked.start, end), end=end)
    spans = join_intervals(_span(watch, now) for watch in watches)
    watched = tuple(
        Interval(start=max(span.start, bounded.start), end=min(span.end or end, end))
        for span in spans
        if span.overlaps(bounded)
    )
    return Coverage(asked=bounded, watched=watched, gaps=subtract_intervals(bounded, watched))


def _span(watch: Watch, now: Instant) -> Interval:
    """A watch that has not stopped still counts until two of its periods have passed unheard."""
    patience = timedelta(seconds=2 * watch.period_seconds)
    if not watch.stopped and watch.last <= now <= watch.last + patience:
        return Interval(start=watch.start, end=now)
    return Interval(start=watch.start, end=watch.last)
