"""Every entry about parties can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Rule, named, unknown
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant

NAME: Final = "register-readable"


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    unreadable = facts.register.unreadable
    if not unreadable:
        return
    party = min(facts.own, default="register")
    if facts.checked(party):
        yield unknown(
            NAME, party, "entries",
            f"Entries of the ledger about parties cannot be read ({named(map(str, unreadable))}): what they"
            " say is missing from every check. They may be of a newer version.",
            severity=Severity.HIGH, entries=unreadable,
        )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="All that the ledger says of parties can be read",
    serves=("dora-28.3", "nis2-ir-5.2", "ai-act-12.1"),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)
