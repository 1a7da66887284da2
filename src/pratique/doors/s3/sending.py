"""Sending an object: allowed, charged and recorded window by window, cut the moment it may not go on.

Windows grow from 1 MiB to 16 MiB: a client that looks at the head of a large object pays for little,
and a long read waits for few entries. While one window is sent, the next one is being paid for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import msgspec
from aiohttp import web

from pratique.custody.authorize import expired
from pratique.custody.model import SEGMENT_BYTES, Copy, Lease, Refusal, Stop, StoredObject
from pratique.custody.ports import Views
from pratique.custody.views import View
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.metering import Meter
from pratique.doors.s3.plaintext import Plaintext
from pratique.doors.s3.reads import Journal, Read, ReadLog
from pratique.errors import PratiqueError
from pratique.values.instants import Clock, now_utc

PIECE_BYTES: Final = 256 * 1024
"""Decrypted and sent at a time; scopes are looked at before each."""
FIRST_WINDOW: Final = 1024 * 1024
LARGEST_WINDOW: Final = 16 * 1024 * 1024
_FIRST_SECONDS: Final = 5.0
"""How long a read waits for its rate before it is told to slow down."""
_MIDWAY_SECONDS: Final = 60.0
"""How long a stream that has begun waits for it: ending it would only bring the client back."""
IDLE_SECONDS: Final = 60.0
"""How long a reader may take for one piece; one that takes longer holds a place that others need."""
SEND_BUFFER_BYTES: Final = 128 * 1024
"""What the kernel and the transport may each hold of a stream: what arrives after a cut."""

_LATE: Final = Refusal(
    stop=Stop.UNSURE, sentence="the read took too long; try again", retry_seconds=1.0
)
_MARKED: Final = Refusal(
    stop=Stop.UNSURE, sentence="the object was marked meanwhile; read it again", retry_seconds=1.0
)
_BROKEN: Final = Refusal(stop=Stop.BROKER, sentence="the read could not be finished")
_IDLE: Final = Refusal(stop=Stop.BROKER, sentence="nothing was read for a minute")
_log = logging.getLogger(__name__)


# A Struct: one is built for every read, in a fifth of the time of a frozen dataclass.
class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A read that is allowed as far as terms go."""

    journal: Journal
    scopes: tuple[str, ...]
    """The lease's, and its dataset's."""
    stored: StoredObject
    view: View | None
    start: int
    end: int
    status: int
    address: str
    agent: str


