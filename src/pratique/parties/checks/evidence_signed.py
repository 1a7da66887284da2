"""No evidence has a signature that is broken or somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import MOST_TOLD, last_good, superseded
from pratique.parties.checks.rule import Rule, found, unknown
from pratique.parties.model import Action, Found, Received, Severity, Signature
from pratique.values.instants import Instant

NAME: Final = "evidence-signed"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    for party in facts.parties:
        pieces = facts.register.evidence.get(party.name, ())
        wrong = [one for one in pieces if one.evidence.signature in _SENTENCES]
        last = last_good(pieces) if wrong else {}
        standing = [one for one in wrong if not superseded(one, last)]
        yield from (_told(party.name, one) for one in standing[-MOST_TOLD:])


_SENTENCES: Final = {
    Signature.BROKEN: "has a signature that does not fit: it was changed, or signed with another key",
    Signature.FOREIGN: "is signed with a key that the register does not name for {party}",
    Signature.UNCHECKED: "has a signature that could not be checked here",
}


def _told(party: str, piece: Received) -> Found:
    evidence = piece.evidence
    subject = f"{evidence.kind.value} {evidence.filename} sha256:{evidence.sha256[:16]}"
    signer = f" (by {evidence.signer})" if evidence.signer else ""
    sentence = (
        f"{evidence.filename} ({evidence.kind.value}) from {party}"
        f" {_SENTENCES[evidence.signature].format(party=party)}{signer}; it counts for nothing until a good"
        " one of the same comes."
    )
    if evidence.signature is Signature.UNCHECKED:
        return unknown(NAME, party, subject, sentence, entries=(piece.entry,))
    return found(NAME, party, subject, sentence, severity=Severity.HIGH, entries=(piece.entry,))


CHECK: Final = Rule(
    name=NAME,
    title="Signed evidence has a good signature, by a key of the party",
    serves=("cisa-ai-data-3", "sp800-218-ps.3.2", "dora-28.7.b", "nis2-ir-5.1.6"),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)
