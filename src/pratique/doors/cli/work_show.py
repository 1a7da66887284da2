"""`pratique work list` and `trace`: what was done, and where a file came from and went."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import echo_json
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.work_desk import open_work_desk, ref_of
from pratique.errors import InputError
from pratique.values.counting import counted
from pratique.values.instants import render_second
from pratique.work.model import Work
from pratique.work.origins import Origins

_SHA256 = re.compile("[0-9a-f]{64}")


@click.command("list")
@click.option("--project", metavar="VENDOR/NAME", help="Only this one.")
@home_option
@format_option
def list_work(project: str | None, home: Path | None, form: str) -> None:
    """List what was done, oldest first."""
    with open_work_desk(home) as desk:
        work = desk.work if project is None else desk.work.of_project(desk.project(project).id)
    lines = _lines(work)
    if form == "json":
        echo_json({"work": lines, "unreadable": list(work.unreadable)})
    else:
        for line in lines:
            click.echo(f"{line['at']}  {line['id']}  {line['words']}")
        if not lines:
            click.echo("no work is recorded; begin with: pratique work task")
    if work.unreadable:
        click.echo(f"{counted(len(work.unreadable), 'entry', 'entries')} cannot be read", err=True)
        raise SystemExit(EXIT_UNKNOWN)


def _lines(work: Work) -> list[dict[str, str | int]]:
    words = {
        **{
            one.id: f"task for {', '.join(one.assigned) or one.project}: {one.title}"
            for one in work.tasks.values()
        },
        **{
            one.id: f"{one.by} handed in {counted(len(one.files), 'file')}{' (sealed)' if one.sealed else ''}"
            for one in work.submissions.values()
        },
        **{
            one.id: f"{one.kind.value} by {one.tool}{'' if one.observed else ', as somebody says'}:"
            f" {one.records_in:,} records in, {one.records_out:,} out"
            for one in work.transforms.values()
        },
        **{
            one.id: f"{one.by} {one.verdict.value} {counted(len(one.files), 'file')}"
            for one in work.reviews.values()
        },
        **{
            one.id: f"delivered version {one.version} of {one.dataset}, {one.files:,} files"
            + (f", {one.lacking:,} of them lacking" if one.lacking else "")
            for one in work.deliveries.values()
        },
    }
    found = sorted(words, key=lambda name: work.recorded[name].entry)
    return [
        {
            "id": name,
            "at": render_second(work.recorded[name].at),
            "entry": work.recorded[name].entry,
            "words": words[name],
        }
        for name in found
    ]


@click.command()
@click.argument("what", metavar="FILE|SHA256")
@home_option
@format_option
def trace(what: str, home: Path | None, form: str) -> None:
    """Where a file came from, and what was made from it, by hashes alone.

    Exit code 1 when it could not be delivered as it is, 3 when nothing is known of it.
    """
    digest = what if _SHA256.fullmatch(what) else ref_of(_existing(what)).sha256
    with open_work_desk(home) as desk:
        work = desk.work
    origins = Origins(work)
    origin, onward = origins.of(digest), origins.made_from(digest)
    if form == "json":
        echo_json({**msgspec.to_builtins(origin), "made_from_it": onward})
    else:
        click.echo(digest)
        words = {str(line["id"]): line for line in _lines(work)}
        for name in (*origin.submissions, *origin.transforms, *origin.reviews):
            line = words[name]
            click.echo(f"  {line['at']}  {name}  {line['words']}  (entry {line['entry']})")
        for sentence in origin.lacks:
            click.echo(f"  lacks: {sentence}")
        for other in onward:
            click.echo(f"  made from it: {other}")
    if not origin.entries:
        raise SystemExit(EXIT_UNKNOWN)
    if origin.lacks:
        raise SystemExit(EXIT_FOUND)


def _existing(what: str) -> Path:
    path = Path(what)
    if not path.is_file():
        raise InputError(f"no file {what[:200]!r}", expected="a file, or 64 hexadecimal digits")
    return path
