"""`pratique drill breach`: what a poisoned process gets with one lease, beside what it got without."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.doors.cli.custody_desk import echo_json
from pratique.doors.cli.options import format_option
from pratique.errors import InputError, UnavailableError
from pratique.settings import CustodySettings, Settings

if TYPE_CHECKING:
    from pratique.drill.breach import Attacker, BreachReport

_MOST_BUDGET = 64 << 20


@click.command("breach")
@click.option("--objects", type=click.IntRange(4, 500), default=24, show_default=True,
              help="Objects in each of six datasets, 2 MiB each.")  # fmt: skip
@click.option("--budget", metavar="SIZE", default="1MiB", show_default=True,
              help="What each lease may disclose.")  # fmt: skip
@format_option
def breach(objects: int, budget: str, form: str) -> None:
    """Replay the breach: how much does one stolen lease give, and how much one bearer token?

    In a folder of its own: three clients' data, 36 leases of three vendors, a real door and a real
    key broker. An attacker has one contractor's lease and tries everything; then the service
    account besides; then a whole door. Beside them the same data behind a bearer token. Exit code 1
    when somebody got more than the bound that was printed before.
    """
    size = parse_bytes(budget)
    if not 1 <= size <= _MOST_BUDGET:
        raise InputError(f"a budget of {budget}", expected="up to 64 MiB")
    with tempfile.TemporaryDirectory(prefix="pratique-breach-") as name:
        report = run_breach(Path(name), objects=objects, budget=size)
    if form == "json":
        echo_json({**msgspec.to_builtins(report), "holds": report.holds})
    else:
        _tell(report)
    sys.exit(0 if report.holds else 1)


def run_breach(folder: Path, *, objects: int, budget: int) -> BreachReport:
    """Make the scene below `folder`, open the door, and let them try."""
    from pratique.doors.cli.up_processes import beside  # noqa: PLC0415 - starts the whole door
    from pratique.drill.breach import replay  # noqa: PLC0415 - as above
    from pratique.drill.breach_scene import prepare, write_caps  # noqa: PLC0415 - as above
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above
    from pratique.home import prepare_home  # noqa: PLC0415 - as above
    from pratique.store.custody import open_custody  # noqa: PLC0415 - as above

    custody = CustodySettings(s3_listen="127.0.0.1:0")
    settings = Settings(home=folder / "home", custody=custody)
    prepare_home(settings.home)
    write_caps(settings, objects=objects)
    with broker_running(settings) as admin, closing(open_custody(settings)) as state:
        scene = prepare(settings, state, admin, objects=objects, budget=budget)
        with beside(settings, verbose=False) as found:
            if found.s3_url is None:
                raise UnavailableError("no S3 door could be started")
            return asyncio.run(replay(scene, found.s3_url, folder / "plain"))


def _tell(report: BreachReport) -> None:
    click.echo(
        f"In custody: {human_bytes(report.all_bytes)}. If every lease were in the wrong hands, "
        f"{human_bytes(report.worst_case)} could leave.\n"
    )
    for one in (report.plain, *report.attackers):
        _tell_one(one, report.all_bytes)
    click.echo("held" if report.holds else "MISSED: somebody got more than the bound")


def _tell_one(one: Attacker, everything: int) -> None:
    share = 100 * one.got / everything
    click.echo(f"{one.name}: {human_bytes(one.got)}, {share:.1f} % of everything")
    click.echo(f"  has     {one.holds}")
    click.echo(f"  bound   {human_bytes(one.bound)}: {one.bound_says}")
    for attempt in one.attempts:
        said = f'   "{attempt.told}"' if attempt.told else ""
        click.echo(f"  {human_bytes(attempt.got):>9}  {attempt.what}{said}")
    click.echo("")
