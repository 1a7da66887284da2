"""Evidence that a party gave can be used: it could be read, and nothing else is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import MOST_TOLD, last_good, names_any, superseded
from pratique.parties.checks.rule import Rule, found, named
from pratique.parties.model import Action, EvidenceKind, Found, Party, Received, Severity, Signature
from pratique.values.instants import Instant

NAME: Final = "evidence-usable"
_ABOUT_SIGNATURES: Final = frozenset({Signature.BROKEN, Signature.FOREIGN, Signature.UNCHECKED})


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    for party in facts.parties:
        pieces = facts.register.evidence.get(party.name, ())
        faulty = [one for one in pieces if one.evidence.faults]
        last = last_good(pieces) if faulty else {}
        standing = [
            one
            for one in faulty
            if not superseded(one, last) and not _told_elsewhere(party, one, now)
        ]
        for one in standing[-MOST_TOLD:]:
            evidence = one.evidence
            yield found(
                NAME, party.name, f"{evidence.kind.value} {evidence.filename} sha256:{evidence.sha256[:16]}",
                f"{evidence.filename} ({evidence.kind.value}) from {party.name} satisfies no promise:"
                f" {named(evidence.faults, 3)}.",
                severity=Severity.MEDIUM, entries=(one.entry,),
            )  # fmt: skip


def _told_elsewhere(party: Party, piece: Received, now: Instant) -> bool:
    """Whether `evidence-signed`, `evidence-expired` or `sbom-own` say what is wrong with it."""
    evidence = piece.evidence
    foreign = evidence.kind is EvidenceKind.SBOM and not names_any(
        evidence.subjects, party.products
    )
    expired = evidence.expires_at is not None and evidence.expires_at <= now
    return foreign or expired or evidence.signature in _ABOUT_SIGNATURES


CHECK: Final = Rule(
    name=NAME,
    title="What a party gave as evidence can be used",
    serves=("dora-30.3.e", "nis2-ir-5.1.4.e", "ai-rmf-manage-3.1"),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    look=_look,
)
