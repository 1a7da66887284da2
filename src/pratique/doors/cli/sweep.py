"""`pratique sweep`: read what lies on a machine or in a tree, and write down what was seen."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.desk import answer_open_incidents
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
@click.option("--watch", is_flag=True, help="Go on until stopped, and read again what changes.")
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
    watch: bool,
    server: str,
    token_file: Path | None,
    ca_file: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Read what lies on a machine or in a tree, and write down what was seen.

    Nothing that is read is started. PATH is a folder, or a file such as a lock file, an image
    archive, an SBOM or a CI log. Exit code 1 when a release with a recorded advisory was seen, 3
    when part could not be read.
    """
    if not (paths or server):
        raise click.UsageError("say what to sweep: one or more folders or files")
    if bool(server) != (token_file is not None):
        raise click.UsageError("--remote-push and --token-file belong together")
    if watch and not paths:
        raise click.UsageError("say what to watch: one or more folders")
    if paths and not any(os.path.lexists(path) for path in paths):
        raise InputError(
            f"there is nothing at {paths[0]}" + (" or the other paths" if len(paths) > 1 else ""),
            expected="folders or files that are there",
            remedy="check the spelling, and whether it is mounted",
        )
    settings = load_settings(home)
    prepare_home(settings.home)
    with stopping() as stop, shown_progress(form) as progress:
        key = fingerprint_key(settings.home)
        memory = SweepMemory(settings.home)
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
        work = _Work(settings=settings, ctx=ctx, memory=memory, paths=paths, watch=watch, form=form)
        if server and token_file is not None:
            code = _to_server(work, server, token_file, ca_file)
        else:
            code = _to_ledger(work)
            answer_open_incidents(home)
    sys.exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What was asked for."""

    settings: Settings
    ctx: SweepContext
    memory: SweepMemory
    paths: tuple[Path, ...]
    watch: bool
    form: str

    def run(self, sink: LookSink, *, each_period: Callable[[], object]) -> SweepReport:
        """Sweep once, or watch until stopped."""
        if not self.watch:
            return Sweep(
                self.ctx,
                readers=all_readers(),
                sink=sink,
                memory=self.memory,
                home=self.settings.home,
                fallback=reader_of_named_files(),
            ).run(self.paths)
        from pratique.edge.sweep.watch import Watch  # noqa: PLC0415 - loads threads and watchers

        watched = Watch(
            self.ctx,
            readers=all_readers(),
            sink=sink,
            memory=self.memory,
            home=self.settings.home,
            fallback=reader_of_named_files(),
            each_period=each_period,
        ).run(self.paths)
        # It ended because somebody said so, which is how a watch ends.
        return replace(watched.sweep, ended=self.ctx.now(), stopped=False)


def _to_ledger(work: _Work) -> int:
    """Into the ledger of this home; gives the exit code."""
    with ledger_sink(work.settings, work.memory) as (sink, presence):
        report = work.run(sink, each_period=presence.catch_up)
        presence.catch_up()
        evidence = EvidenceStore(work.settings.home / EVIDENCE_FOLDER)
        report.known_bad = known_bad(report.items, presence.advisories(evidence.get))
    click.echo(render_json(report) if work.form == "json" else render_text(report))
    return exit_code(report)


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


def _to_server(work: _Work, server: str, token_file: Path, ca_file: Path | None) -> int:
    """Into the spool of a server, and from there to it; gives the exit code."""
    from pratique.edge.sweep.push import parse_target, push  # noqa: PLC0415 - loads an HTTP client

    target = parse_target(server, token_file, ca_file=ca_file)
    name = hashlib.sha256(target.url.encode()).hexdigest()[:16]
    spool = Spool(work.settings.home / FOLDER / f"push-{name}")
    report = None
    if work.paths:
        sink = SpoolSink(spool, memory=work.memory)
        report = work.run(sink, each_period=lambda: push(spool, target))
    pushed = push(spool, target, progress=work.ctx.progress)
    render = render_push_json if work.form == "json" else render_push_text
    click.echo(render(report, pushed))
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
    kept_back = report.recorded.spooled or report.recorded.set_aside
    unsure = report.gaps_total or report.stopped or kept_back
    return EXIT_UNKNOWN if unsure else EXIT_NOTHING_FOUND
