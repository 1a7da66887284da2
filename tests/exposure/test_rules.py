"""The rule tables of docs/explain/certainty.md, one line each; and that the page has every rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.exposure import absence, verdicts
from pratique.exposure.absence import Watch, judge_absence
from pratique.exposure.certainty import Certainty, surest
from pratique.exposure.ports import Watched
from pratique.exposure.verdicts import Frame, Said, Seen, judge_sighting
from pratique.inventory.observed.model import AssetKind, EvidenceClass, PlaceKind, Stage
from pratique.values.spans import DAWN, OPEN, Span, exactly

FRAME = Frame(DAWN, OPEN, 100, 200, 100, 200)
LAPTOP, RUN, REPO, CACHE_KIND = (
    AssetKind.LAPTOP.value,
    AssetKind.CI_RUN.value,
    AssetKind.REPOSITORY.value,
    AssetKind.CACHE.value,
)
ENV, LOCK, CACHE, LOG, MANIFEST, SBOM = (
    PlaceKind.ENVIRONMENT.value,
    PlaceKind.LOCK.value,
    PlaceKind.CACHE.value,
    PlaceKind.CI_LOG.value,
    PlaceKind.MANIFEST.value,
    PlaceKind.SBOM.value,
)
SEEN_AT = exactly(120, 130)


def seen(how: str, stage: Stage, place: str = ENV, kind: str = LAPTOP, **more: Any) -> Seen:
    values: dict[str, Any] = {"span": SEEN_AT, "evidence_class": EvidenceClass.OBSERVED, **more}
    return Seen(how, stage, place, kind, **values)


@pytest.mark.parametrize(
    ("sighting", "certainty", "rule"),
    [
        (seen("digest", Stage.INSTALLED), "confirmed", "digest-seen"),
        (seen("digest", Stage.FETCHED, CACHE), "confirmed", "digest-seen"),
        (seen("version", Stage.EXECUTED), "confirmed", "executed"),
        (seen("digest", Stage.EXFILTRATION_SEEN), "confirmed", "executed"),
        (seen("version", Stage.INSTALLED), "probable", "name-and-version"),
        (seen("version", Stage.INSTALLED, span=exactly(300, 310)), "probable", "name-and-version"),
        (seen("version", Stage.FETCHED, CACHE), "probable", "name-and-version"),
        (
            seen("version", Stage.FETCHED, CACHE, span=exactly(200, 300)),
            "possible",
            "cache-after-window",
        ),
        (seen("digest", Stage.FETCHED, CACHE, span=exactly(900)), "confirmed", "digest-seen"),
        (seen("digest", Stage.LISTED, LOCK, RUN), "probable", "resolved-and-run"),
        (seen("version", Stage.LISTED, MANIFEST, RUN), "probable", "resolved-and-run"),
        (seen("digest", Stage.LISTED, LOCK, RUN, span=exactly(200, 210)), "possible", "listed"),
        (seen("digest", Stage.LISTED, LOCK, REPO), "possible", "listed"),
        (seen("digest", Stage.LISTED, LOCK), "possible", "listed"),
        (seen("range", Stage.INSTALLED, LOG, RUN), "possible", "admitted"),
        (
            seen("digest", Stage.INSTALLED, SBOM, evidence_class=EvidenceClass.DECLARED),
            "probable",
            "declared",
        ),
        (
            seen("version", Stage.EXECUTED, evidence_class=EvidenceClass.ASSERTED),
            "probable",
            "declared",
        ),
        (
            seen("digest", Stage.INSTALLED, span=Span(100, 140, 120, 150)),
            "possible",
            "perhaps-outside",
        ),
        (
            seen("ref", Stage.LISTED, MANIFEST, RUN, bad_from=100, bad_to=200),
            "probable",
            "moved-ref",
        ),
        (
            seen("ref", Stage.LISTED, MANIFEST, RUN, bad_from=90, bad_to=125),
            "possible",
            "moved-ref-perhaps",
        ),
        (
            seen(
                "ref", Stage.LISTED, MANIFEST, RUN, span=exactly(90, 110), bad_from=80, bad_to=300
            ),
            "possible",
            "moved-ref-perhaps",
        ),
        (seen("ref", Stage.LISTED, MANIFEST, REPO, bad_from=100, bad_to=200), "possible", "listed"),
        (
            seen("ref", Stage.LISTED, MANIFEST, RUN, bad_from=90, bad_to=125, pointed="bad"),
            "probable",
            "moved-ref",
        ),
        (
            seen("ref", Stage.LISTED, MANIFEST, RUN, bad_from=100, bad_to=200, pointed="perhaps"),
            "possible",
            "moved-ref-perhaps",
        ),
    ],
)
def test_each_rule_of_presence(sighting: Seen, certainty: str, rule: str) -> None:
    said = judge_sighting(sighting, FRAME)
    assert said is not None
    assert (said.certainty.value, said.rule) == (certainty, rule)


@pytest.mark.parametrize(
    "sighting",
    [
        seen("ref", Stage.EXECUTED, LOG, RUN, bad_from=130, bad_to=200),
        seen("ref", Stage.EXECUTED, LOG, RUN, bad_from=0, bad_to=120),
        seen("ref", Stage.EXECUTED, LOG, RUN, bad_from=100, bad_to=200, pointed="good"),
    ],
)
def test_a_ref_that_pointed_elsewhere_says_nothing(sighting: Seen) -> None:
    assert judge_sighting(sighting, FRAME) is None


def test_what_a_run_resolved_counts_as_installed_and_a_digest_stage_stays() -> None:
    assert judge_sighting(seen("version", Stage.LISTED, LOCK, RUN), FRAME) == Said(
        Certainty.PROBABLE, "resolved-and-run", Stage.INSTALLED
    )
    said = judge_sighting(seen("digest", Stage.FETCHED, CACHE), FRAME)
    assert said is not None
    assert said.stage == Stage.FETCHED


def test_a_question_about_a_span_is_not_answered_by_what_may_lie_outside() -> None:
    frame = Frame(125, 200, 100, 200, 100, 200)
    sure = seen("digest", Stage.INSTALLED)
    edge = seen("digest", Stage.INSTALLED, span=Span(100, 110, 120, 150))
    assert judge_sighting(sure, frame) == Said(Certainty.CONFIRMED, "digest-seen", Stage.INSTALLED)
    assert judge_sighting(edge, frame) == Said(
        Certainty.POSSIBLE, "perhaps-outside", Stage.INSTALLED
    )


# ── absence ──────────────────────────────────────────────────────────────────────────────────


def watch(place_kind: str, lo: int, hi: int, **more: Any) -> Watch:
    """An event look at one place; `sampled` makes it a sampled one."""
    mode = "sampled" if more.pop("sampled", False) else "event"
    values: dict[str, Any] = {
        "place": hash(place_kind) % 1000,
        "ended": False,
        "whole": True,
        "gaps": 0,
        **more,
    }
    return Watch(place_kind, Watched(asset=1, mode=mode, at_lo=lo, at_hi=hi, entry=lo, **values))


ASSET = PlaceKind.ASSET.value
IMAGE, ENVIRONMENT = AssetKind.IMAGE.value, AssetKind.ENVIRONMENT.value


@pytest.mark.parametrize(
    ("kind", "watches", "rule"),
    [
        (LAPTOP, [], "never-looked"),
        (LAPTOP, [watch(ENV, 0, 900)], "not-witnessed"),
        (LAPTOP, [watch(PlaceKind.SECRETS.value, 0, 900)], "not-witnessed"),
        (LAPTOP, [watch(ASSET, 0, 900)], "watched"),
        (LAPTOP, [watch(ASSET, 100, 500)], "watched"),
        (LAPTOP, [watch(ASSET, 0, 300), watch(ASSET, 300, 900)], "watched"),
        (LAPTOP, [watch(ASSET, 0, 300), watch(ASSET, 301, 900)], "not-covered"),
        (LAPTOP, [watch(ASSET, 101, 900)], "not-covered"),
        (LAPTOP, [watch(ASSET, 0, 499)], "not-since"),
        (LAPTOP, [watch(ASSET, 0, 900, whole=False, gaps=2)], "unreadable"),
        (LAPTOP, [watch(ASSET, t, t, sampled=True) for t in range(0, 900, 5)], "sampled-only"),
        (RUN, [watch(LOG, 120, 130, ended=True)], "whole-life"),
        (RUN, [watch(LOG, 120, 130)], "not-covered"),
        (RUN, [watch(LOG, 120, 130, ended=True, whole=False)], "unreadable"),
        (
            RUN,
            [watch(LOG, 120, 130, ended=True), watch(LOG, 130, 131, place=7, ended=True, whole=False)],
            "unreadable",
        ),
        (RUN, [watch(LOG, 120, 125, whole=False), watch(LOG, 120, 130, ended=True)], "whole-life"),
        (RUN, [watch(LOG, 20, 100, ended=True)], "whole-life"),
        (RUN, [watch(LOG, 20, 100, ended=True, whole=False)], "outside-life"),
        (RUN, [watch(LOG, 500, 510, ended=True, whole=False)], "outside-life"),
        (RUN, [watch(LOG, 20, 101, ended=True, whole=False)], "unreadable"),
        (RUN, [watch(LOCK, 120, 130, ended=True)], "not-witnessed"),
        (IMAGE, [watch(PlaceKind.LAYER.value, 700, 700, sampled=True)], "immutable"),
        (IMAGE, [watch(PlaceKind.LAYER.value, 700, 700, sampled=True, whole=False)], "unreadable"),
        (IMAGE, [watch(SBOM, 700, 700, sampled=True)], "not-witnessed"),
        (REPO, [watch(LOCK, 0, 900), watch(ASSET, 500, 500, sampled=True)], "whole-history"),
        (REPO, [watch(LOCK, 300, 310), watch(ASSET, 900, 900, sampled=True)], "whole-history"),
        (REPO, [watch(LOCK, 0, 900), watch(ASSET, 499, 499, sampled=True)], "not-since"),
        (REPO, [watch(LOCK, 0, 900)], "sampled-only"),  # nothing says that this is all of it
        (REPO, [watch(ASSET, 900, 900, sampled=True)], "sampled-only"),  # a folder, no history
        (
            REPO,
            [watch(LOCK, 0, 900), watch(LOCK, 90, 110, whole=False), watch(ASSET, 900, 900, sampled=True)],
            "unreadable",
        ),
        (
            REPO,
            [watch(LOCK, 0, 900), watch(LOCK, 10, 90, whole=False), watch(ASSET, 900, 900, sampled=True)],
            "whole-history",
        ),
        (ENVIRONMENT, [watch(ENV, 0, 900)], "watched"),
        (ENVIRONMENT, [watch(ENV, 0, 90, ended=True)], "not-covered"),
        (ENVIRONMENT, [watch(ENV, 200, 900)], "not-covered"),
        (
            ENVIRONMENT,
            [watch(ENV, 0, 0, sampled=True), watch(ENV, 900, 900, sampled=True)],
            "sampled-only",
        ),
        (CACHE_KIND, [watch(CACHE, 0, 900)], "watched"),
    ],
)  # fmt: skip
def test_each_rule_of_absence(kind: str, watches: list[Watch], rule: str) -> None:
    said = judge_absence(kind, "sha256:ab", watches, 100, 500)
    cleared = {"watched", "whole-life", "whole-history", "immutable", "outside-life"}
    assert said.rule == rule
    assert (said.certainty is Certainty.CLEARED) is (rule in cleared)
    assert bool(said.missing) is (said.certainty is Certainty.UNKNOWN)


def test_an_image_named_by_a_tag_may_have_been_another_image() -> None:
    look = [watch(PlaceKind.LAYER.value, 700, 700, sampled=True)]
    assert judge_absence(IMAGE, "image/app:latest", look, 100, 500).rule == "sampled-only"


def test_another_release_throughout_clears_one_environment_and_nothing_else() -> None:
    looks = [watch(ENV, 600, 600, sampled=True)]
    held = [exactly(50, 600)]
    asked = {"others": held}
    assert judge_absence(ENVIRONMENT, "e", looks, 100, 500, **asked).rule == "other-release"
    assert judge_absence(LAPTOP, "e", looks, 100, 500, **asked).rule == "not-witnessed"
    late = {"others": [exactly(101, 600)]}
    assert judge_absence(ENVIRONMENT, "e", looks, 100, 500, **late).rule == "sampled-only"
    broken = [watch(ENV, 600, 600, sampled=True), watch(ENV, 300, 301, whole=False)]
    assert judge_absence(ENVIRONMENT, "e", broken, 100, 500, **asked).rule == "unreadable"


def test_a_watcher_may_report_a_little_late_only_where_the_question_ends_now() -> None:
    look = [watch(ASSET, 0, 450)]
    assert judge_absence(LAPTOP, "l", look, 100, 500, patience=50).rule == "watched"
    assert judge_absence(LAPTOP, "l", look, 100, 500, patience=49).rule == "not-since"
    assert judge_absence(LAPTOP, "l", look, 100, 500).rule == "not-since"


def test_surest() -> None:
    assert surest([Certainty.UNKNOWN, Certainty.POSSIBLE]) is Certainty.POSSIBLE
    assert surest([]) is Certainty.UNKNOWN


def test_the_page_has_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs/explain/certainty.md").read_text("utf-8")
    missing = [rule for rule in {**verdicts.RULES, **absence.RULES} if f"`{rule}`" not in page]
    assert missing == []
