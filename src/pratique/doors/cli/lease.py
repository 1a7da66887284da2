"""`pratique lease`: who may read which data, for what, until when, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from pratique.custody.budget import in_hand, rest_bytes, rest_objects
from pratique.custody.entries import lease_entry
from pratique.custody.granting import check_reason, check_terms, parse_selector
from pratique.custody.holds import grant_refusal, hold_refusal, idle_refusal, stopped_datasets
from pratique.custody.model import Copy, Hold, Lease, Scope, ScopeId, ScopeState, Verb
from pratique.custody.scopes import describe_scope, lease_scope, state_refusal
from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.custody.worst_case import worst_case
from pratique.doors.cli import EXIT_UNKNOWN, custody_desk
from pratique.doors.cli.custody_desk import (
    CustodyDesk,
    caps_line,
    echo_json,
    lease_state,
    left_words,
    logins_of,
    open_desk,
    unexpired,
    worst_line,
)
from pratique.doors.cli.lease_budget import approve, ask_raise, decline
from pratique.doors.cli.lease_credentials import (
    SPELLINGS,
    Credentials,
    credentials,
    endpoint_of,
    render_credentials,
)
from pratique.doors.cli.lease_marks import unmarked_lines
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.spans import parse_expiry
from pratique.doors.cli.stores import operator
from pratique.edge.custody.drawn_ids import draw_lease_id
from pratique.errors import InputError
from pratique.parties.suspension import unreached_holds
from pratique.store.parties import read_register
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant, render_second

_FOREVER: Final = timedelta(days=3660)


@click.group()
def lease() -> None:
    """Let somebody read data, under terms that hold."""


lease.add_command(ask_raise)
lease.add_command(approve)
lease.add_command(decline)
lease.add_command(credentials)


@lease.command()
@click.argument("holder")
@click.option("--vendor", required=True, help="Organisation that the holder works for.")
@click.option("--project", required=True, help="Project of the vendor.")
@click.option(
    "--dataset",
    "selectors",
    multiple=True,
    required=True,
    metavar="DATASET[/PREFIX]",
    help="What it covers; may be repeated, for datasets of one client.",
)
@click.option("--purpose", required=True, help="What for; the dataset must allow it.")
@click.option(
    "--verb",
    "verbs",
    multiple=True,
    type=click.Choice([verb.value for verb in Verb]),
    default=("list", "read"),
    show_default="list and read",
    help="What it allows; may be repeated.",
)
@click.option(
    "--budget",
    default="0",
    metavar="SIZE",
    help="Distinct bytes it may ever disclose, and bytes it may store: 2GiB.",
)
@click.option(
    "--objects",
    type=int,
    default=10_000,
    show_default=True,
    help="Distinct objects it may disclose, and objects it may store.",
)
@click.option(
    "--rate", default="0", metavar="SIZE", help="Newly disclosed bytes per second; 0: no limit."
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="Where it works from; may be repeated.",
)
@click.option(
    "--expires", default="8h", show_default=True, metavar="SPAN", help="How long it holds: 30m, 8h."
)
@click.option("--begins", metavar="INSTANT", help="When it begins; without it, now.")
@click.option(
    "--copy",
    "copy",
    type=click.Choice([copy.value for copy in Copy]),
    default="marked",
    show_default=True,
    help="Marked bytes name the lease when they leak; canonical ones do not.",
)
@click.option(
    "--canonical-reason", default="", help="Why a vendor must read canonical bytes; recorded."
)
@click.option(
    "--as",
    "spelling",
    type=click.Choice(SPELLINGS),
    default="plain",
    show_default=True,
    help="How to print the credentials.",
)
@click.option("--endpoint", help="Address of the S3 door, as the holder reaches it.")
@home_option
@format_option
def grant(
    holder: str,
    *,
    vendor: str,
    project: str,
    selectors: tuple[str, ...],
    purpose: str,
    verbs: tuple[str, ...],
    budget: str,
    objects: int,
    rate: str,
    networks: tuple[str, ...],
    expires: str,
    begins: str | None,
    copy: str,
    canonical_reason: str,
    spelling: str,
    endpoint: str | None,
    home: Path | None,
    form: str,
) -> None:
    """Grant a lease and print its credentials, once.

    HOLDER is a pseudonym of the person, or the name of the job: the ledger keeps it for ever.
    """
    now = now_utc()
    with open_desk(home) as desk:
        ends = parse_expiry(expires, now=now, longest=desk.longest)
        asked = Lease(
            id=draw_lease_id(),
            holder=holder,
            vendor=vendor,
            project=project,
            client=_client(desk, selectors),
            purpose=purpose,
            selectors=tuple(dict.fromkeys(selectors)),
            verbs=frozenset(Verb(verb) for verb in verbs),
            copy=Copy(copy),
            budget_bytes=parse_bytes(budget),
            budget_objects=objects if Verb.READ in verbs or parse_bytes(budget) else 0,
            rate=parse_bytes(rate),
            networks=tuple(dict.fromkeys(networks)),
            granted_at=now,
            not_before=parse_instant(begins) if begins else now,
            not_after=ends,
            granted_by=operator(),
            certificate=b"",
        )
        reason = check_reason(canonical_reason) if canonical_reason else ""
        granted, secret, entry = _grant(desk, asked, canonical_reason=reason, now=now)
        where = endpoint or endpoint_of(desk.settings)
        region = desk.settings.custody.s3_region
        unmarked = unmarked_lines(desk.custody, granted)
    given = Credentials(
        access_key=granted.id,
        secret_key=secret,
        endpoint=where,
        region=region,
        begins_at=max(now, granted.not_before),
        ends_at=granted.not_after,
    )
    _show_granted(granted, given, entry, unmarked, spelling=spelling, form=form)


def _grant(
    desk: CustodyDesk, asked: Lease, *, canonical_reason: str, now: Instant
) -> tuple[Lease, str, int]:
    """Check, certify, record, store; gives lease, secret and entry."""
    organisation = desk.settings.custody.organisation
    check_terms(
        asked,
        {one.name: one for one in desk.custody.datasets()},
        longest=desk.longest,
        own_organisation=[organisation] if organisation else [],
        canonical_reason=canonical_reason,
    )
    for scope_id in asked.scopes:
        scope = desk.custody.scope(scope_id)
        if scope is not None and (stopped := state_refusal(scope)) is not None:
            raise InputError(
                f"nothing is granted below {describe_scope(scope_id)}: {stopped.sentence}",
                remedy=f"pratique scope resume {scope_id}",
            )
    standing = desk.custody.standing_holds()
    held = grant_refusal(standing, asked)
    if held is None and standing:
        # Whoever began to work for a suspended party since, or is spelled otherwise, gets nothing new.
        desk.stores.presence.catch_up()
        register = read_register(desk.stores.presence)
        held = grant_refusal(unreached_holds(register, asked.vendor), asked)
    if held is not None:
        raise InputError(
            f"nothing is granted that would be stopped at once: {held.sentence}",
            remedy=f"pratique party resume {held.scope}",
        )
    certificate, secret = custody_desk.certify_lease(desk.settings, asked)
    granted = replace(asked, certificate=certificate)
    # 1. The entry is durable. 2. The lease works. 3. Somebody can know its secret.
    draft = lease_entry(granted, actor=operator(), reason=canonical_reason)
    entry = desk.stores.record(draft, now=now)
    desk.custody.add_lease(granted)
    return granted, secret, entry


def _client(desk: CustodyDesk, selectors: Sequence[str]) -> str:
    """The client whose data the first selector reaches; the others are checked against it."""
    name, _ = parse_selector(selectors[0])
    dataset = desk.custody.dataset(name)
    if dataset is None:
        raise InputError(f"no dataset {name!r}", remedy="see: pratique dataset list")
    return dataset.client


def _show_granted(
    granted: Lease,
    given: Credentials,
    entry: int,
    unmarked: tuple[str, ...],
    *,
    spelling: str,
    form: str,
) -> None:
    told = (
        f"lease {granted.id}: {granted.holder} of {granted.vendor}/{granted.project} may "
        f"{' and '.join(sorted(granted.verbs))} {', '.join(granted.selectors)} of {granted.client} "
        f"for {granted.purpose}, {human_bytes(granted.budget_bytes)} and {granted.budget_objects:,} "
        f"objects, until {render_second(granted.not_after)}, ledger entry {entry}"
    )
    if form == "json":
        echo_json(
            {
                **_terms(granted),
                "entry": entry,
                "unmarked": list(unmarked),
                "access_key": given.access_key,
                "secret_key": given.secret_key,
                "endpoint": given.endpoint,
                "region": given.region,
                "credentials": render_credentials(given, spelling),
            }
        )
        return
    # What a program reads stands alone on standard output.
    click.echo(told, err=spelling != "plain")
    for line in unmarked:
        click.echo(f"note: {line}", err=True)
    click.echo(render_credentials(given, spelling))
    click.echo("The secret is shown this once.", err=True)


@lease.command("list")
@click.option("--all", "every", is_flag=True, help="Also leases that have expired or were revoked.")
@home_option
@format_option
def list_leases(every: bool, home: Path | None, form: str) -> None:
    """List leases, what each may still disclose, and what all of them could together."""
    now = now_utc()
    with open_desk(home) as desk:
        leases = desk.custody.leases()
        scopes = {scope.id: scope for scope in desk.custody.scopes()}
        held, holds = desk.custody.held(), desk.custody.standing_holds()
        roles = desk.custody.roles()
    current = [one for one in unexpired(leases, now) if idle_refusal(holds, one) is None]
    worst = worst_case(scopes.values(), current)
    hand = in_hand(held, scopes.values(), current)
    logins = logins_of(scopes.values(), current, roles, now=now)
    shown = [
        one for one in leases if every or lease_state(one, scopes, now, holds=holds) not in _OVER
    ]
    if form == "json":
        answers = [_described(one, scopes, now, holds) for one in shown]
        numbers = {"worst_case_bytes": worst, "in_hand_bytes": hand, **logins.told}
        echo_json({"leases": answers, **numbers})
        return
    if not shown:
        click.echo("no leases; grant one with: pratique lease grant")
    for one in shown:
        own = scopes[lease_scope(one.id)]
        click.echo(
            f"{one.id}  {lease_state(one, scopes, now, holds=holds):9}  "
            f"{one.vendor}/{one.project}/{one.holder}  "
            f"{one.client}: {', '.join(one.selectors)}  {_left(own)}, until "
            f"{render_second(one.not_after)}"
        )
    click.echo(worst_line(worst, hand, logins))


_OVER: Final = ("expired", "revoked")


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@home_option
@format_option
def show(lease_id: str, home: Path | None, form: str) -> None:
    """Show one lease: its terms, what is left, and the scopes it hangs in."""
    now = now_utc()
    with open_desk(home) as desk:
        one = desk.existing_lease(lease_id)
        scopes = {scope.id: scope for scope in desk.custody.scopes()}
        requests = [r for r in desk.custody.budget_requests() if r.lease == one.id]
        disclosed = desk.custody.all_coverage(one.id)
        holds = desk.custody.standing_holds()
        stored = desk.custody.written(lease_scope(one.id))
    worst = 0 if one.not_after <= now else worst_case(scopes.values(), [one])
    if form == "json":
        shown = [caps_line(scopes[scope]) for scope in one.scopes if scope in scopes]
        echo_json(
            {
                **_described(one, scopes, now, holds),
                "scopes": shown,
                "objects_paid": len(disclosed),
                "worst_case_bytes": worst,
                "written_bytes": stored.bytes,
                "written_objects": stored.objects,
                "requests": requests,
            }
        )
        return
    click.echo(f"lease     {one.id}, {lease_state(one, scopes, now, holds=holds)}")
    for hold in holds:
        if stopped := stopped_datasets(hold, one):
            click.echo(f"{hold_refusal(hold).sentence} ({hold.id}; {', '.join(stopped)})")
    for name, value in _terms(one).items():
        if name != "id":
            click.echo(f"{name:15} {', '.join(value) if isinstance(value, list) else value}")
    for scope_id in one.scopes:
        scope = scopes[scope_id]
        because = state_refusal(scope)
        click.echo(f"{describe_scope(scope_id)}: {because.sentence if because else _left(scope)}")
    click.echo(f"could still leave: {human_bytes(worst)}, under all caps, those of datasets too")
    if Verb.WRITE in one.verbs:
        click.echo(f"stored so far: {human_bytes(stored.bytes)}, {stored.objects:,} objects")
    for request in requests:
        click.echo(
            f"request {request.id}: {request.state}, {human_bytes(request.budget_bytes)} and "
            f"{request.budget_objects:,} objects, asked by {request.asked_by}: {request.reason}"
        )


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--reason", required=True, help="Why; the holder is told.")
@click.option("--incident", default="", help="Incident it belongs to, such as INC-42.")
@home_option
@format_option
def revoke(lease_id: str, reason: str, incident: str, home: Path | None, form: str) -> None:
    """End a lease for good; running downloads stop within a second."""
    words, label = check_reason(reason), check_reason(incident) if incident else ""
    with open_desk(home) as desk:
        one = desk.existing_lease(lease_id)
        scope = desk.existing(lease_scope(one.id))
        if scope.state is ScopeState.ENDED:
            raise InputError(f"lease {one.id} was revoked before: {scope.reason}")
        entry = desk.change(scope, ScopeState.ENDED, reason=words, incident=label)
        warning = desk.tell_broker(scope.id, ScopeState.ENDED, reason=words, incident=label)
    if form == "json":
        echo_json({"id": one.id, "revoked": True, "entry": entry, "warning": warning})
    else:
        click.echo(f"revoked lease {one.id} of {one.holder}, ledger entry {entry}")
        if warning:
            click.echo(warning, err=True)
    if warning:
        raise SystemExit(EXIT_UNKNOWN)


def _left(scope: Scope) -> str:
    return ", ".join(left_words(scope)) or f"no cap, {human_bytes(scope.reserved_bytes)} given"


def _terms(one: Lease) -> dict[str, Any]:
    return {
        "id": one.id,
        "holder": one.holder,
        "vendor": one.vendor,
        "project": one.project,
        "client": one.client,
        "purpose": one.purpose,
        "selectors": list(one.selectors),
        "verbs": sorted(one.verbs),
        "copy": one.copy.value,
        "budget_bytes": one.budget_bytes,
        "budget_objects": one.budget_objects,
        "rate": one.rate,
        "networks": list(one.networks),
        "granted_at": render_instant(one.granted_at),
        "not_before": render_instant(one.not_before),
        "not_after": render_instant(one.not_after),
        "granted_by": one.granted_by,
    }


def _described(
    one: Lease, scopes: dict[ScopeId, Scope], now: Instant, holds: Sequence[Hold]
) -> dict[str, Any]:
    own = scopes[lease_scope(one.id)]
    return {
        **_terms(one),
        "state": lease_state(one, scopes, now, holds=holds),
        "suspensions": [hold.id for hold in holds if stopped_datasets(hold, one)],
        "left_bytes": rest_bytes(own),
        "left_objects": rest_objects(own),
    }
