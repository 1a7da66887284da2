"""Numbers of things, as a person writes them."""

from __future__ import annotations

import pytest

from pratique.values.counting import counted


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 leases"), (1, "1 lease"), (2, "2 leases"), (10_000, "10,000 leases")],
)
def test_one_alone_is_singular(number: int, expected: str) -> None:
    assert counted(number, "lease") == expected


def test_an_odd_plural_is_given() -> None:
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == (
        "1 entry",
        "2 entries",
    )
