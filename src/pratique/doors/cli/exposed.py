"""`pratique exposed`: did any of ours ever get this release, as far as this door can tell?"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError
from pratique.exposure.answer import Answer
from pratique.exposure.question import BEGINNING, Question, parse_release_arguments
from pratique.exposure.report import render_answer_json, render_answer_text
from pratique.settings import load_settings
from pratique.store.logs import open_log
from pratique.store.presence import answer_exposed, open_presence
from pratique.values.digests import parse_sha256
from pratique.values.instants import now_utc, parse_instant
from pratique.values.intervals import Interval


@click.command()
@click.argument("releases", nargs=-1, metavar="NAME==VERSION")
@click.option("--sha256", "digests", multiple=True, metavar="HASH", help="Also this very file.")
@click.option("--from", "start", metavar="INSTANT", help="Start of the span asked about.")
@click.option("--to", "end", metavar="INSTANT", help="End of the span asked about; now.")
@click.option("--asset", default="", help="Only this asset.")
@click.option(
    "--as-known-at",
    type=click.IntRange(min=0),
    metavar="SEQUENCE",
    help="Answer from the ledger up to this entry.",
)
@home_option
@format_option
def exposed(
    releases: tuple[str, ...],
    digests: tuple[str, ...],
    start: str | None,
    end: str | None,
    asset: str,
    as_known_at: int | None,
    home: Path | None,
    form: str,
) -> None:
    """Did any of ours ever get this release?

    Says which assets got or were offered it through this door, and when, as the ledger knows.
    Exit code 1 when a file was fetched; 0 only when the door watched during the whole span and
    nothing came through it; 3 otherwise, because then nobody can know.
    """
    question = Question(
        releases=parse_release_arguments(releases),
        sha256s=tuple(parse_sha256(digest) for digest in digests),
        interval=_interval(start, end),
        asset=asset,
    )
    settings = load_settings(home)
    with (
        closing(open_log(settings, must_exist=True)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        found = answer_exposed(presence, log, question, now=now_utc(), as_known_at=as_known_at)
    render = render_answer_json if form == "json" else render_answer_text
    click.echo(render(found))
    sys.exit(_exit_code(found))


def _interval(start: str | None, end: str | None) -> Interval:
    first = parse_instant(start) if start is not None else BEGINNING
    last = parse_instant(end) if end is not None else None
    if last is not None and last <= first:
        raise InputError("the span ends before it starts", expected="--from earlier than --to")
    return Interval(start=first, end=last)


def _exit_code(found: Answer) -> int:
    if found.fetched:
        return EXIT_FOUND
    return EXIT_NOTHING_FOUND if found.clear else EXIT_UNKNOWN
