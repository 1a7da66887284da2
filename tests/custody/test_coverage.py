"""Laws of coverage, against a set of segment numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.coverage import Coverage
from pratique.custody.model import PART_BYTES, SEGMENT_BYTES

SIZES = st.one_of(
    st.integers(0, 5 * SEGMENT_BYTES),
    st.integers(PART_BYTES - 2 * SEGMENT_BYTES, PART_BYTES + 2 * SEGMENT_BYTES),
    st.integers(3 * PART_BYTES - 1, 3 * PART_BYTES + SEGMENT_BYTES + 1),
)


class Naive:
    """Every segment on its own."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.paid: set[int] = set()

    def segments(self, start: int, end: int) -> set[int]:
        return (
            set(range(start // SEGMENT_BYTES, -(-end // SEGMENT_BYTES))) if start < end else set()
        )

    def length(self, segment: int) -> int:
        return min(SEGMENT_BYTES, self.size - segment * SEGMENT_BYTES)

    def missing(self, start: int, end: int) -> int:
        return sum(self.length(one) for one in self.segments(start, end) - self.paid)

    def add(self, start: int, end: int) -> None:
        self.paid |= self.segments(start, end)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    size = draw(SIZES)
    edges = st.integers(0, size // SEGMENT_BYTES).map(SEGMENT_BYTES.__mul__)
    points = st.integers(0, size) | edges
    found = draw(st.lists(st.tuples(points, points), max_size=6))
    return size, [(min(a, b), max(a, b)) for a, b in found]


@given(ranges())
def test_it_counts_what_a_set_of_segments_counts(world: tuple[int, list[tuple[int, int]]]) -> None:
    size, asked = world
    ours, naive = Coverage(size), Naive(size)
    for start, end in asked:
        assert ours.missing(start, end) == naive.missing(start, end)
        ours.add(start, end)
        naive.add(start, end)
        assert ours.missing(start, end) == 0
        assert ours.disclosed == sum(naive.length(one) for one in naive.paid)


@pytest.mark.slow
@given(ranges(), ranges())
def test_merging_is_the_union(
    one: tuple[int, list[tuple[int, int]]], other: tuple[int, list[tuple[int, int]]]
) -> None:
    size = max(one[0], other[0])
    first, second, both = Coverage(size), Coverage(size), Coverage(size)
    for start, end in one[1]:
        first.add(start, end)
        both.add(start, end)
    for start, end in other[1]:
        second.add(start, end)
        both.add(start, end)
    first.merge(second.to_bytes())
    assert first.to_bytes() == both.to_bytes()
    assert Coverage(size, first.to_bytes()).disclosed == both.disclosed


def test_a_range_that_ends_with_a_segment_pays_for_no_more() -> None:
    covered = Coverage(3 * SEGMENT_BYTES)
    assert covered.missing(0, SEGMENT_BYTES) == SEGMENT_BYTES
    assert covered.missing(0, 2 * SEGMENT_BYTES) == 2 * SEGMENT_BYTES
    covered.add(0, SEGMENT_BYTES)
    assert covered.disclosed == SEGMENT_BYTES


def test_one_byte_discloses_its_segment_and_the_last_one_has_its_own_length() -> None:
    covered = Coverage(SEGMENT_BYTES + 10)
    assert covered.missing(5, 6) == SEGMENT_BYTES
    assert covered.missing(SEGMENT_BYTES, SEGMENT_BYTES + 1) == 10
    assert covered.missing(0, SEGMENT_BYTES + 10) == SEGMENT_BYTES + 10
    covered.add(5, 6)
    assert covered.missing(0, SEGMENT_BYTES + 1) == 10


def test_the_stored_form_has_segment_0_as_bit_0() -> None:
    covered = Coverage(PART_BYTES)
    covered.add(SEGMENT_BYTES * 9, SEGMENT_BYTES * 10)
    assert covered.to_bytes()[:2] == bytes([0, 2])
