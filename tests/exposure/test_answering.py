"""The engine: one question through advisories, sightings, coverage and reach."""

from __future__ import annotations

import pytest

from kit.fact_story import FactStory, at, item, line, seen
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Counts, WindowLine, is_sealed
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    LookMode,
    PlaceKind,
    Relation,
    Stage,
)

BAD_WHEEL = "sha256:d2a0d5f564628773b6af7b9c11f6b86531a875bd2d186d7081ab62748a800ebb"
GOOD_WHEEL = "sha256:164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205"
WINDOW = WindowLine(
    channel="pypi", start=at("10:39"), end=at("11:25"), source="test", confidence="high"
)


def test_a_run_that_logged_name_and_version_is_probable_and_one_with_the_hash_confirmed() -> None:
    story = FactStory()
    entry = story.run("ci/1", seen(item("litellm", "1.82.8"), at="line 120"))
    story.run("ci/2", seen(item("litellm", "1.82.8", digest=BAD_WHEEL)))
    story.run("ci/3", seen(item("litellm", "1.82.6")))
    story.run("ci/4", seen(item("litellm", "1.82.80")))
    answer = story.answer("litellm==1.82.8", digests=(BAD_WHEEL,), windows=(WINDOW,))
    assert answer.counts == Counts(confirmed=1, probable=1, cleared=2)
    assert answer.found
    assert not answer.clear
    assert is_sealed(answer)
    one = line(answer, "ci/1")
    assert (one.certainty, one.stage, one.rule) == (
        Certainty.PROBABLE,
        "installed",
        "name-and-version",
    )
    assert one.entries == (entry,)
    assert one.sightings[0].at == "line 120"
    assert line(answer, "ci/2").rule == "digest-seen"
    assert [(g.rule, g.count) for g in answer.groups] == [("whole-life", 2)]


def test_a_file_known_by_hash_is_confirmed_when_nobody_listed_hashes() -> None:
    story = FactStory()
    story.run("ci/1", seen(item("litellm", "1.82.8", digest=BAD_WHEEL)))
    story.run("ci/2", seen(item("renamed", "7", digest=BAD_WHEEL)))
    answer = story.answer("litellm==1.82.8")
    assert line(answer, "ci/1").certainty is Certainty.CONFIRMED
    assert line(answer, "ci/2").certainty is Certainty.CONFIRMED
    # Once it is known which files are bad, another hash is only a name and a version.
    other = "sha256:" + "0" * 64
    answer = story.answer("litellm==1.82.8", digests=(other,))
    assert line(answer, "ci/1").certainty is Certainty.CONFIRMED


def test_a_machine_that_is_only_sampled_is_unknown_however_often() -> None:
    story = FactStory()
    for clock in ("09:00", "10:50", "11:30", "12:00"):
        story.machine("lap", seen(item("litellm", "1.82.6")), when=clock)
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert answer.counts == Counts(unknown=1)
    assert "sweep" in answer.groups[0].missing
    story.look("lap", kind=AssetKind.LAPTOP, place=PlaceKind.ASSET, start=at("12:01"), locator="/")
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert answer.groups[0].rule == "sampled-only"
    assert "short-lived environment between two looks would not be seen" in answer.groups[0].missing


@pytest.mark.parametrize(
    ("spans", "rule"),
    [
        ([("10:00", "12:00")], "watched"),
        ([("10:39", "11:00"), ("11:00", "12:00")], "watched"),
        ([("10:00", "11:55")], "watched"),  # a watcher reports a little late
        ([("10:00", "11:45")], "not-since"),
        ([("10:40", "12:00")], "not-covered"),
        ([("10:00", "10:50"), ("10:51", "12:00")], "not-covered"),
    ],
)
def test_only_whole_event_driven_coverage_of_the_machine_clears(
    spans: list[tuple[str, str]], rule: str
) -> None:
    story = FactStory()
    for start, end in spans:
        story.look(
            "lap",
            kind=AssetKind.LAPTOP,
            place=PlaceKind.ASSET,
            mode=LookMode.EVENT,
            start=at(start),
            end=at(end),
        )
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,), now=at("12:00"))
    assert [g.rule for g in answer.groups] == [rule]
    assert answer.clear is (rule == "watched")


def test_the_end_of_a_window_ends_nothing() -> None:
    story = FactStory()
    story.look(
        "lap",
        kind=AssetKind.LAPTOP,
        place=PlaceKind.ASSET,
        mode=LookMode.EVENT,
        start=at("09:00"),
        end=at("11:30"),
    )
    asked = {"windows": (WINDOW,), "now": at("15:00")}
    assert not story.answer("litellm==1.82.8", **asked).clear
    assert story.answer("litellm==1.82.8", end=at("11:30"), **asked).clear


