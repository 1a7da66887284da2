"""`pratique people`: whom pseudonyms stand for, kept apart from everything else, and erased on request."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec

from pratique.custody.scopes import parse_word
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_register import read_file
from pratique.doors.cli.stores import operator
from pratique.errors import InputError, UnavailableError
from pratique.ledger.entries import Draft
from pratique.parties.model import PartyKind
from pratique.store.people import PeopleStore, Person, check_person, open_people
from pratique.values.instants import now_utc

_MAX_FILE: Final = 64 << 20


@click.group()
def people() -> None:
    """Whom pseudonyms stand for: kept apart, sealed, and erased on request."""


@people.command()
@click.argument("pseudonym", required=False, metavar="[PSEUDONYM]")
@click.option("--group", required=True, metavar="NAME", help="A group of people of the register.")
@click.option(
    "--from", "file", type=click.Path(path_type=Path, dir_okay=False),
    help="CSV of several: PSEUDONYM,CONTACT.",
)  # fmt: skip
@home_option
@format_option
def add(
    pseudonym: str | None, *, group: str, file: Path | None, home: Path | None, form: str
) -> None:
    """Say whom a pseudonym stands for.

    The contact of one PSEUDONYM is asked for, or read from standard input: on a command line, others would
    see it.
    """
    if (pseudonym is None) == (file is None):
        raise InputError("whom?", expected="a PSEUDONYM, or --from FILE")
    with _opened(home) as (desk, store):
        _check_group(desk, group)
        if file is not None:
            found = _read_csv(file, group)
        else:
            found = [Person(pseudonym=pseudonym or "", group=group, contact=_contact())]
        for one in found:
            check_person(one)
            _check_apart(one)
        store.add_all(found)
    if form == "json":
        _echo({"added": [one.pseudonym for one in found], "group": group})
    else:
        click.echo(f"added {len(found)} of {group}")


@contextmanager
def _opened(home: Path | None) -> Iterator[tuple[PartyDesk, PeopleStore]]:
    """The register and the people; an erasure that was cut short before its entry is recorded first."""
    with open_party_desk(home) as desk, open_people(desk.stores.settings.home) as store:
        _settle(desk, store)
        yield desk, store


def _settle(desk: PartyDesk, store: PeopleStore) -> list[int]:
    """Record what is owed. A crash between the two lines makes an entry stand twice, never not at all."""
    entries = []
    for number, draft in store.owed():
        entries.append(desk.record([draft], now_utc())[0])
        store.settle(number)
    return entries


def _check_group(desk: PartyDesk, group: str) -> None:
    if desk.party(group).kind is not PartyKind.PEOPLE:
        raise InputError(f"{group} is no group of people", expected="a [[people]] of the register")


def _check_apart(one: Person) -> None:
    """A pseudonym that says who it is is none."""
    if one.pseudonym.casefold() in one.contact.casefold():
        raise InputError(
            f"{one.pseudonym} stands in its own contact, so it hides nobody",
            expected="a pseudonym that tells nothing, such as p-4711",
        )


def _contact() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Contact", hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


def _read_csv(file: Path, group: str) -> list[Person]:
    try:
        text = read_file(file, most=_MAX_FILE).decode("utf-8").removeprefix("\ufeff")
        rows = list(csv.reader(text.splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read: {type(error).__name__}", expected="CSV") from None
    found = []
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[0].lower() == "pseudonym"):
            continue
        if len(cells) != 2:  # noqa: PLR2004 - pseudonym and contact
            # The line itself stays untold: it may hold a person's name.
            raise InputError(f"{file}, line {number} is not PSEUDONYM,CONTACT")
        found.append(Person(pseudonym=cells[0], group=group, contact=cells[1]))
    if not found:
        raise InputError(f"{file} names nobody", expected="a line PSEUDONYM,CONTACT for each")
    return found


@people.command()
@click.argument("pseudonym", metavar="PSEUDONYM")
@home_option
@format_option
def show(pseudonym: str, *, home: Path | None, form: str) -> None:
    """Show whom a pseudonym stands for. For your eyes: it prints a person's contact."""
    with _opened(home) as (_, store):
        found = store.person(parse_word(pseudonym, what="pseudonym"))
    if found is None:
        raise InputError(f"{pseudonym} stands for nobody", remedy="see: pratique people list")
    if form == "json":
        _echo(found)
    else:
        click.echo(f"{found.pseudonym}  {found.group}  {found.contact}")


@people.command("list")
@click.option("--group", default="", metavar="NAME", help="Only of this group.")
@home_option
@format_option
def list_people(*, group: str, home: Path | None, form: str) -> None:
    """List pseudonyms and their groups; no contacts."""
    with _opened(home) as (_, store):
        found = store.pseudonyms(group)
    if form == "json":
        _echo({"people": [{"pseudonym": name, "group": party} for name, party in found]})
        return
    for name, party in found:
        click.echo(f"{name}  {party}")
    if not found:
        click.echo("nobody")


@people.command()
@click.argument("pseudonym", metavar="PSEUDONYM")
@click.option("--reason", required=True, help="Why; recorded. Do not name the person.")
@click.option("--kept", default="", help="What the law makes us keep, in words; recorded.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@format_option
def erase(
    pseudonym: str, *, reason: str, kept: str, yes: bool, home: Path | None, form: str
) -> None:
    """Forget whom a pseudonym stands for, for good.

    The ledger keeps the pseudonym, which then stands for nobody. Copies of the database made before can no
    longer be read, unless somebody kept the old key.
    """
    name = parse_word(pseudonym, what="pseudonym")
    if not reason.strip():
        raise InputError("no reason", expected="--reason with a sentence")
    with _opened(home) as (desk, store):
        found = store.person(name)
        if found is None:
            raise InputError(f"{name} stands for nobody", remedy="see: pratique people list")
        _check_words(found, reason, kept)
        if not yes:
            click.confirm(f"Forget whom {name} stands for, for good?", abort=True, err=True)
        draft = Draft(
            kind="erasure",
            subject=f"person:{name}",
            actor=operator(),
            body={"reason": reason.strip(), "kept": kept.strip()},
        )
        store.erase(name, draft)
        try:
            (entry,) = _settle(desk, store)
        except UnavailableError as error:
            raise UnavailableError(
                f"{name} stands for nobody any more, but that is not recorded yet: {error.message}",
                remedy="later: pratique people list, which records it",
            ) from error
    if form == "json":
        _echo({"erased": name, "entry": entry})
    else:
        click.echo(f"{name} stands for nobody any more (entry {entry})")


def _check_words(found: Person, *texts: str) -> None:
    """What is recorded stays; it must not hold what is being erased."""
    contact = found.contact.casefold()
    parts = {contact, *(part for part in contact.replace("@", " ").split() if len(part) > 3)}  # noqa: PLR2004 - shorter ones say nothing
    if any(part in text.casefold() for text in texts for part in parts):
        raise InputError("the reason names the person", expected="words without name or address")


def _echo(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
