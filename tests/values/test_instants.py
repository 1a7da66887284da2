"""Instants: aware, in UTC, and a promise "until" that is kept to the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.errors import ValueFormatError
from pratique.values.instants import (
    as_instant,
    now_utc,
    parse_instant,
    render_instant,
    render_minute,
)

moments = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001 - hypothesis wants naive bounds
)  # fmt: skip


# RFC 3339 section 5.8, without the leap second that no Python datetime can hold.
@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("1985-04-12T23:20:50.52Z", datetime(1985, 4, 12, 23, 20, 50, 520_000, UTC)),
        ("1996-12-19T16:39:57-08:00", datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC)),
        ("1937-01-01T12:00:27.87+00:20", datetime(1937, 1, 1, 11, 40, 27, 870_000, UTC)),
        ("2026-03-24", datetime(2026, 3, 24, tzinfo=UTC)),
        (" 2026-03-24T10:39:00Z\n", datetime(2026, 3, 24, 10, 39, tzinfo=UTC)),
    ],
)
def test_instants_of_the_standard(text: str, utc: datetime) -> None:
    read = parse_instant(text)
    assert read == utc
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-03-24T10:39:00", "2026-13-01", "1711276740", "2026-03-24 25:00Z"],
)
def test_what_could_mean_two_instants_is_refused(text: str) -> None:
    with pytest.raises(ValueFormatError):
        parse_instant(text)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueFormatError, match="without a time zone"):
        as_instant(datetime(2026, 3, 24))  # noqa: DTZ001 - the point of the test


@given(moments, st.integers(min_value=-14 * 60, max_value=14 * 60))
def test_an_instant_is_the_same_wherever_it_was_written(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_instant(elsewhere.isoformat()) == moment
    assert render_instant(elsewhere) == render_instant(moment)


@given(moments)
def test_reading_what_was_written_changes_nothing(moment: datetime) -> None:
    text = render_instant(moment)
    assert text.endswith("Z")
    assert parse_instant(text) == moment


@given(moments)
def test_until_is_never_promised_too_early(moment: datetime) -> None:
    promised = parse_instant(render_minute(moment))
    assert moment <= promised < moment + timedelta(minutes=1)


def test_until_at_a_full_minute_is_that_minute() -> None:
    assert render_minute(datetime(2026, 3, 24, 10, 39, tzinfo=UTC)) == "2026-03-24T10:39Z"
    assert render_minute(datetime(2026, 12, 31, 23, 59, 1, tzinfo=UTC)) == "2027-01-01T00:00Z"


def test_the_clock_is_aware() -> None:
    assert now_utc().utcoffset() == timedelta(0)
