"""`pratique diff`: what a release does that the one before did not, in behaviour instead of lines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.vet_report import report_json
from pratique.doors.vet_desk import Against, Examined, usual_files
from pratique.policy.model import Verdict
from pratique.settings import Settings, load_settings
from pratique.values.names import ProjectName, parse_project_name, parse_version
from pratique.vet.model import Change, Finding, Report


@click.command()
@click.argument("name")
@click.argument("old")
@click.argument("new")
@click.option("--index", help="Index view to ask; the first one configured when left out.")
@home_option
@format_option
def diff(name: str, old: str, new: str, index: str | None, home: Path | None, form: str) -> None:
    """Show what a release does that another did not.

    Behaviour, not lines: capabilities, and what runs when. Exit code 1 when it gained something, 3
    when part of it could not be examined.
    """
    project, before, after = parse_project_name(name), parse_version(old), parse_version(new)
    settings = load_settings(home)
    examined = asyncio.run(_compare(settings, project, (str(before), str(after)), index))
    if form == "json":
        click.echo(json.dumps(report_json(examined), indent=2, ensure_ascii=True))
    else:
        for one in examined:
            click.echo("\n".join(_lines(one, old=str(before))))
    sys.exit(_exit_code(examined))


async def _compare(
    settings: Settings, project: ProjectName, versions: tuple[str, str], index: str | None
) -> list[Examined]:
    from pratique.assembly.questions import open_desk  # noqa: PLC0415 - a wrong argument is told without loading it

    before, after = (parse_version(text) for text in versions)
    against = Against(auto=False, version=before)
    async with open_desk(settings, index=index or settings.index[0].name, workers=1) as desk:
        found = usual_files(await desk.find(project, after))
        await desk.find(project, before)  # said before anything is downloaded
        return [await desk.vet_located(f"{project}=={after}", one, against) for one in found]


def _exit_code(examined: Sequence[Examined]) -> int:
    reports = [one.vetted.report for one in examined if one.vetted is not None]
    if any(report.findings or any(c.gained for c in report.changes) for report in reports):
        return EXIT_FOUND
    unknown = any(one.verdict is Verdict.UNKNOWN for one in examined)
    return EXIT_UNKNOWN if unknown else EXIT_NOTHING_FOUND


def _lines(one: Examined, *, old: str) -> Iterator[str]:
    yield click.style(one.filename, bold=True) + f"  compared with {old}"
    if one.vetted is None:
        yield f"  not compared: {one.problem}"
        return
    report = one.vetted.report
    yield from (f"  not examined: {sentence}" for sentence in report.unread)
    yield from (_change(change) for change in report.changes)
    if not report.findings and not report.changes:
        yield "  the same capabilities, nothing new that vetting knows of"
    yield from _behaviour(report)


def _change(change: Change) -> str:
    sign = click.style("+", fg="red") if change.gained else click.style("-", fg="green")
    where = f"  {change.path}:{change.line} {change.name}" if change.path else ""
    when = f" ({change.reach})" if change.reach else ""
    return f"  {sign} {change.capability.value}{when}{where}"


def _behaviour(report: Report) -> Iterator[str]:
    def reach(finding: Finding) -> str:
        return finding.reach

    for when, findings in groupby(sorted(report.findings, key=reach), key=reach):
        yield f"  {when}:"
        for finding in findings:
            place = f"{finding.path}:{finding.line}" if finding.line else finding.path
            told = f": {finding.shown}" if finding.shown else ""
            yield f"    {place}  {finding.what}{told}"
