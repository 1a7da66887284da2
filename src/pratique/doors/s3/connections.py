"""Connections of the S3 door: what can be answered at once is, everything else goes through aiohttp.

A request that arrives as one plain head (`custody.plain_heads`) while nothing else of its connection is
on its way is shown to `QuickReads` first. As soon as a connection brings anything else, such as half a
head or a body, only the HTTP parser knows where its next request begins, and has it for good.

This looks at some attributes of aiohttp's `RequestHandler` that are not promised;
`tests/s3/test_quick.py` says which, and fails where they mean something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from pratique.custody.plain_heads import parse_plain_head
from pratique.custody.s3_errors import S3Error
from pratique.doors.s3.limits import TOO_MANY, ConnectionLimits, HeadGuard, Peers, raw_refusal
from pratique.doors.s3.quick import QuickReads
from pratique.doors.s3.sending import IDLE_SECONDS


class S3Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_guard", "_peer", "_peers", "_plain", "_quick", "_unread")

    def __init__(
        self,
        server: web.Server,
        quick: QuickReads,
        peers: Peers,
        *,
        loop: asyncio.AbstractEventLoop,
        **more: Any,  # noqa: ANN401 - aiohttp's own options, passed on as they are
    ) -> None:
        super().__init__(server, loop=loop, **more)
        self._quick = quick
        self._peers = peers
        self._guard = HeadGuard(loop, self._refuse, seconds=peers.limits.head_seconds)
        self._peer = ""
        self._plain = True
        """Whether everything that has come so far were plain heads."""
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer's address is looked up once."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._peers.enter(self._peer):
            self._refuse(TOO_MANY)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is counted no more."""
        self._guard.finished()
        self._read_on()
        self._peers.leave(self._peer)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader takes nothing: small answers are no streams, which have an end of their own."""
        super().pause_writing()
        if self._unread is None and self.transport is not None:
            self._unread = self._loop.call_later(IDLE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

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
        if self._waits() or not self._request_count:
            if not self._guard.allows(data):
                return
            super().data_received(data)
            if self._waits() or not self._request_count:
                self._guard.unfinished(data)
            else:
                self._guard.finished()
        elif self._in_body() or self._guard.ahead(len(data)):
            super().data_received(data)

    def _in_body(self) -> bool:
        """Whether what comes may be the rest of a body, which has limits of its own."""
        if self._messages:
            return not self._messages[-1][1].is_eof()
        if self._current_request is not None:
            return not self._current_request.content.is_eof()
        return True  # the last request ends just now: what is left of its body is thrown away

    def _refuse(self, error: S3Error) -> None:
        """End the connection with an error that a person reads, and let no more in."""
        transport = self.transport
        if transport is not None and not self._force_close:
            transport.write(raw_refusal(error))
            self._guard.finished()
            self.force_close()

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
        limits: ConnectionLimits,
        **more: Any,  # noqa: ANN401 - as above
    ) -> None:
        super().__init__(handler, **more)
        self._quick = quick
        self._peers = Peers(limits)

    def __call__(self) -> web.RequestHandler:
        """A connection's protocol."""
        return S3Connection(self, self._quick, self._peers, loop=self._loop, **self._kwargs)
