"""Leases are held by those whom the register names, in projects that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.custody.model import Lease
from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found, named, unknown
from pratique.parties.model import Action, Found, PartyKind, Severity
from pratique.values.instants import Instant

NAME: Final = "holders-named"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    grouped: dict[tuple[str, str], list[Lease]] = {}
    for lease in facts.contracted_leases(now):
        grouped.setdefault((lease.vendor, lease.project), []).append(lease)
    for (vendor, project), leases in sorted(grouped.items()):
        yield from _of_project(facts, vendor, project, leases)


def _of_project(facts: CheckFacts, vendor: str, name: str, leases: list[Lease]) -> Iterator[Found]:
    holders = sorted({lease.holder for lease in leases})
    party = facts.register.parties.get(vendor)
    project = facts.register.projects.get(f"{vendor}/{name}")
    if party is None or party.kind is not PartyKind.VENDOR:
        yield found(
            NAME, vendor, f"vendor {vendor}",
            f"Leases are held for {vendor}, which the register does not know as a vendor: add it with its"
            " contract, or revoke them.",
            severity=Severity.HIGH, action=Action.NARROW,
        )  # fmt: skip
        return
    if project is None:
        yield found(
            NAME, vendor, f"project {name}",
            f"Leases of {vendor} are in the project {name}, which the register does not have: add it, or"
            " revoke them.",
            severity=Severity.HIGH, action=Action.NARROW, entries=facts.entry(f"party:{vendor}"),
        )  # fmt: skip
        return
    entries = facts.entry(f"project:{project.id}")
    if not project.holders:
        yield unknown(
            NAME, vendor, f"holders of {name}",
            f"Who may hold leases in {vendor}/{name} is not said; now they are {named(holders)}.",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip
        return
    for holder in holders:
        if holder not in project.holders:
            yield found(
                NAME, vendor, f"{holder} in {name}",
                f"{holder} holds a lease in {vendor}/{name} and is not named there: name {holder} in the"
                " register, or revoke the lease.",
                severity=Severity.HIGH, action=Action.NARROW, entries=entries,
            )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Whoever holds a lease is named in the project's contract",
    serves=(
        "sp800-218a-ps.1.2", "cisa-ai-data-5", "aisvs-5.2.1", "dora-28.3", "nis2-ir-5.2", "ai-rmf-govern-6.1",
    ),
    severity=Severity.HIGH,
    action=Action.NARROW,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)  # fmt: skip
