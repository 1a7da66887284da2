"""Leases are for the project's purpose, client and datasets, and together within its budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.custody.model import Lease, ScopeId
from pratique.custody.sizes import human_bytes
from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found, named, unknown
from pratique.parties.model import Action, Found, Project, Severity
from pratique.values.instants import Instant

NAME: Final = "budgets-purpose"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    by_project: dict[str, list[Lease]] = {}
    for lease in facts.contracted_leases(now):
        by_project.setdefault(f"{lease.vendor}/{lease.project}", []).append(lease)
    for name in sorted(facts.register.projects):
        project = facts.register.projects[name]
        if not facts.checked(project.vendor):
            continue
        leases = by_project.get(name, [])
        if not project.purpose:
            yield unknown(
                NAME, project.vendor, f"purpose of {project.name}",
                f"What {name} is for is not said, so no lease of it can be for the wrong thing.",
                severity=Severity.MEDIUM, entries=facts.entry(f"project:{name}"),
            )  # fmt: skip
        yield from _terms(facts, project, leases)
        yield from _budget(facts, project, leases)


def _terms(facts: CheckFacts, project: Project, leases: list[Lease]) -> Iterator[Found]:
    wrong: dict[tuple[str, str], set[str]] = {}
    for lease in leases:
        if project.purpose and lease.purpose != project.purpose:
            wrong.setdefault(("purpose", lease.purpose), set()).add(lease.holder)
        if lease.client != project.client:
            wrong.setdefault(("client", lease.client), set()).add(lease.holder)
        if project.datasets:
            for dataset in {one.partition("/")[0] for one in lease.selectors}:
                if dataset not in project.datasets:
                    wrong.setdefault(("dataset", dataset), set()).add(lease.holder)
    right = {
        "purpose": project.purpose,
        "client": project.client,
        "dataset": named(project.datasets),
    }
    for (what, value), holders in sorted(wrong.items()):
        yield found(
            NAME, project.vendor, f"{what} {value} in {project.name}",
            f"Leases in {project.id} are for the {what} {value} (held by {named(sorted(holders), 3)}); the"
            f" register says {right[what]}.",
            severity=Severity.HIGH, action=Action.NARROW, entries=facts.entry(f"project:{project.id}"),
        )  # fmt: skip


def _budget(facts: CheckFacts, project: Project, leases: list[Lease]) -> Iterator[Found]:
    scope = facts.scopes.get(ScopeId(f"project:{project.id}"))
    cap = scope.cap_bytes if scope is not None else None
    entries = facts.entry(f"project:{project.id}")
    budget = project.budget_bytes
    if budget is None:
        yield unknown(
            NAME, project.vendor, f"budget of {project.name}",
            f"How much data {project.id} needs is not said, so nobody can say what would be too much.",
            severity=Severity.MEDIUM if leases else Severity.LOW, entries=entries,
        )  # fmt: skip
        return
    fit = f"pratique scope cap project:{project.id} --bytes {human_bytes(budget).replace(' ', '')}"
    if cap is not None and cap > budget:
        yield found(
            NAME, project.vendor, f"cap of {project.name}",
            f"{project.id} is capped at {human_bytes(cap)} and needs {human_bytes(budget)}: {fit}",
            severity=Severity.HIGH, action=Action.NARROW, entries=entries,
        )  # fmt: skip
    elif cap is None and sum(lease.budget_bytes for lease in leases) > budget:
        yield found(
            NAME, project.vendor, f"budgets of {project.name}",
            f"Leases in {project.id} may together disclose more than the {human_bytes(budget)} that it needs,"
            f" and it has no cap: {fit}",
            severity=Severity.HIGH, action=Action.NARROW, entries=entries,
        )  # fmt: skip
    elif cap is None and leases:
        yield found(
            NAME, project.vendor, f"no cap of {project.name}",
            f"{project.id} needs {human_bytes(budget)} and has no cap, so further leases may go beyond it:"
            f" {fit}",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Leases serve the project's purpose and stay within its budget",
    serves=("sp800-218a-ps.1.2", "cisa-ai-data-5", "ai-act-10.2", "aisvs-5.2.1", "dora-30.2.c"),
    severity=Severity.HIGH,
    action=Action.NARROW,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)
