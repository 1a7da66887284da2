"""An SBOM is of a product of whoever sent it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import MOST_TOLD, counts, names_any, of_kind
from pratique.parties.checks.rule import Rule, found, named, unknown
from pratique.parties.model import Action, EvidenceKind, Found, Party, Received, Severity
from pratique.values.instants import Instant

NAME: Final = "sbom-own"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    for party in facts.parties:
        sboms = of_kind(facts.register.evidence.get(party.name, ()), EvidenceKind.SBOM)
        right = [names_any(one.evidence.subjects, party.products) for one in sboms]
        good = [one.entry for one, fits in zip(sboms, right, strict=True) if fits and counts(one)]
        since = max(good, default=-1)
        wrong = [
            one for one, fits in zip(sboms, right, strict=True) if not fits and one.entry > since
        ]
        for piece in wrong[-MOST_TOLD:]:
            yield from _told(facts, party, piece)


def _told(facts: CheckFacts, party: Party, piece: Received) -> Iterator[Found]:
    evidence = piece.evidence
    subject = f"{evidence.filename} sha256:{evidence.sha256[:16]}"
    if not evidence.subjects:
        yield unknown(
            NAME, party.name, subject,
            f"{evidence.filename} from {party.name} does not say what it is an SBOM of.",
            severity=Severity.MEDIUM, entries=(piece.entry,),
        )  # fmt: skip
    elif not party.products:
        yield unknown(
            NAME, party.name, subject,
            f"{evidence.filename} is of {named(evidence.subjects, 3)}; the register names no product of"
            f" {party.name}, so nobody can say whether it is one.",
            severity=Severity.MEDIUM, entries=(piece.entry,),
        )  # fmt: skip
    else:
        owners = _owners(facts, party, piece)
        whose = f", which is of {named(owners, 3)}" if owners else ""
        yield found(
            NAME, party.name, subject,
            f"{evidence.filename} from {party.name} is of {named(evidence.subjects, 3)}{whose}, and of none"
            f" of its products ({named(party.products, 3)}).",
            severity=Severity.HIGH, entries=(piece.entry,),
        )  # fmt: skip


def _owners(facts: CheckFacts, party: Party, piece: Received) -> list[str]:
    return sorted(
        one.name
        for one in facts.register.parties.values()
        if one.name != party.name and names_any(piece.evidence.subjects, one.products)
    )


CHECK: Final = Rule(
    name=NAME,
    title="An SBOM is of a product of the party that gave it",
    serves=("sp800-218-ps.3.2", "dora-28.7.b", "nis2-ir-5.1.6", "ai-rmf-map-4.1"),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)
