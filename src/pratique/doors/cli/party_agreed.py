"""`pratique party project` and `pratique party contract`: the work, and what was agreed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_changes import change_register
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.plain import safe_line
from pratique.errors import InputError
from pratique.parties.model import Contract, Project
from pratique.parties.register_file import RegisterFile, file_of
from pratique.parties.validity import normal_contract, normal_project

_yes = click.option("--yes", is_flag=True, help="Remove without asking.")
_dry_run = click.option("--dry-run", is_flag=True, help="Show what would change, record nothing.")


@click.group()
def project() -> None:
    """Work that a vendor does with a client's data: `set`, `remove`, `list`."""


@project.command("set")
@click.argument("name", metavar="VENDOR/NAME")
@click.option("--client", help="Whose data it is.")
@click.option("--purpose", help="What leases of it may be for.")
@click.option("--dataset", "datasets", multiple=True, help="What it works with. Repeatable.")
@click.option("--holder", "holders", multiple=True, help="Who may hold leases. Repeatable.")
@click.option("--budget", metavar="SIZE", help="What the purpose needs, such as 2TiB.")
@click.option("--residency", metavar="PLACE", help="Where the data stays: EU or a country's code.")
@_dry_run
@home_option
@format_option
def set_project(
    name: str, *, budget: str | None, dry_run: bool, home: Path | None, form: str, **given: object
) -> None:
    """Add a project, or change it; a list that is given replaces the one that was."""
    vendor, joined, short = name.partition("/")
    if not joined:
        raise InputError(f"not a project: {name[:80]!r}", expected="VENDOR/NAME")
    fields = _given(given)
    if budget is not None:
        fields["budget_bytes"] = parse_bytes(budget)
    with open_party_desk(home) as desk:
        found = desk.register.projects.get(name)
        if found is None and "client" not in fields:
            raise InputError(f"no client of {name}", expected="--client")
        changed = (
            Project(name=short, vendor=vendor, **fields)
            if found is None
            else msgspec.structs.replace(found, **fields)
        )
        before = file_of(desk.register)
        projects = {**before.projects, name: normal_project(changed)}
        after = msgspec.structs.replace(before, projects=projects)
        _change(desk, after, yes=False, dry_run=dry_run, home=home, form=form)


@project.command("remove")
@click.argument("name", metavar="VENDOR/NAME")
@_yes
@_dry_run
@home_option
@format_option
def remove_project(name: str, *, yes: bool, dry_run: bool, home: Path | None, form: str) -> None:
    """Remove a project from the register."""
    with open_party_desk(home) as desk:
        before = file_of(desk.register)
        left = _without(before.projects, name, "project")
        after = msgspec.structs.replace(before, projects=left)
        _change(desk, after, yes=yes, dry_run=dry_run, home=home, form=form)


@project.command("list")
@home_option
@format_option
def list_projects(home: Path | None, form: str) -> None:
    """List projects."""
    with open_party_desk(home) as desk:
        found = [one for _, one in sorted(desk.register.projects.items())]
    if form == "json":
        _echo_json({"projects": [{"id": one.id, **msgspec.to_builtins(one)} for one in found]})
        return
    for one in found:
        budget = "no budget" if one.budget_bytes is None else human_bytes(one.budget_bytes)
        told = f"{one.id}  for {one.client}, {one.purpose or 'no purpose'}, {budget}"
        click.echo(safe_line(f"{told}: {', '.join(one.datasets) or 'no datasets'}"))
    if not found:
        click.echo("no projects")


@click.group()
def contract() -> None:
    """What was agreed with a party, and its clocks: `set`, `remove`, `list`."""


@contract.command("set")
@click.argument("name", metavar="ID")
@click.option("--party", help="With whom.")
@click.option("--starts", metavar="DATE", help="First day.")
@click.option("--ends", metavar="DATE", help="First day on which it is over.")
@click.option("--notice-hours", type=int, help="Tell each other of an incident within.")
@click.option("--evidence-hours", type=int, help="Show what is known within, once asked.")
@click.option("--update-hours", type=int, help="News while an incident is open.")
@click.option("--return-days", type=int, help="Data back or destroyed at the end.")
@click.option("--drill-days", type=int, help="How old the last suspension drill may be.")
@click.option("--audit-right/--no-audit-right", default=None, help="Whether there is one.")
@click.option("--basis", help="Document and section.")
@_dry_run
@home_option
@format_option
def set_contract(
    name: str,
    *,
    starts: str | None,
    ends: str | None,
    dry_run: bool,
    home: Path | None,
    form: str,
    **given: object,
) -> None:
    """Add a contract, or change it."""
    fields = _given(given)
    fields |= {key: _date(text) for key, text in (("starts", starts), ("ends", ends)) if text}
    with open_party_desk(home) as desk:
        found = desk.register.contracts.get(name)
        if found is None and not {"party", "starts"} <= set(fields):
            raise InputError(f"no contract {name[:80]}", expected="--party and --starts to add it")
        changed = (
            Contract(id=name, **fields)
            if found is None
            else msgspec.structs.replace(found, **fields)
        )
        before = file_of(desk.register)
        contracts = {**before.contracts, name: normal_contract(changed)}
        after = msgspec.structs.replace(before, contracts=contracts)
        _change(desk, after, yes=False, dry_run=dry_run, home=home, form=form)


@contract.command("remove")
@click.argument("name", metavar="ID")
@_yes
@_dry_run
@home_option
@format_option
def remove_contract(name: str, *, yes: bool, dry_run: bool, home: Path | None, form: str) -> None:
    """Remove a contract from the register; one that ran out is better kept, with its end."""
    with open_party_desk(home) as desk:
        before = file_of(desk.register)
        left = _without(before.contracts, name, "contract")
        after = msgspec.structs.replace(before, contracts=left)
        _change(desk, after, yes=yes, dry_run=dry_run, home=home, form=form)


@contract.command("list")
@home_option
@format_option
def list_contracts(home: Path | None, form: str) -> None:
    """List contracts with their clocks."""
    with open_party_desk(home) as desk:
        found = [one for _, one in sorted(desk.register.contracts.items())]
    if form == "json":
        _echo_json({"contracts": [msgspec.to_builtins(one) for one in found]})
        return
    for one in found:
        notice = "no clock" if one.notice_hours is None else f"notice within {one.notice_hours} h"
        until = f"until {one.ends}" if one.ends else "without an end"
        basis = f" ({one.basis})" if one.basis else ""
        click.echo(safe_line(f"{one.id}  {one.party}, {one.starts} {until}, {notice}{basis}"))
    if not found:
        click.echo("no contracts")


def _change(
    desk: PartyDesk, after: RegisterFile, *, yes: bool, dry_run: bool, home: Path | None, form: str
) -> None:
    change_register(desk, after, source="", yes=yes, dry_run=dry_run, home=home, form=form)


def _without(records: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    if name not in records:
        known = ", ".join(sorted(records)[:10])
        raise InputError(
            f"no {what} {name[:80]!r}", expected=f"one of {known}" if known else f"a {what}"
        )
    return {key: one for key, one in records.items() if key != name}


def _given(options: Mapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None and value != ()}


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"not a date: {text[:40]!r}", expected="such as 2026-11-22") from None


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
