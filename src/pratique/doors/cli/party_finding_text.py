"""How findings are told: a line each, whole, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pratique.doors.cli.plain import safe_line
from pratique.ledger.entries import Event
from pratique.parties.checks import BY_NAME
from pratique.parties.model import Finding, FindingState
from pratique.parties.standards import STANDARDS
from pratique.values.instants import render_minute


def finding_line(finding: Finding) -> str:
    """One line: what, of whom, by when."""
    found = finding.found
    grade = "unknown" if found.unknown else found.severity.value
    until = ""
    if finding.state is FindingState.ACCEPTED and finding.accepted_until is not None:
        until = f" [accepted until {render_minute(finding.accepted_until)}]"
    elif finding.state is FindingState.OPEN and finding.due_at is not None:
        until = f" [due {render_minute(finding.due_at)}]"
    owner = f" [{finding.owner}]" if finding.owner else ""
    return safe_line(
        f"{finding.id}  {grade:8}  {found.party}  {found.rule}: {found.sentence}{until}{owner}",
        1200,
    )


def finding_plain(finding: Finding) -> dict[str, Any]:
    """For programs."""
    plain: dict[str, Any] = msgspec.to_builtins(finding)
    rule = BY_NAME.get(finding.found.rule)
    plain["serves"] = list(rule.serves) if rule is not None else []
    return plain


def finding_lines(finding: Finding, history: Iterable[Event]) -> Iterator[str]:
    """All of a finding, for a person."""
    found = finding.found
    grade = f"{found.severity.value}, nobody can say" if found.unknown else found.severity.value
    yield f"{finding.id}  {finding.state.value}  {grade}"
    yield safe_line(found.sentence, 1200)
    yield safe_line(f"party: {found.party}")
    yield safe_line(f"rule: {found.rule}")
    yield safe_line(f"about: {found.subject}")
    yield f"proposed: {found.action.value}"
    yield safe_line(f"owner: {finding.owner or 'nobody'}")
    if finding.due_at is not None:
        yield f"due: {render_minute(finding.due_at)}"
    if finding.accepted_until is not None and finding.state is FindingState.ACCEPTED:
        yield safe_line(
            f"accepted until {render_minute(finding.accepted_until)}: {finding.reason}", 1200
        )
    if found.entries:
        yield f"rests on entries: {', '.join(map(str, found.entries))}"
    rule = BY_NAME.get(found.rule)
    for id_ in rule.serves if rule is not None else ():
        standard = STANDARDS[id_]
        yield f"serves: {standard.text}, {standard.point}: {standard.title}"
    yield "history:"
    for event in history:
        yield safe_line(
            f"  {render_minute(event.at)}  entry {event.sequence}  {_step(event)}", 1200
        )


def _step(event: Event) -> str:
    state, reason = event.body.get("state", ""), event.body.get("reason", "")
    owner = event.body.get("owner", "")
    told = f"{state}" + (f", of {owner}" if owner else "") + (f": {reason}" if reason else "")
    return f"{told} (by {event.actor})"
