"""Answers: certainty, stage and coverage against stories told step by step, and a naive oracle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from kit.door_oracle import who_got
from kit.door_story import T0, Story, random_story, row
from pratique.errors import InputError, ValueFormatError
from pratique.exposure.answer import Answer, AssetLine, Stage
from pratique.exposure.certainty import Certainty
from pratique.exposure.question import (
    BEGINNING,
    Question,
    parse_release_argument,
    parse_release_arguments,
)
from pratique.exposure.report import render_answer_text
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.presence import PresenceStore, answer_exposed
from pratique.values.digests import Sha256
from pratique.values.intervals import Interval
from pratique.values.names import ProjectName

LITELLM = ProjectName("litellm")
GOOD = row("litellm-1.82.6-py3-none-any.whl", "1.82.6")
BAD = row("litellm-1.82.7-py3-none-any.whl", "1.82.7")
HELD = row("litellm-1.82.7-py3-none-any.whl", "1.82.7", "hold", "cool-down", "BLOCK")
LONG = row("litellm-1.82.70-py3-none-any.whl", "1.82.70")


def ask(story: Story, *versions: str, **changes: Any) -> Answer:
    interval = changes.pop("interval", Interval(start=T0))
    question = Question(
        releases=tuple((LITELLM, Version(v)) for v in versions or ("1.82.7",)),
        interval=interval,
        **changes,
    )
    database = SqliteDatabase(Path(":memory:"), "facts")
    try:
        presence = PresenceStore(database, story.log)
        return answer_exposed(presence, story.log, question, now=story.now)
    finally:
        database.close()


def line(found: Answer, asset: str) -> AssetLine:
    return next(one for one in found.lines if one.asset == asset)


def watched_story() -> Story:
    story = Story()
    story.watch("start")
    story.token("ci")
    return story


# ── fetched ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("delivery", "certainty"),
    [
        ({}, Certainty.CONFIRMED),
        ({"ends": False}, Certainty.PROBABLE),
        ({"bytes_sent": 0}, Certainty.PROBABLE),  # 304: the client has it already
        ({"complete": False, "bytes_sent": 17}, Certainty.POSSIBLE),
    ],
)
def test_bytes_that_left_are_fetched_and_say_how_sure(
    delivery: dict[str, Any], certainty: Certainty
) -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    story.wait(seconds=30)
    sequence = story.deliver("asset:ci", "litellm", BAD, **delivery)
    found = ask(story)
    one = line(found, "asset:ci")
    assert (one.certainty, one.stage) == (certainty, Stage.FETCHED)
    assert (one.first_at, one.last_at, one.times) == (story.now, story.now, 1)
    assert one.evidence == (sequence,)
    assert one.files == (BAD.filename,)
    assert found.fetched
    assert not found.clear


@pytest.mark.parametrize(
    "delivery",
    [{"method": "HEAD"}, {"door": "metadata"}, {"complete": False, "bytes_sent": 0}],
)
def test_asking_without_bytes_is_an_offer_not_a_download(delivery: dict[str, Any]) -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    story.deliver("asset:ci", "litellm", BAD, **delivery)
    one = line(ask(story), "asset:ci")
    assert (one.certainty, one.stage, one.offered) == (Certainty.POSSIBLE, Stage.LISTED, True)


def test_the_surest_of_several_downloads_counts_and_all_are_evidence() -> None:
    story = watched_story()
    first = story.deliver("asset:ci", "litellm", BAD, complete=False, bytes_sent=5)
    story.wait(minutes=1)
    second = story.deliver("asset:ci", "litellm", BAD)
    one = line(ask(story), "asset:ci")
    assert (one.certainty, one.times, one.evidence) == (Certainty.CONFIRMED, 2, (first, second))
    assert one.last_at == T0 + timedelta(minutes=1)


def test_another_release_is_another_release() -> None:
    story = watched_story()
    view = story.view("litellm", [GOOD, LONG])
    story.page("asset:ci", "litellm", view)
    story.deliver("asset:ci", "litellm", LONG)
    story.deliver("asset:ci", "litellm", GOOD)
    found = ask(story, "1.82.7", "1.82.8")
    assert not found.fetched
    assert line(found, "asset:ci").stage is None
    assert ask(story, "1.82.70").fetched


@pytest.mark.parametrize(
    ("asked", "filename", "version", "same"),
    [
        ("1.0", "litellm-1.0.0.tar.gz", "1.0.0", True),
        ("1.0.0", "litellm-1.tar.gz", "1", True),
        ("2.0", "litellm-2.0+cpu-py3-none-any.whl", "2.0+cpu", True),
        ("2.0+cpu", "litellm-2.0+cpu-py3-none-any.whl", "2.0+cpu", True),
        ("2.0+cpu", "litellm-2.0-py3-none-any.whl", "2.0", False),
        ("2.0+cpu", "litellm-2.0+cu12-py3-none-any.whl", "2.0+cu12", False),
        ("1!1.0", "litellm-1.0.tar.gz", "1.0", False),
        ("1.82.7", "litellm-1.82.7.post1.tar.gz", "1.82.7.post1", False),
        ("1.82.7", "litellm-1.82.7rc1.tar.gz", "1.82.7rc1", False),
        ("1.0", "LiteLLM-1.0.tar.gz", "1.0", True),
    ],
)
def test_versions_match_as_pep_440_says(
    asked: str, filename: str, version: str, same: bool
) -> None:
    story = watched_story()
    one = row(filename, version)
    story.view("litellm", [one])
    story.deliver("asset:ci", "litellm", one)
    assert ask(story, asked).fetched is same


def test_a_file_is_found_by_its_hash_wherever_it_was_delivered() -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    copy = row("lite_llm_copy-9.tar.gz", "9", sha256=BAD.sha256)
    view = story.view("lite-llm-copy", [copy], index="torch")
    story.page("asset:reader", "lite-llm-copy", view, index="torch")
    story.deliver("asset:ci", "lite-llm-copy", copy, index="torch")
    found = ask(story, "1.82.7")
    assert line(found, "asset:ci").files == (copy.filename,)
    assert line(found, "asset:reader").offered is True
    by_hash = Question(sha256s=(Sha256(BAD.sha256),), interval=Interval(start=T0))
    database = SqliteDatabase(Path(":memory:"), "facts")
    presence = PresenceStore(database, story.log)
    assert answer_exposed(presence, story.log, by_hash, now=story.now).fetched
    database.close()


# ── listed ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outcome", "offered"), [("allow", True), ("hide", True), ("hold", False), ("deny", False)]
)
def test_listed_says_whether_it_could_be_installed(outcome: str, offered: bool) -> None:
    story = watched_story()
    view = story.view("litellm", [GOOD, row(BAD.filename, "1.82.7", outcome, "x", "B")])
    first = story.page("asset:ci", "litellm", view)
    story.wait(seconds=40)
    last = story.page("asset:ci", "litellm", view)
    one = line(ask(story), "asset:ci")
    assert (one.stage, one.offered, one.times) == (Stage.LISTED, offered, 2)
    assert one.certainty is (Certainty.POSSIBLE if offered else Certainty.CLEARED)
    assert one.evidence == (first, last)
    assert (one.first_at, one.last_at) == (T0, T0 + timedelta(seconds=40))


def test_a_view_far_down_the_tree_still_lists_what_its_bases_brought() -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    deep = story.view("litellm", [BAD, GOOD])
    without = story.view("litellm", [GOOD])
    story.page("asset:ci", "litellm", deep)
    story.page("asset:late", "litellm", without)
    found = ask(story)
    assert line(found, "asset:ci").offered is True
    assert line(found, "asset:late").stage is None


def test_a_decision_that_changed_is_told_apart_by_view() -> None:
    story = watched_story()
    held = story.view("litellm", [GOOD, HELD])
    story.page("asset:early", "litellm", held)
    story.wait(seconds=50)
    open_now = story.view("litellm", [GOOD, BAD])
    story.page("asset:late", "litellm", open_now)
    found = ask(story)
    assert line(found, "asset:early").offered is False
    assert line(found, "asset:late").offered is True


def test_an_answer_that_the_log_does_not_explain_clears_nobody() -> None:
    story = watched_story()
    story.view("litellm", [GOOD])
    story.page("asset:ci", "litellm", "0" * 32)
    story.wait(seconds=30)
    # What nobody can explain may have offered a release that no other view of the page lists.
    for version in ("1.82.6", "1.82.7"):
        found = ask(story, version)
        assert found.unexplained == 1
        assert line(found, "asset:ci").certainty is Certainty.UNKNOWN
        assert not found.clear


def test_half_a_recording_explains_nothing() -> None:
    story = watched_story()
    many = [BAD, *(row(f"litellm-{n}.0.tar.gz", f"{n}.0") for n in range(700))]
    view = story.view("litellm", many, parts=1)
    story.page("asset:ci", "litellm", view)
    assert ask(story).unexplained == 1
    story.view("litellm", many, from_nothing=True)
    found = ask(story)
    assert found.unexplained == 0
    assert line(found, "asset:ci").offered is True


# ── refused, unknown, cleared ────────────────────────────────────────────────────────────────


def test_who_was_refused_wants_it_and_is_not_cleared() -> None:
    story = watched_story()
    story.view("litellm", [HELD])
    sequence = story.refuse("asset:ci", "litellm", HELD)
    one = line(ask(story), "asset:ci")
    assert (one.certainty, one.refused, one.stage) == (Certainty.UNKNOWN, 1, None)
    assert one.evidence == (sequence,)
    assert "refused" in one.note


def test_only_coverage_of_the_whole_span_clears() -> None:
    story = watched_story()
    story.token("laptop")
    story.watched(minutes=30)
    found = ask(story, interval=Interval(start=T0, end=T0 + timedelta(minutes=30)))
    assert found.clear
    assert [one.certainty for one in found.lines] == [Certainty.CLEARED] * 2
    early = ask(story, interval=Interval(start=T0 - timedelta(seconds=1)))
    assert not early.clear
    assert early.coverage.gaps == (Interval(start=T0 - timedelta(seconds=1), end=T0),)
    assert {one.certainty for one in early.lines} == {Certainty.UNKNOWN}
    always = ask(story, interval=Interval(start=BEGINNING))
    assert not always.clear


def test_silence_longer_than_two_periods_is_a_gap() -> None:
    story = watched_story()
    story.watched(minutes=5)
    story.wait(minutes=2)
    story.watch("alive")
    assert ask(story).clear
    before = story.now
    story.wait(minutes=2, seconds=1)
    story.watch("alive")
    found = ask(story)
    assert not found.clear
    assert found.coverage.gaps == (Interval(start=before, end=story.now),)


def test_a_door_that_went_silent_stops_counting_and_one_just_heard_counts_until_now() -> None:
    story = watched_story()
    story.watched(minutes=5)
    story.wait(minutes=2)
    assert ask(story).clear
    heard = story.now - timedelta(minutes=2)
    story.wait(seconds=1)
    assert ask(story).coverage.gaps == (Interval(start=heard, end=story.now),)


def test_a_door_that_stopped_on_purpose_is_a_gap_until_another_watches() -> None:
    story = watched_story()
    story.watched(minutes=5)
    story.watch("stop")
    stopped = story.now
    story.wait(minutes=1)
    assert ask(story).coverage.gaps == (Interval(start=stopped, end=story.now),)
    other = watched_story()
    other.watch("start", "n2")
    other.watched(minutes=5)
    other.watch("stop")
    other.wait(seconds=90)
    other.watch("alive", "n2")
    assert not ask(other).coverage.whole  # n2 said nothing for more than two periods


def test_an_entry_nobody_could_read_clears_nobody() -> None:
    story = watched_story()
    story.write("page", "pypi/litellm", "asset:ci", {"view": 7})
    assert ask(story).unreadable == 1
    assert not ask(story).clear


def test_a_span_in_the_future_ends_now() -> None:
    story = watched_story()
    story.wait(seconds=10)
    found = ask(story, interval=Interval(start=T0, end=T0 + timedelta(days=9)))
    assert found.coverage.asked == Interval(start=T0, end=story.now)


def test_only_what_happened_within_the_span_counts() -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    story.deliver("asset:ci", "litellm", BAD)
    story.wait(seconds=60)
    inside = Interval(start=T0, end=T0 + timedelta(seconds=1))
    after = Interval(start=T0 + timedelta(seconds=1))
    assert ask(story, interval=inside).fetched
    assert not ask(story, interval=after).fetched


def test_one_asset_can_be_asked_for_by_either_name() -> None:
    story = watched_story()
    story.token("laptop")
    for name in ("ci", "asset:ci"):
        assert [one.asset for one in ask(story, asset=name).lines] == ["asset:ci"]


def test_an_empty_ledger_knows_nothing() -> None:
    found = ask(Story())
    assert not found.clear
    assert found.lines == ()
    assert "an empty ledger" in render_answer_text(found)


# ── against a naive oracle ───────────────────────────────────────────────────────────────────


def _is_release(asked: str) -> Callable[[str, str], bool]:
    wanted = Version(asked)

    def is_meant(project: str, text: str) -> bool:
        if project != "litellm" or not text:
            return False
        found = Version(text)
        return found == wanted or (wanted.local is None and Version(found.public) == wanted)

    return is_meant


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    version=st.sampled_from(["1.82.7", "1.82.6", "1.82.70", "1.82.7+cpu", "1!1.82.7"]),
    hours=st.tuples(st.integers(0, 20), st.integers(1, 40)),
)
def test_answers_equal_those_of_a_walk_through_the_whole_log(
    seed: int, version: str, hours: tuple[int, int]
) -> None:
    story = random_story(seed)
    start = T0 + timedelta(hours=hours[0])
    end = min(start + timedelta(hours=hours[1]), max(story.now, start + timedelta(seconds=1)))
    story.now = max(story.now, end)
    found = ask(story, version, interval=Interval(start=start, end=end))
    expected = who_got(story, _is_release(version), start, end)
    fetched = {one.asset for one in found.lines if one.stage is Stage.FETCHED}
    offered = {one.asset for one in found.lines if one.offered and one.stage is Stage.LISTED}
    withheld = {one.asset for one in found.lines if one.offered is False}
    assert fetched == expected["fetched"]
    assert offered == expected["offered"] - fetched
    assert withheld == expected["withheld"] - fetched - offered


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 0.99))
def test_what_was_known_then_does_not_change_as_the_log_grows(seed: int, share: float) -> None:
    story = random_story(seed)
    sequence = int(share * story.log.size())
    question = Question(releases=((LITELLM, Version("1.82.7")),), interval=Interval(start=T0))
    database = SqliteDatabase(Path(":memory:"), "facts")
    presence = PresenceStore(database, story.log)
    later = answer_exposed(presence, story.log, question, now=story.now, as_known_at=sequence)
    database.close()
    cut = story.log.cut(sequence + 1)
    database = SqliteDatabase(Path(":memory:"), "facts")
    then = answer_exposed(PresenceStore(database, cut), cut, question, now=cut.kept[-1].recorded_at)
    database.close()
    assert later == then


# ── questions and reports ────────────────────────────────────────────────────────────────────


def test_releases_are_read_as_people_write_them() -> None:
    assert parse_release_argument("LiteLLM==1.82.7, 1.82.8") == (
        (LITELLM, Version("1.82.7")),
        (LITELLM, Version("1.82.8")),
    )
    assert parse_release_arguments(["a_b==1", "A.b==1"]) == ((ProjectName("a-b"), Version("1")),)


@pytest.mark.parametrize(
    "text",
    ["litellm", "litellm==", "litellm>=1", "litellm===1", "==1", "-x==1", "a==1,,2", "a==1.*", ""],
)
def test_what_is_no_release_is_refused_with_an_example(text: str) -> None:
    with pytest.raises((InputError, ValueFormatError)) as caught:
        parse_release_argument(text)
    assert caught.value.expected


def test_a_question_about_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to look for"):
        Question()


def test_the_text_counts_first_names_evidence_and_says_what_is_not_seen() -> None:
    story = watched_story()
    story.view("litellm", [BAD])
    sequence = story.deliver("asset:ci", "litellm", BAD)
    text = render_answer_text(ask(story, interval=Interval(start=BEGINNING)))
    lines = text.splitlines()
    assert lines[0] == "litellm 1.82.7"
    assert lines[1].startswith("the beginning to 2026-03-24T10:00:00Z · ledger entries 0 to ")
    assert lines[3] == "fetched 1 · offered 0 · refused 0"
    assert f"    entries: {sequence}" in lines
    assert f"pratique ledger export --entry {sequence}" in text
    assert "the beginning to 2026-03-24T10:00:00Z" in text.split("Coverage: UNKNOWN")[1]
    assert "Give --from" in text
    assert "own cache" in text
