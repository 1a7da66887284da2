"""`pratique ledger`: verify the log, export evidence, publish it, rebuild what is derived."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.evidence_file import write_new
from pratique.errors import InputError, IntegrityError
from pratique.ledger.audit import AuditReport, Damage
from pratique.ledger.errors import LedgerDamagedError, NoteError, ProofError
from pratique.ledger.export import Selection, export_bundle
from pratique.ledger.notes import open_checkpoint, parse_verifier
from pratique.settings import Settings, load_settings
from pratique.store.logs import audit_log, ledger_folder, open_log, publish
from pratique.values.instants import parse_instant

if TYPE_CHECKING:
    from datetime import datetime

_home = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="Home folder."
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to answer.",
)


@click.group()
def ledger() -> None:
    """Verify, export, publish or rebuild the log."""


@ledger.command()
@_home
@_format
def verify(home: Path | None, form: str) -> None:
    """Check every byte of the log: entries, hashes, signatures, keys, derived files.

    Names each damage with its file, byte and entry. Exit code 1 when there is any.
    """
    settings = load_settings(home)
    try:
        with _progress(form) as progress:
            report = audit_log(settings, progress=progress)
    except IntegrityError as error:
        _show_nothing_left(error, settings, form)
        sys.exit(EXIT_FOUND)
    if form == "json":
        _echo_json(
            {
                "sound": report.sound,
                "origin": report.origin,
                "size": report.size,
                "root": base64.b64encode(report.root).decode(),
                "checkpoint": report.checkpoint,
                "verifier_key": report.verifier_key,
                "damages": report.damages,
                "notes": report.notes,
            }
        )
    else:
        _show_report(report, settings)
    if not report.sound:
        sys.exit(EXIT_FOUND)


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--entry",
    "sequences",
    type=click.IntRange(min=0),
    metavar="SEQUENCE",
    multiple=True,
    help="An entry by its sequence; may be repeated.",
)
@click.option("--kind", "kinds", multiple=True, help="Entries of a kind; may be repeated.")
@click.option(
    "--subject",
    "subjects",
    multiple=True,
    help="Entries on a subject; `*` at its end stands for any rest.",
)
@click.option(
    "--from", "start", metavar="INSTANT", help="Entries recorded at or after this instant."
)
@click.option("--to", "end", metavar="INSTANT", help="Entries recorded before this instant.")
@click.option(
    "--all", "everything", is_flag=True, help="All entries: shows that none was left out."
)
@click.option(
    "--since",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="An earlier checkpoint that the bundle must extend.",
)
@_home
@_format
def export(
    file: Path,
    sequences: tuple[int, ...],
    kinds: tuple[str, ...],
    subjects: tuple[str, ...],
    start: str | None,
    end: str | None,
    everything: bool,
    since: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Write entries with their proofs into FILE, for anybody to check with `pratique verify`.

    Conditions of different options must all hold; FILE must not exist.
    """
    selection = Selection(
        sequences=frozenset(sequences),
        kinds=frozenset(kinds),
        subjects=frozenset(subjects),
        start=_instant(start),
        end=_instant(end),
    )
    if everything == (selection != Selection()):
        raise click.UsageError(
            "say which entries: --all, or any of --entry, --kind, --subject, --from, --to"
        )
    note = since.read_text("utf-8", "replace") if since else None
    with closing(open_log(load_settings(home), must_exist=True)) as log:
        try:
            exported = export_bundle(log, selection, since=note)
        except (ProofError, NoteError) as error:
            raise InputError(f"cannot export: {error.message}", expected=error.expected) from error
        key = log.verifier_key()
    write_new(file, exported.data)
    if form == "json":
        _echo_json(
            {
                "file": str(file),
                "entries": exported.entries,
                "size": exported.size,
                "verifier_key": key,
            }
        )
    else:
        click.echo(f"{file}: {exported.entries} of {exported.size} entries, with proofs")
        click.echo(f"check with: pratique verify {file} --key '{key}'")


@ledger.command()
@click.option(
    "--publish",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write the log as C2SP tiles into this folder.",
)
@_home
@_format
def checkpoint(folder: Path | None, home: Path | None, form: str) -> None:
    """Show the newest signed checkpoint; give it to others, and nobody can rewrite what it covers."""
    with closing(open_log(load_settings(home), must_exist=True)) as log:
        published = publish(log, folder) if folder is not None else None
        note, key = log.checkpoint(), log.verifier_key()
    if form == "text":
        click.echo(note, nl=False)
        if published is not None:
            click.echo(f"{folder}: {published[0]} entries, {published[1]} files written", err=True)
        return
    opened = open_checkpoint(note, parse_verifier(key))
    answer: dict[str, Any] = {
        "checkpoint": note,
        "origin": opened.origin,
        "size": opened.size,
        "root": base64.b64encode(opened.root).decode(),
        "verifier_key": key,
    }
    if published is not None:
        answer["published"] = {
            "folder": str(folder),
            "entries": published[0],
            "files_written": published[1],
        }
    _echo_json(answer)


@ledger.command()
@_home
@_format
def rebuild(home: Path | None, form: str) -> None:
    """Make everything again that is derived from the entries: hashes, positions, tables of facts.

    The entries themselves are only read.
    """
    from pratique.store.rebuild import rebuild_projections  # noqa: PLC0415 - this command alone needs SQL

    settings = load_settings(home)
    with closing(open_log(settings, must_exist=True)) as log:
        log.rebuild_hashes()
        size = log.size()
    report = rebuild_projections(settings)
    if form == "json":
        _echo_json({"size": size, "projections": report})
        return
    click.echo(f"hashes of {size} entries made again")
    click.echo(f"{report.entries} entries applied, {report.unreadable} unreadable")
    for table, rows in sorted(report.rows.items()):
        click.echo(f"  {table}: {rows} rows (before: {report.rows_before.get(table, 0)})")


def _show_report(report: AuditReport, settings: Settings) -> None:
    root = base64.b64encode(report.root).decode()
    for damage in report.damages:
        click.echo(_describe(damage))
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.sound:
        click.echo(f"sound: {report.size} entries of {report.origin}")
        click.echo(f"  root {root}")
        click.echo(f"  signed by {report.verifier_key}")
        return
    lost = sum(not damage.repairable for damage in report.damages)
    where = (settings.storage.database_url and "the database") or ledger_folder(settings)
    click.echo(f"damaged: {len(report.damages)} places in {where}")
    if lost:
        click.echo(f"  {lost} of them are evidence: restore them from a copy made before")
    if lost < len(report.damages):
        click.echo("  `pratique ledger rebuild` makes the others again")


def _describe(damage: Damage) -> str:
    place = damage.place if damage.offset is None else f"{damage.place} at byte {damage.offset}"
    entry = "" if damage.sequence is None else f" (entry {damage.sequence})"
    kind = "repairable" if damage.repairable else "damage"
    return f"{kind}: {place}{entry}: {damage.what}"


def _show_nothing_left(error: IntegrityError, settings: Settings, form: str) -> None:
    place = error.place if isinstance(error, LedgerDamagedError) else "key"
    what = error.what if isinstance(error, LedgerDamagedError) else error.message
    damage = Damage(place=place, what=what)
    if form == "json":
        _echo_json({"sound": False, "damages": [damage], "notes": []})
        return
    click.echo(_describe(damage))
    click.echo(f"damaged: nothing in {ledger_folder(settings)} is left to check against")


@contextmanager
def _progress(form: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for a person at a terminal; nothing for everybody else."""
    if form != "text" or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a person at a terminal needs it
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replaying the log", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
