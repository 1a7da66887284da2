import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.stats import Share, percentile, share


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_newcombe(hits: int, total: int, low: float, high: float) -> None:
    assert Share(hits, total).interval() == (
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_the_share_and_stays_between_zero_and_one(case: tuple[int, int]) -> None:
    found = Share(*case)
    low, high = found.interval()
    assert 0 <= low <= found.value <= high <= 1
    mirrored = Share(found.total - found.hits, found.total).interval()
    assert mirrored == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_nothing_measured_is_not_zero_percent() -> None:
    assert Share(0, 0).text() == "none measured"
    assert Share(0, 0).interval() == (0.0, 1.0)
    assert math.isnan(percentile([], 0.5))


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, f) for f in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert share([True, False, True]) == Share(2, 3)
