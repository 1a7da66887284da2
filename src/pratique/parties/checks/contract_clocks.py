"""Every vendor and client has a contract, and it says how fast each tells the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Rule, found, unknown
from pratique.parties.model import Action, Contract, Found, Party, PartyKind, Severity
from pratique.values.instants import Instant

NAME: Final = "contract-clocks"


def in_force(contract: Contract, day: date) -> bool:
    """Whether a contract holds on a day; its last day counts."""
    return contract.starts <= day and (contract.ends is None or day <= contract.ends)


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    today = now.date()
    for party in facts.parties:
        if party.kind not in {PartyKind.VENDOR, PartyKind.CLIENT}:
            continue
        contracts = facts.contracts_of.get(party.name, ())
        # A sub-processor may stand in the contract of whom it works for.
        if not contracts and party.name not in facts.workers:
            yield unknown(
                NAME, party.name, "contract",
                f"No contract with {party.name} is registered, so no clock runs when something happens.",
                severity=Severity.MEDIUM, entries=facts.entry(f"party:{party.name}"),
            )  # fmt: skip
        for contract in contracts:
            if in_force(contract, today):
                yield from _of_contract(facts, party, contract)


def _of_contract(facts: CheckFacts, party: Party, contract: Contract) -> Iterator[Found]:
    entries = facts.entry(f"contract:{contract.id}")
    what = f"The contract {contract.id} with {party.name}"
    if contract.notice_hours is None:
        yield found(
            NAME, party.name, f"{contract.id} without a clock",
            f"{what} does not say within how many hours one tells the other of an incident (`notice_hours`).",
            severity=Severity.HIGH, entries=entries,
        )  # fmt: skip
    if party.kind is not PartyKind.VENDOR:
        return
    if contract.evidence_hours is None:
        yield found(
            NAME, party.name, f"{contract.id} without evidence clock",
            f"{what} does not say within how many hours {party.name} shows what it knows"
            " (`evidence_hours`).",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip
    if contract.return_days is None:
        yield found(
            NAME, party.name, f"{contract.id} without return",
            f"{what} does not say when data is returned or destroyed at the end (`return_days`).",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip
    if contract.audit_right is None:
        yield unknown(
            NAME, party.name, f"{contract.id} audit right",
            f"Whether {what[0].lower()}{what[1:]} gives a right to audit is not said (`audit_right`).",
            entries=entries,
        )  # fmt: skip
    elif not contract.audit_right:
        yield found(
            NAME, party.name, f"{contract.id} audit right",
            f"{what} gives no right to audit.",
            severity=Severity.MEDIUM, entries=entries,
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Every vendor and client has a contract with clocks",
    serves=(
        "nis2-ir-5.1.4.d", "nis2-ir-5.1.4.e", "nis2-ir-5.1.4.h", "dora-28.3", "dora-30.2.d", "dora-30.3.e",
        "ai-act-25.4",
    ),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)  # fmt: skip
