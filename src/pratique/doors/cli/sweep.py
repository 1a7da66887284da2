"""`pratique sweep`: read what lies on a machine or in a tree, and write down what was seen."""

from __future__ import annotations

import platform
import sys
from contextlib import closing
from pathlib import Path

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.sweep_report import render_json, render_text
from pratique.doors.cli.sweep_terminal import shown_progress, stopping
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.drafting import NothingKnown
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.edge.sweep.memory import (
    FOLDER,
    SweepMemory,
    fingerprint_key,
    machine_fingerprint,
)
from pratique.edge.sweep.registry import all_readers, reader_of_named_files
from pratique.edge.sweep.run import Sweep, SweepReport
from pratique.edge.sweep.sinks import LedgerSink
from pratique.edge.sweep.spool import Spool
from pratique.errors import InputError
from pratique.home import prepare_home
from pratique.inventory.observed.model import AssetKind
from pratique.settings import Settings, load_settings
from pratique.store.logs import open_log
from pratique.store.presence import open_presence
from pratique.values.instants import now_utc

_KINDS = tuple(kind.value for kind in AssetKind if kind is not AssetKind.UNKNOWN)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@click.option("--asset", default="", metavar="NAME", help="What this machine or tree is called.")
@click.option(
    "--kind",
    "asset_kind",
    type=click.Choice(_KINDS),
    default=AssetKind.HOST.value,
    show_default=True,
    help="What sort of thing it is.",
)
@click.option("--no-history", is_flag=True, help="Leave out the history of lock files in git.")
@home_option
@format_option
def sweep(
    paths: tuple[Path, ...],
    asset: str,
    asset_kind: str,
    no_history: bool,
    home: Path | None,
    form: str,
) -> None:
    """Read what is there, without starting any of it, and write down what was seen.

    PATH is a folder, or a file such as a lock file, an image archive, an SBOM or a CI log. Exit
    code 1 when a release with a known advisory was seen, 3 when part could not be read.
    """
    settings = load_settings(home)
    prepare_home(settings.home)
    with stopping() as stop, shown_progress(form) as progress:
        key = fingerprint_key(settings.home)
        ctx = SweepContext(
            asset=asset_name(asset),
            asset_kind=AssetKind(asset_kind),
            asset_given=bool(asset),
            machine=machine_fingerprint(key),
            now=now_utc,
            fingerprint_key=key,
            history=not no_history,
            progress=progress,
            stop=stop,
            notes=(memory := SweepMemory(settings.home)),
            evidence=EvidenceStore(settings.home / EVIDENCE_FOLDER),
        )
        report = _into_ledger(settings, ctx, memory, paths)
    click.echo(render_json(report) if form == "json" else render_text(report))
    sys.exit(exit_code(report))


def _into_ledger(
    settings: Settings, ctx: SweepContext, memory: SweepMemory, paths: tuple[Path, ...]
) -> SweepReport:
    with (
        closing(open_log(settings)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        presence.catch_up()
        sink = LedgerSink(
            log,
            NothingKnown(),
            spool=Spool(settings.home / FOLDER / "spool"),
            memory=memory,
            now=now_utc,
        )
        sink.replay()
        report = Sweep(
            ctx,
            readers=all_readers(),
            sink=sink,
            memory=memory,
            home=settings.home,
            fallback=reader_of_named_files(),
        ).run(paths)
        presence.catch_up()
        return report


def asset_name(given: str) -> str:
    """The asset's name: as given, else the machine's. Raises: InputError."""
    name = (given or platform.node()).strip()
    if not name or len(name) > 300 or not name.isprintable():  # noqa: PLR2004 - room for a path of a run
        raise InputError(
            "this machine has no usable name" if not given else f"not an asset: {given[:80]!r}",
            expected="1 to 300 printable characters",
            remedy="say what it is called with --asset",
        )
    return name if given else name.lower()


def exit_code(report: SweepReport) -> int:
    """What the sweep found, for a script."""
    if report.known_bad:
        return EXIT_FOUND
    unsure = report.gaps_total or report.stopped or report.recorded.spooled
    return EXIT_UNKNOWN if unsure else EXIT_NOTHING_FOUND
