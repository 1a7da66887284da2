"""Whoever works for a vendor is in the register, and both sides say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import counts
from pratique.parties.checks.rule import Rule, found, unknown
from pratique.parties.model import Action, Claim, EvidenceKind, Found, Party, Received, Severity
from pratique.parties.workers import late_workers
from pratique.values.instants import Instant

NAME: Final = "sub-processors"
TOPIC: Final = "sub-processors"
"""Claims with this topic list names in `detail`, or in `answer` where that is neither yes nor no."""
_SEPARATORS: Final = re.compile(r"[,;\n|]")
_NONE: Final = frozenset({"no", "none", "n/a", "not applicable"})
"""Answers after which no detail names anybody."""
_SILENT: Final = frozenset({"", "no answer"})
_NO_NAMES: Final = _NONE | _SILENT | {"yes", "partly"}


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    for party in facts.vendors:
        pieces = facts.register.evidence.get(party.name, ())
        listed = sorted(facts.workers_of.get(party.name, ()))
        told = _newest_list(pieces)
        yield from _unknown_parties(facts, party)
        yield from _unstopped(facts, party)
        if told is None:
            yield unknown(
                NAME, party.name, "list",
                f"{party.name} has not said who works for it: no evidence of it names sub-processors.",
                entries=facts.entry(f"party:{party.name}"),
            )  # fmt: skip
        else:
            yield from _differences(facts, party, listed, told, pieces)


def _newest_list(pieces: tuple[Received, ...]) -> tuple[Received, frozenset[str]] | None:
    for piece in reversed(pieces):
        if not counts(piece):
            continue
        claims = [one for one in piece.evidence.claims if one.topic == TOPIC]
        if claims and not all(_is_silent(one) for one in claims):
            return piece, frozenset(name for one in claims for name in _names(one))
    return None


def _is_silent(claim: Claim) -> bool:
    return claim.answer.strip().casefold() in _SILENT and not claim.detail.strip()


def _names(claim: Claim) -> Iterator[str]:
    answer = claim.answer.strip()
    if answer.casefold() in _NONE:
        return
    texts = (claim.detail, "" if answer.casefold() in _NO_NAMES else answer)
    for name in (part.strip() for text in texts for part in _SEPARATORS.split(text)):
        if name.casefold() not in _NO_NAMES:
            yield name


def _differences(
    facts: CheckFacts,
    party: Party,
    listed: list[str],
    told: tuple[Received, frozenset[str]],
    pieces: tuple[Received, ...],
) -> Iterator[Found]:
    piece, names = told
    spelled = {word for one in listed for word in _spellings(facts, one)}
    for name in sorted(names):
        if name.casefold() not in spelled:
            yield found(
                NAME, party.name, f"{name}, not in the register",
                f"{party.name} says that {name} works for it, which the register does not: look into it, then"
                " add it to the register or refuse it.",
                severity=Severity.HIGH, entries=(piece.entry,),
            )  # fmt: skip
    said = {name.casefold() for name in names} | _acknowledged(pieces)
    for one in listed:
        if not said & _spellings(facts, one):
            yield found(
                NAME, party.name, f"{one}, not acknowledged",
                f"The register says that {one} works for {party.name}, and {party.name} does not: have the"
                " change acknowledged.",
                severity=Severity.MEDIUM, entries=(piece.entry, *facts.entry(f"party:{party.name}")),
            )  # fmt: skip


def _acknowledged(pieces: tuple[Received, ...]) -> set[str]:
    """What acknowledgements name."""
    return {
        subject.strip().casefold()
        for piece in pieces
        if piece.evidence.kind is EvidenceKind.ACKNOWLEDGEMENT and counts(piece)
        for subject in piece.evidence.subjects
    }


def _spellings(facts: CheckFacts, name: str) -> set[str]:
    known = facts.register.parties.get(name)
    return {name.casefold(), known.title.casefold()} - {""} if known else {name.casefold()}


def _unstopped(facts: CheckFacts, party: Party) -> Iterator[Found]:
    """Whom the register named as its worker after the suspension began."""
    for one in facts.register.suspensions.values():
        late = late_workers(facts.register, one) if one.scope.party == party.name else ()
        for name in sorted(late):
            yield found(
                NAME, party.name, f"{name}, not stopped by {one.id}",
                f"{name} works for {party.name}, which is suspended ({one.id}), and goes on, because the"
                f" register did not say so when it began: suspend {name} too.",
                severity=Severity.CRITICAL, entries=facts.entry(f"party:{name}"),
            )  # fmt: skip


def _unknown_parties(facts: CheckFacts, party: Party) -> Iterator[Found]:
    for name in sorted(set(party.sub_processors) - facts.register.parties.keys()):
        yield unknown(
            NAME, party.name, f"{name}, of whom nothing is known",
            f"{party.name} may pass data on to {name}, of whom the register knows nothing: add a [[vendor]].",
            severity=Severity.MEDIUM, entries=facts.entry(f"party:{party.name}"),
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Sub-processors are those of the register, and acknowledged",
    serves=(
        "dora-29.2",
        "dora-30.2.a",
        "dora-28.3",
        "nis2-ir-5.1.4.g",
        "nis2-ir-5.1.7",
        "ai-rmf-govern-6.1",
    ),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)
