"""LiteLLM, March and October 2026: a .pth that runs at every start, windows that disagree.

Facts: tests/golden/data/litellm-2026-03*.json and litellm-2026-10.json.
"""

from __future__ import annotations

import pytest

from kit.fact_story import FactStory, at, item, line, seen
from pratique.exposure.certainty import Certainty
from pratique.exposure.difference import compare_answers
from pratique.exposure.incident import Counts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    LookMode,
    PlaceKind,
    Relation,
    Stage,
)

WHEEL_7 = "sha256:8395c3268d5c5dbae1c7c6d4bb3c318c752ba4608cfcd90eb97ffb94a910eac2"
WHEEL_8 = "sha256:d2a0d5f564628773b6af7b9c11f6b86531a875bd2d186d7081ab62748a800ebb"
GOOD = "sha256:164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205"
LOCK = {"place": PlaceKind.LOCK, "evidence_class": EvidenceClass.DECLARED, "locator": "uv.lock"}


def march() -> tuple[FactStory, str]:
    """A fleet on the day, after the corrected advisory."""
    story = FactStory()
    story.run("ci/a#1", seen(item("litellm", "1.82.8"), parents=("dspy",), at="line 88"))
    story.run("ci/a#2", seen(item("litellm", "1.82.7", digest=WHEEL_7)), start="12:30", end="12:44")
    story.run("ci/a#3", seen(item("litellm", "1.82.70")))
    story.run("ci/b#1", seen(item("litellm", "1.82.6", digest=GOOD)))
    story.run("ci/b#2", whole=False, gaps=())
    story.run("ci/b#0", days=-1)
    story.machine("lap-ann", seen(item("litellm", "1.82.8")), when="11:30")
    story.machine("lap-bob", seen(item("litellm", "1.82.6")), when="11:30")
    story.look(
        "lap-cy",
        seen(item("litellm", "1.82.8", digest=WHEEL_8), Stage.FETCHED),
        kind=AssetKind.LAPTOP,
        place=PlaceKind.CACHE,
        start=at("14:50"),
        locator="~/.cache/pip",
    )
    story.now = at("16:00")
    return story, story.advise("litellm-2026-03")


def test_each_asset_of_the_fleet_gets_its_word() -> None:
    story, advisory = march()
    answer = story.answer(advisories=(advisory,))
    assert answer.counts == Counts(confirmed=2, probable=2, cleared=3, unknown=2)
    told = {one.asset.partition(":")[2]: (one.certainty.value, one.stage) for one in answer.lines}
    assert told == {
        "ci/a#2": ("confirmed", "installed"),
        "lap-cy": ("confirmed", "fetched"),
        "ci/a#1": ("probable", "installed"),
        "lap-ann": ("probable", "installed"),
    }
    assert line(answer, "ci/a#1").sightings[0].parents == ("dspy",)
    rules = {(group.rule, group.assets) for group in answer.groups}
    assert ("unreadable", ("asset:ci/b#2",)) in rules
    assert ("not-witnessed", ("asset:lap-bob",)) in rules


def test_the_interpreter_start_makes_1_82_8_probably_run_and_1_82_7_only_possibly() -> None:
    story, advisory = march()
    answer = story.answer(advisories=(advisory,))
    assert line(answer, "ci/a#1").ran is Certainty.PROBABLE  # the run went on after it
    assert line(answer, "ci/a#2").ran is Certainty.POSSIBLE  # needs an import of the proxy
    assert line(answer, "lap-ann").ran is Certainty.POSSIBLE  # nobody saw Python start there
    assert line(answer, "lap-cy").ran is None


def test_the_widest_of_four_windows_counts_and_filters_nothing() -> None:
    story, advisory = march()
    answer = story.answer(advisories=(advisory,))
    assert len(answer.windows) == 4
    assert answer.widest is not None
    assert (answer.widest.start, answer.widest.end) == (at("10:39"), at("14:35"))
    # Cached after every window, and still what it is.
    assert line(answer, "lap-cy").certainty is Certainty.CONFIRMED


@pytest.mark.parametrize("version", ["1.82.70", "1.82.7.post1", "1.82.7rc1", "1.82.77"])
def test_what_only_looks_like_1_82_7_is_another_release(version: str) -> None:
    story = FactStory()
    story.run("ci/1", seen(item("litellm", version)))
    answer = story.answer(advisories=(story.advise("litellm-2026-03"),))
    assert answer.counts == Counts(cleared=1)
    assert answer.clear


def test_1_82_7_with_a_local_label_or_zeros_is_1_82_7() -> None:
    story = FactStory()
    story.run("ci/1", seen(item("litellm", "1.82.7+cpu")))
    story.run("ci/2", seen(item("litellm", "v1.82.7.0")))
    answer = story.answer(advisories=(story.advise("litellm-2026-03"),))
    assert answer.counts == Counts(probable=2)


