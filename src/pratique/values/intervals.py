"""Half-open intervals of instants, and the four-bounded spans that evidence yields."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pratique.values.instants import Instant


class Interval(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A half-open span `[start, end)`; `end` of None means "still going on"."""

    start: Instant
    end: Instant | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"interval ends before it starts: {self.start} > {self.end}")

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share at least one instant."""
        return (other.end is None or self.start < other.end) and (
            self.end is None or other.start < self.end
        )

    def contains(self, moment: Instant) -> bool:
        """Whether the instant lies in `[start, end)`."""
        return self.start <= moment and (self.end is None or moment < self.end)


def join_intervals(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """Join touching and overlapping spans.

    Shape: any order in; sorted and disjoint out; empty spans vanish.
    """
    joined: list[Interval] = []
    for span in sorted(spans, key=lambda s: s.start):
        if span.end is not None and span.end == span.start:
            continue
        last = joined[-1] if joined else None
        if last is None or (last.end is not None and last.end < span.start):
            joined.append(span)
        elif last.end is not None and (span.end is None or span.end > last.end):
            joined[-1] = Interval(start=last.start, end=span.end)
    return tuple(joined)


def subtract_intervals(whole: Interval, covered: Iterable[Interval]) -> tuple[Interval, ...]:
    """The parts of `whole` that no covered span touches: the gaps.

    Shape: sorted, disjoint, all inside `whole`.
    """
    gaps: list[Interval] = []
    cursor = whole.start
    for span in join_intervals(covered):
        if not span.overlaps(whole):
            continue
        if span.start > cursor:
            gaps.append(Interval(start=cursor, end=span.start))
        if span.end is None:
            return tuple(gaps)
        cursor = max(cursor, span.end)
    if whole.end is None or cursor < whole.end:
        gaps.append(Interval(start=cursor, end=whole.end))
    return tuple(gaps)
