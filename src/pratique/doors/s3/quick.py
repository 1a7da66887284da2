"""Small reads that have to wait for nothing, answered in one go.

Nearly every read of a job that goes through a dataset is such a one: its lease, key, decision,
announcement and ciphertext are at hand. Then tasks, request and response objects cost more than
everything that is asked and done. The questions are the same as on the ordinary way and are asked of the
same objects: signature, lease, scopes, budget, ledger. But here there is one answer only, *yes*: what
is refused, unknown or would have to wait is left to the ordinary way, which asks again and finds words.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp.http import SERVER_SOFTWARE

from pratique.custody.operations import GetObject
from pratique.custody.plain_heads import PlainHead
from pratique.custody.requests import classify
from pratique.custody.s3_errors import S3Error
from pratique.doors.s3.auth import Authentication
from pratique.doors.s3.objects import ObjectReads, Ready
from pratique.doors.s3.plaintext import AT_ONCE_BYTES
from pratique.doors.s3.sending import PIECE_BYTES, RefusedError
from pratique.errors import PratiqueError

_log = logging.getLogger(__name__)
_HEAD_BYTES: Final = 16 * 1024
"""Room for the head in front of the bytes, so that both are sent as one."""
_OTHERS: Final = frozenset({"origin", "access-control-request-method"})
"""Headers of web pages, which are answered with headers of their own."""
_LATER: Final = (S3Error, RefusedError, PratiqueError)


class QuickReads:
    """Answers of one process. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        authentication: Authentication,
        objects: ObjectReads,
        domain: str,
        request_id: Callable[[], str],
    ) -> None:
        self._authentication = authentication
        self._objects = objects
        self._domain = domain
        self._request_id = request_id
        self._buffer = _buffer()

    def answer(self, head: PlainHead, peer: str, transport: asyncio.Transport) -> bool:
        """Answer a request; False leaves it, untouched, to the ordinary way."""
        if head.method != "GET" or head.target[:2] == "/_" or not _OTHERS.isdisjoint(head.headers):
            return False
        if _long(head.headers.get("range")):
            return False
        try:
            ready = self._ready(head, peer)
        except _LATER:
            return False
        except Exception:  # noqa: BLE001 - whatever it is, the ordinary way will meet it and tell
            _log.exception("a quick answer failed")
            return False
        if ready is None:
            return False
        lines = _render(ready, self._request_id())
        start = _HEAD_BYTES + ready.start
        begin = start - len(lines)
        self._buffer[begin:start] = lines
        transport.write(self._buffer[begin : start + ready.length])
        if transport.get_write_buffer_size():
            self._buffer = _buffer()  # the transport may hold the old one still
        return True

    def _ready(self, head: PlainHead, peer: str) -> Ready | None:
        asked = self._authentication.question(head.method, head.target, head.headers, peer)
        operation = classify(
            method=asked.method,
            host=asked.headers["host"],
            path=asked.path,
            query=asked.query,
            headers=asked.headers,
            domain=self._domain,
        )
        if not isinstance(operation, GetObject):
            return None
        caller = self._authentication.identify_at_once(asked)
        if caller is None:
            return None
        return self._objects.at_once(asked, caller, operation, self._buffer[_HEAD_BYTES:])


def _buffer() -> memoryview:
    return memoryview(bytearray(_HEAD_BYTES + AT_ONCE_BYTES))


def _long(text: str | None) -> bool:
    """Whether a Range is longer than what is answered here: no signature is checked twice for it."""
    if text is None:
        return False
    first, _, last = text.removeprefix("bytes=").partition("-")
    return first.isdecimal() and not (last.isdecimal() and int(last) - int(first) < PIECE_BYTES)


def _render(ready: Ready, request_id: str) -> bytes:
    status, lines, own_lines, _, length = ready
    own = f"{own_lines}Content-Length: {length}\r\nx-amz-request-id: {request_id}\r\n\r\n"
    return b"".join((_STATUS_LINES[status], _dated(int(time.time())), lines, own.encode()))


_STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() for status in (200, 206)
}


@lru_cache(maxsize=4)
def _dated(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n".encode()
