"""What a party may see of itself: its own records and nothing of anybody else's.

Sentences of findings and faults may name other parties; a party reads `another party` there. Whose key
or product something is else is not told at all: nobody learns by trying who is in the register.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pratique.parties.model import FindingState, Party, PartyKind, Register, Signature
from pratique.parties.profile import profile_of
from pratique.parties.receiving import evidence_plain
from pratique.values.instants import Instant

ANOTHER: Final = "another party"
_MOST_EVIDENCE: Final = 1_000
_OWNERS: Final = re.compile(rf", which is of {ANOTHER}(?:, {ANOTHER})*(?: and [0-9]+ more)?")


def own_view(register: Register, name: str, *, now: Instant) -> dict[str, Any]:
    """Profile, promises, evidence, findings, clocks and status of one party."""
    profile = profile_of(register, name, now=now)
    view: dict[str, Any] = {
        "party": msgspec.to_builtins(profile.party),
        "status": _status(register, name),
        "lines": [msgspec.to_builtins(one) for one in profile.lines],
        "promises": [msgspec.to_builtins(one) for one in profile.promises],
        "evidence": [
            own_evidence(evidence_plain(one))
            for one in register.evidence.get(name, ())[-_MOST_EVIDENCE:]
        ],
        "findings": [
            {
                "id": one.id,
                "rule": one.found.rule,
                "subject": one.found.subject,
                "severity": one.found.severity.value,
                "sentence": one.found.sentence,
                "state": one.state.value,
                "due_at": one.due_at,
                "opened_at": one.opened_at,
            }
            for one in register.findings.values()
            if one.found.party == name and one.state is not FindingState.CLOSED
        ],
        "clocks": [
            msgspec.to_builtins(one) for one in register.clocks.values() if one.party == name
        ],
    }
    # The note is ours, about them.
    view["party"].pop("note", None)
    own: dict[str, Any] = without_others(view, register, name)
    return own


def own_evidence(plain: dict[str, Any]) -> dict[str, Any]:
    """A piece as its party sees it: a good signature of somebody else is only none of its own."""
    if not str(plain.get("by", "party:")).startswith("party:"):
        plain = {**plain, "by": "customer"}  # who works for us is no business of theirs
    if plain["signature"] != Signature.FOREIGN.value:
        return plain
    told = f"its signature is none by a key or identity of {plain['party']} in the register"
    return {**plain, "signature": Signature.BROKEN.value, "signer": "", "faults": [told]}


def without_others(value: Any, register: Register, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """The same with the names of parties that are no business of this one replaced."""
    pattern = _names(register.parties, register.parties[name])
    return value if pattern is None else _replaced(value, pattern)


def _status(register: Register, name: str) -> dict[str, Any]:
    standing = register.standing(name)
    return {
        "suspended": bool(standing),
        "suspensions": [
            {
                "id": one.id,
                "project": one.scope.project,
                "kind": one.scope.kind.value,
                "whole": one.scope.whole,
                "reason": one.reason,
                "at": one.at,
                "conditions": [msgspec.to_builtins(condition) for condition in one.conditions],
            }
            for one in standing
        ],
    }


def _names(parties: Mapping[str, Party], own: Party) -> re.Pattern[str] | None:
    known = {own.name, *own.works_for, *own.sub_processors}
    known |= {one.name for one in parties.values() if one.kind is PartyKind.OWN}
    strange = [
        text
        for one in parties.values()
        if one.name not in known
        for text in (one.name, one.title)
        if text
    ]
    if not strange:
        return None
    longest_first = sorted(set(strange), key=lambda one: (-len(one), one))
    joined = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![A-Za-z0-9._@-])(?:{joined})(?![A-Za-z0-9_@-])", re.IGNORECASE)


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _OWNERS.sub("", pattern.sub(ANOTHER, value))
    if isinstance(value, dict):
        return {key: _replaced(one, pattern) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one, pattern) for one in value]
    return value
