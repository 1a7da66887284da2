"""Laws of answers, on generated ledgers: more is never known less, less is never known better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.fact_story import FactStory, at, item, seen
from kit.memory_log import MemoryLog
from pratique.exposure.answering import Sources, answer_asked
from pratique.exposure.certainty import Certainty
from pratique.exposure.difference import compare_answers
from pratique.exposure.incident import Asked, IncidentAnswer, Release, WindowLine
from pratique.exposure.standing import substance_of
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind, Relation, Stage
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.presence import PresenceStore

ASKED = Asked(
    releases=(Release(type="pypi", name="litellm", version="1.82.8"),),
    windows=(
        WindowLine(
            channel="pypi", start=at("02:00"), end=at("03:00"), source="t", confidence="low"
        ),
    ),
)
NOW = at("10:00")
_CLEARS = frozenset({Certainty.CLEARED})


@dataclass(frozen=True)
class Step:
    """One look of a story: at most one per entry, so that looks can be left out."""

    asset: int
    kind: AssetKind
    place: PlaceKind
    event: bool
    start: int
    length: int
    ended: bool
    whole: bool
    version: str
    stage: Stage

    def tell(self, story: FactStory) -> None:
        items = [seen(item("litellm", self.version), self.stage)] if self.version else []
        begun = at("00:00") + timedelta(minutes=30 * self.start)
        story.look(
            f"a{self.asset}",
            *items,
            kind=self.kind,
            place=self.place,
            mode=LookMode.EVENT if self.event else LookMode.SAMPLED,
            start=begun,
            end=begun + timedelta(minutes=30 * self.length),
            ended=self.ended,
            whole=self.whole,
        )


_KINDS = {
    0: (AssetKind.LAPTOP, (PlaceKind.ENVIRONMENT, PlaceKind.ASSET, PlaceKind.CACHE)),
    1: (AssetKind.ENVIRONMENT, (PlaceKind.ENVIRONMENT,)),
    2: (AssetKind.REPOSITORY, (PlaceKind.LOCK, PlaceKind.ASSET)),
    3: (AssetKind.CI_RUN, (PlaceKind.CI_LOG, PlaceKind.LOCK)),
}


@st.composite
def steps(draw: st.DrawFn) -> Step:
    asset = draw(st.integers(0, 3))
    kind, places = _KINDS[asset]
    event = draw(st.booleans())
    return Step(
        asset=asset,
        kind=kind,
        place=draw(st.sampled_from(places)),
        event=event,
        start=draw(st.integers(0, 20)),
        length=draw(st.integers(0, 20)) if event else 0,
        # A run is over once; the end of other places says little.
        ended=kind is AssetKind.CI_RUN,
        whole=draw(st.booleans()),
        version=draw(st.sampled_from(["", "1.82.6", "1.82.8"])),
        stage=draw(st.sampled_from([Stage.LISTED, Stage.FETCHED, Stage.INSTALLED, Stage.EXECUTED])),
    )


def told(told_steps: list[Step]) -> FactStory:
    story = FactStory(now=NOW)
    for step in told_steps:
        step.tell(story)
    return story


def words(answer: IncidentAnswer) -> dict[str, Certainty]:
    """Certainty by asset."""
    found = {line.asset: line.certainty for line in answer.lines}
    found.update({asset: group.certainty for group in answer.groups for asset in group.assets})
    return found


def ask(story: FactStory, tx: int | None = None) -> IncidentAnswer:
    return story.ask(ASKED, now=NOW, tx=tx).answer


@given(st.lists(steps(), max_size=8), steps())
@settings(max_examples=150, deadline=None)
def test_another_look_never_turns_presence_into_cleared(before: list[Step], one: Step) -> None:
    old, new = words(ask(told(before))), words(ask(told([*before, one])))
    for asset, certainty in old.items():
        if certainty.exposed:
            assert new[asset].exposed
        assert not (certainty is Certainty.CONFIRMED and new[asset] in _CLEARS)


@pytest.mark.slow
@given(st.lists(steps(), min_size=1, max_size=8), st.data())
@settings(max_examples=150, deadline=None)
def test_less_coverage_never_clears(every: list[Step], data: st.DataObject) -> None:
    """Whole looks that saw nothing bad are left out; each place keeps one look at least."""
    spare = [
        n
        for n, step in enumerate(every)
        if step.whole
        and step.version != "1.82.8"
        and any(o != step and (o.asset, o.place) == (step.asset, step.place) for o in every)
    ]
    gone = data.draw(st.sampled_from(spare)) if spare else None
    left = [step for n, step in enumerate(every) if n != gone]
    old, new = words(ask(told(every))), words(ask(told(left)))
    for asset, certainty in new.items():
        if certainty is Certainty.CLEARED:
            assert old[asset] is Certainty.CLEARED


@pytest.mark.slow
@given(st.lists(steps(), max_size=8))
@settings(max_examples=100, deadline=None)
def test_nothing_that_came_later_changes_what_was_known(every: list[Step]) -> None:
    whole = told(every)
    digests = []
    for size in range(whole.log.size() + 1):
        cut = FactStory(log=MemoryLog(whole.log.kept[:size]), now=NOW)
        digests.append(ask(cut, size).digest)
    assert digests == [ask(whole, size).digest for size in range(whole.log.size() + 1)]


@given(st.lists(steps(), max_size=8))
@settings(max_examples=100, deadline=None)
def test_every_asset_known_is_counted_once(every: list[Step]) -> None:
    answer = ask(told(every))
    counts = answer.counts
    assert counts.exposed + counts.cleared + counts.unknown == len({s.asset for s in every})
    assert len(words(answer)) == len({s.asset for s in every})
    assert sum(getattr(answer.stages, name) for name in answer.stages.__struct_fields__) == (
        counts.exposed
    )
    assert answer.clear == (counts.cleared > 0 and not counts.exposed and not counts.unknown)


@given(st.lists(steps(), max_size=6), st.lists(steps(), max_size=2))
@settings(max_examples=60, deadline=None)
def test_a_difference_is_empty_exactly_when_nothing_is_said_anew(
    before: list[Step], more: list[Step]
) -> None:
    story = told([*before, *more])
    old, new = ask(story, told(before).log.size()), ask(story)
    found = compare_answers(old, new)
    assert compare_answers(new, new).empty
    if substance_of(old) == substance_of(new):
        assert found.empty
    if found.lines:
        assert found.because


@pytest.mark.slow
@given(st.lists(steps(), max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_store_answers_as_the_oracle_does(every: list[Step]) -> None:
    story = told(every)
    story.fact(Relation.OPENS, "identity:k/x", "dataset:d")
    database = SqliteDatabase(Path(":memory:"), "facts")
    log: Any = story.log
    try:
        presence = PresenceStore(database, log)
        presence.catch_up()
        for size in {story.log.size(), story.log.size() // 2}:
            sources = Sources(presence.inventory, story)
            found = answer_asked(ASKED, sources, now=NOW, tx=size).answer
            assert found == ask(story, size)
        book = presence.watch_book(story.log.size())
        searched = Sources(presence.inventory, story, book=book)
        found = answer_asked(ASKED, searched, now=NOW, tx=story.log.size()).answer
        assert found == ask(story)
    finally:
        database.close()
