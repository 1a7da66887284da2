"""No certificate or other evidence that is relied on has expired."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import bare_product, counts
from pratique.parties.checks.rule import Rule, found, named
from pratique.parties.model import Action, Found, Received, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "evidence-expired"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    for party in facts.parties:
        pieces = facts.register.evidence.get(party.name, ())
        for piece in _last_of_each(pieces):
            expires = piece.evidence.expires_at
            if expires is not None and expires <= now:
                about = _about(piece)
                yield found(
                    NAME, party.name, about,
                    f"The {about} of {party.name} expired at {render_minute(expires)}; ask for its"
                    " successor.",
                    severity=Severity.MEDIUM, entries=(piece.entry,),
                )  # fmt: skip


def _last_of_each(pieces: tuple[Received, ...]) -> list[Received]:
    """Of each kind and subjects the piece that holds longest; what came later does not shorten it."""
    last: dict[tuple[str, frozenset[str]], Received] = {}
    for piece in pieces:
        if not counts(piece):
            continue
        evidence = piece.evidence
        key = (evidence.kind.value, frozenset(map(bare_product, evidence.subjects)))
        known = last.get(key)
        if known is None or _holds_longer(piece, known):
            last[key] = piece
    return list(last.values())


def _holds_longer(piece: Received, other: Received) -> bool:
    mine, theirs = piece.evidence.expires_at, other.evidence.expires_at
    if mine is None or theirs is None:
        return mine is None
    return mine >= theirs


def _about(piece: Received) -> str:
    evidence = piece.evidence
    subjects = named(sorted(evidence.subjects), 3)
    return f"{evidence.kind.value} of {subjects}" if subjects else evidence.kind.value


CHECK: Final = Rule(
    name=NAME,
    title="No evidence has expired without a successor",
    serves=("dora-28.5", "dora-28.6", "nis2-ir-5.1.4.e", "nis2-ir-5.1.6", "ai-rmf-manage-3.1"),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    look=_look,
)
