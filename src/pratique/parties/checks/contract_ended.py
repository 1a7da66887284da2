"""Nobody holds leases for a party, or on a client's data, whose contract has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.contract_clocks import in_force
from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Need, Rule, found
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant

NAME: Final = "contract-ended"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    today = now.date()
    for_vendors = {lease.vendor for lease in facts.contracted_leases(now)}
    of_clients = {lease.client for lease in facts.living_leases(now)}
    for party in facts.parties:
        contracts = facts.contracts_of.get(party.name, ())
        if not contracts or any(in_force(one, today) for one in contracts):
            continue
        if party.name not in for_vendors and party.name not in of_clients:
            continue
        last = max(contracts, key=lambda one: (one.ends is None, one.ends or one.starts, one.id))
        begun = last.starts <= today
        when = f"ended on {last.ends}" if begun else f"begins only on {last.starts}"
        whose = "for" if party.name in for_vendors else "on the data of"
        yield found(
            NAME, party.name, last.id,
            f"The contract {last.id} with {party.name} {when}, and leases {whose} {party.name} still live:"
            " revoke them, and ask for the return of data.",
            severity=Severity.CRITICAL if begun else Severity.HIGH, action=Action.PAUSE,
            entries=facts.entry(f"contract:{last.id}"),
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="No lease outlives the contract",
    serves=("dora-28.8", "dora-30.2.d", "nis2-ir-5.1.4.h", "sp800-218a-ps.1.2", "cisa-ai-data-9"),
    severity=Severity.CRITICAL,
    action=Action.PAUSE,
    needs=frozenset({Need.CUSTODY}),
    look=_look,
)
