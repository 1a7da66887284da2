"""What a party promised to show, it has shown, and not too long ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import counts, is_of_product, of_kind
from pratique.parties.checks.rule import Rule, found, unknown
from pratique.parties.model import Action, EvidenceKind, Found, Party, Promise, Received, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "evidence-fresh"


def made_at(piece: Received) -> Instant:
    """When a piece was made: as it says, but not after we had it."""
    said = piece.evidence.made_at
    return piece.at if said is None else min(said, piece.at)


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    for party in facts.parties:
        pieces = facts.register.evidence.get(party.name, ())
        for promise in sorted(party.promises):
            yield from _promise(facts, party, promise, pieces, now)
        for product in _unpromised(party):
            yield from _nobody_promised(facts, party, product, pieces, now)


def _about(promise: Promise) -> str:
    return f"{promise.evidence} of {promise.product}" if promise.product else promise.evidence


def _newest(pieces: tuple[Received, ...], kind: str, product: str) -> Received | None:
    told = [
        one
        for one in of_kind(pieces, kind)
        if counts(one)
        and (not product or any(is_of_product(each, product) for each in one.evidence.subjects))
    ]
    return max(told, key=lambda one: (made_at(one), one.entry), default=None)


def _promise(
    facts: CheckFacts, party: Party, promise: Promise, pieces: tuple[Received, ...], now: Instant
) -> Iterator[Found]:
    about = _about(promise)
    basis = f" ({promise.basis})" if promise.basis else ""
    newest = _newest(pieces, promise.evidence, promise.product)
    if newest is None:
        faulty = [one for one in of_kind(pieces, promise.evidence) if not counts(one)]
        but = " What came does not count, see its faults." if faulty else ""
        yield unknown(
            NAME, party.name, about,
            f"{party.name} promised `{about}` every {promise.every_days} days{basis}, and there is none."
            f"{but}",
            severity=Severity.MEDIUM,
            entries=(*facts.entry(f"party:{party.name}"), *(one.entry for one in faulty)),
        )  # fmt: skip
    elif made_at(newest) + timedelta(days=promise.every_days) <= now:
        yield found(
            NAME, party.name, about,
            f"The newest `{about}` of {party.name} is of {render_minute(made_at(newest))}; one was promised"
            f" every {promise.every_days} days{basis}.",
            severity=Severity.MEDIUM, entries=(newest.entry,),
        )  # fmt: skip


def _unpromised(party: Party) -> Iterator[str]:
    """Products whose SBOM nobody promised."""
    promised = [one for one in party.promises if one.evidence == EvidenceKind.SBOM]
    if any(not one.product for one in promised):
        return
    covered = {one.product for one in promised}
    yield from (product for product in party.products if product not in covered)


def _nobody_promised(
    facts: CheckFacts, party: Party, product: str, pieces: tuple[Received, ...], now: Instant
) -> Iterator[Found]:
    newest = _newest(pieces, EvidenceKind.SBOM, product)
    if newest is None or made_at(newest) + timedelta(days=facts.options.sbom_days) <= now:
        yield unknown(
            NAME, party.name, f"sbom of {product}, which nobody promised",
            f"There is no SBOM of {product} from the last {facts.options.sbom_days} days, and {party.name}"
            " has not promised any.",
            entries=facts.entry(f"party:{party.name}"),
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Promised evidence is there, and not older than promised",
    serves=(
        "sp800-218-ps.3.2", "dora-28.6", "dora-30.3.e", "nis2-ir-5.1.4.e", "nis2-ir-5.1.6",
        "ai-rmf-manage-3.1", "cisa-ai-data-10",
    ),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    look=_look,
)  # fmt: skip
