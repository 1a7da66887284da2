"""Bodies of writes: announced, limited, decoded and checked while they arrive.

Checklist of every body:

1. its length is known before its first byte, and within the limit;
2. `100 Continue` is sent only when the body is wanted: what is refused before is never sent;
3. each chunk that is signed is verified before it counts (`custody.aws_chunked`);
4. a sender that stops, or trickles, is told RequestTimeout;
5. at the end every checksum that was sent has been compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from pratique.custody.aws_chunked import ChunkChain, ChunkedBody, parse_decoded_length
from pratique.custody.checksums import BodyCheck, parse_trailer_names
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import with_hoisted
from pratique.custody.sigv4 import Payload
from pratique.doors.s3.auth import Asked, Caller

_LENGTH_DIGITS: Final = 16
_CHUNKED: Final = {
    Payload.STREAMING,
    Payload.STREAMING_TRAILER,
    Payload.STREAMING_UNSIGNED_TRAILER,
}
_OBJECT_CHECKSUM: Final = "x-amz-checksum-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a body may take."""

    idle_seconds: float = 20.0
    """Without a byte."""
    grace_seconds: float = 60.0
    bytes_per_second: int = 4096
    """On the average, after the grace: trickling holds memory that others wait for."""


class Body:
    """One body that is about to be read. Order: `chunks` to its end once, then `checksum`."""

    def __init__(
        self,
        asked: Asked,
        caller: Caller,
        *,
        limit: int,
        patience: Patience,
        of_object: bool = True,
    ) -> None:
        """`of_object`: `x-amz-checksum-` headers are of this body, not of what it talks about.

        Raises: S3Error, before anything of the body was asked for.
        """
        self._asked = asked
        self._patience = patience
        self.headers: Mapping[str, str] = asked.headers
        if caller.claim.presigned:
            self.headers = with_hoisted(asked.headers, asked.query)
        payload = caller.claim.payload
        trailers: tuple[str, ...] = ()
        self._chunked: ChunkedBody | None = None
        if payload in _CHUNKED:
            if payload is not Payload.STREAMING:
                trailers = parse_trailer_names(self.headers)
            self.length = parse_decoded_length(self.headers, limit=limit)
            signed = payload is not Payload.STREAMING_UNSIGNED_TRAILER
            self._chunked = ChunkedBody(
                payload,
                decoded_length=self.length,
                chain=ChunkChain(caller.claim, caller.key) if signed else None,
                trailer_names=trailers,
            )
        else:
            self.length = _content_length(asked, limit)
        exact = caller.claim.content_sha256 if payload is Payload.EXACT else ""
        checked = self.headers if of_object else _without_checksums(self.headers)
        self._check = BodyCheck(checked, content_sha256=exact, trailers=trailers)
        self._left = self.length

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Header and value of the checksum that the sender chose, for the answer."""
        return self._check.checksum

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was sent, decoded, in order; it is proven only when the iteration has ended.

        Raises: S3Error; ConnectionError when the sender is gone.
        """
        request, decoder = self._asked.request, self._chunked
        await self._invite(request)
        began = time.monotonic()
        arrived = 0
        while True:
            data = await next_piece(request, self._patience)
            if not data:
                break
            arrived += len(data)
            self._check_pace(time.monotonic() - began, arrived)
            for piece in decoder.feed(data) if decoder is not None else (data,):
                self._check.update(piece)
                self._left -= len(piece)
                yield piece
        if decoder is not None:
            decoder.close()
        elif self._left:
            raise S3Error(Code.INCOMPLETE_BODY, "the body is shorter than its Content-Length")
        self._check.finish(decoder.trailers if decoder is not None else None)

    async def read(self) -> bytes:
        """All of a small body."""
        return b"".join([piece async for piece in self.chunks()])

    async def _invite(self, request: web.BaseRequest) -> None:
        if self._asked.headers.get("expect", "").lower() == "100-continue":
            transport = request.transport
            if transport is None:
                raise ConnectionResetError("the client is gone")
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _check_pace(self, seconds: float, arrived: int) -> None:
        late = seconds - self._patience.grace_seconds
        if late > 0 and arrived < late * self._patience.bytes_per_second:
            raise _slow()


async def read_form(asked: Asked, *, limit: int, patience: Patience) -> bytes:
    """A small body whose sender proves itself by what is in it, or by a signature over its hash.

    Raises: S3Error; ConnectionError when the sender is gone.
    """
    wanted = _content_length(asked, limit)
    data = bytearray()
    try:
        async with asyncio.timeout(patience.idle_seconds):
            while len(data) < wanted:
                piece = await next_piece(asked.request, patience)
                if not piece:
                    break
                data += piece
    except TimeoutError:
        raise _slow() from None
    if len(data) < wanted:
        raise S3Error(Code.INCOMPLETE_BODY, "the body is shorter than its Content-Length")
    return bytes(data)


async def next_piece(request: web.BaseRequest, patience: Patience) -> bytes:
    """What has arrived; empty at the end. Raises: S3Error, ConnectionError."""
    try:
        async with asyncio.timeout(patience.idle_seconds):
            return await request.content.readany()
    except TimeoutError:
        raise _slow() from None
    except (ClientError, HttpProcessingError, web.RequestPayloadError) as error:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client went away while it sent") from error
        raise S3Error(Code.INCOMPLETE_BODY, "the body could not be read to its end") from error


def _content_length(asked: Asked, limit: int) -> int:
    text = asked.headers.get("content-length")
    if text is None or "transfer-encoding" in asked.headers:
        if text is None and not asked.request.can_read_body:
            return 0
        raise S3Error(
            Code.MISSING_CONTENT_LENGTH,
            "a body needs a Content-Length, or aws-chunked with its own",
        )
    if not (text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS):
        raise S3Error(Code.INVALID_ARGUMENT, "Content-Length is no number of bytes")
    if int(text) > limit:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"one request writes at most {limit} bytes")
    return int(text)


def _without_checksums(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith(_OBJECT_CHECKSUM)}


def _slow() -> S3Error:
    return S3Error(
        Code.REQUEST_TIMEOUT,
        "the body came too slowly or stopped coming; nothing of it was kept, send it again",
    )
