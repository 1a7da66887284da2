"""What a party may see of itself: its own records and nothing of anybody else's.

Sentences of findings and clocks may name other parties; a party reads `another party` there. What it
wrote itself comes back as it is, and whose key or product something is else is not told at all: nobody
learns by trying who is in the register.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

import msgspec

from pratique.parties.model import Finding, FindingState, Party, PartyKind, Register, Signature
from pratique.parties.naming import past_names
from pratique.parties.profile import profile_of
from pratique.parties.receiving import evidence_plain
from pratique.values.instants import Instant

ANOTHER: Final = "another party"
_MOST_EVIDENCE: Final = 1_000
_OWNERS: Final = re.compile(
    r", which is of .*(?=, and (?:about no product of|of none of its products) )|, which is of .*",
    re.DOTALL,
)
_QUOTING: Final = frozenset({"evidence-usable", "evidence-expired", "sbom-own", "sub-processors"})
"""Rules whose findings quote what the party sent, and name nobody else but owners."""
_SIGNED: Final = "evidence-signed"


def own_view(register: Register, name: str, *, now: Instant) -> dict[str, Any]:
    """Profile, promises, evidence, findings, clocks and status of one party."""
    profile = profile_of(register, name, now=now)
    pieces = register.evidence.get(name, ())
    hidden = partial(_replaced, pattern=_names(register, register.parties[name]))
    sent = {one.entry for one in pieces if one.by.startswith("party:")}
    view: dict[str, Any] = {
        "party": hidden(msgspec.to_builtins(profile.party)),
        "status": hidden(_status(register, name)),
        "lines": [
            plain if _rests_on(one.entries, sent) else hidden(plain)
            for one in profile.lines
            for plain in (msgspec.to_builtins(one),)
        ],
        "promises": hidden([msgspec.to_builtins(one) for one in profile.promises]),
        "evidence": [
            plain if one.entry in sent else hidden(plain)
            for one in pieces[-_MOST_EVIDENCE:]
            for plain in (own_evidence(evidence_plain(one)),)
        ],
        "findings": [
            _finding(one, hidden, sent)
            for one in register.findings.values()
            if one.found.party == name and one.state is not FindingState.CLOSED
        ],
        "clocks": hidden(
            [msgspec.to_builtins(one) for one in register.clocks.values() if one.party == name]
        ),
    }
    # The note is ours, about them.
    view["party"].pop("note", None)
    return view


def _rests_on(entries: Collection[int], sent: Collection[int]) -> bool:
    """Whether it is about nothing but what the party sent itself."""
    return bool(entries) and all(one in sent for one in entries)


def _finding(one: Finding, hidden: Callable[[Any], Any], sent: Collection[int]) -> dict[str, Any]:
    """A finding as its party sees it."""
    found = one.found
    told = {"subject": found.subject, "sentence": found.sentence}
    if found.rule == _SIGNED and not found.unknown:
        # A good signature of somebody else reads as a broken one.
        told["sentence"] = f"its signature is none by a key or identity of {found.party}"
    elif found.rule in _QUOTING:
        told["sentence"] = _OWNERS.sub("", found.sentence)
    quoted = found.rule == _SIGNED or found.rule in _QUOTING
    if not (quoted and _rests_on(found.entries, sent)):
        told = hidden(told)
    return {
        "id": one.id,
        "rule": found.rule,
        **told,
        "severity": found.severity.value,
        "state": one.state.value,
        "due_at": one.due_at,
        "opened_at": one.opened_at,
    }


def own_evidence(plain: dict[str, Any]) -> dict[str, Any]:
    """A piece as its party sees it: a good signature of somebody else is only none of its own."""
    if not str(plain.get("by", "party:")).startswith("party:"):
        plain = {**plain, "by": "customer"}  # who works for us is no business of theirs
    if plain["signature"] != Signature.FOREIGN.value:
        # All else in it is what the party sent, and stays as it is.
        return {**plain, "faults": [_OWNERS.sub("", one) for one in plain["faults"]]}
    told = f"its signature is none by a key or identity of {plain['party']} in the register"
    return {**plain, "signature": Signature.BROKEN.value, "signer": "", "faults": [told]}


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


def _names(register: Register, own: Party) -> re.Pattern[str] | None:
    parties = register.parties
    known = {own.name, *own.works_for, *own.sub_processors}
    known |= {one.name for one in parties.values() if one.kind is PartyKind.OWN}
    strange = [
        text
        for one in parties.values()
        if one.name not in known
        for text in (one.name, one.title)
        if text
    ]
    strange += past_names(register) - known
    if not strange:
        return None
    longest_first = sorted(set(strange), key=lambda one: (-len(one), one))
    joined = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![A-Za-z0-9._@-])(?:{joined})(?![A-Za-z0-9_@-])", re.IGNORECASE)


def _replaced(value: Any, pattern: re.Pattern[str] | None) -> Any:  # noqa: ANN401 - any JSON value
    """The same with the names of parties that are no business of this one replaced."""
    if pattern is None:
        return value
    if isinstance(value, str):
        return pattern.sub(ANOTHER, value)
    if isinstance(value, dict):
        return {key: _replaced(one, pattern) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one, pattern) for one in value]
    return value
