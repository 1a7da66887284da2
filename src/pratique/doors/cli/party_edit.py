"""`pratique party add|set|remove`: one party at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_changes import change_register
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_register import read_file
from pratique.errors import InputError
from pratique.parties.model import Contact, Party, PartyKind, Promise, PublicKey
from pratique.parties.register_file import RegisterFile, file_of
from pratique.parties.validity import normal_party

_MAX_PEM: Final = 8_192
_LISTS: Final = (
    ("works_for", "works-for", "PARTY", "A vendor that it works for."),
    ("sub_processors", "sub-processor", "PARTY", "Whom it may pass data on to."),
    ("contacts", "contact", "ROLE=ADDRESS", "Where it is told something."),
    ("locations", "location", "PLACE", "Where it may process: EU or a country's code."),
    ("networks", "network", "CIDR", "Where its people and jobs come from."),
    ("issuers", "issuer", "URL", "Whom its people log in with."),
    ("keys", "key", "ID=FILE", "Public key (PEM) that it signs evidence with."),
    ("products", "product", "NAME", "What it delivers or runs for us."),
    ("assets", "asset", "PATTERN", "What it operates: a name, or a pattern with *."),
    ("datasets", "dataset", "NAME", "Of a group of people: what holds their data."),
    ("promises", "promise", "KIND:DAYS[:PRODUCT]", "Evidence that it gives again and again."),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for every field; lists replace what was given before."""
    for field, option, metavar, told in reversed(_LISTS):
        command = click.option(
            f"--{option}", field, metavar=metavar, multiple=True, help=f"{told} Repeatable."
        )(command)
    command = click.option("--note", help="Anything else, one line.")(command)
    return click.option("--title", help="Its name in full.")(command)


@click.command("add")
@click.argument("kind", type=click.Choice([kind.value for kind in PartyKind]))
@click.argument("name")
@_options
@click.option("--dry-run", is_flag=True, help="Show what would change, record nothing.")
@home_option
@format_option
def add_party(
    kind: str, name: str, *, dry_run: bool, home: Path | None, form: str, **given: object
) -> None:
    """Add a party to the register.

    KIND is own, vendor, client or people; NAME is as in scopes and leases.
    """
    with open_party_desk(home) as desk:
        if name in desk.register.parties:
            raise InputError(f"{name} is in the register", remedy="use: pratique party set")
        party = Party(name=name, kind=PartyKind(kind), **_read(given))
        _change(desk, normal_party(party), dry_run=dry_run, home=home, form=form)


@click.command("set")
@click.argument("name")
@_options
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(["title", "note", *(field.replace("_", "-") for field, *_ in _LISTS)]),
    help="Empty this field. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, record nothing.")
@home_option
@format_option
def set_party(
    name: str,
    *,
    clear: tuple[str, ...],
    dry_run: bool,
    home: Path | None,
    form: str,
    **given: object,
) -> None:
    """Change a party of the register; a list that is given replaces the one that was.

    NAME is as `party list` shows it.
    """
    with open_party_desk(home) as desk:
        party = desk.party(name)
        fields = {field.replace("-", "_") for field in clear}
        emptied = {field: "" if field in {"title", "note"} else () for field in fields}
        changed = msgspec.structs.replace(party, **emptied, **_read(given))
        if changed == party:
            raise InputError("nothing to change", expected="an option with another value")
        _change(desk, normal_party(changed), dry_run=dry_run, home=home, form=form)


@click.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would change, record nothing.")
@home_option
@format_option
def remove_party(name: str, *, yes: bool, dry_run: bool, home: Path | None, form: str) -> None:
    """Remove a party from the register; what the ledger knows of it stays.

    NAME is as `party list` shows it. Its projects and contracts are removed before.
    """
    with open_party_desk(home) as desk:
        desk.party(name)
        before = file_of(desk.register)
        left = {key: one for key, one in before.parties.items() if key != name}
        after = msgspec.structs.replace(before, parties=left)
        change_register(desk, after, source="", yes=yes, dry_run=dry_run, home=home, form=form)


def _change(desk: PartyDesk, party: Party, *, dry_run: bool, home: Path | None, form: str) -> None:
    before = file_of(desk.register)
    after: RegisterFile = msgspec.structs.replace(
        before, parties={**before.parties, party.name: party}
    )
    change_register(desk, after, source="", yes=False, dry_run=dry_run, home=home, form=form)


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    """Values of the options that were given."""
    readers: dict[str, Callable[[str], Any]] = {
        "contacts": _contact,
        "keys": _key,
        "promises": _promise,
    }
    found: dict[str, Any] = {}
    for field, value in given.items():
        if value is None or value == ():
            continue
        read = readers.get(field)
        if isinstance(value, tuple):
            found[field] = tuple(read(one) for one in value) if read is not None else value
        else:
            found[field] = value
    return found


def _contact(text: str) -> Contact:
    role, joined, address = text.partition("=")
    if not joined:
        raise InputError(f"not a contact: {text[:80]!r}", expected="ROLE=ADDRESS")
    return Contact(role=role, address=address)


def _key(text: str) -> PublicKey:
    name, joined, file = text.partition("=")
    if not joined:
        raise InputError(f"not a key: {text[:80]!r}", expected="ID=FILE with a key in PEM")
    pem = read_file(Path(file), most=_MAX_PEM)
    return PublicKey(id=name, pem=pem.decode("utf-8", "replace"))


def _promise(text: str) -> Promise:
    kind, _, rest = text.partition(":")
    days, _, product = rest.partition(":")
    if not days.isascii() or not days.isdecimal():
        raise InputError(f"not a promise: {text[:80]!r}", expected="such as sbom:30:labeler")
    return Promise(evidence=kind, every_days=int(days[:6]), product=product)