class RefusedError(Exception):
    """A read that was refused before anything of it was sent."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


class _Stream:
    """A stream on its way, so that it can be cut from outside."""

    def __init__(self, ask: Ask, request: web.BaseRequest) -> None:
        self.scopes = ask.scopes
        self.lease = ask.journal.lease
        self.dataset = ask.stored.dataset
        self._request = request
        self.refusal: Refusal | None = None
        self.moved_at = time.monotonic()
        """When the reader last took a piece."""

    def cut(self, refusal: Refusal) -> None:
        """Drop the connection with all that waits to be sent."""
        if self.refusal is None:
            self.refusal = refusal
            if self._request.transport is not None:
                self._request.transport.abort()


class Sender:
    """Sends objects. Order for every window: scopes → budget → ledger → key → bytes."""

    def __init__(
        self,
        *,
        confirmation: Confirmation,
        reads: ReadLog,
        plaintext: Plaintext,
        views: Views,
        clock: Clock = now_utc,
    ) -> None:
        self._views = views
        self._confirmation = confirmation
        self._reads = reads
        self._plaintext = plaintext
        self._clock = clock

    async def send(
        self, request: web.BaseRequest, ask: Ask, meter: Meter, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer a read. Raises: RefusedError and UnavailableError before the first byte only."""
        if ask.end - ask.start <= PIECE_BYTES:
            return await self._send_small(ask, meter, headers)
        window = _window(ask.start, ask.end, FIRST_WINDOW)
        await self._pay(ask, meter, *window, patience=_FIRST_SECONDS)
        response = web.StreamResponse(status=ask.status, headers=headers)
        response.content_length = ask.end - ask.start
        stream = _Stream(ask, request)
        with (
            self._confirmation.streaming(stream),
            self._until_end(stream, ask.journal.lease),
            _while_moving(stream),
        ):
            self._check(ask)
            try:
                await response.prepare(request)
                await self._stream(response, stream, ask, meter, window)
            except (RefusedError, PratiqueError, ConnectionError) as error:
                # The status is out; an end before the announced length is what clients notice, and
                # when they ask for the rest they are told why.
                _note(ask, error)
                stream.cut(_BROKEN)
        return response

    def at_once(self, ask: Ask, meter: Meter, into: memoryview) -> int | None:
        """A small read of which nothing has to wait: checked, paid, announced, decrypted and noted.

        That the lease has not ended was looked at for this very instant.
        Gives where in `into` (`AT_ONCE_BYTES`) it begins; None where something waits, and then at most paid.
        Raises: RefusedError, UnavailableError.
        """
        stopped = self._confirmation.stopped(ask.scopes, ask.journal.lease, ask.stored.dataset)
        if stopped is not None:
            raise RefusedError(stopped)
        start, end = ask.start, ask.end
        read = _read(ask, start, end)
        if not (
            0 < end - start <= PIECE_BYTES
            and meter.pay_at_once(ask.stored, start, end)
            and self._reads.announced(ask.journal, read)
        ):
            return None
        at = self._plaintext.at_once(ask.journal.lease, ask.stored, start, end, ask.view, into)
        if at is not None:
            self._reads.note(ask.journal, read)
            self._reads.go_on(ask.journal, ask.stored, read)
        return at

    async def plaintext(self, ask: Ask, meter: Meter) -> AsyncIterator[memoryview | bytes]:
        """The same bytes for use inside the door, such as a copy: paid and recorded alike.

        Raises: RefusedError, UnavailableError, also midway.
        """
        start, end = _window(ask.start, ask.end, FIRST_WINDOW)
        largest = min(LARGEST_WINDOW, ask.journal.lease.rate or LARGEST_WINDOW)
        if ask.start == ask.end:
            await self._pay(ask, meter, start, end, patience=_FIRST_SECONDS)
        while start < ask.end:
            await self._pay(ask, meter, start, end, patience=_MIDWAY_SECONDS)
            for at in range(start, end, PIECE_BYTES):
                self._check(ask)
                await asyncio.sleep(0)  # what is cached is read without waiting; others have a turn
                stop = min(end, at + PIECE_BYTES)
                yield await self._plaintext.read(ask.journal.lease, ask.stored, at, stop, ask.view)
            start, end = _window(end, ask.end, min(largest, 2 * (end - start)))

    async def _send_small(
        self, ask: Ask, meter: Meter, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """A read in one piece: announced, then noted with its answer. Nearly always nothing waits."""
        self._check(ask)
        start, end, read = ask.start, ask.end, _read(ask, ask.start, ask.end)
        if not meter.paid(ask.stored, start, end):
            await self._charge(ask, meter, start, end, patience=_FIRST_SECONDS)
        if start == end:
            await self._reads.record(ask.journal, read)
            return web.Response(status=ask.status, body=b"", headers=headers)
        if not self._reads.announced(ask.journal, read):
            await self._reads.announce(ask.journal, ask.stored, read)
        body = await self._plaintext.read(ask.journal.lease, ask.stored, start, end, ask.view)
        self._check(ask)
        if not self._reads.announced(ask.journal, read):
            # Keys or parts took so long that the announcement is over: a crash now would hide this.
            raise RefusedError(_LATE)
        self._reads.note(ask.journal, read)
        return web.Response(status=ask.status, body=bytes(body), headers=headers)

    async def _stream(
        self,
        response: web.StreamResponse,
        stream: _Stream,
        ask: Ask,
        meter: Meter,
        window: tuple[int, int],
    ) -> None:
        largest = min(LARGEST_WINDOW, ask.journal.lease.rate or LARGEST_WINDOW)
        start, end = window
        while end < ask.end:
            following = _window(end, ask.end, min(largest, 2 * (end - start)))
            async with _ahead(self._pay(ask, meter, *following, patience=_MIDWAY_SECONDS)) as paid:
                await self._send_window(response, stream, ask, start, end)
                await paid
            start, end = following
        await self._send_window(response, stream, ask, start, end)

    async def _send_window(
        self, response: web.StreamResponse, stream: _Stream, ask: Ask, start: int, end: int
    ) -> None:
        """Send what is paid for, in pieces that end where encrypted segments do."""
        plaintext, lease = self._plaintext, ask.journal.lease
        while start < end:
            self._check(ask)
            stop = min(end, plaintext.piece_end(start, PIECE_BYTES))
            await response.write(await plaintext.read(lease, ask.stored, start, stop, ask.view))
            stream.moved_at = time.monotonic()
            start = stop

    async def _pay(self, ask: Ask, meter: Meter, start: int, end: int, *, patience: float) -> None:
        """Everything that must be durable before `[start, end)` is disclosed."""
        self._check(ask)
        await self._check_marks(ask)
        await self._charge(ask, meter, start, end, patience=patience)
        read = _read(ask, start, end)
        if start == end or end - start > FIRST_WINDOW:
            await self._reads.record(ask.journal, read)
        else:
            if not self._reads.announced(ask.journal, read):
                await self._reads.announce(ask.journal, ask.stored, read)
            self._reads.note(ask.journal, read)
        await self._plaintext.unlock(ask.journal.lease, ask.stored, start, end, ask.view)

    async def _charge(
        self, ask: Ask, meter: Meter, start: int, end: int, *, patience: float
    ) -> None:
        refusal = await meter.charge(ask.stored, start, end, patience=patience)
        if refusal is not None:
            raise RefusedError(refusal)

    def _check(self, ask: Ask) -> None:
        refusal = self._confirmation.stopped(ask.scopes, ask.journal.lease, ask.stored.dataset)
        if refusal is not None:
            raise RefusedError(refusal)
        if self._clock() >= ask.journal.lease.not_after:
            raise RefusedError(expired(ask.journal.lease))

    async def _check_marks(self, ask: Ask) -> None:
        """A read of canonical bytes by a lease on marked copies ends once the object is marked."""
        lease = ask.journal.lease
        must_be_marked = ask.view is None and lease.copy is Copy.MARKED
        if must_be_marked and await self._views.of(lease, ask.stored) is not None:
            raise RefusedError(_MARKED)

    @contextmanager
    def _until_end(self, stream: _Stream, lease: Lease) -> Iterator[None]:
        """Cut the stream when its lease ends: one that waits for its reader looks at no clock."""
        left = (lease.not_after - self._clock()).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(0.0, left), stream.cut, expired(lease))
        try:
            yield
        finally:
            timer.cancel()


