"""`pratique scope`: stop, resume or cap everything below a vendor, project, holder, client or dataset."""

from __future__ import annotations

from pathlib import Path

import click

from pratique.custody.budget import in_hand
from pratique.custody.entries import caps_entry
from pratique.custody.granting import check_reason
from pratique.custody.model import Lease, Scope, ScopeId, ScopeState
from pratique.custody.scopes import describe_scope, parse_scope, selected_scopes, state_refusal
from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.custody.worst_case import worst_case
from pratique.doors.cli import EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import (
    CustodyDesk,
    approver_of,
    asker_of,
    caps_line,
    check_second,
    echo_json,
    lease_state,
    left_words,
    logins_of,
    open_desk,
    unexpired,
    worst_line,
)
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.doors.scope_changes import check_change
from pratique.errors import InputError
from pratique.values.instants import Instant, now_utc


@click.group()
def scope() -> None:
    """Stop, resume or cap everything below a vendor, project, holder, client or dataset."""


@scope.command()
@click.argument("scope_id", metavar="SCOPE")
@click.option("--reason", required=True, help="Why; everybody who is refused is told.")
@click.option("--incident", default="", help="Incident it belongs to, such as INC-42.")
@home_option
@format_option
def suspend(scope_id: str, reason: str, incident: str, home: Path | None, form: str) -> None:
    """Stop everything below a scope; running downloads stop within a second.

    SCOPE is vendor:V, project:V/P, holder:V/P/H, lease:ID, client:C or dataset:D.
    """
    _change(scope_id, ScopeState.SUSPENDED, reason=reason, incident=incident, home=home, form=form)


@scope.command()
@click.argument("scope_id", metavar="SCOPE")
@click.option("--reason", required=True, help="Why it is safe again; recorded.")
@home_option
@format_option
def resume(scope_id: str, reason: str, home: Path | None, form: str) -> None:
    """Let what lies below a suspended scope work again.

    SCOPE is as for `suspend`. What a narrower or wider scope holds back stays held back.
    """
    _change(scope_id, ScopeState.LIVE, reason=reason, incident="", home=home, form=form)


def _change(
    scope_id: str, state: ScopeState, *, reason: str, incident: str, home: Path | None, form: str
) -> None:
    now = now_utc()
    words, label = check_reason(reason), check_reason(incident) if incident else ""
    with open_desk(home) as desk:
        found = desk.existing(parse_scope(scope_id))
        if state is ScopeState.LIVE and found.state is ScopeState.LIVE:
            # The broker may not have heard of it the last time; then this is how to say it again.
            missed = desk.tell_broker(found.id, state, reason=words, incident=label)
            raise InputError(
                f"{describe_scope(found.id)} is not suspended",
                remedy=missed or "the key broker was told so again, should it have missed it",
            )
        check_change(found, state)
        entry = desk.change(found, state, reason=words, incident=label)
        warning = desk.tell_broker(found.id, state, reason=words, incident=label)
        below = _below(desk, found.id, now)
    done = "suspended" if state is ScopeState.SUSPENDED else "resumed"
    if form == "json":
        answer = {"id": found.id, "state": state.value, "leases": below, "entry": entry}
        echo_json({**answer, "warning": warning})
    else:
        click.echo(
            f"{done} {describe_scope(found.id)}: {len(below)} "
            f"{'lease that has' if len(below) == 1 else 'leases that have'} not expired below it, "
            f"ledger entry {entry}"
        )
        if warning:
            click.echo(warning, err=True)
    if warning:
        raise SystemExit(EXIT_UNKNOWN)


@scope.command()
@click.argument("scope_id", metavar="SCOPE")
@click.option(
    "--bytes", "size", metavar="SIZE", help="Distinct bytes for all leases below: 2TiB, or none."
)
@click.option("--objects", metavar="COUNT", help="Distinct objects for all leases below, or none.")
@click.option("--reason", required=True, help="Why; recorded.")
@home_option
@format_option
def cap(
    scope_id: str, size: str | None, objects: str | None, reason: str, home: Path | None, form: str
) -> None:
    """Set what all leases below a scope may disclose together, ever.

    SCOPE is as for `suspend`; for a lease use `pratique lease ask-raise` to give more. Raising or
    removing a cap needs an approver who is somebody else than you, known by a token, from
    PRATIQUE_APPROVER_TOKEN or typed without an echo.
    """
    now = now_utc()
    words = check_reason(reason)
    target = parse_scope(scope_id)
    with open_desk(home) as desk:
        found = desk.custody.scope(target)
        if found is None and target.startswith(("lease:", "dataset:")):
            found = desk.existing(target)
        before = found or _uncapped(target)
        cap_bytes = before.cap_bytes if size is None else _cap(size)
        cap_objects = before.cap_objects if objects is None else _count(objects)
        if size is None and objects is None:
            raise InputError("which cap?", expected="--bytes, --objects or both")
        actor = _capping(desk, before, cap_bytes, cap_objects, now)
        draft = caps_entry(
            before,
            cap_bytes=cap_bytes,
            cap_objects=cap_objects,
            reason=words,
            epoch=desk.custody.epoch(),
            actor=actor,
        )
        entry = desk.stores.record(draft, now=now)
        after = desk.custody.set_caps(
            target, cap_bytes=cap_bytes, cap_objects=cap_objects, entry=entry
        )
    if form == "json":
        echo_json({**caps_line(after), "entry": entry})
    else:
        click.echo(f"{describe_scope(target)}: {_told(after)}, ledger entry {entry}")