def test_an_unreadable_log_is_unknown() -> None:
    story = FactStory()
    story.run("ci/1", whole=False)
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert (answer.groups[0].certainty, answer.groups[0].rule) == (
        Certainty.UNKNOWN,
        "unreadable",
    )


def test_theft_starts_with_the_earliest_possible_instant_and_reaches_what_was_held() -> None:
    story = FactStory()
    story.machine("lap", when="02:00")
    story.machine("lap", seen(item("litellm", "1.82.8")), when="12:00")
    held = story.holds("lap", "DEPLOY", kind=AssetKind.LAPTOP)
    story.holds("lap", "DEPLOY", kind=AssetKind.LAPTOP, when="12:00")
    opens = story.fact(Relation.OPENS, "identity:ci-secret/DEPLOY", "dataset:acme")
    story.fact(Relation.BELONGS_TO, "dataset:acme", "client:acme")
    story.fact(Relation.OPERATED_BY, "asset:lap", "vendor:v")
    story.now = at("13:00")
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    one = line(answer, "lap")
    assert one.theft_from == at("10:39")  # it may have come at 02:00, but could not be had then
    assert one.ran is Certainty.POSSIBLE
    (stolen,) = answer.reach.identities
    assert (stolen.entity, stolen.start, stolen.end) == (
        "identity:ci-secret/DEPLOY",
        at("10:39"),
        None,
    )
    assert held in stolen.entries
    assert opens in answer.reach.datasets[0].entries
    assert [one.entity for one in answer.reach.clients] == ["client:acme"]
    assert [one.entity for one in answer.reach.vendors] == ["vendor:v"]


def test_a_rotation_ends_a_theft_only_where_the_thief_is_gone() -> None:
    story = FactStory()
    bad = seen(item("litellm", "1.82.8"))
    story.run("ci/1", bad)
    story.holds("ci/1", "DEPLOY", when="10:41", kind=AssetKind.CI_RUN)
    story.machine("lap", bad, when="10:50")
    story.holds("lap", "LAP", when="10:50", kind=AssetKind.LAPTOP)
    for name in ("DEPLOY", "LAP"):
        key, moment = f"identity:ci-secret/{name}", "2026-03-24T14:00:00Z"
        story.fact(Relation.ROTATED, key, key, from_lo=moment, from_hi=moment)
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,), now=at("15:00"))
    ends = {one.entity: one.end for one in answer.reach.identities}
    # The laptop still has it: what was rotated there is stolen again.
    assert ends == {"identity:ci-secret/DEPLOY": at("14:00"), "identity:ci-secret/LAP": None}


def test_an_asset_bound_to_nothing_and_never_looked_at_is_unknown() -> None:
    story = FactStory()
    story.fact(Relation.OPERATED_BY, "asset:vendor/x", "vendor:x")
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,), assets=("asset:ghost",))
    assert [(one.asset, one.rule) for one in answer.lines] == [("asset:ghost", "never-looked")]
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert [(g.rule, g.assets) for g in answer.groups] == [("never-looked", ("asset:vendor/x",))]


def test_other_releases_clear_only_where_no_exchange_can_have_been_missed() -> None:
    def story_of(*clocks: str) -> FactStory:
        story = FactStory()
        good = seen(
            item("litellm", "1.82.6"),
            since_lo="2026-03-20T00:00:00Z",
            since_hi="2026-03-20T00:00:00Z",
        )
        for clock in clocks:
            story.machine("env", good, when=clock, kind=AssetKind.ENVIRONMENT)
        return story

    asked = {"windows": (WINDOW,), "end": at("11:30")}
    dated_after = story_of("11:40").answer("litellm==1.82.8", **asked)
    assert [g.rule for g in dated_after.groups] == ["other-release"]
    before_and_after = story_of("09:00", "11:40").answer("litellm==1.82.8", **asked)
    assert [g.rule for g in before_and_after.groups] == ["sampled-only"]


def test_what_a_lock_file_names_was_run_by_a_run_and_only_listed_by_a_repository() -> None:
    story = FactStory()
    lock = seen(item("litellm", "1.82.8", digest=BAD_WHEEL), Stage.LISTED)
    words = {"place": PlaceKind.LOCK, "evidence_class": EvidenceClass.DECLARED}
    story.run("ci/1", lock, **words)
    story.run("ci/2", lock, start="11:30", end="11:40", **words)
    story.look("repo/a", lock, kind=AssetKind.REPOSITORY, start=at("10:45"), **words)
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert [(one.asset, one.certainty.value, one.stage, one.rule) for one in answer.lines] == [
        ("asset:ci/1", "probable", "installed", "resolved-and-run"),
        ("asset:repo/a", "possible", "listed", "listed"),
        ("asset:ci/2", "possible", "listed", "listed"),
    ]
    assert line(answer, "repo/a").theft_from is None
    assert line(answer, "ci/2").theft_from == at("11:30")


