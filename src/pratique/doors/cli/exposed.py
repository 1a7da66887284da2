"""`pratique exposed`: did any of ours ever get this release?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.asked_options import asked_options, known_option, read_asked
from pratique.doors.cli.desk import open_questions
from pratique.doors.cli.options import home_option
from pratique.errors import InputError
from pratique.exposure.figures_report import render_figures, render_figures_json
from pratique.exposure.outputs import FORMS, render_output
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.exposure.answering import Outcome
    from pratique.exposure.incident import Asked
    from pratique.store.questions import Known, QuestionDesk


@click.command()
@asked_options
@known_option
@click.option(
    "--counts",
    is_flag=True,
    help="Only count what looks saw it at and what lay one step from there: at once on large fleets.",
)
@home_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", *FORMS]),
    default="text",
    show_default=True,
    help="How to answer.",
)
def exposed(
    known_at: str | None, counts: bool, home: Path | None, form: str, **words: object
) -> None:
    """Did any of ours ever get this release?

    Says which assets had it or may have had it, and when, as the ledger knows: from what sweeps saw
    and from what this door answered. Exit code 1 when anything of it was seen at an asset; 0 only
    when coverage clears every asset known; 3 otherwise, because then nobody can know.
    """
    asked = read_asked(words)
    with open_questions(home) as desk:
        known = desk.known(known_at, now=now_utc())
        if counts:
            sys.exit(_count(desk, asked, known, form))
        found = desk.answer(asked, known, names=None if form == "json" else 20)
    click.echo(_rendered(found, form))
    sys.exit(_exit_code(found))


def _count(desk: QuestionDesk, asked: Asked, known: Known, form: str) -> int:
    """The first figures. Nobody is cleared by them, so an exit code of 0 is not to be had."""
    if form not in ("text", "json"):
        raise InputError("--counts answers as text or json", expected="--format text or json")
    figures = desk.count(asked, known)
    click.echo(render_figures_json(figures) if form == "json" else render_figures(figures))
    return EXIT_FOUND if figures.counts.exposed else EXIT_UNKNOWN


def _rendered(found: Outcome, form: str) -> str:
    # How a whole answer is told is of no use to first figures.
    from pratique.exposure.exposed_report import render_exposed_json  # noqa: PLC0415 - first figures do without
    from pratique.exposure.incident_report import render_incident_answer  # noqa: PLC0415 - first figures do without

    answer, door = found
    if form == "json":
        return render_exposed_json(answer, door)
    if form != "text":
        return render_output(form, None, answer)
    if door is not None and not answer.facts and not answer.asked.advisories:
        # Nothing but our door was ever asked: what it says is the whole answer, told in its words.
        from pratique.exposure.report import render_answer_text  # noqa: PLC0415 - one case

        return render_answer_text(door)
    return render_incident_answer(answer)


def _exit_code(found: Outcome) -> int:
    from pratique.exposure.exposed_report import is_clear  # noqa: PLC0415 - as above

    if found.answer.found:
        return EXIT_FOUND
    return EXIT_NOTHING_FOUND if is_clear(found.answer, found.door) else EXIT_UNKNOWN
