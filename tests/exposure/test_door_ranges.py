"""What our door delivered of a release that an advisory means by a range only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from kit.door_oracle import who_got
from kit.door_story import T0, Story, random_story, row
from kit.fact_story import FactStory
from pratique.exposure.answer import Answer, answer
from pratique.exposure.answering import Outcome, Sources, answer_asked
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Asked
from pratique.exposure.question import Question
from pratique.inventory.observed.model import Relation
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.presence import PresenceStore
from pratique.values.instants import Instant
from pratique.values.intervals import Interval
from pratique.values.names import ProjectName

FAR = "2026-01-01T00:00:00Z"
Event = dict[str, str]


def wheel(version: str) -> Any:
    return row(f"litellm-{version}-py3-none-any.whl", version)


class StoredDoor:
    """Fulfils `DoorRecord` from a projection."""

    def __init__(self, presence: PresenceStore) -> None:
        self._presence = presence

    def versions(self, project: ProjectName) -> Collection[str]:
        return self._presence.versions(project)

    def answer(self, question: Question, *, clearing: Interval, now: Instant) -> Answer:
        return answer(question, self._presence.facts(question), now=now, clearing=clearing)

    def knows_anything(self) -> bool:
        return self._presence.knows_doors()


def ask(door: Story, *asked_for: Mapping[str, object], facts: FactStory | None = None) -> Outcome:
    """Ask about an advisory that says this of litellm, over all the time of a story."""
    story = FactStory(log=door.log, now=door.now) if facts is None else facts
    packages = [
        {"package": {"ecosystem": "PyPI", "name": "litellm"}, **affected} for affected in asked_for
    ]
    record = {"id": "TEST-1", "modified": "2026-03-24T12:00:00Z", "affected": packages}
    library = FactStory()
    name = library.advise_record(record)
    database = SqliteDatabase(Path(":memory:"), "facts")
    try:
        presence = PresenceStore(database, door.log)
        presence.catch_up()
        sources = Sources(story.facts(), library, StoredDoor(presence))
        asked = Asked(advisories=(name,), start=T0, end=door.now)
        return answer_asked(asked, sources, now=door.now, tx=door.log.size())
    finally:
        database.close()


def span(*events: Event, kind: str = "ECOSYSTEM") -> dict[str, object]:
    return {"type": kind, "events": list(events)}


def told(found: Outcome) -> dict[str, tuple[str, str]]:
    """Certainty and rule by asset."""
    lines = {one.asset: (one.certainty.value, one.rule) for one in found.answer.lines}
    for group in found.answer.groups:
        lines |= dict.fromkeys(group.assets, (group.certainty.value, group.rule))
    return lines


def shop(*versions: str) -> Story:
    """A door that watches all the time: each asset `v-VERSION` got that release, `idle` nothing."""
    door = Story()
    door.watch("start")
    door.token("idle")
    view = [wheel(version) for version in versions]
    door.view("litellm", view)
    for line in view:
        door.deliver(f"asset:v-{line.version}", "litellm", line)
    door.watched(minutes=5)
    return door


BEFORE_1_82_8 = span({"introduced": "1.82.7"}, {"fixed": "1.82.8"})


def test_a_delivery_that_only_a_range_means_is_exposure_and_others_are_cleared() -> None:
    door = shop("1.82.6", "1.82.7", "1.82.7.post1", "1.82.70", "1.82.8")
    found = told(ask(door, {"ranges": [BEFORE_1_82_8]}))
    got, cleared = ("confirmed", "fetched"), ("cleared", "door-watched")
    assert found == {
        "asset:v-1.82.6": cleared,
        "asset:v-1.82.7": got,
        "asset:v-1.82.7.post1": got,
        "asset:v-1.82.70": cleared,
        "asset:v-1.82.8": cleared,
        "asset:idle": cleared,
    }


@pytest.mark.parametrize(
    "affected",
    [
        {"versions": ["1.0"], "ranges": [BEFORE_1_82_8]},
        {"versions": ["1.82.7"], "ranges": [span({"introduced": "a"}, kind="GIT")]},
        {"ranges": [span({"introduced": "0"}, {"last_affected": "1.82.7"})]},
        {"ranges": [span({"introduced": "1.82.7-rc.1"}, {"limit": "1.83"}, kind="SEMVER")]},
    ],
)
def test_versions_and_ranges_of_one_record_are_both_asked_for(affected: dict[str, Any]) -> None:
    found = told(ask(shop("1.82.7", "1.90"), affected))
    assert found["asset:v-1.82.7"] == ("confirmed", "fetched")
    assert found["asset:v-1.90"] == ("cleared", "door-watched")


def test_a_record_that_means_every_version_means_every_delivery() -> None:
    found = told(ask(shop("1.82.7", "1!3"), {"ranges": [span({"introduced": "0"})]}))
    assert found["asset:v-1.82.7"] == found["asset:v-1!3"] == ("confirmed", "fetched")
    assert found["asset:idle"] == ("cleared", "door-watched")


def test_a_range_in_which_the_door_knows_nothing_clears_by_coverage_only() -> None:
    door = shop("1.90")
    assert set(told(ask(door, {"ranges": [BEFORE_1_82_8]})).values()) == {
        ("cleared", "door-watched")
    }
    door.wait(hours=1)  # nothing watched
    assert set(told(ask(door, {"ranges": [BEFORE_1_82_8]})).values()) == {("unknown", "door-gap")}


def test_a_file_whose_version_nobody_can_tell_clears_nobody() -> None:
    for name in ("litellm-latest.zip", "litellm.exe"):
        door = shop("1.82.6", "1.82.7")
        door.view("litellm", [wheel("1.82.6"), row(name, "")])
        found = told(ask(door, {"ranges": [BEFORE_1_82_8]}))
        assert found["asset:v-1.82.7"] == ("confirmed", "fetched")
        assert found["asset:v-1.82.6"] == found["asset:idle"] == ("unknown", "door-unasked")


def test_a_version_that_has_no_order_clears_nobody() -> None:
    for spelled in ("2.0.1rc2-git", "1.82.7-final"):
        door = shop("1.82.6")
        door.deliver("asset:odd", "litellm", row(f"litellm-{spelled}.zip", spelled))
        found = told(ask(door, {"ranges": [BEFORE_1_82_8]}))
        assert {rule for _, rule in found.values()} == {"door-unasked"}
        # It is listed by its text: no question about versions can be sure to find it.
        found = told(ask(door, {"versions": [spelled]}))
        assert {rule for _, rule in found.values()} == {"door-unasked"}


def test_what_left_the_page_without_a_name_for_it_is_no_unknown_file() -> None:
    door = shop("1.82.6")
    door.view("litellm", [])
    assert told(ask(door, {"ranges": [BEFORE_1_82_8]}))["asset:idle"][0] == "cleared"


@pytest.mark.parametrize(
    ("affected", "more"),
    [
        # Builds are told apart, and the door lists versions without their local label.
        ({"ranges": [span({"introduced": "1.82.7+cpu"}, {"fixed": "1.82.8"})]}, {}),
        ({"ranges": [BEFORE_1_82_8]}, {"package": {"ecosystem": "npm", "name": "litellm"}}),
    ],
)
def test_what_the_door_cannot_be_asked_for_is_left_open(
    affected: dict[str, Any], more: dict[str, Any]
) -> None:
    found = told(ask(shop("1.82.6"), {**affected, **more}))
    assert all(certainty != "cleared" for certainty, _ in found.values())


def test_of_two_packages_both_must_be_asked_for() -> None:
    door = shop("1.82.6", "1.82.7")
    npm = {"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1.0.0"]}
    found = told(ask(door, {"ranges": [BEFORE_1_82_8]}, npm))
    assert found["asset:v-1.82.7"] == ("confirmed", "fetched")
    assert found["asset:idle"] == ("unknown", "door-unasked")


def test_who_can_install_from_nowhere_else_is_cleared_of_a_range_even_if_it_never_asked() -> None:
    door = shop("1.82.6", "1.82.7")
    facts = FactStory(log=door.log, now=door.now)
    for asset in ("asset:bound", "asset:v-1.82.7"):
        facts.fact(Relation.FETCHES_THROUGH, asset, "door:index", from_lo=FAR, from_hi=FAR)
    facts.look("bound")
    found = told(ask(door, {"ranges": [BEFORE_1_82_8]}, facts=facts))
    assert found["asset:bound"] == ("cleared", "bound-to-door")
    assert found["asset:v-1.82.7"] == ("confirmed", "fetched")
    # Others may have it from elsewhere, now that somebody was seen who does not ask our door.
    assert found["asset:v-1.82.6"] == ("unknown", "elsewhere")


def test_who_asked_for_a_release_in_range_and_was_refused_is_not_cleared() -> None:
    door = shop("1.82.6")
    held = row("litellm-1.82.7-py3-none-any.whl", "1.82.7", "hold", "cool-down", "BLOCK")
    door.refuse("asset:eager", "litellm", held)
    door.watched(minutes=1)
    found = told(ask(door, {"ranges": [BEFORE_1_82_8]}))
    assert found["asset:eager"] == ("unknown", "door-refused")
    assert found["asset:idle"] == ("cleared", "door-watched")


def test_an_answer_of_a_page_that_nobody_can_explain_clears_nobody() -> None:
    """It may have offered a release in range that no recorded view ever listed."""
    door = shop("1.82.6")
    door.page("asset:idle", "litellm", "0" * 32)
    door.watched(minutes=1)
    found = told(ask(door, {"ranges": [BEFORE_1_82_8]}))
    assert found["asset:idle"] == ("unknown", "door-gap")


# ── against a naive oracle ───────────────────────────────────────────────────────────────────

_BOUNDS = ("0", "1.82.6", "1.82.7", "1.82.7.dev1", "1.82.7.0", "1.82.8", "1.82.70", "1!0")


@st.composite
def ranges(draw: st.DrawFn) -> list[Event]:
    """One or two stretches of versions, in order."""
    places = sorted(draw(st.sets(st.sampled_from(_BOUNDS), min_size=1, max_size=4)), key=_place)
    ends = draw(st.sampled_from(["fixed", "last_affected"]))
    return [{("introduced", ends)[n % 2]: text} for n, text in enumerate(places)]


def _place(text: str) -> Version:
    return Version("0.dev0") if text == "0" else Version(text)


def _in_range(events: list[Event], text: str) -> bool:
    """The stretches compared one by one; local labels are of the release that they build."""
    try:
        version = Version(Version(text).public)
    except InvalidVersion:
        return False
    for start, end in zip(events[::2], [*events[1::2], {}][: len(events[::2])], strict=True):
        if version < _place(start["introduced"]):
            continue
        if "fixed" in end and version >= _place(end["fixed"]):
            continue
        if "last_affected" in end and version > _place(end["last_affected"]):
            continue
        return True
    return False


def watched_story(seed: int) -> Story:
    """A random story under a watch without a gap."""
    story = Story()
    story.watch("start", "always", period_seconds=10**6)
    return random_story(seed, story=story)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), events=ranges(), listed=st.sampled_from([(), ("1.82.8",)]))
def test_who_got_something_in_range_is_who_a_walk_through_the_log_finds(
    seed: int, events: list[Event], listed: tuple[str, ...]
) -> None:
    story = watched_story(seed)
    story.wait(seconds=1)

    def is_meant(project: str, text: str) -> bool:
        if project != "litellm" or not text:
            return False
        return _in_range(events, text) or Version(text).public in listed

    expected = who_got(story, is_meant, T0, story.now)
    found = ask(story, {"ranges": [span(*events)], "versions": list(listed)})
    lines = {one.asset: one for one in found.answer.lines}
    fetched = {name for name, one in lines.items() if one.stage == "fetched"}
    assert fetched == expected["fetched"]
    assert lines.keys() - fetched == expected["offered"] - expected["fetched"]
    cleared = {name for name, (word, _) in told(found).items() if word == "cleared"}
    assert not cleared & (expected["fetched"] | expected["offered"])
    assert Certainty.CLEARED not in {one.certainty for one in found.answer.lines}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), events=ranges())
def test_a_range_says_what_the_list_of_its_versions_says(seed: int, events: list[Event]) -> None:
    story = watched_story(seed)
    story.wait(seconds=1)
    spelled = {
        change["v"]
        for entry in story.log.kept
        if entry.kind == "view"
        for change in entry.body["changes"]
    }
    inside = sorted(v for v in spelled if _in_range(events, v)) or ["9999"]
    by_range = ask(story, {"ranges": [span(*events)]})
    by_list = ask(story, {"versions": inside})
    assert told(by_range) == told(by_list)
    assert by_range.answer.lines == by_list.answer.lines
    assert by_range.answer.unexplained == by_list.answer.unexplained
