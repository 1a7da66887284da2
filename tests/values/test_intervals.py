"""Interval algebra against an oracle that simply lists the instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.values.intervals import Interval, join_intervals, subtract_intervals

EPOCH = datetime(2026, 3, 24, tzinfo=UTC)
HORIZON = 24
"""Open ends reach further than every bounded one, which is all an oracle needs to see."""


def at(hours: int) -> datetime:
    return EPOCH + timedelta(hours=hours)


def span(start: int, end: int | None = None) -> Interval:
    return Interval(start=at(start), end=None if end is None else at(end))


def hours(spans: tuple[Interval, ...]) -> set[int]:
    """Every hour that some span covers, up to the horizon."""
    return {hour for hour in range(HORIZON) if any(s.contains(at(hour)) for s in spans)}


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, 15))
    length = draw(st.one_of(st.none(), st.integers(0, 6)))
    return span(start, None if length is None else start + length)


def test_an_interval_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        span(2, 1)


def test_the_end_does_not_belong_to_it() -> None:
    assert span(1, 2).contains(at(1))
    assert not span(1, 2).contains(at(2))
    assert not span(1, 1).contains(at(1))
    assert span(1).contains(at(10_000))


def test_touching_spans_do_not_overlap_but_join() -> None:
    assert not span(1, 2).overlaps(span(2, 3))
    assert join_intervals([span(2, 3), span(1, 2)]) == (span(1, 3),)


@given(intervals(), intervals())
def test_overlap_means_a_shared_hour(one: Interval, other: Interval) -> None:
    if one.start == one.end or other.start == other.end:
        return
    assert one.overlaps(other) == bool(hours((one,)) & hours((other,)))
    assert one.overlaps(other) == other.overlaps(one)


@given(st.lists(intervals(), max_size=8))
def test_joining_keeps_every_hour_and_adds_none(spans: list[Interval]) -> None:
    joined = join_intervals(spans)
    assert hours(joined) == hours(tuple(spans))


@given(st.lists(intervals(), max_size=8))
def test_joined_spans_are_sorted_and_apart(spans: list[Interval]) -> None:
    joined = join_intervals(spans)
    for before, after in pairwise(joined):
        assert before.end is not None
        assert before.end < after.start
    assert join_intervals(joined) == joined
    assert join_intervals(reversed(spans)) == joined


@given(intervals(), st.lists(intervals(), max_size=8))
def test_gaps_and_cover_are_the_whole(whole: Interval, covered: list[Interval]) -> None:
    gaps = subtract_intervals(whole, covered)
    assert hours(gaps) == hours((whole,)) - hours(tuple(covered))
    assert gaps == join_intervals(gaps)


@given(intervals())
def test_nothing_covers_nothing_and_all_covers_all(whole: Interval) -> None:
    expected = () if whole.start == whole.end else (whole,)
    assert subtract_intervals(whole, []) == expected
    assert subtract_intervals(whole, [whole]) == ()
