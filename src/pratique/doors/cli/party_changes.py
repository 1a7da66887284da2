"""Making the register say something else: shown, checked, recorded in one append with its facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.desk import answer_open_incidents
from pratique.doors.cli.party_desk import PartyDesk
from pratique.doors.cli.plain import safe_line
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.differences import (
    Change,
    check_suspended,
    differences,
    drafts_of,
    plain_change,
)
from pratique.parties.references import wrong_references
from pratique.parties.register_file import RegisterFile, file_of
from pratique.store.register_facts import RegisterFacts
from pratique.values.counting import counted
from pratique.values.instants import now_utc

_TOLD = 10


def change_register(
    desk: PartyDesk,
    after: RegisterFile,
    *,
    source: str,
    yes: bool,
    dry_run: bool,
    home: Path | None,
    form: str,
) -> None:
    """Make the register say `after`, and tell what that changes.

    Raises: InputError when its records do not fit together; Abort when a removal is not wanted.
    """
    now = now_utc()
    before = file_of(desk.register)
    _check(after)
    changes = differences(before, after)
    check_suspended(desk.register, changes)
    stores = desk.stores
    planner = RegisterFacts(stores.log, stores.presence, stores.control)
    facts = planner.plan(before, after, now=now, actor=operator())
    if form == "text":
        _show(changes, facts, dry_run=dry_run)
    removed = [change for change in changes if change.removes]
    if removed and not (yes or dry_run):
        _ask(removed, form)
    entries: Sequence[int] = ()
    drafts = [*drafts_of(changes, source=source, actor=operator()), *facts]
    if drafts and not dry_run:
        entries = desk.record(drafts, now)
    if facts and not dry_run:
        answer_open_incidents(home)
    if form == "json":
        _echo_json(changes, facts, entries, dry_run=dry_run)
    elif entries:
        click.echo(f"recorded as ledger {entries_text(entries)}")


def entries_text(entries: Sequence[int]) -> str:
    """Such as `entry 4` or `entries 4 to 9`."""
    first, last = entries[0], entries[-1]
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def _check(after: RegisterFile) -> None:
    wrong = wrong_references(after.parties, after.projects, after.contracts)
    if wrong:
        raise InputError(
            "the register would speak of what is not there:\n    " + "\n    ".join(wrong[:_TOLD]),
            remedy="change or remove those records first",
        )


def _ask(removed: Sequence[Change], form: str) -> None:
    names = ", ".join(f"{one.what} {one.name}" for one in removed[:_TOLD])
    more = f" and {len(removed) - _TOLD} more" if len(removed) > _TOLD else ""
    if form == "json":
        raise InputError(f"this removes {names}{more}", remedy="say --yes, or look with --dry-run")
    click.confirm(f"Remove {names}{more}?", abort=True, err=True)


def _show(changes: Sequence[Change], facts: Sequence[Draft], *, dry_run: bool) -> None:
    for change in changes:
        for line in change.lines():
            click.echo(safe_line(line))
    count = sum(len(one.body["facts"]) for one in facts if one.kind == "facts")
    if not changes:
        click.echo("nothing changes in the register")
    if count:
        verb = "would be stated" if dry_run else "stated"
        click.echo(f"{counted(count, 'fact')} {verb}: who operates assets, whose datasets are")


def _echo_json(
    changes: Sequence[Change], facts: Sequence[Draft], entries: Sequence[int], *, dry_run: bool
) -> None:
    answer: dict[str, Any] = {
        "changes": [plain_change(change) for change in changes],
        "facts": sum(len(one.body["facts"]) for one in facts if one.kind == "facts"),
        "dry_run": dry_run,
        "entries": [entries[0], entries[-1]] if entries else [],
    }
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
