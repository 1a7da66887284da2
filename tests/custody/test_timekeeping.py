"""Time never goes back for a lease, and a clock that is wrong decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.timekeeping import Timekeeper

START = datetime(2026, 5, 1, tzinfo=UTC)
TOLERANCE = timedelta(seconds=60)
STEPS = st.lists(st.integers(-100_000, 100_000), max_size=40)


@given(STEPS)
def test_what_is_decided_by_never_goes_back_and_is_never_before_the_wall(steps: list[int]) -> None:
    keeper = Timekeeper(tolerance=TOLERANCE)
    newest: datetime | None = None
    for seconds in steps:
        wall = START + timedelta(seconds=seconds)
        assert keeper.behind(wall) is (newest is not None and wall < newest - TOLERANCE)
        at = keeper.at(wall)
        assert at == (wall if newest is None else max(wall, newest))
        newest = at


def test_a_small_step_back_stops_nothing_and_revives_nothing() -> None:
    keeper = Timekeeper(tolerance=TOLERANCE)
    assert keeper.at(START) == START
    back = START - timedelta(seconds=59)
    assert not keeper.behind(back)
    assert keeper.at(back) == START


def test_what_others_saw_counts_until_an_operator_says_that_it_was_wrong() -> None:
    keeper = Timekeeper(tolerance=TOLERANCE)
    keeper.learn(START + timedelta(days=365))
    assert keeper.behind(START)
    assert "2027-05-01" in keeper.sentence(START)
    keeper.accept(START)
    assert not keeper.behind(START)
    assert keeper.at(START + timedelta(seconds=1)) == START + timedelta(seconds=1)