def test_a_stale_duplicate_lock_file_does_not_hide_behind_the_bumped_one() -> None:
    """Dembrane/echo#899: uv.lock was bumped, CI used requirements.lock."""
    story = FactStory()
    bad = seen(item("litellm", "1.82.8"), Stage.LISTED, at="line 40")
    good = seen(item("litellm", "1.83.0"), Stage.LISTED)
    words = {"kind": AssetKind.REPOSITORY, "mode": LookMode.EVENT, "start": at("09:00")}
    story.look("repo/echo", good, end=at("15:00"), **{**LOCK, **words})
    stale = {**LOCK, **words, "locator": "requirements.lock"}
    entry = story.look("repo/echo", bad, end=at("15:00"), **stale)
    story.now = at("15:00")
    answer = story.answer(advisories=(story.advise("litellm-2026-03"),))
    one = line(answer, "repo/echo")
    assert (one.certainty, one.stage, one.entries) == (Certainty.POSSIBLE, "listed", (entry,))
    assert one.sightings[0].locator == "requirements.lock"
    assert answer.found


def test_a_corrected_advisory_changes_the_answer_and_the_diff_says_because_of_what() -> None:
    story, _ = march()
    then = story.log.size()
    first = FactStory(log=story.log, now=at("11:15"), advisories={})
    first.advise("litellm-2026-03.first")
    earlier = first.answer(advisories=("MAL-2026-2144",), now=at("16:00"))
    second = first.advise("litellm-2026-03")
    later = first.answer(advisories=(second,), now=at("16:00"))
    assert earlier.counts.confirmed == 1  # 1.82.7 was called clean
    assert later.counts.confirmed == 2
    found = compare_answers(earlier, later)
    assert not found.empty
    changed = {one.asset: (one.before, one.after) for one in found.lines}
    assert changed["asset:ci/a#2"] == (None, Certainty.CONFIRMED)
    revision = later.advisories[0]
    assert any(f"entry {revision.entry}" in sentence for sentence in found.because)
    assert any("was corrected" in sentence for sentence in found.advisories)
    assert any(sentence.startswith("window added: pypi") for sentence in found.windows)
    assert then <= revision.entry


def test_what_was_answered_at_any_size_is_answered_for_ever() -> None:
    story, advisory = march()
    story.fact(Relation.OPERATED_BY, "asset:ci/a#1", "vendor:v")
    sizes = range(1, story.log.size() + 1, 3)
    now = story.now
    before = {size: story.answer(advisories=(advisory,), tx=size, now=now).digest for size in sizes}
    story.run("ci/late", seen(item("litellm", "1.82.8")))
    story.machine("lap-bob", seen(item("litellm", "1.82.8")), when="17:00")
    story.advise("litellm-2026-03", withdrawn="2026-04-01T00:00:00Z")
    assert before == {
        size: story.answer(advisories=(advisory,), tx=size, now=now).digest for size in sizes
    }


def test_two_laptops_with_the_same_key_and_a_client_in_the_end() -> None:
    story, advisory = march()
    story.holds("ci/a#1", "OPENAI_API_KEY", when="10:45", kind=AssetKind.CI_RUN)
    key = "identity:ci-secret/OPENAI_API_KEY"
    story.fact(Relation.ASSUMES, key, "identity:role/data")
    story.fact(Relation.OPENS, "identity:role/data", "dataset:acme/speech")
    story.fact(Relation.BELONGS_TO, "dataset:acme/speech", "client:acme")
    story.fact(Relation.BELONGS_TO, "dataset:acme/speech", "people:speakers")
    answer = story.answer(advisories=(advisory,))
    reach = answer.reach
    assert [one.entity for one in reach.identities] == [key, "identity:role/data"]
    assert [one.entity for one in reach.clients] == ["client:acme"]
    assert [one.entity for one in reach.people] == ["people:speakers"]
    proof = [step.object for step in reach.clients[0].proof]
    assert proof == [key, "identity:role/data", "dataset:acme/speech", "client:acme"]
    assert set(reach.assets_without_identities) == {
        "asset:ci/a#2",
        "asset:lap-ann",
        "asset:lap-cy",
    }


def test_october_1_107_0() -> None:
    story = FactStory()
    story.now = at("12:00", days=211)
    advisory = story.advise("litellm-2026-10")
    story.run("ci/1", seen(item("litellm", "1.107.0")), days=211, start="11:41", end="11:50")
    story.run("ci/2", seen(item("litellm", "1.106.10")), days=211, start="11:41", end="11:50")
    answer = story.answer(advisories=(advisory,))
    assert answer.counts == Counts(probable=1, cleared=1)
