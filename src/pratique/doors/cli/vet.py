"""`pratique vet`: what would this release do, and is it more than the one before?"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.options import home_option
from pratique.doors.cli.vet_plan import Plan, plan_targets
from pratique.doors.cli.vet_report import report_json, report_sarif
from pratique.doors.cli.vet_text import echo_report
from pratique.doors.vet_desk import Against, Examined, as_they_end
from pratique.errors import InputError
from pratique.policy.model import Verdict
from pratique.settings import Settings, load_settings

_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="How to answer.",
)


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--against",
    default="auto",
    show_default=True,
    metavar="VERSION|FILE|none",
    help="What to compare with; auto is the release before, for releases of an index.",
)
@click.option("--all-files", is_flag=True, help="Every file of a release, not the usual ones.")
@click.option("--all-findings", is_flag=True, help="Show every finding, not the weightiest.")
@click.option(
    "--known-bad",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of indicators beside the shipped ones, instead of that of the settings.",
)
@click.option("--index", help="Index view to ask; the first one configured when left out.")
@home_option
@_format
def vet(
    targets: tuple[str, ...],
    against: str,
    all_files: bool,
    all_findings: bool,
    known_bad: Path | None,
    index: str | None,
    home: Path | None,
    form: str,
) -> None:
    """Examine releases, files, folders and lock files.

    Nothing of it is executed. TARGET is NAME==VERSION, a wheel or sdist, a folder of them, a
    folder of sources, or a lock file.
    Exit code 1 when something is malicious or suspicious, 3 when part of it could not be examined.
    """
    plan = plan_targets(targets)
    chosen = read_against(against)
    settings = load_settings(home)
    if known_bad is not None:
        vet_settings = replace(settings.vet, known_bad=str(known_bad.absolute()))
        settings = replace(settings, vet=vet_settings)
    examined = asyncio.run(
        _examine(plan, chosen, every_file=all_files, index=index, settings=settings, form=form)
    )
    show(examined, form=form, everything=all_findings)
    sys.exit(exit_code(examined))


def show(examined: Sequence[Examined], *, form: str, everything: bool) -> None:
    """Print what was found."""
    if form == "text":
        echo_report(examined, everything=everything)
    else:
        answer = report_json(examined) if form == "json" else report_sarif(examined)
        click.echo(json.dumps(answer, indent=2, ensure_ascii=True))


def exit_code(examined: Sequence[Examined]) -> int:
    """Found counts more than unknown."""
    verdicts = {one.verdict for one in examined}
    if verdicts & {Verdict.MALICIOUS, Verdict.SUSPICIOUS}:
        return EXIT_FOUND
    return EXIT_UNKNOWN if Verdict.UNKNOWN in verdicts else EXIT_NOTHING_FOUND


def read_against(text: str) -> Against:
    """Raises: InputError when it is neither a version nor a file."""
    if text in {"auto", "none"}:
        return Against(auto=text == "auto")
    path = Path(text)
    if path.is_file():
        return Against(auto=False, file=path)
    try:
        return Against(auto=False, version=Version(text))
    except InvalidVersion:
        raise InputError(
            f"nothing to compare with: {text[:80]!r}",
            expected="a version, a wheel or sdist, or none",
        ) from None


async def _examine(
    plan: Plan,
    against: Against,
    *,
    every_file: bool,
    index: str | None,
    settings: Settings,
    form: str,
) -> list[Examined]:
    from pratique.assembly.questions import open_desk  # noqa: PLC0415 - a wrong argument is told without loading it

    view = index or settings.index[0].name
    workers = min(settings.vet.workers, plan.files)
    async with open_desk(settings, index=view, workers=workers) as desk:
        jobs, failed = await plan.resolve(desk, against, every_file=every_file)
        examined = list(failed)
        with progress(len(jobs), form) as advance:
            # One more than workers: the next file arrives meanwhile.
            async for one in as_they_end(desk, jobs, at_once=workers + 1):
                examined.append(one)
                advance(one.filename)
    return examined


@contextmanager
def progress(total: int, form: str) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error, for a person who waits for several files only."""
    if not sys.stderr.isatty() or form != "text" or total <= 1 or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("vetting", total=total)
        yield lambda name: bar.update(task, advance=1, description=f"vetting {name[:40]}")
