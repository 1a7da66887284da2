"""Looks as the ledger can take them, whatever a reader saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.edge.sweep.tidy import plain, tidy
from pratique.inventory.observed.entries import look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Gap,
    Identity,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.canonical import prepare
from pratique.values.instants import parse_instant

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEXT = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\0\udc80\udcff\ud800\x1b\n")), max_size=30
)
TIMES = st.sampled_from(
    ["", "2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "yesterday", "2026-11-22T12:01:00Z"]
)


@given(TEXT)
def test_a_plain_text_is_json_and_keeps_what_was_plain(text: str) -> None:
    made = plain(text)
    msgspec.json.encode(made)
    assert "\0" not in made
    if text.isascii() and "\0" not in text:
        assert made == text


def test_bytes_that_are_no_text_stay_apart() -> None:
    assert plain("a\udcffb") == "a\\xffb"
    assert plain("a\udcfeb") != plain("a\udcffb")
    assert len(plain("x" * 9000)) <= 4000
    assert plain("a" * 5000 + "END").endswith("END")


@given(TEXT, TEXT, TIMES, TIMES, st.integers(-300, 300))
@settings(max_examples=150, deadline=None)
def test_any_look_becomes_entries_with_times_in_order(
    name: str, other: str, lo: str, hi: str, minutes: int
) -> None:
    look = Look(
        asset=f"a{name}",
        asset_kind=AssetKind.HOST,
        place_kind=PlaceKind.ENVIRONMENT,
        locator=f"/{name}",
        at_lo=NOW + timedelta(minutes=minutes),
        at_hi=NOW + timedelta(minutes=abs(minutes)),
        sightings=(
            Sighting(
                item=Item(type="pypi", name=f"n{other}", version=name, filename=other),
                stage=Stage.INSTALLED,
                since_lo=lo,
                since_hi=hi,
                at=name,
                parents=(other,),
                note=other,
            ),
        ),
        identities=(Identity(kind="env", name=f"n{name}", locator=other, local=True),),
        gaps=(Gap(what=name, why=other),) * 150,
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/x",
    )
    made = tidy(look, now=NOW)
    for draft in look_drafts(made, base=None, is_recorded=lambda _id: False):
        prepare(draft)
    assert made.at_lo <= made.at_hi <= NOW
    [sighting] = made.sightings
    since = [parse_instant(t) for t in (sighting.since_lo, sighting.since_hi) if t]
    assert since == sorted(since)
    assert all(moment <= made.at_hi for moment in since)
    if "2031" in lo + hi and "yesterday" not in (lo, hi):
        assert "in the future" in made.gaps[-1].why


def test_a_gap_of_every_length_fits_an_entry() -> None:
    look = Look(
        asset="a",
        asset_kind=AssetKind.HOST,
        place_kind=PlaceKind.ASSET,
        locator="/" * 9000,
        at_lo=NOW,
        at_hi=NOW,
        gaps=tuple(Gap(what="é" * 5000, why="w" * 5000) for _ in range(300)),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/x",
    )
    [draft] = look_drafts(tidy(look, now=NOW), base=None, is_recorded=lambda _id: False)
    prepare(draft)
    assert draft.body["gaps_total"] == 300
