"""Data that must stay somewhere is worked on by those who work only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.custody.model import Dataset
from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found, named, unknown
from pratique.parties.model import Action, Found, Party, Severity
from pratique.values.instants import Instant

NAME: Final = "data-residency"
_UNION: Final = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
_AREA: Final = _UNION | {"IS", "LI", "NO"}
"""The European Economic Area."""


def places_of(residency: str) -> frozenset[str]:
    """Where something may be, from free text such as `EU, CH`: codes, in capitals."""
    words = residency.replace(",", " ").replace(";", " ").replace("+", " ").upper().split()
    return frozenset(words)


def lies_within(place: str, allowed: frozenset[str]) -> bool:
    """Whether a place is one of those allowed, or a member of a union that is."""
    if place in allowed:
        return True
    if "EEA" in allowed and (place in _AREA or place == "EU"):
        return True
    return "EU" in allowed and place in _UNION


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    used = _used(facts, now)
    for party in facts.vendors:
        for name in sorted(used.get(party.name, ())):
            dataset = facts.datasets.get(name)
            if dataset is None:
                yield unknown(
                    NAME, party.name, f"dataset {name}",
                    f"{party.name} works with the dataset {name}, which is not in custody here, so nobody can"
                    " say where it must stay.",
                )  # fmt: skip
            elif dataset.residency and dataset.shredded_at is None:
                yield from _of_dataset(facts, party, dataset)
        yield from _of_projects(facts, party)


def _used(facts: CheckFacts, now: Instant) -> dict[str, set[str]]:
    """Datasets by vendor: those of its projects, and those that leases select."""
    used: dict[str, set[str]] = {}
    for vendor, projects in facts.projects_of.items():
        for project in projects:
            used.setdefault(vendor, set()).update(project.datasets)
    for lease in facts.contracted_leases(now):
        used.setdefault(lease.vendor, set()).update(
            one.partition("/")[0] for one in lease.selectors
        )
    return used


def _working_for(facts: CheckFacts, party: Party) -> list[Party]:
    """The vendor, and whoever it may pass data on to."""
    known = facts.register.parties
    others = sorted(facts.workers_of.get(party.name, frozenset()) & known.keys())
    return [party, *(known[name] for name in others)]


def _of_dataset(facts: CheckFacts, party: Party, dataset: Dataset) -> Iterator[Found]:
    for worker in _working_for(facts, party):
        yield from _compared(facts, party, worker, dataset.residency, f"dataset {dataset.name}")


def _of_projects(facts: CheckFacts, party: Party) -> Iterator[Found]:
    for project in facts.projects_of.get(party.name, ()):
        if not project.residency:
            continue
        what = f"project {project.name}"
        for worker in _working_for(facts, party):
            yield from _compared(facts, party, worker, project.residency, what)
        for name in project.datasets:
            dataset = facts.datasets.get(name)
            if dataset is None or not dataset.residency:
                continue
            outside = _outside(places_of(project.residency), places_of(dataset.residency))
            if outside:
                yield found(
                    NAME, party.name, f"{what} with {name}",
                    f"{project.id} may be worked on in {project.residency}; its dataset {name} must stay in"
                    f" {dataset.residency}.",
                    severity=Severity.MEDIUM, entries=facts.entry(f"project:{project.id}"),
                )  # fmt: skip


def _compared(
    facts: CheckFacts, party: Party, worker: Party, residency: str, what: str
) -> Iterator[Found]:
    entries = facts.entry(f"party:{worker.name}")
    if not worker.locations:
        yield unknown(
            NAME, party.name, f"{what} at {worker.name}",
            f"The {what} must stay in {residency}; where {worker.name} processes is not said.",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip
        return
    outside = _outside(frozenset(worker.locations), places_of(residency))
    if outside:
        yield found(
            NAME, party.name, f"{what} at {worker.name}",
            f"The {what} must stay in {residency}, and {worker.name} may process in {named(outside)}.",
            severity=Severity.HIGH, entries=entries,
        )  # fmt: skip


def _outside(places: frozenset[str], allowed: frozenset[str]) -> list[str]:
    return sorted(one for one in places if not lies_within(one.upper(), allowed))


CHECK: Final = Rule(
    name=NAME,
    title="Whoever works with data works where it must stay",
    serves=("dora-30.2.b", "cisa-ai-data-7", "ai-act-10.2", "nis2-ir-5.1.7"),
    severity=Severity.HIGH,
    action=Action.ALERT,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)
