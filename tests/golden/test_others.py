"""axios, Trivy, tj-actions, Shai-Hulud and xz: what each taught.

Facts: tests/golden/data/*.json. Names of the worm's packages are made up; their number is not.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from kit.fact_story import FactStory, item, line, seen
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Asked, Counts, Release
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Identity,
    LookMode,
    PlaceKind,
    Relation,
    Stage,
)

BAD_COMMIT = "sha1:0e58ed8671d6b60d0890c21b07f8835ace038e67"
GOOD_COMMIT = "sha1:" + "ab" * 20


def on(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00Z").astimezone(UTC)


def ran(
    story: FactStory, name: str, *sightings: Any, day: str, start: str, end: str, **more: Any
) -> int:
    story.now = max(story.now, on(day, end))
    words = {"mode": LookMode.EVENT, "ended": True, "evidence_class": EvidenceClass.LOGGED}
    return story.look(name, *sightings, start=on(day, start), end=on(day, end), **{**words, **more})


def npm(name: str, version: str = "", **more: Any) -> Any:
    return item(name, version, type="npm", **more)


# ── axios ────────────────────────────────────────────────────────────────────────────────────

DAY = "2026-03-31"


def test_a_ci_cache_served_axios_two_hours_after_it_was_removed() -> None:
    """backstage#33693: runs contacted the attacker's host at 05:26 UTC; removal was at 03:15."""
    story = FactStory()
    advisory = story.advise("axios-2026-03")
    ran(story, "ci/late", seen(npm("axios", "1.14.1")), day=DAY, start="05:20", end="05:31")
    ran(
        story,
        "ci/spec",
        seen(npm("axios"), Stage.LISTED, range="^1.14.0"),
        day=DAY,
        start="05:20",
        end="05:31",
        place=PlaceKind.MANIFEST,
    )
    ran(story, "ci/fine", seen(npm("axios", "1.14.0")), day=DAY, start="05:20", end="05:31")
    story.look(
        "cache/mirror",
        seen(npm("axios", "1.14.1"), Stage.FETCHED),
        kind=AssetKind.CACHE,
        place=PlaceKind.CACHE,
        start=on(DAY, "07:00"),
        mode=LookMode.EVENT,
        end=on(DAY, "07:01"),
        lineage="mirror",
    )
    story.now = on(DAY, "08:00")
    answer = story.answer(advisories=(advisory,))
    late = line(answer, "ci/late")
    assert (late.certainty, late.stage) == (Certainty.PROBABLE, "installed")
    assert late.ran is Certainty.PROBABLE  # the install script
    assert late.theft_from == on(DAY, "05:20")
    assert line(answer, "ci/spec").rule == "admitted"
    assert line(answer, "cache/mirror").rule == "cache-after-window"
    assert answer.counts == Counts(probable=1, possible=2, cleared=1)


def test_the_lock_file_still_names_what_deleted_itself() -> None:
    story = FactStory()
    advisory = story.advise("axios-2026-03")
    lock = {"place": PlaceKind.LOCK, "evidence_class": EvidenceClass.DECLARED}
    sightings = (
        seen(npm("axios", "1.14.1"), Stage.LISTED),
        seen(npm("plain-crypto-js", "4.2.1"), Stage.LISTED, parents=("axios",)),
    )
    ran(story, "ci/1", *sightings, day=DAY, start="01:00", end="01:05", **lock)
    one = line(story.answer(advisories=(advisory,)), "ci/1")
    assert (one.certainty, one.rule, len(one.sightings)) == (
        Certainty.PROBABLE,
        "resolved-and-run",
        2,
    )


# ── moved tags ───────────────────────────────────────────────────────────────────────────────


def action(name: str, ref: str, **more: Any) -> Any:
    return item(name, ref, type="githubactions", **more)


def used(story: FactStory, name: str, one: Any, *, day: str, start: str, end: str) -> None:
    """A run whose workflow uses an action."""
    ran(
        story,
        name,
        seen(one, Stage.LISTED),
        day=day,
        start=start,
        end=end,
        place=PlaceKind.MANIFEST,
        evidence_class=EvidenceClass.DECLARED,
    )


