"""`pratique party suspend` and `resume`: stop everything of a party at every door, and let it work again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.custody.granting import check_reason
from pratique.custody.model import Hold, HoldId, HoldKind
from pratique.doors import party_stops
from pratique.doors.cli import EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import (
    TOKEN_VARIABLE,
    CustodyDesk,
    approver_of,
    asker_of,
    check_second,
    echo_json,
    open_desk,
)
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_suspend_text import plan_lines
from pratique.doors.cli.stores import operator
from pratique.edge.custody.drawn_ids import draw_hold_id
from pratique.errors import InputError
from pratique.parties.model import Register, Suspension, SuspensionScope
from pratique.parties.resuming import (
    MAX_CONDITIONS,
    Judged,
    judge,
    parse_condition,
    resumption_drafts,
)
from pratique.parties.suspension import Ask, SuspensionPlan, scope_words
from pratique.store.parties import read_register
from pratique.store.party_rotations import read_rotations
from pratique.values.instants import Instant, now_utc, render_second


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--project", default="", metavar="NAME", help="Only this project of theirs.")
@click.option("--dataset", default="", metavar="NAME", help="Only this dataset.")
@click.option(
    "--lease-kind",
    "kind",
    type=click.Choice([kind.value for kind in HoldKind]),
    default=HoldKind.ANY.value,
    show_default=True,
    help="Only leases that may read, that may write, of canonical bytes, or of marked copies.",
)
@click.option(
    "--no-sub-processors",
    "alone",
    is_flag=True,
    help="Whoever works for the vendor goes on; without this they stop too.",
)
@click.option("--reason", required=True, help="Why; everybody who is refused is told.")
@click.option("--incident", default="", metavar="ID", help="Incident it belongs to: INC-42.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="TOPIC[=DETAIL]",
    help="What must be so before it is lifted without an approver: rotation-verified[=IDENTITY], "
    "evidence-received[=KIND], findings-closed[=ID]. May be given again.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print what would stop, for whom, and change nothing."
)
@home_option
@format_option
def suspend(
    name: str,
    project: str,
    dataset: str,
    kind: str,
    alone: bool,
    reason: str,
    incident: str,
    conditions: tuple[str, ...],
    dry_run: bool,
    home: Path | None,
    form: str,
) -> None:
    """Stop a vendor, or all work with a client's data, at every door within a second.

    NAME is a party of the register. Leases stop, running downloads are cut, tokens of the party stop
    working at the index door, nothing new is granted, its evidence is fixed as it is, and the clocks
    of its contracts begin.
    """
    now = now_utc()
    if len(conditions) > MAX_CONDITIONS:
        raise InputError(f"{len(conditions)} conditions", expected=f"at most {MAX_CONDITIONS}")
    ask = Ask(
        id=draw_hold_id(),
        scope=SuspensionScope(
            party=name,
            project=project,
            dataset=dataset,
            kind=HoldKind(kind),
            with_sub_processors=not alone,
        ),
        reason=check_reason(reason),
        incident=check_reason(incident) if incident else "",
        conditions=tuple(parse_condition(text) for text in conditions),
        by=operator(),
    )
    with open_desk(home) as desk:
        register = _register(desk)
        entry, warnings, begun = None, list[str](), None
        if not dry_run:
            begun = brief_plan(desk, register, ask, now)
            entry, warnings = put_into_force(desk, begun, now)
        # Everything is listed once it has stopped: no stream runs on for a list.
        plan = make_plan(desk, register, ask, now, begun=begun)
    if form == "json":
        plain: dict[str, Any] = msgspec.to_builtins(plan)
        echo_json({"dry_run": dry_run, **plain, "entry": entry, "warnings": warnings})
    else:
        for line in plan_lines(plan, dry_run=dry_run, entry=entry):
            click.echo(line)
        if again := _same_already(register, ask):
            click.echo(f"note: {again} stops the same already; each is lifted by itself", err=True)
        for warning in warnings:
            click.echo(warning, err=True)
    if warnings:
        raise SystemExit(EXIT_UNKNOWN)


def _same_already(register: Register, ask: Ask) -> str:
    """Suspensions of this very scope that stand: said twice by mistake, they are to be lifted twice."""
    return ", ".join(
        one.id
        for one in register.suspensions.values()
        if one.lifted_at is None and one.scope == ask.scope and one.id != ask.id
    )


def _register(desk: CustodyDesk) -> Register:
    """The register, with what the opening of the stores may just have written down."""
    desk.stores.presence.catch_up()
    return read_register(desk.stores.presence)


def brief_plan(desk: CustodyDesk, register: Register, ask: Ask, now: Instant) -> SuspensionPlan:
    """As `party_stops.brief_plan`, with the stores of a command."""
    return party_stops.brief_plan(desk.custody, desk.stores.control.tokens(), register, ask, now)


def make_plan(
    desk: CustodyDesk,
    register: Register,
    ask: Ask,
    now: Instant,
    *,
    begun: SuspensionPlan | None = None,
) -> SuspensionPlan:
    """As `party_stops.make_plan`, with the stores of a command."""
    tokens = desk.stores.control.tokens()
    return party_stops.make_plan(desk.custody, tokens, register, ask, now, begun=begun)


def put_into_force(
    desk: CustodyDesk, plan: SuspensionPlan, now: Instant
) -> tuple[int | None, list[str]]:
    """As `party_stops.put_into_force`, with the stores of a command."""
    return party_stops.put_into_force(
        desk.custody, desk.stores.log, plan, now, tell_broker=lambda hold: tell_broker(desk, hold)
    )


def tell_broker(desk: CustodyDesk, hold: Hold) -> str:
    """Let the key broker refuse by itself, or no longer; gives what is wrong if it cannot be told."""
    from pratique.edge.custody.broker_admin import tell_of_hold  # noqa: PLC0415 - a dry run needs no broker

    return tell_of_hold(desk.settings, hold)


@click.command()
@click.argument("which", metavar="WHICH")
@click.option("--reason", required=True, help="Why it is safe again; recorded.")
@home_option
@format_option
def resume(which: str, reason: str, home: Path | None, form: str) -> None:
    """Lift a suspension: its conditions are met, or an approver decides.

    WHICH is a party, where it has one suspension, or the id of a suspension, such as S-ABCDEFGHIJKL.
    Where a condition is not met, or none was set, an approver who is somebody else than you decides,
    known by a token, from PRATIQUE_APPROVER_TOKEN or typed without an echo.
    """
    now, words = now_utc(), check_reason(reason)
    with open_desk(home) as desk:
        register = _register(desk)
        suspension = _chosen(desk, register, which)
        judged = judge(
            register, suspension, read_rotations(desk.stores.presence, register, suspension)
        )
        approver = "" if judged and all(one.met for one in judged) else _approver(desk, judged, now)
        drafts = resumption_drafts(
            register,
            suspension,
            judged,
            reason=words,
            actor=approver or operator(),
            approver=approver.partition(":")[2],
        )
        # 1. Said. 2. In force: a crash in between is healed by the next command, from the entry.
        entry = desk.stores.log.append(drafts, now=now)[0]
        desk.custody.lift_hold(HoldId(suspension.id), entry=entry)
        warning = _release(desk, HoldId(suspension.id))
        others = [
            one for one in register.standing(suspension.scope.party) if one.id != suspension.id
        ]
    _show_resumed(suspension, judged, approver, entry, warning, others, form=form)
    if warning:
        raise SystemExit(EXIT_UNKNOWN)


def _chosen(desk: CustodyDesk, register: Register, which: str) -> Suspension:
    """The suspension that is meant. Raises: InputError."""
    found = register.suspensions.get(which)
    if found is None:
        standing = [one for one in register.standing(which) if one.scope.party == which]
        if len(standing) == 1:
            return standing[0]
        if standing:
            raise InputError(
                f"{which} has {len(standing)} suspensions: "
                + ", ".join(f"{one.id} ({scope_words(one)})" for one in standing[:10]),
                remedy="resume each by its id",
            )
        above = [f"{one.id} (of {one.scope.party})" for one in register.standing(which)[:10]]
        raise InputError(
            f"{which[:80]!r} is no suspension, and no party that is suspended by itself",
            remedy=f"it is stopped by {', '.join(above)}" if above else "see: pratique party list",
        )
    if found.lifted_at is not None:
        # The broker may not have heard of it the last time; then this is how to say it again.
        missed = _release(desk, HoldId(found.id))
        raise InputError(
            f"{found.id} was lifted at {render_second(found.lifted_at)}",
            remedy=missed or "the key broker was told so again, should it have missed it",
        )
    return found


def _release(desk: CustodyDesk, hold_id: HoldId) -> str:
    hold = desk.custody.hold(hold_id)
    return "" if hold is None else tell_broker(desk, replace(hold, lifted=True))


def _approver(desk: CustodyDesk, judged: Sequence[Judged], now: Instant) -> str:
    """Who decides in place of conditions. Raises: InputError."""
    unmet = [one.sentence for one in judged if not one.met]
    why = "; ".join(unmet) or "no condition was set when it was suspended"
    if not os.environ.get(TOKEN_VARIABLE) and not sys.stdin.isatty():
        raise InputError(
            f"an approver has to decide: {why}",
            expected=f"the token of an approver in {TOKEN_VARIABLE}",
        )
    click.echo(f"an approver has to decide: {why}", err=True)
    asker = asker_of(desk.stores, now=now)
    approver = approver_of(desk.stores, now=now)
    check_second(desk.stores, asker, approver)
    return approver.actor


def _show_resumed(
    suspension: Suspension,
    judged: Sequence[Judged],
    approver: str,
    entry: int,
    warning: str,
    others: Sequence[Suspension],
    *,
    form: str,
) -> None:
    if form == "json":
        echo_json(
            {
                "suspension": suspension.id,
                "party": suspension.scope.party,
                "conditions": [msgspec.to_builtins(one) for one in judged],
                "approver": approver.partition(":")[2],
                "entry": entry,
                "warnings": [warning] if warning else [],
                "still_suspended_by": [one.id for one in others],
            }
        )
        return
    by = f", approved by {approver.partition(':')[2]}" if approver else ""
    click.echo(f"resumed {scope_words(suspension)} ({suspension.id}){by}, ledger entry {entry}")
    for one in judged:
        click.echo(f"  {'met    ' if one.met else 'not met'}  {one.sentence}")
    for other in others:
        click.echo(f"  still suspended by {other.id}: {scope_words(other)}, {other.reason}")
    if warning:
        click.echo(warning, err=True)
