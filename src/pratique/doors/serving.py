"""Sockets, TLS and the life of one serving process."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pratique.assembly import OpenDoor, open_door
from pratique.edge.tls import ensure_local_tls
from pratique.errors import SettingsError
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
    with _bound(host, port, shared=settings.door.workers > 1) as bound:
        real_port = bound.getsockname()[1]
        tls, authority = _tls(settings, host, clock)
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


def parse_listen(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`; an IPv6 address stands in brackets.

    Raises: SettingsError.
    """
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - highest port
        raise SettingsError(
            f"cannot listen on {text!r}", expected="HOST:PORT, such as 127.0.0.1:8420"
        )
    return host, int(port)


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        version = ipaddress.ip_address(host).version
        family = socket.AF_INET6 if version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    except ValueError:
        family = socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            remedy="stop what listens there, or choose another address with --listen",
        ) from error
    return bound


def _tls(settings: Settings, host: str, clock: Clock) -> tuple[ssl.SSLContext | None, Path | None]:
    certificate, key = settings.door.tls_certificate, settings.door.tls_key
    if not certificate:
        return None, None
    authority = None
    if certificate == "auto":
        files = ensure_local_tls(settings.home / "tls", host, now=clock())
        certificate, key, authority = str(files.certificate), str(files.key), files.authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"cannot use the certificate {certificate}: {error}",
            expected='PEM files in [door] tls_certificate and tls_key, or tls_certificate = "auto"',
        ) from error
    return context, authority


async def wait_for_stop(stop: asyncio.Event) -> None:
    """Wait until the process is asked to end (SIGINT, SIGTERM)."""
    import signal  # noqa: PLC0415 - only a serving process needs it

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
