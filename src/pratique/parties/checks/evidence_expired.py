"""No certificate or other evidence that is relied on has expired."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import BAD_SIGNATURES, bare_product, counts
from pratique.parties.checks.rule import Rule, found, named
from pratique.parties.model import Action, EvidenceKind, Found, Received, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "evidence-expired"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    for party in facts.parties:
        pieces = facts.register.evidence.get(party.name, ())
        for piece in _expired(pieces, now):
            expires = piece.evidence.expires_at or now
            yield found(
                NAME, party.name, _about(piece),
                f"The {_about(piece)} of {party.name} expired at {render_minute(expires)}; ask for its"
                " successor.",
                severity=Severity.MEDIUM, entries=(piece.entry,),
            )  # fmt: skip


def _expired(pieces: tuple[Received, ...], now: Instant) -> list[Received]:
    """Of each kind and subjects the piece that held longest, where none that counts still holds.

    What had expired when it came is told as well, though it never counted.
    """
    holding = {_key(one) for one in pieces if counts(one) and not _is_over(one, now)}
    last: dict[_Key, Received] = {}
    for piece in pieces:
        key = _key(piece)
        if not _is_over(piece, now) or key in holding or piece.evidence.signature in BAD_SIGNATURES:
            continue
        known = last.get(key)
        if known is None or _until(piece, now) >= _until(known, now):
            last[key] = piece
    return list(last.values())


_Key: TypeAlias = tuple[EvidenceKind, frozenset[str]]


def _key(piece: Received) -> _Key:
    return piece.evidence.kind, frozenset(map(bare_product, piece.evidence.subjects))


def _is_over(piece: Received, now: Instant) -> bool:
    return piece.evidence.expires_at is not None and piece.evidence.expires_at <= now


def _until(piece: Received, now: Instant) -> Instant:
    return piece.evidence.expires_at or now


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
