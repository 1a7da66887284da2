"""`pratique lease ask-raise|approve|decline`: a larger budget needs two people."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import click

from pratique.custody.entries import budget_entry
from pratique.custody.granting import (
    BudgetRequest,
    RequestState,
    check_raise,
    check_reason,
)
from pratique.custody.model import Lease, ScopeState
from pratique.custody.scopes import lease_scope
from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.doors.cli import custody_desk
from pratique.doors.cli.custody_desk import (
    CustodyDesk,
    Person,
    approver_of,
    asker_of,
    check_second,
    echo_json,
    open_desk,
)
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError
from pratique.values.instants import Instant, now_utc


@click.command("ask-raise")
@click.argument("lease_id", metavar="LEASE")
@click.option("--budget", metavar="SIZE", help="What the budget would be; without it, as it is.")
@click.option("--objects", type=int, help="How many objects it would be; without it, as it is.")
@click.option("--reason", required=True, help="Why, for whoever decides.")
@home_option
@format_option
def ask_raise(
    lease_id: str,
    budget: str | None,
    objects: int | None,
    reason: str,
    home: Path | None,
    form: str,
) -> None:
    """Ask that a lease may disclose more; somebody else decides."""
    now = now_utc()
    with open_desk(home) as desk:
        lease = _raisable(desk, lease_id, now)
        asker = asker_of(desk.stores, now=now)
        request = BudgetRequest(
            id=secrets.token_hex(6),
            lease=lease.id,
            budget_bytes=parse_bytes(budget) if budget is not None else lease.budget_bytes,
            budget_objects=objects if objects is not None else lease.budget_objects,
            reason=check_reason(reason),
            asked_by=asker.actor,
            asked_at=now,
            state=RequestState.ASKED,
            decided_by="",
            decided_at=None,
            asked_token=asker.token,
        )
        check_raise(lease, budget_bytes=request.budget_bytes, budget_objects=request.budget_objects)
        draft = budget_entry(request, RequestState.ASKED, actor=asker.actor, token=asker.token)
        entry = desk.stores.record(draft, now=now)
        desk.custody.add_budget_request(request)
    if form == "json":
        echo_json({"request": request, "entry": entry})
        return
    click.echo(
        f"request {request.id}: lease {lease.id} from {_sizes(lease)} to {_sizes(request)}, "
        f"ledger entry {entry}\nsomebody else decides with: pratique lease approve {request.id}"
    )


@click.command()
@click.argument("request_id", metavar="REQUEST")
@home_option
@format_option
def approve(request_id: str, home: Path | None, form: str) -> None:
    """Raise a budget that somebody else asked for.

    Who approves is known by a token, from PRATIQUE_APPROVER_TOKEN or typed without an echo.
    """
    _decide(request_id, RequestState.APPROVED, home, form)


@click.command()
@click.argument("request_id", metavar="REQUEST")
@home_option
@format_option
def decline(request_id: str, home: Path | None, form: str) -> None:
    """Leave a budget as it is.

    Who declines is known by a token, from PRATIQUE_APPROVER_TOKEN or typed without an echo.
    """
    _decide(request_id, RequestState.DECLINED, home, form)


def _decide(request_id: str, state: RequestState, home: Path | None, form: str) -> None:
    now = now_utc()
    with open_desk(home) as desk:
        request = _open_request(desk, request_id)
        approver = approver_of(desk.stores, now=now)
        actor = approver.actor
        asked = Person(actor=request.asked_by, token=request.asked_token)
        check_second(desk.stores, asked, approver)
        certificate = b""
        if state is RequestState.APPROVED:
            lease = _raisable(desk, request.lease, now)
            raised = replace(
                lease, budget_bytes=request.budget_bytes, budget_objects=request.budget_objects
            )
            check_raise(
                lease, budget_bytes=raised.budget_bytes, budget_objects=raised.budget_objects
            )
            certificate, _ = custody_desk.certify_lease(desk.settings, raised)
        # 1. The entry is durable. 2. The budget is in force.
        entry = desk.stores.record(
            budget_entry(request, state, actor=actor, token=approver.token), now=now
        )
        decided = desk.custody.decide_budget_request(
            request, state, by=actor, at=now, certificate=certificate, entry=entry
        )
    if not decided:
        raise InputError(f"somebody else has decided on request {request_id} meanwhile")
    if form == "json":
        echo_json({"request": request.id, "state": state.value, "by": actor, "entry": entry})
        return
    click.echo(
        f"{state.value} by {actor.partition(':')[2]}: lease {request.lease}, {_sizes(request)}, "
        f"ledger entry {entry}"
    )


def _raisable(desk: CustodyDesk, text: str, now: Instant) -> Lease:
    lease = desk.existing_lease(text)
    scope = desk.custody.scope(lease_scope(lease.id))
    if lease.not_after <= now or (scope is not None and scope.state is ScopeState.ENDED):
        raise InputError(f"lease {lease.id} is over", remedy="grant a new one")
    return lease


def _open_request(desk: CustodyDesk, request_id: str) -> BudgetRequest:
    found = next((r for r in desk.custody.budget_requests() if r.id == request_id), None)
    if found is None or found.state is not RequestState.ASKED:
        said = "no request has the id" if found is None else f"already {found.state.value}: request"
        raise InputError(f"{said} {request_id[:80]!r}", remedy="see: pratique lease show LEASE")
    return found


def _sizes(of: Lease | BudgetRequest) -> str:
    return f"{human_bytes(of.budget_bytes)} and {of.budget_objects:,} objects"
