"""The life of one process that serves the S3 door."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pratique.assembly.custody import OpenS3, open_s3
from pratique.doors.s3.connections import S3Server
from pratique.doors.s3.limits import ConnectionLimits
from pratique.doors.s3.sending import SEND_BUFFER_BYTES
from pratique.doors.sockets import bind, parse_listen, tls_context
from pratique.settings import Settings
from pratique.values.instants import Clock, now_utc

_BACKLOG = 1024
_SHUTDOWN_SECONDS = 10.0
_KEEPALIVE_SECONDS = 75.0


class _WithoutRequests(logging.Filter):
    """What cannot be parsed may hold a presigned query or a token, and anybody can send it for ever."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the error's kind, and nothing of what was sent."""
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info = record.exc_text = None
        if error is not None:
            record.msg = f"{record.getMessage()}: {type(error).__name__}"
            record.args = ()
        return not isinstance(error, HttpProcessingError)


_protocol_log = logging.getLogger("pratique.doors.s3.protocol")
_protocol_log.addFilter(_WithoutRequests())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingS3:
    """An S3 door that answers at an address."""

    open: OpenS3
    url: str
    """Endpoint URL without a trailing slash."""
    authority: Path | None
    """PEM file of the local certificate authority, if the door made one."""


def bind_s3(settings: Settings) -> socket.socket:
    """The socket of the S3 door; several processes may serve it. Raises: SettingsError."""
    host, port = parse_listen(settings.custody.s3_listen)
    bound = bind(host, port, shared=False)
    # Connections inherit it: what the kernel holds of a stream still arrives after a cut.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    bound.listen(_BACKLOG)  # who comes before the first process is ready waits for it
    return bound


def url_of(settings: Settings, bound: socket.socket) -> str:
    """Endpoint URL of the door, without a trailing slash."""
    host, port = bound.getsockname()[:2]
    scheme = "https" if settings.door.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        per_peer=settings.custody.s3_connections_per_peer,
        trusted=frozenset(settings.door.trusted_proxies),
        head_seconds=settings.custody.s3_head_seconds,
    )


@asynccontextmanager
async def serve_s3(
    settings: Settings, bound: socket.socket, *, clock: Clock = now_utc
) -> AsyncIterator[ServingS3]:
    """Open the door and answer requests until the block ends. The socket stays the caller's.

    Raises: SettingsError (unreadable certificate), and as `open_s3`.
    """
    tls, authority = tls_context(settings, bound.getsockname()[0], clock)
    async with open_s3(settings, clock=clock) as opened:
        server = S3Server(
            opened.door.handle,
            opened.quick,
            _limits(settings),
            access_log=None,
            logger=_protocol_log,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            auto_decompress=False,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        # Before a handshake is done nobody counts the connection, and by default it has a minute.
        listening = await asyncio.get_running_loop().create_server(
            server,
            sock=bound,
            ssl=tls,
            backlog=_BACKLOG,
            ssl_handshake_timeout=settings.custody.s3_head_seconds if tls is not None else None,
        )
        try:
            yield ServingS3(open=opened, url=url_of(settings, bound), authority=authority)
        finally:
            listening.close()
            await runner.cleanup()
