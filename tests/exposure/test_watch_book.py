"""The book says of a fleet what `judge_absence` says of each asset."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.exposure.absence import Watch, judge_absence
from pratique.exposure.ports import Watched
from pratique.exposure.watch_book import Asked, Mark, Way, make_book, mark_of
from pratique.inventory.observed.model import AssetKind, PlaceKind

KINDS = {
    AssetKind.LAPTOP: (PlaceKind.ASSET, PlaceKind.ENVIRONMENT, PlaceKind.CACHE),
    AssetKind.ENVIRONMENT: (PlaceKind.ENVIRONMENT, PlaceKind.ASSET),
    AssetKind.REPOSITORY: (PlaceKind.LOCK, PlaceKind.MANIFEST, PlaceKind.ASSET),
    AssetKind.CI_RUN: (PlaceKind.CI_LOG, PlaceKind.LOCK),
    AssetKind.IMAGE: (PlaceKind.LAYER, PlaceKind.SBOM),
    AssetKind.CACHE: (PlaceKind.CACHE,),
}


@st.composite
def assets(draw: st.DrawFn) -> tuple[str, list[Watch]]:
    kind = draw(st.sampled_from(list(KINDS)))
    watches = []
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.sampled_from(KINDS[kind]))
        mode = draw(st.sampled_from(["event", "sampled"]))
        low = draw(st.integers(0, 30))
        high = low + (draw(st.integers(0, 15)) if mode == "event" else 0)
        look = Watched(
            asset=0,
            place=10 * list(KINDS[kind]).index(place) + draw(st.integers(0, 1)),
            mode=mode,
            at_lo=low,
            at_hi=high,
            ended=draw(st.booleans()),
            whole=draw(st.sampled_from([True, True, False])),
            gaps=0,
            entry=len(watches),
        )
        watches.append(Watch(place.value, look))
    return kind.value, watches


def bearing(watches: list[Watch], start: int, end: int) -> list[Watch]:
    """What `FactQueries.watched` gives: looks in the span, the last before, the first after."""
    kept = []
    for place in {one.look.place for one in watches}:
        looks = [one for one in watches if one.look.place == place]
        during = [
            one
            for one in looks
            if one.look.at_lo < end and start < max(one.look.at_hi, one.look.at_lo + 1)
        ]
        before = [one for one in looks if one not in during and one.look.at_lo < start]
        after = [one for one in looks if one not in during and one.look.at_lo >= start]
        kept += during
        kept += [max(before, key=lambda o: (o.look.at_hi, o.look.at_lo))] if before else []
        kept += [min(after, key=lambda o: (o.look.at_lo, o.look.at_hi))] if after else []
    return kept


@pytest.mark.slow
@given(
    st.lists(assets(), max_size=12),
    st.integers(0, 30),
    st.integers(1, 20),
    st.integers(0, 6),
    st.data(),
)
@settings(max_examples=400, deadline=None)
def test_the_book_and_the_rules_agree(
    fleet: list[tuple[str, list[Watch]]],
    start: int,
    length: int,
    patience: int,
    data: st.DataObject,
) -> None:
    end = start + length
    name = "image/sha256:ab"
    marks = [
        (number * 3, f"n{number:02}", kind, mark_of(kind, name, watches))
        for number, (kind, watches) in enumerate(fleet)
    ]
    book = make_book(marks, door_only=False)
    odd = set(book.odd(end))
    apart = odd | set(
        data.draw(st.lists(st.sampled_from([m[0] for m in marks] or [1]), max_size=4))
    )
    expected: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], list[int]] = {}
    for number, (kind, watches) in enumerate(fleet):
        if number * 3 not in apart:
            rule = judge_absence(
                kind, name, bearing(watches, start, end), start, end, patience=patience
            ).rule
            expected[kind, rule] += 1
            first.setdefault((kind, rule), []).append(number * 3)
    found: Counter[tuple[str, str]] = Counter()
    told: dict[tuple[str, str], list[int]] = {}
    for one in book.tell(Asked(start, end, patience), without=apart, names=None):
        found[one.kind, one.rule] += one.number
        told.setdefault((one.kind, one.rule), []).extend(one.first)
    assert found == expected
    assert {key: sorted(ids) for key, ids in told.items()} == first


def test_a_hundred_thousand_assets_are_counted_by_searching() -> None:
    marks = [
        (n, f"n{n:06}", "laptop", Mark(Way.SPAN, "", 10, 1000 + n % 7)) for n in range(100_000)
    ]
    book = make_book(marks, door_only=False)
    looked: list[int] = []

    class Counting(list[int]):
        def __getitem__(self, place: object) -> int:  # type: ignore[override] # a list for the test, not for the world
            looked.append(1)
            return list.__getitem__(self, place)  # type: ignore[index, no-any-return] # as above

    book.columns = book.columns._replace(
        highs=Counting(book.columns.highs), sorted_highs=Counting(book.columns.sorted_highs)
    )
    told = list(book.tell(Asked(20, 1004, 0), without=(), names=20))
    assert {one.rule: one.number for one in told} == {"watched": 42_856, "not-since": 57_144}
    assert all(len(one.first) == 20 for one in told)
    assert len(looked) < 500
