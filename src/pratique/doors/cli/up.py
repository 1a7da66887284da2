"""`pratique up`: open all doors and keep them open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import click
import msgspec

from pratique.doors.cli.children import child_process
from pratique.doors.cli.logs import configure_logs
from pratique.doors.cli.up_processes import beside
from pratique.doors.serving import Serving, serve, wait_for_stop
from pratique.doors.sockets import parse_listen
from pratique.edge.memory import settle_allocator, settle_collector
from pratique.errors import SettingsError
from pratique.home import prepare_home
from pratique.settings import Settings, default_home, load_settings


@click.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Home folder.")
@click.option("--listen", metavar="HOST:PORT", help="Address to answer at.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that share the address.")
@click.option("--s3-listen", metavar="HOST:PORT|off", help="Address of the S3 door; off: none.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How the start is told; json prints one line.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Log every upstream request and study.")
def up(
    home: Path | None,
    listen: str | None,
    workers: int | None,
    s3_listen: str | None,
    form: str,
    verbose: bool,
) -> None:
    """Open all doors.

    The first start makes the home folder with its settings and policy. Ends on Ctrl-C; what was
    answered before is in the ledger.
    """
    folder = home or default_home()
    first = prepare_home(folder)
    settings = _settings(folder, listen, workers, s3_listen)
    configure_logs(verbose=verbose)
    with beside(settings, verbose=verbose) as found:
        if settings.door.workers == 1:
            asyncio.run(_serve(settings, form=form, first=first, s3_url=found.s3_url))
        else:
            _serve_with_workers(settings, form, found.s3_url, first=first, verbose=verbose)
    if found.failed:
        sys.exit(1)


def _settings(
    home: Path, listen: str | None, workers: int | None, s3_listen: str | None
) -> Settings:
    settings = load_settings(home)
    door, custody = settings.door, settings.custody
    if s3_listen is not None:
        custody = msgspec.structs.replace(custody, s3_listen=s3_listen)
    if listen is not None:
        door = msgspec.structs.replace(door, listen=listen)
    if workers is not None:
        door = msgspec.structs.replace(door, workers=workers)
    _, port = parse_listen(door.listen)
    if door.workers > 1 and port == 0:
        raise SettingsError(
            "several workers need a fixed port", remedy="give --listen HOST:PORT with a port"
        )
    return msgspec.structs.replace(settings, door=door, custody=custody)


async def _serve(
    settings: Settings, *, form: str, first: bool, s3_url: str | None, worker: int = 0
) -> None:
    settle_allocator()
    async with serve(settings, first_worker=worker == 0) as serving:
        settle_collector()
        if worker != 0:
            await wait_for_stop(asyncio.Event())
            return
        _tell(settings, serving, s3_url, form=form, first=first)
        telling = asyncio.create_task(_tell_vetting(serving, form=form))
        await wait_for_stop(asyncio.Event())
        telling.cancel()
        if form == "text":
            click.echo("\nclosing", err=True)


def _tell(
    settings: Settings, serving: Serving, s3_url: str | None, *, form: str, first: bool
) -> None:
    indexes = [f"{serving.url}/{index.name}/simple/" for index in settings.index]
    if form == "json":
        told = {
            "url": serving.url,
            "home": str(settings.home),
            "indexes": indexes,
            "s3": s3_url,
            "authority": str(serving.authority) if serving.authority else None,
            "mode": "audit" if serving.open.policy().audit else "enforce",
            "vetting": settings.vet.mode,
        }
        click.echo(msgspec.json.encode(told))
        sys.stdout.flush()
        return
    mode = "AUDIT MODE: nothing is blocked" if serving.open.policy().audit else "enforcing"
    click.echo(f"Pratique is up at {serving.url} ({mode})")
    click.echo(f"  home      {settings.home}{'  (made just now)' if first else ''}")
    for index in indexes:
        click.echo(f"  pip       pip install --index-url {index} PACKAGE")
        click.echo(f"  uv        UV_DEFAULT_INDEX={index} uv sync")
        click.echo(f"  Poetry    poetry source add --priority=primary pratique {index}")
    if s3_url is not None:
        click.echo(
            f"  S3        AWS_ENDPOINT_URL={s3_url}   (pratique dataset add, then lease grant)"
        )
    if serving.authority is not None:
        click.echo(f"  trust     PIP_CERT={serving.authority} SSL_CERT_FILE={serving.authority}")
    click.echo("  try it    pip install pratique-test-held==2.0   (refused, with the reason)")
    if serving.open.pool is None:
        click.echo("  vetting   OFF: files are not examined ([vet] mode in pratique.toml)")
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()


async def _tell_vetting(serving: Serving, *, form: str) -> None:
    """Say how files are vetted once the workers have started; the door is open meanwhile."""
    pool = serving.open.pool
    if pool is None or form != "text":
        return
    await pool.started()
    click.echo(f"  vetting   {pool.status().sentence}")
    sys.stdout.flush()


# ── several processes ────────────────────────────────────────────────────────────────────────


def _serve_with_workers(
    settings: Settings, form: str, s3_url: str | None, *, first: bool, verbose: bool
) -> None:
    """Start workers and wait; when one ends, all end, so that a supervisor sees it."""
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=_work,
            args=(settings, form, s3_url, first and number == 0, number, verbose),
            daemon=False,
        )
        for number in range(settings.door.workers)
    ]
    for worker in workers:
        worker.start()
    signal.signal(signal.SIGTERM, lambda *_: _stop(workers))
    with contextlib.suppress(KeyboardInterrupt):  # the terminal sent it to every worker too
        multiprocessing.connection.wait([worker.sentinel for worker in workers])
    _stop(workers)
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit(1)


def _stop(workers: Sequence[BaseProcess]) -> None:
    for worker in workers:
        if worker.is_alive():
            worker.terminate()


def _work(
    settings: Settings, form: str, s3_url: str | None, first: bool, number: int, verbose: bool
) -> None:
    with child_process(verbose=verbose):
        logging.getLogger("pratique").info("worker started", extra={"worker": number})
        asyncio.run(_serve(settings, form=form, first=first, s3_url=s3_url, worker=number))