def test_tj_actions_counts_by_commit_where_it_is_known_and_by_time_elsewhere() -> None:
    story = FactStory(now=on("2025-03-20", "00:00"))
    advisory = story.advise("tj-actions-2025-03")
    name = "tj-actions/changed-files"
    bad = action(name, "v45", digest=BAD_COMMIT)
    # The run's log names the commit, and the action ran.
    ran(story, "ci/log", seen(bad, Stage.EXECUTED), day="2025-03-15", start="02:00", end="02:09")
    good = action(name, "v45", digest=GOOD_COMMIT)
    ran(story, "ci/good", seen(good, Stage.EXECUTED), day="2025-03-15", start="02:00", end="02:09")
    used(story, "ci/core", action(name, "v45"), day="2025-03-15", start="02:00", end="02:09")
    used(story, "ci/edge", action(name, "v45"), day="2025-03-14", start="10:00", end="10:09")
    used(story, "ci/before", action(name, "v45"), day="2025-03-13", start="10:00", end="10:09")
    sha = action(name, "2f7c5bfce28377bc069a65ba478de0a74aa0ca32")
    used(story, "ci/pinned", sha, day="2025-03-15", start="02:00", end="02:09")
    story.now = on("2025-03-20", "00:00")
    answer = story.answer(advisories=(advisory,))
    told = {one.asset: (one.certainty.value, one.rule) for one in answer.lines}
    assert told == {
        "asset:ci/log": ("confirmed", "executed"),
        "asset:ci/core": ("probable", "moved-ref"),  # within what all claims agree on
        "asset:ci/edge": ("possible", "moved-ref-perhaps"),  # within the widest claim only
    }


def test_where_a_tag_pointed_decides_over_when_it_was_said_to_have_moved() -> None:
    story = FactStory(now=on("2025-03-20", "00:00"))
    advisory = story.advise("tj-actions-2025-03")
    name = "tj-actions/changed-files"
    for ref in ("v44", "v45", "v46"):
        used(story, f"ci/{ref}", action(name, ref), day="2025-03-15", start="02:00", end="02:09")
    key = f"ref:githubactions/{name}@"
    span = {"from_lo": "2025-03-14T00:00:00Z", "to_lo": "2025-03-16T00:00:00Z"}
    span |= {"from_hi": span["from_lo"], "to_hi": span["to_lo"]}
    story.fact(Relation.POINTS_TO, f"{key}v44", f"digest:{GOOD_COMMIT}", **span)
    story.fact(Relation.POINTS_TO, f"{key}v45", f"digest:{BAD_COMMIT}", **span)
    moved = {**span, "from_lo": "2025-03-15T01:00:00Z", "from_hi": "2025-03-15T03:00:00Z"}
    story.fact(Relation.POINTS_TO, f"{key}v46", f"digest:{BAD_COMMIT}", **moved)
    answer = story.answer(advisories=(advisory,), now=on("2025-03-20", "00:00"))
    told = {one.asset: one.rule for one in answer.lines}
    assert told == {"asset:ci/v45": "moved-ref", "asset:ci/v46": "moved-ref-perhaps"}


def test_trivy_spares_the_one_tag_that_was_not_moved() -> None:
    story = FactStory()
    advisory = story.advise("trivy-2026-03")
    words = {"day": "2026-03-19", "start": "18:00", "end": "18:20"}
    used(story, "ci/moved", action("aquasecurity/trivy-action", "0.34.2"), **words)
    used(story, "ci/other", action("aquasecurity/trivy-action", "0.20.0"), **words)
    used(story, "ci/spared", action("aquasecurity/trivy-action", "0.35.0"), **words)
    used(story, "ci/setup", action("aquasecurity/setup-trivy", "v0.2.1"), **words)
    clean = "57a97c7e7821a5776cebc9bb87c984fa69cba8f1"
    used(story, "ci/clean", action("aquasecurity/trivy-action", clean), **words)
    answer = story.answer(advisories=(advisory,))
    told = {one.asset: one.certainty.value for one in answer.lines}
    assert told == {
        "asset:ci/moved": "probable",
        "asset:ci/other": "probable",
        "asset:ci/setup": "probable",
    }