@contextmanager
def _while_moving(stream: _Stream) -> Iterator[None]:
    """Cut the stream when its reader takes nothing for a minute. Looked at now and then, not per piece."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        if time.monotonic() - stream.moved_at > IDLE_SECONDS:
            stream.cut(_IDLE)
        timer = loop.call_later(IDLE_SECONDS / 4, look)

    timer = loop.call_later(IDLE_SECONDS / 4, look)
    try:
        yield
    finally:
        timer.cancel()


def _window(start: int, end: int, length: int) -> tuple[int, int]:
    """The next window, ending where a segment does."""
    stop = (start + length) // SEGMENT_BYTES * SEGMENT_BYTES
    return start, min(end, max(stop, start + SEGMENT_BYTES))


def _read(ask: Ask, start: int, end: int) -> Read:
    """What the ledger says of it."""
    some = end > start
    return Read(
        ask.stored.id,
        0 if ask.view is None else 1,
        start // SEGMENT_BYTES if some else -1,
        (end - 1) // SEGMENT_BYTES if some else -1,
        end - start,
        ask.status,
        ask.address,
        ask.agent,
    )


@asynccontextmanager
async def _ahead(work: Coroutine[None, None, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Work that goes on beside the block; it does not outlive it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError, RefusedError, PratiqueError):
            await task


def _note(ask: Ask, error: Exception) -> None:
    why = error.refusal.stop.value if isinstance(error, RefusedError) else type(error).__name__
    _log.info("stream ended early", extra={"lease": ask.journal.lease.id, "why": why})
