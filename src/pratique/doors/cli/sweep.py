"""`pratique sweep`: read what lies on a machine or in a tree, and write down what was seen."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.sweep_known_bad import known_bad
from pratique.doors.cli.sweep_report import (
    render_json,
    render_push_json,
    render_push_text,
    render_text,
)
from pratique.doors.cli.sweep_terminal import shown_progress, stopping
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.edge.sweep.memory import (
    FOLDER,
    SweepMemory,
    fingerprint_key,
    machine_fingerprint,
)
from pratique.edge.sweep.registry import all_readers, reader_of_named_files
from pratique.edge.sweep.run import Sweep, SweepReport
from pratique.edge.sweep.sinks import LedgerSink, LookSink, SpoolSink
from pratique.edge.sweep.spool import Spool
from pratique.errors import InputError
from pratique.home import prepare_home
from pratique.inventory.observed.model import AssetKind
from pratique.settings import Settings, load_settings
from pratique.store.logs import open_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.values.instants import now_utc

_KINDS = tuple(kind.value for kind in AssetKind if kind is not AssetKind.UNKNOWN)


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH…", type=click.Path(path_type=Path))
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
@click.option(
    "--remote-push", "server", default="", metavar="URL", help="Send what was seen to this server."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token for the server.",
)
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Certificates that the server's is checked with; else the system's.",
)
@home_option
@format_option
def sweep(
    paths: tuple[Path, ...],
    asset: str,
    asset_kind: str,
    no_history: bool,
    server: str,
    token_file: Path | None,
    ca_file: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Read what is there, without starting any of it, and write down what was seen.

    PATH is a folder, or a file such as a lock file, an image archive, an SBOM or a CI log. Exit
    code 1 when a release with a known advisory was seen, 3 when part could not be read.
    """
    if not (paths or server):
        raise click.UsageError("say what to sweep: one or more folders or files")
    if bool(server) != (token_file is not None):
        raise click.UsageError("--remote-push and --token-file belong together")
    settings = load_settings(home)
    prepare_home(settings.home)
    with stopping() as stop, shown_progress(form) as progress:
        memory = SweepMemory(settings.home)
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
            notes=memory,
            evidence=EvidenceStore(settings.home / EVIDENCE_FOLDER),
        )
        if server and token_file is not None:
            sys.exit(_push_away(settings, ctx, memory, paths, (server, token_file, ca_file), form))
        with ledger_sink(settings, memory) as (sink, presence):
            report = _run(settings, ctx, memory, sink, paths)
            presence.catch_up()
            evidence = EvidenceStore(settings.home / EVIDENCE_FOLDER)
            report.known_bad = known_bad(report.items, presence.advisories(evidence.get))
    click.echo(render_json(report) if form == "json" else render_text(report))
    sys.exit(exit_code(report))


def _run(
    settings: Settings,
    ctx: SweepContext,
    memory: SweepMemory,
    sink: LookSink,
    paths: tuple[Path, ...],
) -> SweepReport:
    return Sweep(
        ctx,
        readers=all_readers(),
        sink=sink,
        memory=memory,
        home=settings.home,
        fallback=reader_of_named_files(),
    ).run(paths)


@contextmanager
def ledger_sink(
    settings: Settings, memory: SweepMemory
) -> Iterator[tuple[LedgerSink, PresenceStore]]:
    """The ledger of this home, with what an earlier sweep had to spool recorded first."""
    with (
        closing(open_log(settings)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        presence.catch_up()
        sink = LedgerSink(
            log,
            presence.inventory,
            spool=Spool(settings.home / FOLDER / "spool"),
            memory=memory,
            now=now_utc,
        )
        if sink.replay():
            presence.catch_up()
        yield sink, presence


def _push_away(
    settings: Settings,
    ctx: SweepContext,
    memory: SweepMemory,
    paths: tuple[Path, ...],
    where: tuple[str, Path, Path | None],
    form: str,
) -> int:
    """Sweep into the spool of a server and send it; gives the exit code."""
    from pratique.edge.sweep.push import parse_target, push  # noqa: PLC0415 - loads an HTTP client

    server, token_file, ca_file = where
    target = parse_target(server, token_file, ca_file=ca_file)
    name = hashlib.sha256(target.url.encode()).hexdigest()[:16]
    spool = Spool(settings.home / FOLDER / f"push-{name}")
    report = None
    if paths:
        report = _run(settings, ctx, memory, SpoolSink(spool, memory=memory), paths)
    pushed = push(spool, target, stop=ctx.stop, progress=ctx.progress)
    if form == "json":
        click.echo(render_push_json(report, pushed))
    else:
        click.echo(render_push_text(report, pushed))
    undone = pushed.waiting or pushed.refused or pushed.trouble
    unsure = report is not None and (report.gaps_total or report.stopped)
    return EXIT_UNKNOWN if undone or unsure else EXIT_NOTHING_FOUND


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
