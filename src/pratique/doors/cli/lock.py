"""`pratique lock`: find what bypasses the firewall in lock files, and lead it through."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.door_choice import ChosenDoor, choose_door
from pratique.doors.cli.lock_files import gather, replace_file
from pratique.doors.cli.lock_report import report_json, report_lines, report_sarif
from pratique.doors.cli.lock_rewrite import Direction, plan_file, plan_lines, plans_json
from pratique.inventory.addresses import parse_door
from pratique.inventory.check import Report, check, names_to_ask
from pratique.inventory.model import LockDocument
from pratique.inventory.offers import Answers
from pratique.inventory.rewrite import parse_exchange
from pratique.values.names import ProjectName

_door_option = click.option(
    "--door",
    "door_url",
    default="",
    metavar="URL",
    help="Index view of a door, such as http://127.0.0.1:8420/pypi; else PRATIQUE_DOOR, else"
    " what pip or uv are configured with. The token is read from PRATIQUE_TOKEN.",
)


@click.group()
def lock() -> None:
    """Find what bypasses the firewall in lock files, and rewrite it both ways."""


@lock.command("check")
@click.argument(
    "paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, exists=False)
)
@_door_option
@click.option("--require-door", is_flag=True, help="Exit with 3 when no door could be asked.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="How to answer.",
)
def check_command(paths: tuple[Path, ...], door_url: str, require_door: bool, form: str) -> None:
    """Check lock files and the commands in configuration files; folders are walked.

    PATH is the present folder when left out. Exit code 1 when something was found (notes do not
    count), 3 when part of it could not be examined.
    """
    door = choose_door(door_url, os.environ, home=Path.home(), folder=Path.cwd())
    gathering = gather(paths or (Path(),))
    material = gathering.material()
    answers = _ask(door, material.documents) if door else None
    report = check(material, door=door.address if door else None, answers=answers)
    if form == "text":
        click.echo("\n".join(report_lines(report)))
    else:
        _echo_json(report_json(report) if form == "json" else report_sarif(report))
    sys.exit(_exit_code(report, require_door=require_door))


def _exit_code(report: Report, *, require_door: bool) -> int:
    if report.bad:
        return EXIT_FOUND
    if report.unknown or (require_door and not report.asked_door):
        return EXIT_UNKNOWN
    return EXIT_NOTHING_FOUND


def _ask(door: ChosenDoor, documents: Sequence[LockDocument]) -> Answers:
    names = names_to_ask(documents)
    from pratique.edge.door_client import ask_door  # noqa: PLC0415 - no door, no network code

    with _progress(names) as advance:
        return ask_door(door.address, names, token=door.token, on_answer=advance)


@contextmanager
def _progress(names: Iterable[ProjectName]) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, for a person only."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking the door", total=len(tuple(names)))
        yield lambda: bar.advance(task)


def _echo_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


@lock.command("rewrite")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, dir_okay=False),
)
@click.option("--to-door", metavar="URL", help="Lead the file's URLs through this index view.")
@click.option("--to-upstream", metavar="URL", help="Lead them back to this index.")
@_door_option
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FROM=TO",
    help="Exchange one front expressly; may be given several times.",
)
@click.option("--check", "check_only", is_flag=True, help="Exit with 1 when a file would change.")
@click.option(
    "--write", is_flag=True, help="Replace the files; without it, only say what would be."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to answer.",
)
def rewrite_command(
    files: tuple[Path, ...],
    to_door: str | None,
    to_upstream: str | None,
    door_url: str,
    maps: tuple[str, ...],
    check_only: bool,
    write: bool,
    form: str,
) -> None:
    """Exchange the URLs in lock files: through a door, or back to its upstream.

    Nothing but the URLs changes, and the way back gives the same bytes. Exit code 1 when a file
    would change (with --check) or still names an address besides the door.
    """
    if bool(to_door) == bool(to_upstream):
        raise click.UsageError("say either --to-door URL or --to-upstream URL")
    if check_only and write:
        raise click.UsageError("--check changes nothing; leave out one of --check and --write")
    direction = _direction(to_door, to_upstream, door_url, maps)
    plans = [plan_file(path, direction) for path in files]
    if write:
        for plan in plans:
            if plan.changed:
                replace_file(plan.path, plan.after)
    if form == "json":
        _echo_json(plans_json(plans, written=write))
    else:
        click.echo("\n".join(plan_lines(plans, direction, written=write)))
    left_over = any(plan.left_over for plan in plans)
    would_change = check_only and any(plan.changed for plan in plans)
    sys.exit(EXIT_FOUND if left_over or would_change else EXIT_NOTHING_FOUND)


def _direction(
    to_door: str | None, to_upstream: str | None, door_url: str, maps: tuple[str, ...]
) -> Direction:
    given = tuple(parse_exchange(text) for text in maps)
    door = choose_door(to_door or door_url, os.environ, home=Path.home(), folder=Path.cwd())
    if door is None:
        raise click.UsageError("no door is known: say --door URL or set PRATIQUE_DOOR")
    if to_upstream is not None and parse_door(to_upstream) is None:
        raise click.BadParameter(
            "expected the URL of an index, ending in /simple or like it", param_hint="--to-upstream"
        )
    return Direction(door=door.address, upstream=to_upstream or "", given=given)
