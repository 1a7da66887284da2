"""That a vendor can be stopped was measured, not long ago, and it took no longer than a second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pratique.parties.checks.facts import CheckFacts, Drill
from pratique.parties.checks.rule import Need, Rule, found, unknown
from pratique.parties.model import Action, Found, Party, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "drill-recent"
LONGEST_MS: Final = 1000


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    with_leases = {lease.vendor for lease in facts.contracted_leases(now)}
    for party in facts.vendors:
        contracts = facts.contracts_of.get(party.name, ())
        agreed = [one.drill_days for one in contracts if one.drill_days is not None]
        if agreed or party.name in facts.projects_of or party.name in with_leases:
            days = min(agreed, default=facts.options.drill_days)
            yield from _of_vendor(facts, party, days, now)


def _of_vendor(facts: CheckFacts, party: Party, days: int, now: Instant) -> Iterator[Found]:
    mine = [one for one in facts.drills if _is_of(one, party.name)]
    command = f"pratique drill revoke --scope vendor:{party.name}"
    if not mine:
        yield unknown(
            NAME, party.name, "drill",
            f"Nobody has ever measured how fast {party.name} is stopped; every {days} days is asked for:"
            f" {command}",
            severity=Severity.MEDIUM,
        )  # fmt: skip
        return
    last = mine[-1]
    if last.at + timedelta(days=days) <= now:
        yield found(
            NAME, party.name, "drill",
            f"How fast {party.name} is stopped was measured last at {render_minute(last.at)}; every {days}"
            f" days is asked for: {command}",
            severity=Severity.MEDIUM, entries=(last.entry,),
        )  # fmt: skip
    elif last.p99_ms is None:
        yield unknown(
            NAME, party.name, "latency",
            f"The drill of {party.name} at {render_minute(last.at)} has no measured latency: {command}",
            severity=Severity.MEDIUM, entries=(last.entry,),
        )  # fmt: skip
    elif last.p99_ms > LONGEST_MS:
        yield found(
            NAME, party.name, "latency",
            f"Stopping {party.name} took {last.p99_ms} ms (p99) at {render_minute(last.at)}; at most"
            f" {LONGEST_MS} ms is promised.",
            severity=Severity.HIGH, entries=(last.entry,),
        )  # fmt: skip


def _is_of(drill: Drill, vendor: str) -> bool:
    """A drill on the vendor, or on something below it: all are stopped the same way."""
    kind, _, rest = drill.scope.partition(":")
    return kind in {"vendor", "project", "holder"} and rest.partition("/")[0] == vendor


CHECK: Final = Rule(
    name=NAME,
    title="A suspension drill was measured within the agreed days",
    serves=("dora-28.8", "dora-28.7.c", "nis2-21.2.d", "ai-rmf-govern-6.2", "nis2-ir-5.1.4.h"),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    needs=frozenset({Need.CUSTODY, Need.DRILLS}),
    look=_look,
)
