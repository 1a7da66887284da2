"""`pratique broker`: the process that holds the keys of custody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from pratique.custody.timekeeping import clock_entry
from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import open_stores, operator
from pratique.home import prepare_home
from pratique.settings import load_settings
from pratique.values.instants import now_utc, render_instant, render_second

if TYPE_CHECKING:
    from pratique.edge.custody.broker.confinement import Confinement
    from pratique.edge.custody.broker.frames import Status


@click.group()
def broker() -> None:
    """Hold custody's keys in a process of its own, and count what leaves."""


@broker.command()
@click.option(
    "--require-confinement",
    is_flag=True,
    help="Do not serve where the kernel cannot keep it from the network.",
)
@home_option
@format_option
def serve(require_confinement: bool, home: Path | None, form: str) -> None:
    """Serve keys over two sockets in the home folder, until it is stopped.

    The first start makes the master key and broker.toml. Run it as another user than the doors: only
    then does it hold against a door that is owned.
    """
    from pratique.edge.custody.broker.places import broker_folder  # noqa: PLC0415 - help needs none of it
    from pratique.edge.custody.broker.server import run_broker  # noqa: PLC0415 - as above

    settings = load_settings(home)
    prepare_home(settings.home)
    folder = broker_folder(settings.home)

    def ready(confinement: Confinement) -> None:
        _tell_ready(folder, confinement, form)

    run_broker(folder, ready=ready, must_be_walled=require_confinement)


def _tell_ready(folder: Path, confinement: Confinement, form: str) -> None:
    if form == "json":
        told = {
            "folder": str(folder),
            "confinement": confinement.sentence,
            "lacking": confinement.lacking,
        }
        click.echo(msgspec.json.encode(told))
        return
    click.echo(f"key broker serves {folder}; confined by: {confinement.sentence}")
    for sentence in confinement.lacking:
        click.echo(f"  not in force: {sentence}", err=True)


@broker.command()
@home_option
@format_option
def status(home: Path | None, form: str) -> None:
    """Show whether the broker runs, how it is confined, and what left.

    Exit code 1 when none runs.
    """
    from pratique.edge.custody.broker_admin import running_broker  # noqa: PLC0415 - help needs none of it

    settings = load_settings(home)
    admin = running_broker(settings)
    if admin is None:
        told = {"running": False}
        click.echo(msgspec.json.encode(told) if form == "json" else "no key broker runs")
        raise SystemExit(EXIT_FOUND)
    with admin:
        found = admin.status()
    if form == "json":
        answer = {"running": True, **msgspec.to_builtins(found)}
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
    else:
        _show(found)


@broker.command("accept-clock")
@click.option("--reason", required=True, help="What was wrong with the clock, for the ledger.")
@home_option
@format_option
def accept_clock(reason: str, home: Path | None, form: str) -> None:
    """Say that the clock is right now, after it was ahead for a while.

    Broker and doors serve nothing while the clock is behind what they have seen. This forgives what
    they saw; the ledger keeps who said so.
    """
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - help needs none of it

    with open_stores(home) as stores, broker_running(stores.settings) as admin:
        was = admin.accept_clock()
        now = now_utc()
        draft = clock_entry(was=was, reason=reason, actor=operator())
        entry = stores.record(draft, now=now)
    if form == "json":
        told = {"was": was, "now": render_instant(now), "entry": entry}
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(
            f"it is {render_second(now)}; what was seen before counts no more; ledger entry {entry}"
        )


def _show(found: Status) -> None:
    click.echo(f"key broker {found.pid} runs since {render_second(found.started_at)}")
    click.echo(f"  confined by  {found.confinement}")
    for sentence in found.lacking:
        click.echo(f"  not in force {sentence}")
    if not found.separate_user:
        click.echo("  same user    as the doors: an owned door could read its files")
        click.echo("               (docs/operate/broker.md says how to run it as another)")
    click.echo(f"  keys         {found.clients} of clients, {found.datasets} of datasets")
    click.echo(
        f"  caps         {found.parts_per_hour} parts an hour for each vendor, "
        f"{found.all_parts_per_hour} for all"
    )
    for vendor, (hour, ever) in found.parts.items():
        cap = found.caps.get(vendor, found.parts_per_hour)
        click.echo(f"  {vendor:12} {hour} of {cap} parts within the hour, {ever} ever")
    for scope, reason in found.suspended.items():
        click.echo(f"  suspended    {scope}{': ' if reason else ''}{reason}")
