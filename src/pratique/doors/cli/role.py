"""`pratique role`: terms that people and jobs get leases under who log in with a web identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from pratique.custody.certificate import terms_of
from pratique.custody.granting import check_reason, check_terms, parse_selector
from pratique.custody.model import Copy, Lease, Verb
from pratique.custody.roles import (
    BY_ROLE,
    Role,
    check_conditions,
    parse_condition,
    parse_role_name,
    role_entry,
)
from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.spans import parse_expiry
from pratique.doors.cli.stores import operator
from pratique.edge.custody.drawn_ids import draw_lease_id
from pratique.errors import InputError
from pratique.values.instants import Instant, now_utc, render_instant
from pratique.values.spans import from_micros

_LONGEST: Final = timedelta(days=3660)
_NOBODY: Final = "role"
"""Stands for the holder in a role's terms; whoever logs in takes its place."""


@click.group()
def role() -> None:
    """Let people and jobs log in with an identity of their own, and get leases."""


@role.command()
@click.argument("name")
@click.option("--issuer", required=True, help="Name of a [[custody.issuer]] in the settings.")
@click.option("--claim", "claims", multiple=True, required=True, metavar="CLAIM=VALUE",
              help="What a token must say; '*' stands for anything. All must hold.")  # fmt: skip
@click.option("--vendor", required=True, help="Organisation that the holders work for.")
@click.option("--project", required=True, help="Project of the vendor.")
@click.option("--dataset", "selectors", multiple=True, required=True, metavar="DATASET[/PREFIX]",
              help="What leases cover; may be repeated, for datasets of one client.")  # fmt: skip
@click.option("--purpose", required=True, help="What for; the dataset must allow it.")
@click.option("--verb", "verbs", multiple=True, type=click.Choice([verb.value for verb in Verb]),
              default=("list", "read"), show_default="list and read",
              help="What leases allow; may be repeated.")  # fmt: skip
@click.option("--budget", default="0", metavar="SIZE", help="Distinct bytes of one lease: 2GiB.")
@click.option("--objects", type=int, default=10_000, show_default=True,
              help="Distinct objects of one lease.")  # fmt: skip
@click.option("--holder-budget", metavar="SIZE",
              help="Distinct bytes of one holder, in all; without it, one lease's.")  # fmt: skip
@click.option("--rate", default="0", metavar="SIZE",
              help="Newly disclosed bytes per second; 0: no limit.")  # fmt: skip
@click.option("--network", "networks", multiple=True, metavar="CIDR",
              help="Where leases work from; may be repeated.")  # fmt: skip
@click.option("--lasts", default="1h", show_default=True, metavar="SPAN",
              help="How long a lease holds at most: 15m, 1h.")  # fmt: skip
@click.option("--expires", default="90d", show_default=True, metavar="SPAN",
              help="Until when the role can be taken.")  # fmt: skip
@click.option("--copy", "copy", type=click.Choice([copy.value for copy in Copy]), default="marked",
              show_default=True, help="As for leases.")  # fmt: skip
@click.option("--canonical-reason", default="", help="Why a vendor must read canonical bytes.")
@home_option
@format_option
def add(name: str, home: Path | None, form: str, **asked: Any) -> None:  # noqa: ANN401 - click's values
    """Make a role.

    NAME is what stands behind the last slash of a role's ARN: arn:aws:iam::000000000000:role/NAME.
    """
    now = now_utc()
    with open_desk(home) as desk:
        conditions = tuple(parse_condition(text) for text in asked["claims"])
        check_conditions(conditions)
        _check_issuer(desk, asked["issuer"])
        template = _template(desk, parse_role_name(name), asked, now)
        _check(desk, template, asked["canonical_reason"])
        if desk.custody.role(name) is not None:
            raise InputError(
                f"there is a role {name!r} already", remedy="remove it: pratique role remove"
            )
        per_holder = asked["holder_budget"]
        made = Role(
            name=name,
            certificate=_certified(desk, template),
            issuer=asked["issuer"],
            conditions=conditions,
            lease_seconds=_seconds(asked["lasts"], now, desk.longest),
            holder_bytes=parse_bytes(per_holder) if per_holder else template.budget_bytes,
            holder_objects=template.budget_objects,
            added_by=operator(),
            added_at=now,
        )
        # 1. The entry is durable. 2. The role can be taken.
        entry = desk.stores.record(role_entry(made, action="added", actor=operator()), now=now)
        desk.custody.add_role(made)
    if form == "json":
        echo_json({**_line(made), "entry": entry})
        return
    click.echo(f"{_told(made)}, ledger entry {entry}")
    click.echo(f"AWS_ROLE_ARN=arn:aws:iam::000000000000:role/{name}")


