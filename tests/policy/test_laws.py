"""Laws of deciding: one answer however asked, time only opens, a deny never opens anything."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from kit.policies import NOW, OTHER_SHA, SHA, attested, hours, index, osv, policy, reviewed_fix
from pratique.policy.advisories import matches_version
from pratique.policy.decide import bind, decide, decide_page, with_page_facts
from pratique.policy.explain import explain_file
from pratique.policy.matching import matcher_for
from pratique.policy.model import (
    FileFacts,
    FreshDependency,
    Outcome,
    ProjectFacts,
    ProvenanceFacts,
    Verdict,
    VettingFacts,
    WaiverFacts,
)
from pratique.policy.rules import RULES
from pratique.policy.spelling import VersionReader, version_key, version_key_of_text
from pratique.values.names import ProjectName, ProjectStatus, parse_distribution_filename

PROJECT = ProjectName("litellm")

instants = st.integers(-200 * 60, 100 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
filenames = st.sampled_from(
    [
        "litellm-1.82.6-py3-none-any.whl", "litellm-1.82.7-py3-none-any.whl",
        "litellm-1.82.7.tar.gz", "litellm-1.83.0-py3-none-any.whl", "litellm-1.83.0.tar.gz",
        "litellm-2.0+local-py3-none-any.whl", "LiteLLM-1.82.07.zip", "litellm.txt",
    ]
)  # fmt: skip
provenances = st.sampled_from(
    [
        None, attested(), attested(attested=False), attested(repository="evil/x"),
        ProvenanceFacts(attested=True, predecessor="litellm-1.0.tar.gz"),
    ]
)  # fmt: skip
dependencies = st.one_of(
    st.none(),
    st.lists(
        st.builds(
            FreshDependency, project=st.just(ProjectName("new")), first_upload=st.none() | instants
        ),
        max_size=3,
    ).map(tuple),
)
waivers = st.none() | st.builds(
    WaiverFacts,
    id=st.just("W1"),
    approver=st.just("alice"),
    reason=st.just("x"),
    expires_at=instants,
    overrides_deny=st.booleans(),
)
files: st.SearchStrategy[FileFacts] = st.builds(
    FileFacts,
    filename=filenames,
    project=st.just(PROJECT),
    sha256=st.sampled_from([None, SHA, OTHER_SHA]),
    uploaded_at=st.none() | instants,
    yanked=st.booleans(),
    yanked_reason=st.sampled_from(["", "malware", "typo"]),
    listed_upstream=st.booleans(),
    delivered_before=st.booleans(),
    vetting=st.none()
    | st.builds(
        VettingFacts,
        verdict=st.sampled_from(Verdict),
        gained=st.sampled_from([(), ("network",), ("native", "process")]),
    ),
    provenance=provenances,
    fresh_dependencies=dependencies,
    waiver=waivers,
)
projects: st.SearchStrategy[ProjectFacts] = st.builds(
    ProjectFacts,
    index=st.just("pypi"),
    project=st.just(PROJECT),
    private=st.booleans(),
    status=st.sampled_from(ProjectStatus),
    hashless_pinned=st.booleans(),
    best_allowed=st.sampled_from([None, Version("1.82.6"), Version("1.83.0")]),
)

RECORDS = (
    osv("MAL-2026-2144", "1.82.7"),
    osv("GHSA-plain", events=[{"introduced": "2.0"}]),
    reviewed_fix("1.83.0"),
)
TEXTS = {
    "default": "",
    "no cool-down": "[cool-down]\nhours = 0",
    "long horizon": "[new-dependency]\nhorizon_hours = 150\nunexamined = 'hide'",
    "vulnerable": "[advisory]\nvulnerable = 'hold'",
    "easy early release": "[early-release]\nrequire_verdict = false\nmin_age_hours = 20",
    "missing denied": "[cool-down]\nmissing_time = 'deny'\n[yanked]\noutcome = 'hide'",
    "lists": (
        "[[deny]]\nprojects=['lite*']\nversions='>=2'\nreason='x'\noutcome='hide'\n"
        "[[allow]]\nprojects=['litellm']\nversions='==1.83.0'\nreason='y'\n"
        f"[[allow]]\nsha256='{SHA}'\nrules=['provenance','yanked','verdict']\nreason='z'"
    ),
}
POLICIES = {name: policy(text, *RECORDS) for name, text in TEXTS.items()}
AUDITS = {name: policy(f"mode='audit'\n{text}", *RECORDS) for name, text in TEXTS.items()}
policies = st.sampled_from(sorted(POLICIES))


@given(project=projects, file=files, which=policies, now=instants, seed=st.integers(0, 999))
@settings(max_examples=150)
def test_bound_and_single_decisions_agree_with_rules_in_any_order(
    project: ProjectFacts, file: FileFacts, which: str, now: Any, seed: int
) -> None:
    rules = POLICIES[which]
    shuffled = list(RULES)
    random.Random(seed).shuffle(shuffled)
    once = decide(project, file, rules, now)
    bound = bind(rules, project)
    assert bound(file, now) == once
    assert bound(file, now) == once, "asking leaves nothing behind"
    assert bind(rules, project, rules=shuffled)(file, now) == once


@pytest.mark.slow
@given(project=projects, file=files, which=policies, now=instants, share=st.floats(0, 1))
@settings(max_examples=150)
def test_nothing_changes_before_the_recheck(
    project: ProjectFacts, file: FileFacts, which: str, now: Any, share: float
) -> None:
    rules = POLICIES[which]
    answer = decide(project, file, rules, now)
    end = answer.recheck_at
    if end is None:
        later = now + hours(24 * 365 * 20)
    else:
        assert end > now
        later = now + (end - now) * share
        if later >= end:
            later = end - timedelta(microseconds=1)
    assert decide(project, file, rules, later).outcome is answer.outcome


@given(project=projects, file=files, which=policies, now=instants, step=st.integers(0, 200 * 60))
@settings(max_examples=150)
def test_time_alone_only_opens(
    project: ProjectFacts, file: FileFacts, which: str, now: Any, step: int
) -> None:
    rules = POLICIES[which]
    bare = msgspec.structs.replace(file, waiver=None)
    before = decide(project, bare, rules, now)
    after = decide(project, bare, rules, now + timedelta(minutes=step))
    assert after.outcome.strictness <= before.outcome.strictness


@given(project=projects, file=files, which=policies, now=instants)
@settings(max_examples=120)
def test_a_hold_that_names_its_end_ends_there(
    project: ProjectFacts, file: FileFacts, which: str, now: Any
) -> None:
    rules = POLICIES[which]
    bare = msgspec.structs.replace(file, waiver=None)
    answer = decide(project, bare, rules, now)
    if answer.outcome is Outcome.HOLD and answer.until is not None:
        just_before = answer.until - timedelta(microseconds=1)
        assert decide(project, bare, rules, just_before).outcome is Outcome.HOLD
        assert decide(project, bare, rules, answer.until).outcome.lets_bytes_through


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TEXTS))
@given(project=projects, file=files, now=instants, data=st.data())
@settings(max_examples=40)
def test_one_more_deny_never_opens(
    name: str, project: ProjectFacts, file: FileFacts, now: Any, data: st.DataObject
) -> None:
    more = data.draw(
        st.sampled_from(
            [
                "[[deny]]\nprojects=['*']\nreason='x'",
                "[[deny]]\nprojects=['litellm']\nversions='<1.83'\noutcome='hide'\nreason='x'",
                f"[[deny]]\nsha256='{SHA}'\noutcome='hold'\nreason='x'",
            ]
        )
    )
    stricter = policy(f"{TEXTS[name]}\n{more}", *RECORDS)
    without = decide(project, file, POLICIES[name], now)
    assert decide(project, file, stricter, now).outcome.strictness >= without.outcome.strictness


@pytest.mark.parametrize("name", sorted(TEXTS))
@given(project=projects, file=files, now=instants)
@settings(max_examples=40)
def test_audit_says_what_enforcement_does(
    name: str, project: ProjectFacts, file: FileFacts, now: Any
) -> None:
    enforced = decide(project, file, POLICIES[name], now)
    audited = decide(project, file, AUDITS[name], now)
    assert audited.outcome is Outcome.ALLOW
    assert (audited.audited or Outcome.ALLOW) is enforced.outcome
    assert (audited.rule, audited.reason) == (enforced.rule, enforced.reason)


@given(project=projects, file=files, which=policies, now=instants)
@settings(max_examples=120)
def test_every_closed_door_says_why_in_one_ascii_line(
    project: ProjectFacts, file: FileFacts, which: str, now: Any
) -> None:
    rules = POLICIES[which]
    answer = decide(project, file, rules, now)
    if answer.outcome is not Outcome.ALLOW:
        assert 0 < len(answer.reason) <= 160
        assert answer.reason.isascii()
        assert answer.reason.isprintable()


@pytest.mark.slow
@given(project=projects, page=st.lists(files, max_size=8), which=policies, now=instants)
@settings(max_examples=120)
def test_a_page_and_a_single_file_are_answered_alike(
    project: ProjectFacts, page: list[FileFacts], which: str, now: Any
) -> None:
    rules = POLICIES[which]
    facts = with_page_facts(project, page, rules, now)
    assert decide_page(project, page, rules, now) == [decide(facts, f, rules, now) for f in page]
    assert with_page_facts(facts, page, rules, now) == facts


@pytest.mark.slow
@given(project=projects, file=files, which=policies, now=instants)
@settings(max_examples=200)
def test_an_explanation_is_of_the_decision(
    project: ProjectFacts, file: FileFacts, which: str, now: Any
) -> None:
    rules = POLICIES[which]
    told = explain_file(project, file, rules, now)
    assert told.decision == decide(project, file, rules, now)
    deciding = [step.rule for step in told.steps if step.decides]
    assert deciding == ([told.decision.rule] if told.decision.rule != "allow" else [])
    assert bool(told.would_change) == (told.decision.outcome is not Outcome.ALLOW)


# ── names read cheaply ───────────────────────────────────────────────────────────────────────

names = st.sampled_from(["litellm", "foo-bar", "a", "py3", "zope-interface", "x-1"])
numbers = st.integers(0, 120).map(str) | st.sampled_from(["00", "01", "007"])
versions = st.builds(
    lambda epoch, release, pre, post, dev, local: (
        epoch + ".".join(release) + pre + post + dev + local
    ),
    st.sampled_from(["", "", "", "1!"]),
    st.lists(numbers, min_size=1, max_size=4),
    st.sampled_from(["", "", "", "a1", "b0", "rc2", "-rc.1", "alpha", "c3", "a01"]),
    st.sampled_from(["", "", ".post1", "-2", "post", ".post01"]),
    st.sampled_from(["", "", ".dev3", "dev", ".dev0"]),
    st.sampled_from(["", "", "", "+cu118", "+a.b"]),
)
tails = st.sampled_from(
    [
        "-py3-none-any.whl", "-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "-1-py3-none-any.whl", "-1a-py2.py3-none-any.whl", "-x-py3-none-any.whl", ".tar.gz", ".zip",
        ".tar.bz2", ".egg", "-py3-none.whl", "-PY3-none-any.whl", ".exe", "-py3--any.whl",
    ]
)  # fmt: skip


@pytest.mark.slow
@given(name=names, separator=st.sampled_from("-_.") | st.just("__"), version=versions, tail=tails,
       upper=st.booleans())  # fmt: skip
@settings(max_examples=500)
def test_a_version_read_cheaply_is_the_one_the_parser_reads(
    name: str, separator: str, version: str, tail: str, upper: bool
) -> None:
    spelled = name.replace("-", separator)
    filename = f"{spelled.upper() if upper else spelled}-{version}{tail}"
    cheap = VersionReader(ProjectName(name)).canonical(filename)
    if cheap is None:
        return
    parsed = parse_distribution_filename(filename, project=ProjectName(name))
    assert parsed is not None
    assert parsed.version == Version(cheap)
    assert str(parsed.version) == cheap


def test_most_names_are_read_cheaply() -> None:
    reader = VersionReader(ProjectName("foo-bar"))
    for filename in (
        "foo_bar-1.0-py3-none-any.whl", "foo_bar-1.0.tar.gz", "foo-bar-1.0.tar.gz",
        "Foo.Bar-1.0rc1.zip", "foo_bar-1.0.post1.dev2-cp311-abi3-win_amd64.whl",
    ):  # fmt: skip
        assert reader.canonical(filename) is not None, filename


@given(one=versions, other=versions)
@settings(max_examples=200)
def test_keys_are_equal_exactly_when_versions_are(one: str, other: str) -> None:
    for text in (one, other):
        if version_key_of_text(text) is None:
            return
    same = Version(one) == Version(other)
    assert (version_key(Version(one)) == version_key(Version(other))) is same


@pytest.mark.slow
@given(version=versions, tail=tails)
@settings(max_examples=200)
def test_the_key_of_a_file_is_the_key_of_its_version(version: str, tail: str) -> None:
    file = FileFacts(filename=f"litellm-{version}{tail}", project=PROJECT)
    reader = VersionReader(PROJECT)
    if file.distribution is None:
        assert reader.key(file) is None
        assert reader.version(file) is None
    else:
        assert reader.key(file) == version_key(file.distribution.version)
        assert reader.version(file) == file.distribution.version


# ── records matched in bulk ──────────────────────────────────────────────────────────────────

bounds = st.sampled_from(
    ["0", "1", "1.0.0", "1.1", "1.5rc1", "2.0", "2.0.post1", "3", "1!1", "2+x"]
)
events = st.lists(
    st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), bounds),
    min_size=1,
    max_size=4,
).map(lambda pairs: [{kind: text} for kind, text in pairs])
records = st.lists(
    st.tuples(st.lists(bounds, max_size=2), st.none() | events), min_size=1, max_size=5
).map(
    lambda parts: [
        osv(f"MAL-{n}", *versions, events=spans) for n, (versions, spans) in enumerate(parts)
    ]
)


@pytest.mark.slow
@given(given_records=records, version=versions, tail=tails)
@settings(max_examples=150)
def test_records_matched_in_bulk_are_those_that_match_one_by_one(
    given_records: list[dict[str, Any]], version: str, tail: str
) -> None:
    found = index(*given_records)
    file = FileFacts(filename=f"litellm-{version}{tail}", project=PROJECT)
    matcher = matcher_for(found, PROJECT, "malware")
    assert matcher is not None
    expected = {
        a.id
        for a in found.for_project(PROJECT)
        if a.everything
        or (file.distribution is not None and matches_version(a, file.distribution.version))
    }
    assert set(matcher.ids(file)) == expected
    assert set(matcher.ids(file)) == expected, "and again from memory"
