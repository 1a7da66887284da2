"""The rule of velocity: a habit is 20 hours, and one past peak does not move it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.custody_samples import GIB, T0
from pratique.custody.model import ScopeId
from pratique.custody.velocity import (
    HABIT_HOURS,
    VelocityRule,
    hour_of,
    hourly_limit,
    is_measured,
    percentile_95,
    velocity_reason,
)

RULE = VelocityRule(factor=5.0, floor_bytes=10 * GIB)
HOLDER, VENDOR = ScopeId("holder:acme/coding/p-1"), ScopeId("vendor:acme")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], 0),
        ([7], 7),
        (list(range(1, 101)), 95),
        (list(range(1, 21)), 19),
        ([1] * 19 + [10**12], 1),
    ],
)
def test_the_95th_percentile_is_the_nearest_rank(values: list[int], found: int) -> None:
    assert percentile_95(values) == found


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_at_least_95_of_100_lie_at_or_below_it(values: list[int]) -> None:
    found = percentile_95(values)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= 95 * len(values)
    assert sum(value < found for value in values) * 100 < 95 * len(values)


def test_without_a_habit_the_floor_holds_for_holders_only() -> None:
    few = [100 * GIB] * (HABIT_HOURS - 1)
    assert hourly_limit(HOLDER, few, RULE) == RULE.floor_bytes
    assert hourly_limit(VENDOR, few, RULE) is None


def test_a_habit_counts_and_the_floor_stays() -> None:
    busy = [4 * GIB] * HABIT_HOURS
    assert hourly_limit(HOLDER, busy, RULE) == 20 * GIB
    assert hourly_limit(VENDOR, busy, RULE) == 20 * GIB
    assert hourly_limit(VENDOR, [1] * HABIT_HOURS, RULE) == RULE.floor_bytes
    peak = [4 * GIB] * (HABIT_HOURS - 1) + [1000 * GIB]
    assert hourly_limit(HOLDER, peak, RULE) == 20 * GIB


def test_the_rule_can_be_off() -> None:
    off = VelocityRule(factor=0, floor_bytes=0)
    assert hourly_limit(HOLDER, [1] * 100, off) is None


def test_hours_are_of_utc() -> None:
    start = T0.replace(minute=0, second=0, microsecond=0)
    assert hour_of(start) == hour_of(T0) == hour_of(start + timedelta(minutes=59, seconds=59))
    assert hour_of(start + timedelta(hours=1)) == hour_of(T0) + 1
    assert hour_of(start - timedelta(microseconds=1)) == hour_of(T0) - 1


def test_who_is_measured_and_what_they_read() -> None:
    measured = ("holder:a/b/c", "project:a/b", "vendor:a")
    assert all(is_measured(ScopeId(one)) for one in measured)
    assert not any(is_measured(ScopeId(one)) for one in ("lease:x", "client:meta", "dataset:d"))
    reason = velocity_reason(HOLDER, hour_bytes=11 * GIB + GIB // 4, limit=10 * GIB)
    assert reason == (
        "suspended by the velocity rule: holder acme/coding/p-1 would have disclosed 11.2 GiB this "
        "hour, and its limit is 10.0 GiB"
    )
