"""Whoever gets a lease logged in with the issuer that was promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.custody.model import Lease
from pratique.custody.roles import BY_ROLE
from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found, unknown
from pratique.parties.model import Action, Found, Party, Severity
from pratique.values.instants import Instant

NAME: Final = "issuers-promised"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    by_vendor: dict[str, list[Lease]] = {}
    for lease in facts.contracted_leases(now):
        by_vendor.setdefault(lease.vendor, []).append(lease)
    for name, leases in sorted(by_vendor.items()):
        party = facts.register.parties.get(name)
        if party is None:
            continue  # `holders-named` says that
        if not party.issuers:
            yield unknown(
                NAME, name, "promised issuers",
                f"{name} has promised no issuer, so nobody can say who vouches for its people.",
                entries=facts.entry(f"party:{name}"),
            )  # fmt: skip
        else:
            yield from _of_vendor(facts, party, leases)


def _of_vendor(facts: CheckFacts, party: Party, leases: list[Lease]) -> Iterator[Found]:
    promised = {one.rstrip("/") for one in party.issuers}
    seen: set[tuple[str, str]] = set()
    for lease in leases:
        by_hand = not lease.granted_by.startswith(BY_ROLE)
        issuer = "" if by_hand else facts.issuers.get(lease.id, "")
        told = (lease.holder, "by hand" if by_hand else issuer)
        if issuer.rstrip("/") in promised or told in seen:
            continue
        seen.add(told)
        who = f"{lease.holder} of {party.name}"
        if issuer:
            yield found(
                NAME, party.name, f"{lease.holder} by {issuer}",
                f"{who} has a lease by logging in with {issuer}, which {party.name} did not promise.",
                severity=Severity.HIGH, action=Action.NARROW, entries=facts.entry(f"party:{party.name}"),
            )  # fmt: skip
        elif by_hand:
            yield unknown(
                NAME, party.name, f"{lease.holder} by hand",
                f"{who} has a lease that was granted by hand, so no issuer vouched for who holds it.",
            )  # fmt: skip
        else:
            yield unknown(
                NAME, party.name, f"{lease.holder} by a role that is gone",
                f"{who} has a lease of {lease.granted_by}, whose issuer is not known any more.",
            )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Leases are given to whoever logged in with a promised issuer",
    serves=("aisvs-5.1.1", "aisvs-5.2.2", "cisa-ai-data-5", "sp800-218a-ps.1.2"),
    severity=Severity.HIGH,
    action=Action.NARROW,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)
