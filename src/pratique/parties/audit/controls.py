"""Points of regulations and standards, and what checks say of each for one party."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pratique.parties.audit.model import Control, Told
from pratique.parties.checks.rule import Check
from pratique.parties.entries import finding_id
from pratique.parties.model import FindingState, Found
from pratique.parties.standards import STANDARDS

SAYS: Final = 5
"""Sentences for one point; findings have all."""


def controls_of(
    checks: Iterable[Check], found: Iterable[Found], told: Told, *, party: str
) -> tuple[Control, ...]:
    """What checks that ran just now say, by the points that they serve.

    One that found nothing is clear only as far as the check can see; what nobody could check is unknown.
    """
    by_rule: dict[str, list[Found]] = {}
    for one in found:
        if one.party == party:
            by_rule.setdefault(one.rule, []).append(one)
    states = {one.id: one.state for one in told.findings}
    serving: dict[str, list[str]] = {}
    for check in checks:
        for standard in check.serves:
            serving.setdefault(standard, []).append(check.name)
    return tuple(
        _control(name, rules, [one for rule in rules for one in by_rule.get(rule, ())], states)
        for name, rules in serving.items()
    )


def _control(
    name: str, rules: list[str], found: list[Found], states: Mapping[str, FindingState]
) -> Control:
    standard = STANDARDS.get(name)
    ids = [finding_id(one) for one in found]
    open_ones = [
        one for one, known in zip(found, ids, strict=True)
        if states.get(known) is not FindingState.ACCEPTED
    ]  # fmt: skip
    state = "clear"
    if any(not one.unknown for one in open_ones):
        state = "found"
    elif open_ones:
        state = "unknown"
    elif found:
        state = "accepted"
    return Control(
        id=name,
        title=name if standard is None else f"{standard.text}, {standard.point}: {standard.title}",
        state=state,
        checks=tuple(rules),
        findings=tuple(sorted({one for one in ids if one in states})),
        says=tuple(dict.fromkeys(one.sentence for one in found))[:SAYS],
    )
