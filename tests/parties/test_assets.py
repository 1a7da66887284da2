"""Whose an asset is, by patterns; and that no name makes the answer take long."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from pratique.parties.assets import operates
from pratique.parties.model import Party, PartyKind


def vendor(*assets: str) -> Party:
    return Party(name="acme", kind=PartyKind.VENDOR, assets=assets)


@given(st.lists(st.text("ab*", min_size=1, max_size=7), max_size=3), st.text("ab", max_size=10))
def test_a_star_stands_for_anything(patterns: list[str], name: str) -> None:
    assert operates(vendor(*patterns), name) == any(fnmatchcase(name, one) for one in patterns)


def test_a_hostile_name_takes_no_time() -> None:
    before = time.process_time()
    assert not operates(vendor("a*a*a*a*b"), "a" * 5_000)
    assert not operates(vendor("*a*a*ab"), "a" * 5_000)
    assert time.process_time() - before < 1.0


def test_nobodys_pattern_reaches_what_stands_for_products_of_others() -> None:
    for name in ("vendor/other/x", "vendor/acme/", "vendor/Acme/x"):
        assert not operates(vendor("*"), name)
    assert operates(vendor(), "vendor/acme/labeler")