def test_two_machines_with_one_name_are_not_cleared_by_one_watch() -> None:
    story = FactStory()
    watch = {"kind": AssetKind.LAPTOP, "place": PlaceKind.ASSET, "mode": LookMode.EVENT}
    span = {"start": at("10:00"), "end": at("12:00")}
    story.look("lap", machine="m1", **watch, **span)
    asked = {"windows": (WINDOW,), "end": at("12:00"), "now": at("12:00")}
    assert story.answer("litellm==1.82.8", **asked).clear
    story.look("lap", machine="m2", start=at("11:00"), kind=AssetKind.LAPTOP)
    assert [g.rule for g in story.answer("litellm==1.82.8", **asked).groups] == ["two-machines"]


def test_our_door_clears_what_can_install_from_nowhere_else() -> None:
    story = FactStory()
    story.fact(Relation.FETCHES_THROUGH, "asset:ci", "door:index", from_lo="2026-01-01T00:00:00Z")
    answer = story.answer("litellm==1.82.8", windows=(WINDOW,))
    assert [g.rule for g in answer.groups] == ["never-looked"]  # no door ever watched here


def _watched_since(clock: str) -> FactStory:
    story = FactStory()
    watch = {"kind": AssetKind.LAPTOP, "place": PlaceKind.ASSET, "mode": LookMode.EVENT}
    story.look("lap", start=at(clock), end=at("12:00"), **watch)
    return story


def _record(name: str, **affected: object) -> dict[str, object]:
    package = {"package": {"ecosystem": "PyPI", "name": name}, **affected}
    return {"id": f"TEST-{name}", "modified": "2026-03-24T12:00:00Z", "affected": [package]}


def test_a_window_of_one_thing_says_nothing_of_another() -> None:
    story = _watched_since("10:00")
    asked = {"end": at("12:00"), "now": at("12:00")}
    windowed = story.advise("litellm-2026-03")
    alone = story.answer(advisories=(windowed,), **asked)
    assert [g.rule for g in alone.groups] == ["watched"]
    other = story.advise_record(_record("otherlib", versions=["1.0"]))
    both = story.answer(advisories=(windowed, other), **asked)
    assert [g.rule for g in both.groups] == ["not-covered"]
    by_hand = story.answer("otherlib==1.0", advisories=(windowed,), **asked)
    assert [g.rule for g in by_hand.groups] == ["not-covered"]
    assert any("No window speaks of pypi/otherlib" in one for one in by_hand.not_seen)
    same = story.answer("litellm==1.82.9", advisories=(windowed,), **asked)
    assert [g.rule for g in same.groups] == ["watched"]


@pytest.mark.parametrize(
    "record",
    [
        {**_record("lib"), "affected": []},
        _record(
            "lib",
            ranges=[
                {"type": "GIT", "repo": "https://git.example/a", "events": [{"introduced": "0"}]}
            ],
        ),
    ],
)
def test_an_advisory_that_names_nothing_to_look_for_clears_nobody(
    record: dict[str, object],
) -> None:
    story = _watched_since("10:00")
    name = story.advise_record(record)
    asked = {"windows": (WINDOW,), "end": at("12:00"), "now": at("12:00")}
    answer = story.answer(advisories=(name,), **asked)
    assert [g.rule for g in answer.groups] == ["advisory-unclear"]
    assert not answer.clear


def test_another_release_does_not_clear_of_a_file_under_any_name() -> None:
    story = FactStory()
    dated = {"since_lo": "2026-03-20T00:00:00Z", "since_hi": "2026-03-20T00:00:00Z"}
    good = seen(item("litellm", "1.82.6"), **dated)
    story.machine("env", good, when="11:40", kind=AssetKind.ENVIRONMENT)
    asked = {"windows": (WINDOW,), "end": at("11:30")}
    answer = story.answer("litellm==1.82.8", digests=(BAD_WHEEL,), **asked)
    assert [g.rule for g in answer.groups] == ["sampled-only"]


def test_a_file_that_one_calls_clean_and_another_bad_is_looked_for() -> None:
    story = FactStory()
    story.run("ci/1", seen(item("litellm", "1.82.6", digest=GOOD_WHEEL)))
    name = story.advise("litellm-2026-03")
    assert GOOD_WHEEL in story.advisories[name][-1][1].clean
    assert not story.answer(advisories=(name,)).lines
    asked = story.answer(advisories=(name,), digests=(GOOD_WHEEL,))
    assert line(asked, "ci/1").rule == "digest-seen"