@role.command("list")
@home_option
@format_option
def list_roles(home: Path | None, form: str) -> None:
    """List roles, and who may take them."""
    with open_desk(home) as desk:
        found = desk.custody.roles()
    if form == "json":
        echo_json({"roles": [_line(one) for one in found]})
        return
    if not found:
        click.echo("no roles")
    for one in found:
        click.echo(_told(one))


@role.command()
@click.argument("name")
@home_option
@format_option
def remove(name: str, home: Path | None, form: str) -> None:
    """Let nobody take a role any more. Leases that were given hold until they end, or are revoked."""
    now = now_utc()
    with open_desk(home) as desk:
        found = desk.custody.role(name)
        if found is None:
            raise InputError(f"no role {name[:80]!r}", remedy="see: pratique role list")
        entry = desk.stores.record(role_entry(found, action="removed", actor=operator()), now=now)
        desk.custody.remove_role(name)
    if form == "json":
        echo_json({"removed": name, "entry": entry})
        return
    click.echo(f"role {name} is removed, ledger entry {entry}")


def _template(desk: CustodyDesk, name: str, asked: dict[str, Any], now: Instant) -> Lease:
    """The role's terms in the shape of a lease."""
    verbs = frozenset(Verb(verb) for verb in asked["verbs"])
    dataset = desk.custody.dataset(parse_selector(asked["selectors"][0])[0])
    if dataset is None:
        raise InputError("no such dataset", remedy="see: pratique dataset list")
    return Lease(
        id=draw_lease_id(),
        holder=_NOBODY,
        vendor=asked["vendor"],
        project=asked["project"],
        client=dataset.client,
        purpose=asked["purpose"],
        selectors=tuple(dict.fromkeys(asked["selectors"])),
        verbs=verbs,
        copy=Copy(asked["copy"]),
        budget_bytes=parse_bytes(asked["budget"]),
        budget_objects=asked["objects"] if Verb.READ in verbs else 0,
        rate=parse_bytes(asked["rate"]),
        networks=tuple(dict.fromkeys(asked["networks"])),
        granted_at=now,
        not_before=now,
        not_after=parse_expiry(asked["expires"], now=now, longest=_LONGEST),
        granted_by=f"{BY_ROLE}{name}",
        certificate=b"",
    )


def _check(desk: CustodyDesk, template: Lease, canonical_reason: str) -> None:
    organisation = desk.settings.custody.organisation
    check_terms(
        template,
        {one.name: one for one in desk.custody.datasets()},
        longest=_LONGEST,
        own_organisation=[organisation] if organisation else [],
        canonical_reason=check_reason(canonical_reason) if canonical_reason else "",
    )


def _check_issuer(desk: CustodyDesk, name: str) -> None:
    known = [issuer.name for issuer in desk.settings.custody.issuer]
    if name not in known:
        raise InputError(
            f"no issuer {name[:80]!r} in the settings",
            expected=f"one of {', '.join(known)}" if known else "",
            remedy="add a [[custody.issuer]] table; see docs/howto/web-identity.md",
        )


def _certified(desk: CustodyDesk, template: Lease) -> bytes:
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - most commands need no broker

    with broker_running(desk.settings) as admin:
        return admin.certify_role(terms_of(replace(template, certificate=b"")))


def _seconds(text: str, now: Instant, longest: timedelta) -> int:
    return int((parse_expiry(text, now=now, longest=longest) - now).total_seconds())


def _told(one: Role) -> str:
    terms = one.terms
    claims = " and ".join(f"{claim}={pattern}" for claim, pattern in one.conditions)
    return (
        f"role {one.name}: with a token of {one.issuer} that says {claims}, "
        f"{terms.vendor}/{terms.project} may {' and '.join(terms.verbs)} "
        f"{', '.join(terms.selectors)} of {terms.client} for {terms.purpose}, "
        f"{human_bytes(terms.budget_bytes)} each lease, {human_bytes(one.holder_bytes)} each holder, "
        f"{one.lease_seconds // 60} minutes at a time, until "
        f"{render_instant(from_micros(terms.until_us))}"
    )


def _line(one: Role) -> dict[str, Any]:
    terms = one.terms
    return {
        "name": one.name,
        "issuer": one.issuer,
        "claims": dict(one.conditions),
        "vendor": terms.vendor,
        "project": terms.project,
        "client": terms.client,
        "purpose": terms.purpose,
        "selectors": list(terms.selectors),
        "verbs": list(terms.verbs),
        "copy": terms.copy,
        "budget_bytes": terms.budget_bytes,
        "budget_objects": terms.budget_objects,
        "holder_bytes": one.holder_bytes,
        "holder_objects": one.holder_objects,
        "lease_seconds": one.lease_seconds,
        "not_after": render_instant(from_micros(terms.until_us)),
        "added_by": one.added_by,
    }
