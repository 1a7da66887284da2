"""Bytes of files to clients: from a stored blob, through nginx, or from a download under way.

Everything here happens after the decision and after the ledger took the delivery; what remains is
HTTP: conditional requests, ranges, and ending a broken body so that nobody can use it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from pratique.index.etags import if_none_match

_WRITE_SECONDS = 60
"""A client that takes no byte for this long is cut off."""
_LONGEST_RANGE = 40
"""Characters of two numbers of bytes, with room to spare."""
_PIP = re.compile(r"pip/(\d{1,4})\.(\d{1,4})")
_PIP_RESUMES = (25, 1)
_CACHE_CONTROL = "private, no-cache"
"""Content behind a file path never changes, but what is decided of it does: a client that may use
its copy unasked installs a file that was denied since (docs/decisions/0006-files-revalidate.md)."""


@dataclass(slots=True)
class Sent:
    """What became of a body."""

    bytes: int = 0
    complete: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A stored file to answer with."""

    path: Path
    etag: str
    content_type: str
    accel_path: str = ""
    """Internal nginx location of the file; empty when we send it ourselves."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Half-open `[start, stop)` within a file."""

    start: int
    stop: int


class UnsatisfiableRangeError(ValueError):
    """The asked range lies outside the file (416)."""


def asked_range(request: web.BaseRequest, *, size: int, etag: str) -> ByteRange | None:
    """The single byte range to answer, or None for the whole file.

    Several ranges, other units and a failed `If-Range` mean the whole file.
    Raises: UnsatisfiableRangeError. Source: RFC 9110 sections 13.1.5, 14.1.2, 14.2.
    """
    header = request.headers.get("Range")
    if header is None or request.method != "GET":
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != etag:
        return None
    unit, _, spec = header.partition("=")
    if unit.strip().lower() != "bytes" or "," in spec:
        return None
    first, dash, last = spec.strip().partition("-")
    if (
        not dash
        or not (first or last)
        or not (first + last).isdecimal()
        or len(spec) > _LONGEST_RANGE
    ):
        return None
    if not first:
        count = min(int(last), size)
        start, stop = size - count, size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and first and int(last) < int(first):
        return None
    if start >= size or start >= stop:
        raise UnsatisfiableRangeError
    return ByteRange(start, stop)


def takes_part_for_whole(agent: str) -> bool:
    """Whether a client makes nothing of an answer that ends early, by what it calls itself.

    pip before 25.1 and Poetry take what came for the file, and say that it was tampered with. Others
    ask again, and are told why they got no more (tests/clients/test_vetting.py).
    """
    if agent.startswith("poetry/"):
        return True
    pip = _PIP.match(agent)
    return pip is not None and (int(pip[1]), int(pip[2])) < _PIP_RESUMES


def not_modified(request: web.BaseRequest, etag: str) -> bool:
    """Whether the client already holds this very content (RFC 9110 section 13.1.2)."""
    condition = request.headers.get("If-None-Match")
    return condition is not None and if_none_match(condition, etag)


def file_headers(etag: str, content_type: str) -> dict[str, str]:
    """Headers that every answer with or about a file carries; no ETag while the hash is unknown."""
    return {
        **({"ETag": etag} if etag else {}),
        "Content-Type": content_type,
        "Accept-Ranges": "bytes",
        "Cache-Control": _CACHE_CONTROL,
        "X-Content-Type-Options": "nosniff",
    }


async def send_blob(request: web.BaseRequest, body: Body, sent: Sent) -> web.StreamResponse:
    """Answer with a stored file: 200, 206, 304 or 416; HEAD without a body."""
    size = body.path.stat().st_size
    headers = file_headers(body.etag, body.content_type)
    if not_modified(request, body.etag):
        sent.complete = True
        return web.Response(status=304, headers=headers)
    try:
        span = asked_range(request, size=size, etag=body.etag)
    except UnsatisfiableRangeError:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    if body.accel_path:
        # nginx answers ranges itself from the same request headers, by the same rules.
        first, last = (span.start, span.stop) if span else (0, size)
        sent.bytes, sent.complete = last - first, last - first == size
        return web.Response(headers={**headers, "X-Accel-Redirect": body.accel_path})
    start, stop = (span.start, span.stop) if span else (0, size)
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    if span:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    response.content_length = stop - start
    await response.prepare(request)
    if request.method == "HEAD" or start == stop:
        await response.write_eof()
        return response
    await _sendfile(request, body.path, start, stop - start, sent)
    sent.complete = span is None or (start, stop) == (0, size)
    with contextlib.suppress(ConnectionError):
        await response.write_eof()
    return response


async def _sendfile(
    request: web.BaseRequest, path: Path, start: int, count: int, sent: Sent
) -> None:
    transport = request.transport
    if transport is None:
        sent.error = "client left"
        raise ConnectionResetError("client left")
    loop = asyncio.get_running_loop()
    # The file stays open until the last byte is sent: eviction may unlink its name meanwhile.
    with path.open("rb") as file:
        try:
            sent.bytes = await loop.sendfile(transport, file, start, count)
        except (ConnectionError, RuntimeError) as error:
            sent.error = "client left"
            raise ConnectionResetError("client left") from error


async def send_stream(
    request: web.BaseRequest,
    chunks: AsyncGenerator[bytes, None],
    *,
    length: int | None,
    etag: str,
    content_type: str,
    sent: Sent,
) -> web.StreamResponse:
    """Pass a running download on to a client.

    When the download fails, the connection is cut without the last bytes and without a proper
    end, so that the client cannot take what it has for the file.
    """
    response = web.StreamResponse(headers=file_headers(etag, content_type))
    if length is not None:
        response.content_length = length
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        # Closing the reader at once lets go of the download when the client has left.
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                async with asyncio.timeout(_WRITE_SECONDS):
                    await response.write(chunk)
                sent.bytes += len(chunk)
    except ConnectionError:
        sent.error = "client left"
        raise
    except BaseException as error:
        sent.error = type(error).__name__
        if request.transport is not None:
            request.transport.abort()
        raise
    sent.complete = True
    await response.write_eof()
    return response
