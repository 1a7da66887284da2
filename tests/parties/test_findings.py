"""What becomes of findings: only changes are recorded, and people's words outlive checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.checks import NOW, register
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.checks.rule import EVERYTHING
from pratique.parties.entries import FindingBody, finding_draft, finding_id
from pratique.parties.findings import (
    Change,
    Looked,
    accepted,
    assigned,
    due,
    find_finding,
    reconcile,
)
from pratique.parties.model import Action, Finding, FindingState, Found, Register, Severity
from pratique.parties.register import fold_register

RULES = ("keys-shared", "leases-old", "sbom-own")
ALL = Looked(rules=frozenset(RULES))


@dataclass(frozen=True)
class Told:
    sequence: int
    at: datetime
    draft: Draft

    @property
    def kind(self) -> str:
        return self.draft.kind

    @property
    def subject(self) -> str:
        return self.draft.subject

    @property
    def actor(self) -> str:
        return self.draft.actor

    @property
    def body(self) -> dict[str, Any]:
        return dict(self.draft.body)


class Ledger:
    """Findings as entries, folded as the register does."""

    def __init__(self) -> None:
        self.events: list[Told] = []

    def add(self, bodies: Iterable[FindingBody], at: datetime = NOW) -> None:
        for body in bodies:
            draft = finding_draft(body, actor="operator:ann")
            self.events.append(Told(len(self.events), at, draft))

    def check(
        self, found: Sequence[Found], at: datetime = NOW, looked: Looked = ALL
    ) -> list[Change]:
        changes = reconcile(self.register, found, looked, now=at)
        self.add((one.body for one in changes), at)
        return changes

    @property
    def register(self) -> Register:
        findings = fold_register(self.events).findings
        return msgspec.structs.replace(register(), findings=findings)

    @property
    def findings(self) -> dict[str, Finding]:
        return self.register.findings


def a_found(subject: str = "one", **changes: Any) -> Found:
    found = Found(
        rule="sbom-own", party="acme", subject=subject, severity=Severity.MEDIUM, sentence="It is so.",
        action=Action.ALERT, entries=(1,),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def only(ledger: Ledger) -> Finding:
    (finding,) = ledger.findings.values()
    return finding


@pytest.mark.parametrize(
    ("severity", "days"),
    [(Severity.CRITICAL, 1), (Severity.HIGH, 7), (Severity.MEDIUM, 30), (Severity.LOW, 90)],
)
def test_what_is_found_opens_with_a_date_by_severity(severity: Severity, days: int) -> None:
    ledger = Ledger()
    (change,) = ledger.check([a_found(severity=severity)])
    assert change.opens
    assert only(ledger).state is FindingState.OPEN
    assert only(ledger).due_at == NOW + timedelta(days=days)


def test_what_is_found_again_changes_nothing_even_on_more_entries() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    assert ledger.check([a_found(entries=(1, 2, 3))], NOW + timedelta(days=1)) == []


def test_what_says_something_else_is_changed_and_keeps_owner_and_date() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    ledger.add([assigned(only(ledger), owner="eve")])
    ledger.check([a_found(sentence="It is otherwise.")], NOW + timedelta(days=1))
    found = only(ledger)
    assert (found.owner, found.due_at) == ("eve", NOW + timedelta(days=30))
    assert found.found.sentence == "It is otherwise."
    ledger.check([a_found(severity=Severity.CRITICAL)], NOW + timedelta(days=1))
    assert only(ledger).due_at == NOW + timedelta(days=2)


def test_what_is_new_may_have_an_owner_and_keeps_another() -> None:
    (change,) = reconcile(register(), [a_found()], ALL, now=NOW, owner="vendor-desk")
    assert change.body.owner == "vendor-desk"
    ledger = Ledger()
    ledger.add([change.body])
    ledger.add([assigned(only(ledger), owner="eve")])
    ledger.check([])
    (again,) = reconcile(ledger.register, [a_found()], ALL, now=NOW, owner="vendor-desk")
    assert again.body.owner == "eve"


def test_what_is_no_longer_found_is_closed_and_opens_again() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    ledger.add([assigned(only(ledger), owner="eve")])
    (change,) = ledger.check([])
    assert change.body.state is FindingState.CLOSED
    assert ledger.check([]) == []
    later = NOW + timedelta(days=40)
    (change,) = ledger.check([a_found()], later)
    assert change.opens
    found = only(ledger)
    assert (found.owner, found.due_at, found.opened_at) == ("eve", later + timedelta(days=30), NOW)
    assert found.history == (0, 1, 2, 3)


def test_only_what_was_looked_at_is_closed() -> None:
    ledger = Ledger()
    ledger.check([a_found(), a_found(party="other"), a_found(rule="leases-old")])
    assert ledger.check([], looked=Looked(rules=frozenset({"keys-shared"}))) == []
    assert ledger.check([], looked=Looked(rules=ALL.rules, parties=frozenset({"third"}))) == []
    by_subject = Looked(rules=ALL.rules, subject=lambda subject: subject == "two")
    assert ledger.check([], looked=by_subject) == []
    mine = Looked(rules=frozenset({"sbom-own"}), parties=frozenset({"acme"}))
    assert [one.body.found.party for one in ledger.check([], looked=mine)] == ["acme"]


def test_where_a_check_could_not_be_made_nothing_is_closed() -> None:
    ledger = Ledger()
    ledger.check([a_found(), a_found(party="other")])
    blind = a_found(EVERYTHING, unknown=True)
    changes = ledger.check([blind])
    assert {(one.body.found.party, one.body.state) for one in changes} == {
        ("acme", FindingState.OPEN),
        ("other", FindingState.CLOSED),
    }
    assert ledger.findings[finding_id(a_found())].state is FindingState.OPEN


def test_an_acceptance_holds_until_its_end_and_not_a_moment_longer() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    until = NOW + timedelta(days=10)
    ledger.add([accepted(only(ledger), until=until, reason="known", now=NOW)])
    assert ledger.check([a_found(sentence="Other words.")], until - timedelta(seconds=1)) == []
    (change,) = ledger.check([a_found()], until)
    assert change.opens
    assert "acceptance ended" in only(ledger).reason


def test_what_became_worse_was_not_accepted() -> None:
    for worse in ({"severity": Severity.HIGH}, {"unknown": False}):
        ledger = Ledger()
        ledger.check([a_found(unknown=True)])
        ledger.add([accepted(only(ledger), until=NOW + timedelta(days=10), reason="x", now=NOW)])
        assert ledger.check([a_found(unknown=True, severity=Severity.LOW)]) == []
        assert [one.opens for one in ledger.check([a_found(**{"unknown": True, **worse})])] == [
            True
        ]


def test_what_is_accepted_is_closed_when_it_is_gone() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    ledger.add([accepted(only(ledger), until=NOW + timedelta(days=10), reason="known", now=NOW)])
    (change,) = ledger.check([])
    assert change.body.state is FindingState.CLOSED


def test_people_say_what_a_person_may_say() -> None:
    ledger = Ledger()
    ledger.check([a_found()])
    found = only(ledger)
    ledger.add([due(found, due_at=NOW + timedelta(days=3))])
    assert only(ledger).due_at == NOW + timedelta(days=3)
    with pytest.raises(InputError, match="into the past"):
        accepted(found, until=NOW, reason="x", now=NOW)
    with pytest.raises(InputError, match="no reason"):
        accepted(found, until=NOW + timedelta(days=1), reason=" ", now=NOW)
    ledger.check([])
    for say in (
        lambda: assigned(only(ledger), owner="eve"),
        lambda: due(only(ledger), due_at=NOW),
        lambda: accepted(only(ledger), until=NOW + timedelta(days=1), reason="x", now=NOW),
    ):
        with pytest.raises(InputError, match="is closed"):
            say()


def test_a_finding_is_found_by_the_beginning_of_its_id() -> None:
    ledger = Ledger()
    ledger.check([a_found(), a_found("two")])
    for id_, finding in ledger.findings.items():
        assert find_finding(ledger.findings, id_) == finding
    for wrong in ("", "F", "F-", "F-nothing"):
        with pytest.raises(InputError):
            find_finding(ledger.findings, wrong)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────

founds = st.builds(
    Found,
    rule=st.sampled_from(RULES),
    party=st.sampled_from(("acme", "other")),
    subject=st.sampled_from(("one", "two", EVERYTHING)),
    severity=st.sampled_from(Severity),
    sentence=st.sampled_from(("It is so.", "It is otherwise.")),
    action=st.sampled_from(Action),
    entries=st.just((1,)),
    unknown=st.booleans(),
)
runs = st.lists(st.lists(founds, max_size=6), max_size=5)
hours = st.integers(0, 200)


@given(runs, hours)
def test_a_run_repeated_changes_nothing(told: list[list[Found]], step: int) -> None:
    ledger = Ledger()
    for number, found in enumerate(told):
        at = NOW + timedelta(hours=number * step)
        ledger.check(found, at)
        assert ledger.check(found, at) == []


@pytest.mark.slow
@given(runs, st.lists(founds, max_size=6))
def test_afterwards_open_is_what_is_found_or_was_not_looked_at(
    told: list[list[Found]], last: list[Found]
) -> None:
    ledger = Ledger()
    for found in told:
        ledger.check(found)
    ledger.check(last)
    blind = {(one.rule, one.party) for one in last if one.subject == EVERYTHING}
    ids = {finding_id(one) for one in last}
    for id_, finding in ledger.findings.items():
        is_open = finding.state is FindingState.OPEN
        if id_ in ids:
            assert is_open
        elif (finding.found.rule, finding.found.party) not in blind:
            assert not is_open
    assert ids <= ledger.findings.keys()


@given(runs, st.lists(founds, max_size=6))
def test_parts_looked_at_one_by_one_say_what_the_whole_says(
    told: list[list[Found]], last: list[Found]
) -> None:
    whole, parts = Ledger(), Ledger()
    for found in told:
        whole.check(found)
        parts.check(found)
    whole.check(last)
    for rule in RULES:
        for party in ("acme", "other"):
            looked = Looked(rules=frozenset({rule}), parties=frozenset({party}))
            mine = [one for one in last if (one.rule, one.party) == (rule, party)]
            parts.check(mine, looked=looked)
    assert {id_: one.state for id_, one in whole.findings.items()} == {
        id_: one.state for id_, one in parts.findings.items()
    }
