"""`pratique verify status.json`: a party's status, or the page of one."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.plain import safe_line
from pratique.ledger.errors import BundleError, NoteError
from pratique.ledger.notes import Verifier, open_checkpoint
from pratique.parties.status import OpenedStatus, open_status, status_plain
from pratique.values.instants import render_second


def show_status(
    file: Path, data: bytes, *, verifier: Verifier | None, known: str | None, form: str
) -> int:
    """Verify and say what was found; gives the exit code."""
    try:
        opened = open_status(data, verifier)
        compared = known is None or _same(opened, known)
    except BundleError as error:
        if form == "json":
            _echo({"verified": False, "reason": error.message, "expected": error.expected})
        else:
            click.echo(f"{file}: does not hold: {safe_line(str(error))}")
        return EXIT_FOUND
    if form == "json":
        key_from = "you" if verifier is not None else "the file itself"
        _echo({**status_plain(opened), "key_from": key_from, "compared": compared})
    else:
        click.echo(f"{file}: every byte holds")
        for line in _words(opened, verifier):
            click.echo(f"  {safe_line(line)}")
    return EXIT_NOTHING_FOUND if compared else EXIT_UNKNOWN


def _same(opened: OpenedStatus, known: str) -> bool:
    """Whether the reader's checkpoint is the status's; False: they are of different sizes."""
    try:
        mine = open_checkpoint(opened.status.checkpoint, opened.verifier)
        other = open_checkpoint(known, opened.verifier)
    except NoteError as error:
        raise BundleError(f"your checkpoint: {error.message}") from error
    if mine.size == other.size and mine != other:
        raise BundleError(f"the log shows two histories: two signed roots for {mine.size} entries")
    return mine.size == other.size


def _words(opened: OpenedStatus, verifier: Verifier | None) -> list[str]:
    status = opened.status
    source = "the key you gave" if verifier is not None else "taken from the file itself"
    return [
        f"party   {status.party}: {status.state}, as of {render_second(status.made_at)}",
        f"log     {opened.size:,} entries",
        f"key     {opened.verifier.render()} ({source})",
    ]


def _echo(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
