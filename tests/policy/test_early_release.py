"""Early release: a reviewed fix leaves its cool-down early, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from kit.policies import (
    NOW,
    ask,
    ask_on_page,
    attested,
    changed,
    hours,
    osv,
    policy,
    project,
    reviewed_fix,
    waiver,
    wheel,
)
from pratique.policy.decide import with_page_facts
from pratique.policy.model import FileFacts, Outcome, ProvenanceFacts, Verdict, VettingFacts

ALLOW, HOLD, DENY = Outcome.ALLOW, Outcome.HOLD, Outcome.DENY


def fix(version: str = "1.83.0", *, age: float = 10, **facts: Any) -> FileFacts:
    return wheel(
        version, uploaded_at=NOW - hours(age), vetting=VettingFacts(verdict=Verdict.CLEAN), **facts
    )


PAGE = [wheel("1.82.5"), wheel("1.82.6")]
RULES = policy("", reviewed_fix("1.83.0"))


def test_a_reviewed_fix_leaves_its_cool_down_early() -> None:
    answer = ask_on_page(fix(), [*PAGE, fix()], RULES)
    assert (answer.outcome, answer.rule) == (ALLOW, "early-release")
    assert answer.evidence[0] == "GHSA-aaaa-bbbb-cccc"
    assert answer.recheck_at == NOW + hours(62)


def test_before_the_minimum_age_it_is_held_until_then() -> None:
    file = fix(age=2)
    answer = ask_on_page(file, [*PAGE, file], RULES)
    assert (answer.outcome, answer.rule) == (HOLD, "cool-down")
    assert answer.until == answer.recheck_at == NOW + hours(4)
    assert "GHSA-aaaa-bbbb-cccc" in answer.reason
    assert ask_on_page(file, [*PAGE, file], RULES, now=NOW + hours(4)).outcome is ALLOW


def test_a_minimum_age_beyond_the_cool_down_prolongs_nothing() -> None:
    rules = policy("[early-release]\nmin_age_hours = 100", reviewed_fix("1.83.0"))
    assert ask_on_page(fix(), [*PAGE, fix()], rules).until == NOW + hours(62)


def test_pysec_is_reviewed_and_sources_can_be_narrowed() -> None:
    record = osv("PYSEC-2026-9", events=[{"introduced": "0"}, {"fixed": "1.83.0"}])
    assert ask_on_page(fix(), [*PAGE, fix()], policy("", record)).outcome is ALLOW
    narrow = policy("[early-release]\nsources = ['GHSA']", record)
    assert ask_on_page(fix(), [*PAGE, fix()], narrow).outcome is HOLD


def test_it_can_be_switched_off() -> None:
    rules = policy("[early-release]\nenabled = false", reviewed_fix("1.83.0"))
    assert ask_on_page(fix(), [*PAGE, fix()], rules).outcome is HOLD


@pytest.mark.parametrize(
    "file",
    [
        changed(fix(), vetting=None),
        changed(fix(), vetting=VettingFacts(verdict=Verdict.UNKNOWN)),
        changed(fix(), vetting=VettingFacts(verdict=Verdict.SUSPICIOUS)),
        fix(provenance=attested(attested=False)),
        fix(provenance=attested(repository="evil/litellm")),
        fix(provenance=ProvenanceFacts(attested=True, predecessor="litellm-1.82.6.tar.gz")),
        fix(fresh_dependencies=None),
        fix("1.83.1"),
        fix("1.83.0.post1"),
        fix("1.83.0rc1"),
        fix("1.82.7"),
        fix(sha256=None),
        changed(fix(), uploaded_at=None),
    ],
    ids=[
        "not vetted", "not read", "suspicious", "attestation lost", "other repository",
        "attestation not read",
        "dependencies not compared", "a later version", "a post release", "a candidate",
        "an affected version", "no hash", "no upload time",
    ],
)  # fmt: skip
def test_what_an_attacker_could_forge_stays_held(file: FileFacts) -> None:
    answer = ask_on_page(file, [*PAGE, file], RULES)
    assert answer.outcome.strictness >= HOLD.strictness


def test_same_provenance_is_no_regression() -> None:
    file = fix(provenance=attested())
    assert ask_on_page(file, [*PAGE, file], RULES).outcome is ALLOW


def test_a_verdict_need_not_be_required_but_a_bad_one_still_counts() -> None:
    rules = policy("[early-release]\nrequire_verdict = false", reviewed_fix("1.83.0"))
    unvetted = changed(fix(), vetting=None)
    assert ask_on_page(unvetted, [*PAGE, unvetted], rules).outcome is ALLOW
    bad = changed(fix(), vetting=VettingFacts(verdict=Verdict.MALICIOUS))
    assert ask_on_page(bad, [*PAGE, bad], rules).outcome is DENY


@pytest.mark.parametrize(
    "record",
    [
        osv("GHSA-1", events=[{"introduced": "0"}, {"fixed": "1.83.0"}]),
        osv("CVE-1", events=[{"introduced": "0"}, {"fixed": "1.83.0"}]),
        osv("MAL-1", events=[{"introduced": "1.82.7"}, {"fixed": "1.83.0"}]),
        reviewed_fix("1.83.0", withdrawn="2026-03-24T00:00:00Z"),
        reviewed_fix("1.83.0", name="litellm-proxy"),
        reviewed_fix("1.83.0", ecosystem="npm"),
    ],
    ids=[
        "not reviewed",
        "other source",
        "malware",
        "withdrawn",
        "other project",
        "other ecosystem",
    ],
)
def test_only_a_reviewed_advisory_about_this_project_counts(record: dict[str, Any]) -> None:
    assert ask_on_page(fix(), [*PAGE, fix()], policy("", record)).outcome is HOLD


def test_a_record_that_contradicts_itself_fixes_nothing() -> None:
    record = reviewed_fix("1.83.0")
    record["affected"][0]["versions"] = ["1.83.0"]
    assert ask_on_page(fix(), [*PAGE, fix()], policy("", record)).outcome is HOLD


def test_nothing_is_released_where_a_good_version_passes_already() -> None:
    page = [*PAGE, wheel("1.84.0"), fix()]
    assert ask_on_page(fix(), page, RULES).outcome is HOLD


def test_nothing_is_released_where_nothing_else_passes() -> None:
    assert ask_on_page(fix(), [fix()], RULES).outcome is HOLD


def test_a_newer_version_that_is_closed_does_not_count_as_passing() -> None:
    closed = wheel("1.84.0", uploaded_at=NOW)
    assert ask_on_page(fix(), [*PAGE, closed, fix()], RULES).outcome is ALLOW
    waived = wheel("1.84.0", uploaded_at=NOW, waiver=waiver())
    assert ask_on_page(fix(), [*PAGE, waived, fix()], RULES).outcome is HOLD


def test_a_fix_on_an_older_line_is_released_too() -> None:
    record = reviewed_fix("1.83.0")
    record["affected"][0]["ranges"][0]["events"] = [
        {"introduced": "0"}, {"fixed": "1.80.9"}, {"introduced": "1.81"}, {"fixed": "1.83.0"},
    ]  # fmt: skip
    backport = fix("1.80.9")
    assert ask_on_page(backport, [*PAGE, backport], policy("", record)).outcome is ALLOW


def test_a_single_file_needs_the_page_facts() -> None:
    assert ask(fix(), RULES).outcome is HOLD
    told = ask(fix(), RULES, about=project(best_allowed=Version("1.82.6")))
    assert told.rule == "early-release"


def test_page_facts_are_found_only_where_they_matter() -> None:
    bare = project(best_allowed=Version("9"))
    assert with_page_facts(bare, PAGE, RULES, NOW).best_allowed is None
    assert with_page_facts(bare, [*PAGE, fix()], policy(), NOW).best_allowed is None
    assert with_page_facts(bare, [*PAGE, fix()], RULES, NOW).best_allowed == Version("1.82.6")


def test_audit_mode_does_not_make_everything_count_as_passing() -> None:
    rules = policy("mode='audit'", reviewed_fix("1.83.0"))
    page = [*PAGE, wheel("1.84.0", uploaded_at=NOW), fix()]
    assert with_page_facts(project(), page, rules, NOW).best_allowed == Version("1.82.6")
    assert ask_on_page(fix(), page, rules).rule == "early-release"


def test_other_objections_stand() -> None:
    rules = policy("[[deny]]\nprojects=['litellm']\nversions='==1.83.0'\nreason='x'",
                   reviewed_fix("1.83.0"))  # fmt: skip
    assert ask_on_page(fix(), [*PAGE, fix()], rules).outcome is DENY
