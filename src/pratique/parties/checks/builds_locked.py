"""What a vendor builds is locked by hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts, LockedBuild
from pratique.parties.checks.products import counts
from pratique.parties.checks.rule import Need, Rule, found, named, unknown
from pratique.parties.model import Action, Found, Party, Received, Severity
from pratique.values.counting import counted
from pratique.values.instants import Instant

NAME: Final = "builds-locked"
TOPIC: Final = "hash-locked-builds"
"""Claims with this topic answer yes or no."""


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    by_party: dict[str, list[LockedBuild]] = {}
    for build in facts.builds:
        by_party.setdefault(build.party, []).append(build)
    for party in facts.vendors:
        builds = by_party.get(party.name, [])
        for build in builds:
            yield from _of_build(party, build)
        if not builds:
            yield from _claimed(facts, party)


def _of_build(party: Party, build: LockedBuild) -> Iterator[Found]:
    subject = f"{build.locator} of {build.asset}"
    if build.unread:
        yield unknown(
            NAME, party.name, subject,
            f"Whether {build.locator} of {build.asset} is locked by hash cannot be said: {build.unread}",
            entries=(build.entry,),
        )  # fmt: skip
    elif build.loose_total:
        yield found(
            NAME, party.name, subject,
            f"{build.locator} of {build.asset} leaves {counted(build.loose_total, 'pin')} open:"
            f" {named(build.loose, 3)}.",
            severity=Severity.MEDIUM, entries=(build.entry,),
        )  # fmt: skip


def _claimed(facts: CheckFacts, party: Party) -> Iterator[Found]:
    """Without a look there is at best what the vendor says."""
    told = _newest(facts.register.evidence.get(party.name, ()))
    if told is None:
        if party.products:
            yield unknown(
                NAME, party.name, "builds",
                f"Whether {party.name} builds {named(party.products, 3)} from locks with hashes, nobody has"
                " seen or said: ask for an attestation, or for its inventory.",
                entries=facts.entry(f"party:{party.name}"),
            )  # fmt: skip
        return
    piece, answer = told
    if answer != "yes":
        yield found(
            NAME, party.name, "builds",
            f"{party.name} says of builds that are locked by hash: {answer or 'nothing'}.",
            severity=Severity.MEDIUM, entries=(piece.entry,),
        )  # fmt: skip


def _newest(pieces: tuple[Received, ...]) -> tuple[Received, str] | None:
    for piece in reversed(pieces):
        if counts(piece):
            for claim in piece.evidence.claims:
                if claim.topic == TOPIC:
                    return piece, claim.answer.strip().casefold()
    return None


CHECK: Final = Rule(
    name=NAME,
    title="Builds install only what is locked by hash",
    serves=("sp800-218-pw.4.1", "sp800-218-ps.3.2", "nis2-ir-5.1.6", "cisa-ai-data-4", "nis2-21.3"),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    needs=frozenset({Need.LOCKS}),
    look=_look,
)
