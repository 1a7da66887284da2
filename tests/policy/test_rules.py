"""Each rule: what it catches, in disguise too, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from kit.policies import (
    NOW,
    OLD,
    OTHER_SHA,
    SHA,
    ask,
    attested,
    changed,
    hours,
    osv,
    policy,
    project,
    waiver,
    wheel,
)
from pratique.policy.decide import ALLOWED
from pratique.policy.language import CapabilityWord
from pratique.policy.model import FreshDependency, Outcome, ProvenanceFacts, Verdict, VettingFacts
from pratique.values.names import ProjectName, ProjectStatus
from pratique.vet.model import Capability

ALLOW, HIDE, HOLD, DENY = Outcome.ALLOW, Outcome.HIDE, Outcome.HOLD, Outcome.DENY


def test_an_ordinary_old_file_passes_by_the_one_shared_answer() -> None:
    assert ask(wheel()) is ALLOWED


# ── cool-down ────────────────────────────────────────────────────────────────────────────────


def test_cool_down_says_until_when_and_why() -> None:
    uploaded = NOW.replace(hour=10, minute=39)
    answer = ask(wheel("1.82.7", uploaded_at=uploaded))
    assert answer.outcome is HOLD
    assert answer.rule == "cool-down"
    assert answer.reason == (
        "litellm 1.82.7 is in cool-down until 2026-03-27T10:39Z (72 h after upload)"
    )
    assert answer.until == answer.recheck_at == uploaded + hours(72)


@pytest.mark.parametrize(
    ("age", "outcome"),
    [(0, HOLD), (71.99, HOLD), (72, ALLOW), (72.01, ALLOW), (-1, HOLD), (-24 * 365, HOLD)],
)
def test_cool_down_counts_from_the_files_own_upload(age: float, outcome: Outcome) -> None:
    assert ask(wheel(uploaded_at=NOW - hours(age))).outcome is outcome


def test_a_late_file_of_an_old_release_ages_by_itself() -> None:
    assert ask(wheel("1.0.0", uploaded_at=OLD)).outcome is ALLOW
    late = wheel("1.0.0", filename="litellm-1.0.0-1-py3-none-any.whl", uploaded_at=NOW - hours(1))
    assert ask(late).outcome is HOLD


def test_an_upload_time_that_lies_ahead_holds_until_then_and_the_cool_down() -> None:
    answer = ask(wheel(uploaded_at=NOW + hours(10)))
    assert answer.until == NOW + hours(82)
    assert "lies ahead" in answer.reason


def test_an_upload_time_at_the_end_of_time_is_no_crash() -> None:
    answer = ask(wheel(uploaded_at=NOW.replace(year=9999, month=12, day=31)))
    assert answer.outcome is HOLD
    assert answer.reason.isascii()


def test_missing_upload_time_holds_without_end() -> None:
    answer = ask(wheel(uploaded_at=None))
    assert (answer.outcome, answer.rule, answer.until) == (HOLD, "cool-down", None)
    assert "upstream gives no upload time" in answer.reason
    assert ask(wheel(uploaded_at=None), policy('[cool-down]\nmissing_time="deny"')).outcome is DENY


OVERRIDES = """
[cool-down]
hours = 100
private_hours = 5
[[cool-down.override]]
projects = ["Acme_*", "lite?lm"]
hours = 0
reason = "ours"
[[cool-down.override]]
projects = ["acme-slow"]
hours = 500
reason = "never reached: the first match counts"
"""


@pytest.mark.parametrize(
    ("name", "private", "held_hours"),
    [
        ("numpy", False, 100), ("numpy", True, 5), ("acme-tools", False, 0),
        ("acme-slow", False, 0), ("acme", False, 100), ("acmetools", False, 100),
    ],
)  # fmt: skip
def test_the_first_override_that_names_the_project_counts(
    name: str, private: bool, held_hours: float
) -> None:
    rules = policy(OVERRIDES)
    about = project(name, private=private)
    young = wheel(name=name, uploaded_at=NOW - hours(held_hours) + hours(0.01))
    aged = wheel(name=name, uploaded_at=NOW - hours(held_hours))
    assert ask(aged, rules, about=about).outcome is ALLOW
    if held_hours:
        assert ask(young, rules, about=about).outcome is HOLD


def test_a_project_without_cool_down_needs_no_upload_time() -> None:
    assert ask(wheel(uploaded_at=None), about=project(private=True)).outcome is ALLOW


# ── deny list ────────────────────────────────────────────────────────────────────────────────

DENY_LITELLM = """
[[deny]]
projects = ["LiteLLM"]
versions = ["==1.82.7", ">=1.82.8,<1.82.9"]
reason = "compromised"
"""


@pytest.mark.parametrize(
    ("filename", "outcome"),
    [
        ("litellm-1.82.7-py3-none-any.whl", DENY),
        ("litellm-1.82.7.tar.gz", DENY),
        ("LiteLLM-1.82.7-py3-none-any.whl", DENY),
        ("litellm-1.82.7.0-py3-none-any.whl", DENY),
        ("litellm-01.82.7-py3-none-any.whl", DENY),
        ("litellm-1.82.7-1evil-py3-none-any.whl", DENY),
        ("litellm-1.82.7+local-py3-none-any.whl", DENY),
        ("litellm-1.82.8.post1.tar.gz", DENY),
        ("litellm-1.82.70-py3-none-any.whl", ALLOW),
        ("litellm-1.82.6-py3-none-any.whl", ALLOW),
        ("litellm-11.82.7-py3-none-any.whl", ALLOW),
        ("litellm-1!1.82.7-py3-none-any.whl", ALLOW),
    ],
)
def test_deny_by_version_sees_through_spellings(filename: str, outcome: Outcome) -> None:
    answer = ask(wheel(filename=filename), policy(DENY_LITELLM))
    assert answer.outcome is outcome
    if outcome is DENY:
        assert answer.rule == "deny-list"
        assert answer.evidence == ("policy.toml:2",)
        assert answer.reason.endswith("is refused by policy: compromised")


@pytest.mark.parametrize(
    ("text", "name", "outcome"),
    [
        ('projects=["evil-*"]', "evil-tools", DENY),
        ('projects=["evil-*"]', "evil", ALLOW),
        ('projects=["Evil__Tools"]', "evil-tools", DENY),
        ('projects=["e?il"]', "evil", DENY),
        ('projects=["*"]', "anything", DENY),
        ('projects=["evil"]', "not-evil", ALLOW),
        (f'sha256="{SHA}"', "anything", DENY),
        (f'sha256="{SHA.upper()}"', "anything", DENY),
        (f'sha256="{OTHER_SHA}"', "anything", ALLOW),
        (f'sha256="{SHA}"\nprojects=["other"]', "anything", ALLOW),
    ],
)
def test_deny_by_name_pattern_and_hash(text: str, name: str, outcome: Outcome) -> None:
    rules = policy(f"[[deny]]\n{text}\nreason='no'")
    assert ask(wheel(name=name), rules).outcome is outcome


@pytest.mark.parametrize("order", [("hide", "deny"), ("deny", "hide")])
def test_the_strictest_of_several_deny_entries_counts(order: tuple[str, str]) -> None:
    text = "".join(f"[[deny]]\nprojects=['litellm']\noutcome='{o}'\nreason='{o}'\n" for o in order)
    assert ask(wheel(), policy(text)).outcome is DENY


def test_deny_catches_pre_releases_in_a_range() -> None:
    rules = policy("[[deny]]\nprojects=['litellm']\nversions='>=1.82'\nreason='x'")
    assert ask(wheel("1.83.0rc1"), rules).outcome is DENY


# ── yanked ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("Malware", DENY),
        ("contains MALICIOUS code", DENY),
        ("account was hijacked!", DENY),
        ("compromised: do not use", DENY),
        ("supply-chain  attack", DENY),
        ("a supply chain\nattack", DENY),
        ("(malware)", DENY),
        ("_malware_", DENY),
        ("breaks Python 3.8", ALLOW),
        ("", ALLOW),
        ("antimalwarex tests fail", ALLOW),
        ("uncompromising", ALLOW),
    ],
)
def test_yanked_for_malware(reason: str, outcome: Outcome) -> None:
    assert ask(wheel(yanked=True, yanked_reason=reason)).outcome is outcome
    assert ask(wheel(yanked=False, yanked_reason=reason)).outcome is ALLOW


def test_yanked_words_and_outcome_are_the_policys() -> None:
    rules = policy('[yanked]\nwords=["oops"]\noutcome="hide"')
    assert ask(wheel(yanked=True, yanked_reason="Oops."), rules).outcome is HIDE
    assert ask(wheel(yanked=True, yanked_reason="malware"), rules).outcome is ALLOW
    assert ask(wheel(yanked=True, yanked_reason="x"), policy("[yanked]\nwords=[]")) is ALLOWED


# ── quarantined, unlisted, hash, file name, verdict ──────────────────────────────────────────


def test_quarantine_keeps_what_was_delivered_and_holds_the_rest() -> None:
    about = project(status=ProjectStatus.QUARANTINED, status_reason="reported")
    assert ask(wheel(delivered_before=True), about=about).outcome is ALLOW
    held = ask(wheel(), about=about)
    assert (held.outcome, held.rule) == (HOLD, "quarantined")
    assert "reported" in held.reason
    assert ask(wheel(), policy('[quarantine]\noutcome="deny"'), about=about).outcome is DENY
    bad = wheel(delivered_before=True, vetting=VettingFacts(verdict=Verdict.MALICIOUS))
    assert ask(bad, about=about).outcome is DENY


@pytest.mark.parametrize("status", [s for s in ProjectStatus if s is not ProjectStatus.QUARANTINED])
def test_other_project_states_block_nothing(status: ProjectStatus) -> None:
    assert ask(wheel(), about=project(status=status)).outcome is ALLOW


def test_unlisted_files_pass_only_where_delivered_before() -> None:
    assert ask(wheel(listed_upstream=False, delivered_before=True)).outcome is ALLOW
    gone = ask(wheel(listed_upstream=False))
    assert (gone.outcome, gone.rule) == (DENY, "unlisted")


def test_a_file_without_hash_is_held_unless_the_upstream_pins() -> None:
    held = ask(wheel(sha256=None))
    assert (held.outcome, held.rule, held.until) == (HOLD, "missing-hash", None)
    assert ask(wheel(sha256=None), about=project(hashless_pinned=True)).outcome is ALLOW


def test_a_pinned_hash_meets_every_rule_that_goes_by_hash() -> None:
    rules = policy(f'[[deny]]\nsha256="{SHA}"\nreason="x"')
    about = project(hashless_pinned=True)
    assert ask(wheel(sha256=None), rules, about=about).outcome is ALLOW
    assert ask(wheel(sha256=SHA), rules, about=about).outcome is DENY


@pytest.mark.parametrize(
    ("filename", "outcome"),
    [
        ("litellm-1.0.tar.gz", ALLOW),
        ("litellm-1.0.zip", ALLOW),
        ("litellm-1.0.tar.bz2", ALLOW),
        ("litellm-1.0-py3.8.egg", ALLOW),
        ("litellm-1.0.win32-py2.7.exe", DENY),
        ("litellm-1.0.exe", ALLOW),
        ("other-1.0.tar.gz", DENY),
        ("litellm-1.0-py3-none-any.whl.exe", ALLOW),
        ("litellm.tar.gz", DENY),
        ("litellm-one.tar.gz", DENY),
        ("litellm-1.0.whl", DENY),
        ("README.txt", DENY),
        ("litellm-1.0-py3-none.whl", DENY),
    ],
)
def test_a_name_that_tells_no_version_is_denied(filename: str, outcome: Outcome) -> None:
    answer = ask(wheel(filename=filename))
    assert answer.outcome is outcome
    assert answer.rule == ("filename" if outcome is DENY else "allow")


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.CLEAN, ALLOW), (Verdict.UNKNOWN, HOLD),
        (Verdict.SUSPICIOUS, HOLD), (Verdict.MALICIOUS, DENY),
    ],
)  # fmt: skip
def test_verdict(verdict: Verdict, outcome: Outcome) -> None:
    assert ask(wheel(vetting=VettingFacts(verdict=verdict))).outcome is outcome


def test_a_file_that_was_never_vetted_has_no_verdict() -> None:
    assert ask(wheel(vetting=None)).outcome is ALLOW


def test_the_decision_tells_what_vetting_saw() -> None:
    saw = VettingFacts(verdict=Verdict.SUSPICIOUS, headline="setup.py:3 sends the environment away")
    answer = ask(wheel(vetting=saw))
    assert answer.reason.endswith("found suspicious: setup.py:3 sends the environment away")
    assert saw.headline in answer.evidence
    unread = VettingFacts(verdict=Verdict.UNKNOWN, headline="x.bin could not be read")
    assert "could not be vetted entirely: x.bin" in ask(wheel(vetting=unread)).reason


def test_a_gained_capability_holds_where_the_policy_says_so() -> None:
    gain = wheel(vetting=VettingFacts(verdict=Verdict.CLEAN, gained=("native", "network")))
    assert ask(gain).outcome is ALLOW
    some = policy('[[capability-gain]]\nprojects=["*"]\ncapabilities=["network"]\nreason="no"')
    held = ask(gain, some)
    assert (held.outcome, held.rule) == (HOLD, "capability-gain")
    assert "gains network over its predecessor: no" in held.reason
    only_process = policy('[[capability-gain]]\nprojects=["*"]\ncapabilities=["process"]')
    assert ask(gain, only_process).outcome is ALLOW
    others = policy('[[capability-gain]]\nprojects=["other-*"]')
    assert ask(gain, others).outcome is ALLOW
    strictest = policy(
        '[[capability-gain]]\nprojects=["*"]\noutcome="hide"\n'
        '[[capability-gain]]\nprojects=["*"]\ncapabilities=["native"]\noutcome="deny"'
    )
    assert ask(gain, strictest).outcome is DENY
    assert ask(wheel(vetting=VettingFacts(verdict=Verdict.CLEAN)), strictest).outcome is ALLOW


def test_the_policy_names_the_capabilities_that_vetting_tells() -> None:
    assert set(get_args(CapabilityWord)) == {c.value for c in Capability}


def test_a_malicious_verdict_cannot_be_configured_away() -> None:
    rules = policy('[verdict]\nsuspicious="hide"')
    assert ask(wheel(vetting=VettingFacts(verdict=Verdict.SUSPICIOUS)), rules).outcome is HIDE
    assert ask(wheel(vetting=VettingFacts(verdict=Verdict.MALICIOUS)), rules).outcome is DENY


# ── new dependency ───────────────────────────────────────────────────────────────────────────


def dependency(age: float | None) -> FreshDependency:
    first = None if age is None else NOW - hours(age)
    return FreshDependency(project=ProjectName("plain-crypto-js"), first_upload=first)


def test_a_young_new_dependency_holds_until_it_is_old_enough() -> None:
    answer = ask(wheel(fresh_dependencies=(dependency(10), dependency(50), dependency(90))))
    assert (answer.outcome, answer.rule) == (HOLD, "new-dependency")
    assert answer.until == answer.recheck_at == NOW + hours(62)
    assert "plain-crypto-js and 1 more" in answer.reason


@pytest.mark.parametrize("age", [72, 100])
def test_an_old_new_dependency_passes(age: float) -> None:
    assert ask(wheel(fresh_dependencies=(dependency(age),))).outcome is ALLOW


def test_a_new_dependency_of_unknown_age_is_held_without_end() -> None:
    answer = ask(wheel(fresh_dependencies=(dependency(None), dependency(10))))
    assert (answer.outcome, answer.until, answer.recheck_at) == (HOLD, None, None)


def test_unexamined_files_wait_as_long_as_their_cool_down() -> None:
    young = wheel(fresh_dependencies=None, uploaded_at=NOW - hours(10))
    only_age = policy("[cool-down]\nhours=72\n[new-dependency]\nhorizon_hours=100")
    assert ask(young, only_age).until == NOW + hours(90)
    assert ask(young).until == NOW + hours(62)
    assert ask(wheel(fresh_dependencies=None)).outcome is ALLOW
    assert ask(young, about=project(private=True)).outcome is ALLOW


def test_new_dependency_can_be_switched_off_or_hide() -> None:
    file = wheel(fresh_dependencies=(dependency(1),))
    assert ask(file, policy('[new-dependency]\noutcome="allow"')).outcome is ALLOW
    assert ask(file, policy('[new-dependency]\noutcome="hide"')).outcome is HIDE
    unexamined = wheel(fresh_dependencies=None, uploaded_at=NOW - hours(1))
    rules = policy("[cool-down]\nhours=0\n[new-dependency]\nhorizon_hours=72\nunexamined='allow'")
    assert ask(unexamined, rules).outcome is ALLOW


# ── provenance ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        (attested(), ALLOW),
        (attested(repository="berriai/LiteLLM"), ALLOW),
        (attested(attested=False), HIDE),
        (attested(repository="evil/litellm"), HIDE),
        (attested(kind="GitLab"), HIDE),
        (ProvenanceFacts(attested=False), ALLOW),
        (ProvenanceFacts(attested=True), ALLOW),
        (ProvenanceFacts(attested=True, predecessor="litellm-1.0.tar.gz"), ALLOW),
        (None, ALLOW),
    ],
)
def test_provenance_counts_as_regression_only(
    facts: ProvenanceFacts | None, outcome: Outcome
) -> None:
    answer = ask(wheel(provenance=facts))
    assert answer.outcome is outcome
    if outcome is HIDE:
        assert answer.rule == "provenance"


def test_provenance_is_never_a_pass() -> None:
    young = wheel(provenance=attested(), uploaded_at=NOW)
    assert ask(young).outcome is HOLD


def test_provenance_outcome_is_the_policys() -> None:
    file = wheel(provenance=attested(attested=False))
    for word in ("hold", "deny", "allow"):
        assert ask(file, policy(f'[provenance]\noutcome="{word}"')).outcome == word


# ── advisory ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("filename", "outcome"),
    [
        ("litellm-1.82.7-py3-none-any.whl", DENY),
        ("litellm-1.82.7.tar.gz", DENY),
        ("litellm-1.82.8.0-py3-none-any.whl", DENY),
        ("LITELLM-1.82.8-py3-none-any.whl", DENY),
        ("litellm-v1.82.8-py3-none-any.whl", DENY),
        ("litellm-1.82.8+cu118-py3-none-any.whl", DENY),
        ("litellm-1.82.70-py3-none-any.whl", ALLOW),
        ("litellm-1.82.7.post1-py3-none-any.whl", ALLOW),
        ("litellm-1.82.6-py3-none-any.whl", ALLOW),
    ],
)
def test_malware_is_denied_by_exact_version(filename: str, outcome: Outcome) -> None:
    rules = policy("", osv("MAL-2026-2144", "1.82.7", "1.82.8", name="LiteLLM"))
    answer = ask(wheel(filename=filename), rules)
    assert answer.outcome is outcome
    if outcome is DENY:
        assert (answer.rule, answer.evidence) == ("advisory", ("MAL-2026-2144",))
        assert "MAL-2026-2144" in answer.reason


def test_malware_is_denied_by_hash_under_any_name() -> None:
    record = osv("MAL-1", database_specific={"pratique": {"sha256": [SHA.upper()]}})
    rules = policy("", record)
    assert ask(wheel(name="renamed", sha256=SHA), rules).outcome is DENY
    assert ask(wheel(name="litellm", sha256=OTHER_SHA), rules).outcome is ALLOW


def test_malware_of_every_version_speaks_of_the_public_project() -> None:
    rules = policy("", osv("MAL-1", name="acme-tools", events=[{"introduced": "0"}]))
    assert ask(wheel(name="acme-tools"), rules).outcome is DENY
    ours = project("acme-tools", private=True)
    assert ask(wheel(name="acme-tools"), rules, about=ours).outcome is ALLOW
    exact = policy("", osv("MAL-1", "1.82.6", name="acme-tools"))
    assert ask(wheel(name="acme-tools"), exact, about=ours).outcome is DENY


def test_ordinary_vulnerabilities_matter_only_where_the_policy_minds() -> None:
    record = osv("GHSA-x", events=[{"introduced": "1.0"}, {"fixed": "2.0"}])
    assert ask(wheel("1.5"), policy("", record)).outcome is ALLOW
    for word in ("hide", "hold", "deny"):
        rules = policy(f'[advisory]\nvulnerable="{word}"', record)
        assert ask(wheel("1.5"), rules).outcome == word
        assert ask(wheel("2.0"), rules).outcome is ALLOW


def test_what_an_allow_entry_cannot_lift() -> None:
    text = """
    [[allow]]
    projects = ["litellm"]
    versions = "==1.82.7"
    rules = ["cool-down", "verdict", "yanked", "new-dependency"]
    reason = "wanted"
    [[deny]]
    projects = ["litellm"]
    versions = "==1.82.7"
    reason = "no"
    """
    assert ask(wheel("1.82.7"), policy(text)).outcome is DENY
    allowed = policy(text.partition("[[deny]]")[0], osv("MAL-1", "1.82.7"))
    assert ask(wheel("1.82.7"), allowed).outcome is DENY
    bad = wheel("1.82.7", vetting=VettingFacts(verdict=Verdict.MALICIOUS))
    assert ask(bad, policy(text.partition("[[deny]]")[0])).outcome is DENY


# ── reliefs ──────────────────────────────────────────────────────────────────────────────────

ALLOWED_RELEASE = """
[[allow]]
projects = ["Lite.LLM", "litellm"]
versions = ["==1.83.0", "==1.83.1"]
reason = "reviewed on 2026-03-30"
"""


def test_an_allow_entry_lifts_the_cool_down_of_exactly_its_release() -> None:
    young = wheel("1.83.0", uploaded_at=NOW - hours(1), fresh_dependencies=None)
    answer = ask(young, policy(ALLOWED_RELEASE))
    assert (answer.outcome, answer.rule) == (ALLOW, "allow-list")
    assert answer.evidence[0] == "policy.toml:2"
    assert answer.recheck_at == NOW + hours(71)
    other = wheel("1.83.2", uploaded_at=NOW - hours(1))
    assert ask(other, policy(ALLOWED_RELEASE)).outcome is HOLD


def test_an_allow_entry_by_hash_lifts_only_that_file() -> None:
    rules = policy(f'[[allow]]\nsha256="{SHA}"\nreason="x"\nrules=["provenance"]')
    file = wheel(provenance=attested(attested=False))
    assert ask(file, rules).outcome is ALLOW
    assert ask(changed(file, sha256=OTHER_SHA), rules).outcome is HIDE
    assert ask(changed(file, uploaded_at=NOW), rules).outcome is HOLD


@pytest.mark.parametrize(
    ("closed", "opens"),
    [
        ({"uploaded_at": NOW}, True),
        ({"provenance": attested(attested=False)}, True),
        ({"vetting": VettingFacts(verdict=Verdict.SUSPICIOUS)}, True),
        ({"vetting": VettingFacts(verdict=Verdict.MALICIOUS)}, False),
        ({"yanked": True, "yanked_reason": "malware"}, False),
    ],
)
def test_a_waiver_opens_hide_and_hold_and_deny_only_expressly(
    closed: dict[str, object], opens: bool
) -> None:
    answer = ask(wheel(waiver=waiver(), **closed))
    assert (answer.outcome is ALLOW) is opens
    if opens:
        assert (answer.rule, answer.waived_by) == ("waiver", "W1")
        assert answer.recheck_at == answer.until == NOW + hours(24)
        assert "alice" in answer.reason
    forced = ask(wheel(waiver=waiver(overrides_deny=True), **closed))
    assert (forced.outcome, forced.waived_by) == (ALLOW, "W1")


def test_a_waiver_ends_at_its_instant() -> None:
    file = wheel(uploaded_at=NOW, waiver=waiver(expires_at=NOW + hours(1)))
    assert ask(file, now=NOW + hours(1) - timedelta(microseconds=1)).outcome is ALLOW
    assert ask(file, now=NOW + hours(1)).outcome is HOLD


def test_a_waiver_that_is_not_needed_is_not_used() -> None:
    assert ask(wheel(waiver=waiver())) is ALLOWED


# ── combination ──────────────────────────────────────────────────────────────────────────────


def test_the_strictest_objection_decides_and_the_end_is_the_last_one() -> None:
    file = wheel(uploaded_at=NOW - hours(70), fresh_dependencies=(dependency(1),))
    answer = ask(file)
    assert (answer.outcome, answer.rule) == (HOLD, "cool-down")
    assert answer.until == NOW + hours(71)
    assert answer.recheck_at == NOW + hours(2)
    endless = ask(changed(file, vetting=VettingFacts(verdict=Verdict.SUSPICIOUS)))
    assert (endless.rule, endless.until) == ("verdict", None)
    assert ask(changed(file, vetting=VettingFacts(verdict=Verdict.MALICIOUS))).outcome is DENY


def test_a_hide_behind_a_hold_does_not_move_the_holds_end() -> None:
    answer = ask(wheel(uploaded_at=NOW, provenance=attested(attested=False)))
    assert (answer.outcome, answer.until) == (HOLD, NOW + hours(72))
    later = ask(wheel(uploaded_at=NOW, provenance=attested(attested=False)), now=NOW + hours(72))
    assert later.outcome is HIDE


def test_audit_mode_blocks_nothing_and_says_what_it_would_have_done() -> None:
    rules = policy('mode = "audit"')
    answer = ask(wheel(uploaded_at=NOW), rules)
    assert (answer.outcome, answer.audited, answer.rule) == (ALLOW, HOLD, "cool-down")
    assert answer.reason == ask(wheel(uploaded_at=NOW)).reason
    assert ask(wheel(vetting=VettingFacts(verdict=Verdict.MALICIOUS)), rules).audited is DENY
    assert ask(wheel(), rules).audited is None


@pytest.mark.parametrize(
    "reason",
    ["Umlaut \u00e4 \u2603", "line\r\nSet-Cookie: x", "x" * 500, "tab\tand\x00null", "\u202eevil"],
)
def test_reasons_are_one_short_ascii_line(reason: str) -> None:
    about = project(status=ProjectStatus.QUARANTINED, status_reason=reason)
    text = msg_of(reason)
    answers = [
        ask(wheel(), about=about),
        ask(wheel(yanked=True, yanked_reason=f"malware {reason}")),
        ask(wheel(), policy(f"[[deny]]\nprojects=['litellm']\nreason={text}")),
        ask(wheel(filename=f"litellm-{reason}.tar.gz")),
        ask(wheel(uploaded_at=NOW, waiver=waiver(approver=reason))),
    ]
    for answer in answers:
        assert answer.reason
        assert len(answer.reason) <= 160
        assert all(" " <= character <= "~" for character in answer.reason)


def msg_of(text: str) -> str:
    """As a TOML string."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
