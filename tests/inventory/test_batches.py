"""Batches: what a collector sends is checked as if an enemy had written it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.inventory.observed.batches import (
    BatchError,
    assets_in,
    batch_id,
    contents_needed,
    parse_batch,
    render_batch,
)
from pratique.inventory.observed.entries import content_of, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft

AT = datetime(2026, 6, 1, tzinfo=UTC)


def look(*words: str, asset: str = "box") -> Look:
    return Look(
        asset=asset,
        asset_kind=AssetKind.SERVER,
        place_kind=PlaceKind.ENVIRONMENT,
        locator="/srv",
        at_lo=AT,
        at_hi=AT,
        sightings=tuple(
            Sighting(item=Item(type="pypi", name=w, version="1"), stage=Stage.INSTALLED)
            for w in words
        ),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/x",
    )


def drafts(one: Look, base: Look | None = None) -> list[Draft]:
    known = (content_of(base).id, content_of(base)) if base is not None else None
    return look_drafts(one, base=known, is_recorded=lambda _id: False)


WORDS = st.lists(st.text(min_size=1, max_size=8), max_size=5)


@given(WORDS, st.text(min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_what_was_rendered_is_parsed_with_the_servers_actor(words: list[str], asset: str) -> None:
    made = drafts(look(*(w.encode("ascii", "replace").decode() for w in words), asset=f"a{asset}"))
    try:
        content = render_batch(made)
    except UnicodeEncodeError:
        return  # the sweep makes texts of file names before it drafts (edge.sweep.tidy)
    parsed = parse_batch(content, actor="asset:server-says")
    assert render_batch(parsed) == content
    assert [(d.kind, d.subject) for d in parsed] == [(d.kind, d.subject) for d in made]
    assert {d.actor for d in parsed} == {"asset:server-says"}
    assert batch_id(render_batch(parsed)) == batch_id(content)
    assert assets_in(parsed) == {f"a{asset}"}
    assert contents_needed(parsed) == frozenset()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_batch_or_a_batch_error(content: bytes) -> None:
    with pytest.raises(BatchError):
        parse_batch(content, actor="x")


@pytest.mark.slow
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_batch_that_was_bent_is_taken_as_it_reads_or_refused(data: st.DataObject) -> None:
    wire: dict[str, Any] = msgspec.json.decode(render_batch(drafts(look("a", "b"))))
    target: Any = wire["drafts"][data.draw(st.integers(0, 1))]
    for _ in range(data.draw(st.integers(0, 3))):
        keys = (
            list(target)
            if isinstance(target, dict)
            else range(len(target))
            if isinstance(target, list)
            else []
        )
        inner = [key for key in keys if isinstance(target[key], dict | list) and target[key]]
        if not inner:
            break
        target = target[data.draw(st.sampled_from(inner))]
    if isinstance(target, dict) and target:
        target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JUNK)
    try:
        parsed = parse_batch(msgspec.json.encode(wire), actor="x")
    except BatchError:
        pass
    else:
        assert all(d.kind in {"content", "look", "facts"} for d in parsed)


def test_what_a_batch_rests_on_is_named() -> None:
    first, second = look("a", "b", "c", "d"), look("a", "b", "c", "e")
    alone = drafts(second, base=first)
    assert contents_needed(alone) == {content_of(first).id}
    assert contents_needed([*drafts(first), *alone]) == frozenset()
    assert contents_needed(drafts(first)[1:]) == {content_of(first).id}
    assert contents_needed(drafts(look())) == frozenset()
