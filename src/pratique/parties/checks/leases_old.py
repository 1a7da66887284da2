"""No living lease is older than it need be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "leases-old"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    hours = facts.options.lease_hours
    for lease in facts.contracted_leases(now):
        if lease.granted_at + timedelta(hours=hours) <= now:
            yield found(
                NAME, lease.vendor, f"lease {lease.id}",
                f"The lease {lease.id} of {lease.holder} ({lease.vendor}/{lease.project}) was granted at"
                f" {render_minute(lease.granted_at)} and works until {render_minute(lease.not_after)}; after"
                f" {hours:g} hours a new one should be asked for.",
                severity=Severity.LOW,
            )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="No lease lives longer than its hours",
    serves=("aisvs-5.2.2", "sp800-218a-ps.1.2", "cisa-ai-data-5"),
    severity=Severity.LOW,
    action=Action.ALERT,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)
