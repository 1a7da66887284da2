"""The life of one process that serves the index door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pratique.assembly import OpenDoor, open_door
from pratique.doors.sockets import bind, parse_listen, tls_context
from pratique.settings import Settings
from pratique.values.instants import Clock, now_utc

_BACKLOG = 1024
_SHUTDOWN_SECONDS = 10.0
_KEEPALIVE_SECONDS = 75.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A door that answers at an address."""

    open: OpenDoor
    url: str
    """Base URL without a trailing slash, as people reach it."""
    authority: Path | None
    """PEM file of the local certificate authority, if the door made one."""


@asynccontextmanager
async def serve(
    settings: Settings, *, clock: Clock = now_utc, first_worker: bool = True
) -> AsyncIterator[Serving]:
    """Open the door and answer requests until the block ends.

    The socket is bound first, so that port 0 in `listen` becomes a real port in every link.
    Raises: SettingsError (address in use, unreadable certificate), and as `open_door`.
    """
    host, port = parse_listen(settings.door.listen)
    with bind(host, port, shared=settings.door.workers > 1) as bound:
        real_port = bound.getsockname()[1]
        tls, authority = tls_context(settings, host, clock)
        scheme = "https" if tls is not None else "http"
        shown = f"[{host}]" if ":" in host else host
        url = settings.door.public_url.rstrip("/") or f"{scheme}://{shown}:{real_port}"
        async with open_door(
            settings, public_url=url, clock=clock, first_worker=first_worker
        ) as opened:
            server = web.Server(
                opened.door.handle,
                access_log=None,
                keepalive_timeout=_KEEPALIVE_SECONDS,
                auto_decompress=False,
            )
            runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
            await runner.setup()
            try:
                await web.SockSite(runner, bound, ssl_context=tls, backlog=_BACKLOG).start()
                yield Serving(open=opened, url=url, authority=authority)
            finally:
                await runner.cleanup()


async def wait_for_stop(stop: asyncio.Event) -> None:
    """Wait until the process is asked to end (SIGINT, SIGTERM)."""
    import signal  # noqa: PLC0415 - only a serving process needs it

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
