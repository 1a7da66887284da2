"""Connections of the S3 door: what can be answered at once is, everything else goes through aiohttp.

A request that arrives as one plain head (`custody.plain_heads`) while nothing else of its connection is
on its way is shown to `QuickReads` first. As soon as a connection brings anything else, such as half a
head or a body, only the HTTP parser knows where its next request begins, and has it for good.

This looks at four attributes of aiohttp's `RequestHandler` that are not promised;
`tests/s3/test_quick.py` says which, and fails where they mean something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from pratique.custody.plain_heads import parse_plain_head
from pratique.doors.s3.quick import QuickReads


class S3Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_peer", "_plain", "_quick")

    def __init__(
        self,
        server: web.Server,
        quick: QuickReads,
        *,
        loop: asyncio.AbstractEventLoop,
        **more: Any,  # noqa: ANN401 - aiohttp's own options, passed on as they are
    ) -> None:
        super().__init__(server, loop=loop, **more)
        self._quick = quick
        self._peer = ""
        self._plain = True
        """Whether everything that has come so far were plain heads."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer's address is looked up once."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""

    def data_received(self, data: bytes) -> None:
        """Answer at once, or hand on to the parser."""
        if self._plain:
            head = parse_plain_head(data)
            if head is None:
                self._plain = False
            elif (
                self._waits()
                and self.transport is not None
                and self._quick.answer(head, self._peer, self.transport)
            ):
                self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                return
        super().data_received(data)

    def _waits(self) -> bool:
        """Whether the connection has no request on its way, and its reader takes what it gets."""
        waiter = self._waiter
        return (
            waiter is not None
            and not waiter.done()
            and not self._messages
            and not (self._paused or self._close or self._force_close)
        )


class S3Server(web.Server):
    """Makes them."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        quick: QuickReads,
        **more: Any,  # noqa: ANN401 - as above
    ) -> None:
        super().__init__(handler, **more)
        self._quick = quick

    def __call__(self) -> web.RequestHandler:
        """A connection's protocol."""
        return S3Connection(self, self._quick, loop=self._loop, **self._kwargs)