def test_a_moved_tag_takes_the_secrets_of_the_job() -> None:
    story = FactStory()
    advisory = story.advise("trivy-2026-03")
    words = {"day": "2026-03-19", "start": "18:00", "end": "18:20"}
    used(story, "ci/1", action("aquasecurity/trivy-action", "0.34.2"), **words)
    story.look(
        "ci/1",
        place=PlaceKind.SECRETS,
        start=on("2026-03-19", "18:00"),
        end=on("2026-03-19", "18:20"),
        mode=LookMode.EVENT,
        ended=True,
        locator="job secrets",
        identities=(Identity(kind="ci-secret", name="PYPI_PUBLISH"),),
    )
    answer = story.answer(advisories=(advisory,))
    (stolen,) = answer.reach.identities
    assert stolen.entity == "identity:ci-secret/PYPI_PUBLISH"
    assert stolen.certainty is Certainty.PROBABLE
    assert line(answer, "ci/1").ran is Certainty.PROBABLE


# ── Shai-Hulud ───────────────────────────────────────────────────────────────────────────────


def test_1092_versions_at_once_and_not_one_too_many() -> None:
    story = FactStory()
    story.advise("shai-hulud-2025-11")
    names = [f"@scope{n % 40}/package-{n}" for n in range(796)]
    bad = [(names[n % 796], f"1.0.{1 + n // 796}") for n in range(1092)]
    affected = [
        {
            "package": {"ecosystem": "npm", "name": name},
            "versions": [v for k, v in bad if k == name],
        }
        for name in names
    ]
    advisory = story.advise("shai-hulud-2025-11", affected=affected)
    day = "2025-11-24"
    for n, (name, version) in enumerate(bad[::7]):
        ran(story, f"ci/bad{n}", seen(npm(name, version)), day=day, start="05:00", end="05:01")
    for n, name in enumerate(names[::9]):
        ran(story, f"ci/good{n}", seen(npm(name, "1.0.10")), day=day, start="05:00", end="05:01")
    story.now = on(day, "12:00")
    began = time.process_time()
    answer = story.answer(advisories=(advisory,))
    assert answer.counts == Counts(probable=len(bad[::7]), cleared=len(names[::9]))
    assert all(one.ran is Certainty.PROBABLE for one in answer.lines)
    assert time.process_time() - began < 5


# ── xz ───────────────────────────────────────────────────────────────────────────────────────


def test_xz_was_there_for_five_weeks_and_a_downgrade_erased_the_trace() -> None:
    story = FactStory(now=on("2024-02-01", "00:00"))
    advisory = story.advise("xz-2024")

    def deb(version: str) -> Any:
        return seen(item("debian/xz-utils", version, type="deb"))

    def look(asset: str, version: str, day: str) -> None:
        story.now = on(day, "02:00")
        story.look(
            asset,
            deb(version),
            kind=AssetKind.SERVER,
            place=PlaceKind.ENVIRONMENT,
            start=story.now,
            locator="dpkg",
        )

    look("srv/1", "5.4.5-0.3", "2024-02-20")
    look("srv/1", "5.6.0-0.2", "2024-03-01")
    look("srv/1", "5.6.1-1", "2024-03-12")
    look("srv/1", "5.6.1+really5.4.5-1", "2024-03-30")
    look("srv/2", "5.4.5-0.3", "2024-02-20")
    look("srv/2", "5.6.1+really5.4.5-1", "2024-03-30")
    story.now = on("2024-04-02", "00:00")
    answer = story.answer(advisories=(advisory,))
    one = line(answer, "srv/1")
    assert (one.certainty, one.still_there) == (Certainty.PROBABLE, False)
    assert one.first_at == on("2024-03-01", "02:00")
    assert {sighting.version for sighting in one.sightings} == {"5.6.0-0.2", "5.6.1-1"}
    # The second machine may have had it between two looks. It is not called clean.
    assert answer.counts == Counts(probable=1, unknown=1)
    rotate = one.theft_from
    assert rotate == on("2024-02-24", "00:00")


def test_asked_by_name_instead_of_advisory_it_is_the_same_engine() -> None:
    story = FactStory()
    ran(story, "ci/1", seen(npm("axios", "1.14.1")), day=DAY, start="01:00", end="01:05")
    asked = Asked(releases=(Release(type="npm", name="axios", version="1.14.1"),))
    assert story.ask(asked).answer.counts == Counts(probable=1)
