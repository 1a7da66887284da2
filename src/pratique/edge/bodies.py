"""Bodies of upstream answers, bounded in bytes after decompression and in time.

Compression is undone here and not by the HTTP client, so that a small body which unpacks to
gigabytes is stopped at the limit and never held in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
from isal import isal_zlib
from isal.igzip_lib import IsalError

from pratique.edge.errors import UpstreamContentError, UpstreamError, UpstreamLimitError

_STEP = 256 * 1024
_UNPACK_ERROR: type[Exception] = IsalError  # type: ignore[assignment] # stub: an instance
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}

Translate = Callable[[Exception], UpstreamError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a body may take: in all, and on average once `grace_seconds` are over."""

    total_seconds: float
    least_bytes_per_second: int
    grace_seconds: float


class BodyStream:
    """The raw body of an answer in pieces. Fulfils `index.ports.UpstreamStream`."""

    def __init__(
        self,
        answer: aiohttp.ClientResponse,
        *,
        upstream: str,
        url: str,
        max_bytes: int,
        pace: Pace,
        translate: Translate,
    ) -> None:
        self.length: int | None = answer.content_length
        self._answer = answer
        self._upstream = upstream
        self._url = url
        self._max_bytes = max_bytes
        self._pace = pace
        self._translate = translate

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces, exactly as sent (no decompression).

        Raises: UpstreamError when it stalls, breaks off, drips or exceeds its limit.
        """
        if self.length is not None and self.length > self._max_bytes:
            raise self._too_large()
        clock = asyncio.get_running_loop().time
        received, waited = 0, 0.0
        try:
            before = clock()
            async for chunk in self._answer.content.iter_any():
                # Only our waiting counts: a slow disk of ours is not a slow upstream.
                waited += clock() - before
                received += len(chunk)
                if received > self._max_bytes:
                    raise self._too_large()
                self._check_pace(waited, received)
                yield chunk
                before = clock()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._translate(error) from error

    def _check_pace(self, seconds: float, received: int) -> None:
        late = seconds > self._pace.total_seconds
        counted = seconds - self._pace.grace_seconds
        if late or received < counted * self._pace.least_bytes_per_second:
            raise self._limit(f"the body is too slow ({received} bytes in {seconds:.0f} s)")

    def _too_large(self) -> UpstreamLimitError:
        return self._limit(f"the body is larger than {self._max_bytes} bytes", retry_helps=False)

    def _limit(self, what: str, *, retry_helps: bool = True) -> UpstreamLimitError:
        return UpstreamLimitError(
            upstream=self._upstream, url=self._url, what=what, retry_helps=retry_helps
        )

    async def read(self, *, encoding: str) -> bytes:
        """The whole body, decompressed; `max_bytes` counts before and after decompression.

        Raises: UpstreamError as `chunks`, and for compression that is unknown or broken.
        """
        if encoding in {"", "identity"}:
            return b"".join([chunk async for chunk in self.chunks()])
        if encoding not in _WBITS:
            raise self._content(f"content encoding {encoding[:40]!r}, which was not asked for")
        unpacker = isal_zlib.decompressobj(wbits=_WBITS[encoding])
        parts: list[bytes] = []
        room = self._max_bytes
        try:
            async for chunk in self.chunks():
                packed, part = chunk, b"."
                # An empty part means that everything which was fed in has come out.
                while part and not unpacker.eof:
                    # One byte beyond the room tells "exactly full" from "too large".
                    part = unpacker.decompress(packed, min(_STEP, room + 1))
                    packed = unpacker.unconsumed_tail
                    room -= len(part)
                    if room < 0:
                        raise self._too_large()
                    parts.append(part)
        except _UNPACK_ERROR as error:
            raise self._content(f"broken {encoding} body") from error
        if not unpacker.eof:
            raise self._content(f"{encoding} body that ends early")
        return b"".join(parts)

    def _content(self, what: str) -> UpstreamContentError:
        return UpstreamContentError(
            upstream=self._upstream, url=self._url, what=what, retry_helps=False
        )