def _capping(
    desk: CustodyDesk,
    before: Scope,
    cap_bytes: int | None,
    cap_objects: int | None,
    now: Instant,
) -> str:
    """Who answers for the change: whoever runs it, or the approver where it gives more."""
    more = _gives_more(before.cap_bytes, cap_bytes) or _gives_more(before.cap_objects, cap_objects)
    if not more:
        return operator()
    if before.id.startswith("lease:"):
        raise InputError(
            "that would raise the lease's budget", remedy="use: pratique lease ask-raise"
        )
    asker = asker_of(desk.stores, now=now)
    approver = approver_of(desk.stores, now=now)
    check_second(desk.stores, asker, approver)
    return approver.actor


def _gives_more(before: int | None, after: int | None) -> bool:
    return before is not None and (after is None or after > before)


def _uncapped(target: ScopeId) -> Scope:
    return Scope(
        id=target,
        state=ScopeState.LIVE,
        reason="",
        incident="",
        cap_bytes=None,
        cap_objects=None,
        reserved_bytes=0,
        reserved_objects=0,
        changed_epoch=0,
    )


def _cap(text: str) -> int | None:
    return None if text == "none" else parse_bytes(text)


def _count(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > 1 << 53:
        raise InputError(f"not a number of objects: {text[:40]!r}", expected="0 or more, or none")
    return int(text)


@scope.command("list")
@click.option("--stopped", is_flag=True, help="Only suspended and ended ones.")
@home_option
@format_option
def list_scopes(stopped: bool, home: Path | None, form: str) -> None:
    """List scopes, what is given of their caps, and what could still leave."""
    now = now_utc()
    with open_desk(home) as desk:
        scopes = desk.custody.scopes()
        leases = unexpired(desk.custody.leases(), now)
        held, roles = desk.custody.held(), desk.custody.roles()
    worst = worst_case(scopes, leases)
    hand = in_hand(held, scopes, leases)
    logins = logins_of(scopes, leases, roles, now=now)
    shown = [
        one
        for one in scopes
        if (one.state is not ScopeState.LIVE or not stopped) and not one.id.startswith("lease:")
    ]
    if form == "json":
        answer = {"scopes": [caps_line(one) for one in shown]}
        numbers = {"worst_case_bytes": worst, "in_hand_bytes": hand, **logins.told}
        echo_json({**answer, **numbers})
        return
    if not shown:
        click.echo(
            "no scopes are stopped" if stopped else "no scopes; leases and datasets make them"
        )
    for one in shown:
        click.echo(f"{one.state.value:9}  {one.id}  {_told(one)}")
    click.echo(worst_line(worst, hand, logins))


@scope.command()
@click.argument("scope_id", metavar="SCOPE")
@home_option
@format_option
def show(scope_id: str, home: Path | None, form: str) -> None:
    """Show one scope and the leases below it.

    SCOPE is as for `suspend`.
    """
    now = now_utc()
    with open_desk(home) as desk:
        found = desk.existing(parse_scope(scope_id))
        every = {one.id: one for one in desk.custody.scopes()}
        below = [one for one in desk.custody.leases() if _lies_below(one, found.id)]
        holds = desk.custody.standing_holds()
    leases = [{"id": one.id, "state": lease_state(one, every, now, holds=holds)} for one in below]
    if form == "json":
        echo_json({**caps_line(found), "leases": leases})
        return
    click.echo(f"{found.state.value:9}  {found.id}  {_told(found)}")
    for line in leases:
        click.echo(f"  lease {line['id']}  {line['state']}")


def _below(desk: CustodyDesk, target: ScopeId, now: Instant) -> list[str]:
    leases = unexpired(desk.custody.leases(), now)
    return [one.id for one in leases if _lies_below(one, target)]


def _lies_below(lease: Lease, target: ScopeId) -> bool:
    return target in lease.scopes or target in selected_scopes(lease)


def _told(one: Scope) -> str:
    words = [f"{human_bytes(one.reserved_bytes)} given", *left_words(one)]
    refusal = state_refusal(one)
    if refusal is not None:
        words.append(refusal.sentence)
    return ", ".join(words)
