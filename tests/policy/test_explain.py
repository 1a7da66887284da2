"""Explanations: every rule's answer, the deciding one, and what would change it."""

from __future__ import annotations

import shlex

import click
import msgspec
from packaging.version import Version

from kit.policies import NOW, SHA, changed, hours, osv, policy, project, reviewed_fix, waiver, wheel
from pratique.doors.cli import cli
from pratique.policy.explain import Explanation, explain_file, render_explanation
from pratique.policy.language import parse_policy
from pratique.policy.model import FileFacts, Outcome, Verdict, VettingFacts
from pratique.policy.rules import RULES

YOUNG = wheel("1.83.0", uploaded_at=NOW - hours(1))


def explain(file: FileFacts, text: str = "", *records: dict[str, object]) -> Explanation:
    return explain_file(project(), file, policy(text, *records), NOW)


def test_every_rule_answers_in_order() -> None:
    told = explain(YOUNG)
    assert [s.rule for s in told.steps][: len(RULES)] == [rule.name for rule in RULES]
    assert [s.rule for s in told.steps if s.decides] == ["cool-down"]
    assert {s.outcome for s in told.steps} == {"pass", "hold"}
    assert (told.version, told.filename, told.sha256) == ("1.83.0", YOUNG.filename, SHA)


def test_what_would_change_a_hold() -> None:
    told = explain(YOUNG, "[cool-down]\nhours = 48")
    changes = "\n".join(told.would_change)
    assert "time: it passes at 2026-03-26T10:00Z" in changes
    assert "(policy.toml:2)" in changes
    assert 'versions = "==1.83.0"' in changes
    assert f"pratique waiver add {SHA} --index pypi" in changes
    assert "--override-deny" not in changes


def test_the_allow_entry_it_offers_works() -> None:
    told = explain(
        changed(YOUNG, vetting=VettingFacts(verdict=Verdict.SUSPICIOUS), fresh_dependencies=None)
    )
    offered = next(c for c in told.would_change if "[[allow]]" in c).partition("[[allow]] ")[2]
    entry = "[[allow]]\n" + offered.replace("], v", "]\nv").replace('", r', '"\nr').replace(
        "], r", "]\nr"
    )
    parse_policy(entry, source="x")
    file = changed(YOUNG, vetting=VettingFacts(verdict=Verdict.SUSPICIOUS), fresh_dependencies=None)
    assert explain(file, entry).decision.rule == "allow-list"


def test_a_deny_needs_more_than_an_entry() -> None:
    told = explain(wheel("1.82.7"), "", osv("MAL-1", "1.82.7"))
    changes = "\n".join(told.would_change)
    assert told.decision.outcome is Outcome.DENY
    assert "time:" not in changes
    assert "[[allow]]" not in changes
    assert "--override-deny" in changes


def test_a_file_without_hash_cannot_be_waived() -> None:
    told = explain(wheel(sha256=None))
    assert not any("waiver" in change for change in told.would_change)
    assert any('hashless = "pin"' in change for change in told.would_change)


def test_early_release_says_what_it_lacks_or_when_it_comes() -> None:
    step = next(s for s in explain(YOUNG).steps if s.rule == "early-release")
    assert "clean verdict" in step.text
    soon = changed(YOUNG, vetting=VettingFacts(verdict=Verdict.CLEAN))
    facts = project(best_allowed=Version("1.82.6"))
    told = explain_file(facts, soon, policy("", reviewed_fix("1.83.0")), NOW)
    step = next(s for s in told.steps if s.rule == "early-release")
    assert "early from 2026-03-24T16:00Z" in step.text


def test_waivers_that_do_not_open_say_why() -> None:
    expired = explain(changed(YOUNG, waiver=waiver(expires_at=NOW)))
    assert any("expired at" in s.text for s in expired.steps if s.rule == "waiver")
    too_weak = explain(wheel(vetting=VettingFacts(verdict=Verdict.MALICIOUS), waiver=waiver()))
    assert any("does not override" in s.text for s in too_weak.steps if s.rule == "waiver")
    works = explain(changed(YOUNG, waiver=waiver()))
    assert [s.rule for s in works.steps if s.decides] == ["waiver"]
    assert works.would_change == ()


def test_a_plain_pass_needs_no_change() -> None:
    told = explain(wheel())
    assert told.would_change == ()
    assert not any(s.decides for s in told.steps)
    assert "no rule objects" in render_explanation(told)


def test_audit_mode_is_noted() -> None:
    told = explain(YOUNG, 'mode = "audit"')
    assert told.decision.outcome is Outcome.ALLOW
    assert "enforcement would hold it (policy.toml:1)" in told.notes[0]
    assert told.would_change


def test_a_record_that_condemns_every_version_is_noted() -> None:
    rules = policy("", osv("MAL-9", events=[{"introduced": "0"}]))
    versions = [Version("1.0"), Version("1.1")]
    told = explain_file(project(), wheel(), rules, NOW, versions=versions)
    assert "MAL-9 matches every one of the 2 versions" in told.notes[0]
    narrow = policy("", osv("MAL-9", "1.82.6"))
    assert explain_file(project(), wheel(), narrow, NOW, versions=versions).notes == ()


def test_text_and_json_say_the_same() -> None:
    told = explain(YOUNG)
    text = render_explanation(told)
    assert text.splitlines()[0] == f"{YOUNG.filename}: hold by rule cool-down"
    assert told.decision.reason in text
    for change in told.would_change:
        assert change in text
    data = msgspec.json.decode(msgspec.json.encode(told))
    assert data["decision"]["until"] == "2026-03-27T10:00:00Z"
    assert data["would_change"] == list(told.would_change)


def test_the_waiver_command_it_offers_is_one() -> None:
    told = explain(wheel("1.82.7"), "", osv("MAL-1", "1.82.7"))
    offered = next(c for c in told.would_change if c.startswith("a waiver: "))
    program, *args = shlex.split(offered.removeprefix("a waiver: "))
    assert program == "pratique"
    command: click.Command = cli
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), args.pop(0))
        assert found is not None
        command = found
    context = command.make_context("pratique", args)
    assert context.params["override_deny"] is True
    assert context.params["target"] == SHA
