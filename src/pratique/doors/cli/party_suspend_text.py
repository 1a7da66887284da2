"""A plan of a suspension, in words for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.parties.suspension import SuspensionPlan, scope_words
from pratique.parties.suspension_clocks import ToTell
from pratique.values.counting import counted
from pratique.values.instants import render_second

_SHOWN: Final = 20
_DUTIES: Final = {
    "notify": "{party} is told within {hours} h, by {due} ({basis})",
    "update": "{party} has news every {hours} h, the first by {due} ({basis})",
    "evidence": "{party} shows what it knows within {hours} h, by {due} ({basis})",
}
_UNCLOCKED: Final = {
    "notify": "{party} is to be told; no clock was agreed",
    "update": "{party} is to have news; no clock was agreed",
    "evidence": "{party} is to show what it knows; no clock was agreed",
}


def plan_lines(plan: SuspensionPlan, *, dry_run: bool, entry: int | None) -> Iterator[str]:
    """What stops, whose work waits, and what is due."""
    begun = plan.suspension
    done = "would suspend" if dry_run else f"suspended ({begun.id})"
    because = f"{begun.reason}, {begun.incident}" if begun.incident else begun.reason
    yield f"{done} {scope_words(begun)}: {because}"
    others = [name for name in begun.vendors if name != begun.scope.party]
    if others:
        yield f"  and who works for it: {', '.join(others)}"
    yield from _stops(plan)
    for work in plan.work:
        names = ", ".join(work.datasets) or "no dataset is named"
        yield f"  on hold: {work.project} for {work.client} ({work.purpose or 'no purpose said'}): {names}"
    for one in plan.tell:
        yield f"  {_due(one)}"
    for condition in begun.conditions:
        yield f"  until: {condition.topic}{f' {condition.detail}' if condition.detail else ''}"
    if not begun.conditions:
        yield "  until an approver resumes it: no condition was given"
    if dry_run:
        yield "nothing was changed"
    elif entry is not None:
        yield f"ledger entry {entry}"


def _stops(plan: SuspensionPlan) -> Iterator[str]:
    holders = {(one.vendor, one.project, one.holder) for one in plan.leases}
    yield (
        f"  stops {counted(len(plan.leases), 'lease')} of {counted(len(holders), 'holder')}, "
        f"{counted(len(plan.tokens), 'token')}, "
        "and whatever is granted while it stands"
    )
    for lease in plan.leases[:_SHOWN]:
        yield (
            f"    {lease.id}  {lease.vendor}/{lease.project}/{lease.holder}  "
            f"{', '.join(lease.datasets)} of {lease.client}, until {render_second(lease.not_after)}"
        )
    if len(plan.leases) > _SHOWN:
        yield f"    and {len(plan.leases) - _SHOWN} more; --format json lists all"
    for token in plan.tokens[:_SHOWN]:
        yield f"    token {token.id}  {token.role} {token.name} of {token.party}"
    if len(plan.tokens) > _SHOWN:
        yield f"    and {len(plan.tokens) - _SHOWN} more"
    for token in plan.loose:
        yield (
            f"  does not stop: token {token.id}, {token.role} {token.name}: it says of no party that it "
            f"belongs to it (pratique token revoke {token.id})"
        )


def _due(one: ToTell) -> str:
    if one.due_at is None:
        return _UNCLOCKED[one.duty].format(party=one.party)
    return _DUTIES[one.duty].format(
        party=one.party, hours=one.hours, due=render_second(one.due_at), basis=one.basis
    )
