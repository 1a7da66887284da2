"""`pratique party import|export|list`: the register as one file, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_changes import change_register
from pratique.doors.cli.party_desk import open_party_desk
from pratique.doors.cli.plain import safe_line
from pratique.errors import InputError
from pratique.parties.model import Party, PartyKind, Register
from pratique.parties.register_file import (
    MAX_FILE_BYTES,
    file_of,
    parse_register_file,
    source_of,
)
from pratique.parties.register_text import render_register_json, render_register_toml
from pratique.values.counting import counted


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would change, record nothing.")
@home_option
@format_option
def import_register(file: Path, *, yes: bool, dry_run: bool, home: Path | None, form: str) -> None:
    """Make the register be what a file says; shows what changes, and asks before it removes.

    FILE is TOML or JSON. All of it is taken over, or nothing when something in it is wrong. What
    the register says of assets and datasets is recorded as facts, too, for answers about exposure.
    """
    data = read_file(file, most=MAX_FILE_BYTES)
    after = parse_register_file(data, name=file.name)
    with open_party_desk(home) as desk:
        if desk.register.parties and not after.parties:
            # A file that was cut off, or made by a script that failed, would empty the register.
            raise InputError(
                f"{file} names no party, and would empty the register",
                expected="at least one [own], [[vendor]], [[client]] or [[people]]",
                remedy="remove parties by name: pratique party remove NAME",
            )
        change_register(
            desk, after, source=source_of(data), yes=yes, dry_run=dry_run, home=home, form=form
        )


@click.command("export")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it there instead of printing it.",
)
@home_option
@format_option
def export_register(output: Path | None, home: Path | None, form: str) -> None:
    """Write the register as its file: TOML, or JSON with --format json.

    Importing what was exported changes nothing.
    """
    with open_party_desk(home) as desk:
        file = file_of(desk.register)
    text = render_register_json(file) if form == "json" else render_register_toml(file)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from error


@click.command("list")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in PartyKind]),
    help="Only these.",
)
@home_option
@format_option
def list_parties(kind: str | None, home: Path | None, form: str) -> None:
    """List parties: what each is, whether it is suspended, and what is known of it."""
    with open_party_desk(home) as desk:
        register = desk.register
    found = [
        one for _, one in sorted(register.parties.items()) if kind is None or one.kind.value == kind
    ]
    lines = [_line(register, one) for one in found]
    if form == "json":
        answer = {"parties": lines, "unreadable": list(register.unreadable)}
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
        return
    if register.unreadable:
        count = len(register.unreadable)
        click.echo(
            f"{counted(count, 'entry', 'entries')} about parties cannot be read, so this may not be all",
            err=True,
        )
    if not lines:
        click.echo("no parties; see: pratique party import")
    for line in lines:
        counts = f"{counted(line['contracts'], 'contract')}, {counted(line['evidence'], 'piece')} of evidence"
        stopped = "  SUSPENDED" if line["suspended"] else ""
        title = f"  {line['title']}" if line["title"] else ""
        findings = counted(line["open_findings"], "finding")
        told = f"{line['kind']:7} {line['name']}{title}  {counts}, {findings}"
        click.echo(safe_line(told + stopped))


def _line(register: Register, party: Party) -> dict[str, Any]:
    name = party.name
    return {
        "name": name,
        "kind": party.kind.value,
        "title": party.title,
        "suspended": bool(register.standing(name)),
        "works_for": list(party.works_for),
        "projects": sum(name in (one.vendor, one.client) for one in register.projects.values()),
        "contracts": sum(one.party == name for one in register.contracts.values()),
        "evidence": len(register.evidence.get(name, ())),
        "open_findings": sum(
            one.found.party == name and one.state.value == "open"
            for one in register.findings.values()
        ),
    }


def read_file(file: Path, *, most: int) -> bytes:
    """What a file holds, one byte more than allowed at most. Raises: InputError."""
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
