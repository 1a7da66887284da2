"""`pratique drill`: replay an incident, inert, through every part."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from pratique.settings import default_home

if TYPE_CHECKING:
    from rich.console import Console

    from pratique.drill.litellm_2026 import DrillReport, Line

_PIPE_WIDTH = 180
_SUBCOMMANDS = {
    "breach": ("pratique.doors.cli.drill_breach", "breach"),
    "revoke": ("pratique.doors.cli.drill_revoke", "revoke"),
}


class _Drills(click.Group):
    """The drills; without a name it is the first one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_SUBCOMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _SUBCOMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(importlib.import_module(place[0]), place[1])
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in {"-h", "--help"}):
            args = ["litellm-2026", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Drills)
def drill() -> None:
    """Replay an incident, inert, through every part; or measure what custody promises.

    Without a name it is litellm-2026.
    """


@drill.command("litellm-2026")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False),
              help="Work in this new folder and keep it, ledger and all.")  # fmt: skip
@click.option(
    "--every",
    type=click.IntRange(1, 60),
    default=1,
    show_default=True,
    metavar="MINUTES",
    help="How often to install between two events.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How the result is told.")  # fmt: skip
def litellm_2026(keep: Path | None, every: int, form: str) -> None:
    """Replay 24 March 2026 through every part.

    Real pip, and uv and Poetry where they are installed, on 24 March 2026; first
    without the firewall, then through it. Afterwards it is asked who had it and what could be
    reached, and a client gets a case. Exit code 0 only if no poisoned byte came through the
    firewall and all that was asked came back as it must.
    """
    from pratique.drill.litellm_2026 import drill as run_drill  # noqa: PLC0415 - starts half the product

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"--keep needs a new or empty folder; {keep} is not empty")
    scratch = keep or Path(tempfile.mkdtemp(prefix="pratique-drill-"))
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        cache = default_home() / "drill"
        report = asyncio.run(
            run_drill(
                scratch.resolve(), cache, every=timedelta(minutes=every), progress=_progress()
            )
        )
    finally:
        if keep is None:
            shutil.rmtree(scratch, ignore_errors=True)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _tell(report, kept=keep)
    sys.exit(0 if _passed(report) else 1)


def _passed(report: DrillReport) -> bool:
    return (
        report.poisoned_installs == 0
        and report.poisoned_bytes_served == 0
        and report.marker_fired
        and report.ledger_verified
        and all(check.holds for check in report.response)
    )


class _Progress:
    """One line that changes on a terminal; nothing in a pipe."""

    def __init__(self) -> None:
        self._width = shutil.get_terminal_size().columns - 1

    def __call__(self, text: str) -> None:
        click.echo(f"\r\x1b[K{text[: self._width]}", nl=False, err=True)


def _progress() -> Callable[[str], None]:
    return _Progress() if sys.stderr.isatty() else lambda _: None


def _tell(report: DrillReport, *, kept: Path | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - only for the table
    from rich.table import Table  # noqa: PLC0415 - as above

    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print("litellm, 24 March 2026 (UTC), replayed with inert payloads\n", style="bold")
    console.print(f"Clients: {', '.join(report.clients)}\n")
    for title, lines in (
        ("Without the firewall", report.unprotected),
        ("Through Pratique", report.timeline),
    ):
        table = Table(
            title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
        )
        for column in ("when", "client", "asks for", "gets", "is told"):
            table.add_column(column, overflow="fold", no_wrap=column in {"when", "client"})
        for line in lines:
            table.add_row(*_cells(line), style="red" if line.poisoned else None)
        console.print(table)
        console.print()
    _tell_ledger(report, console, kept=kept)


def _cells(line: Line) -> tuple[str, ...]:
    when = line.at.removeprefix("2026-03-").replace("T", " ").removesuffix("Z")
    if not line.client:
        return (when, "", "", "", f"— {line.told} —")
    told = f"{line.told} ({line.times} times in a row)" if line.times > 1 else line.told
    got = line.got or ("" if line.client == "python" else "refused")
    return (when, line.client, line.asked, got, told)


def _tell_ledger(report: DrillReport, console: Console, *, kept: Path | None) -> None:
    console.print("What the ledger proves", style="bold")
    verified = "verified from the first byte" if report.ledger_verified else "DAMAGED"
    console.print(
        f"  {report.ledger_entries} entries, {verified}; {report.refusals} refusals in it"
    )
    console.print(f"  bytes of poisoned files delivered: {report.poisoned_bytes_served}")
    console.print(f"  files the door itself fetched: {', '.join(report.fetched_by_door) or 'none'}")
    for release, answer in report.exposed.items():
        console.print(f"  pratique exposed {release}: {answer}")
    console.print()
    _tell_response(report, console)
    if kept is not None:
        console.print(f"  kept: pratique ledger verify --home {report.home}")
    console.print()
    if not report.marker_fired:
        console.print("Inconclusive: the payload did not start without the firewall", style="red")
    elif _passed(report):
        console.print("Passed: the payload ran without the firewall; through it no poisoned byte came.",
                      style="green")  # fmt: skip
    else:
        failed = sum(not check.holds for check in report.response)
        console.print(f"FAILED: {report.poisoned_installs} poisoned installs, "
                      f"{failed} of {len(report.response)} checks of the response", style="red")  # fmt: skip


def _tell_response(report: DrillReport, console: Console) -> None:
    from rich.table import Table  # noqa: PLC0415 - only for the table

    table = Table(
        title="Afterwards: who had it, what could it reach, can we prove the rest?",
        title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False,
    )  # fmt: skip
    for check in report.response:
        table.add_row("as it must" if check.holds else "NOT SO", check.command, check.told,
                      style=None if check.holds else "red")  # fmt: skip
    console.print(table)
