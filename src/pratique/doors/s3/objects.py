"""GET and HEAD of objects: conditions, ranges, headers; the bytes go through `sending`."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from pratique.custody.conditions import check_read, range_applies, render_http_date
from pratique.custody.model import Copy, Lease, StoredObject, Verb
from pratique.custody.operations import GetObject, Operation
from pratique.custody.ports import Views
from pratique.custody.ranges import Span, parse_range, part_span, parts_count, whole
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import KEPT_HEADERS
from pratique.custody.views import View
from pratique.doors.s3.allowing import REMEMBERED_SECONDS, Allowing
from pratique.doors.s3.auth import Asked, Caller, Question
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.metering import Meter, Meters
from pratique.doors.s3.origins import Origins
from pratique.doors.s3.reads import Journal
from pratique.doors.s3.sending import PIECE_BYTES, Ask, Sender

_MOST_KEPT: Final = 16_384


class _Known(msgspec.Struct):
    """What was decided and found a moment ago for one lease, key and address."""

    version: int
    """Of scopes and objects that it was decided by."""
    until: float
    """Monotonic; a quarter of a second, as datasets and objects are remembered."""
    journal: Journal
    scopes: tuple[str, ...]
    meter: Meter
    stored: StoredObject
    view: View | None
    etag: str
    headers: dict[str, str]
    lines: bytes
    """The same headers as they are sent; empty where they are left to the HTTP library."""


class Ready(NamedTuple):
    """An answer that is ready to be sent."""

    status: int
    lines: bytes
    """Headers of every answer of this object."""
    own_lines: str
    """Headers of this one."""
    start: int
    """Where its bytes begin in the buffer."""
    length: int


class ObjectReads:
    """Answers GetObject and HeadObject. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        confirmation: Confirmation,
        meters: Meters,
        sender: Sender,
        views: Views,
        origins: Origins,
    ) -> None:
        self._origins = origins
        self._allowing = allowing
        self._confirmation = confirmation
        self._meters = meters
        self._sender = sender
        self._views = views
        self._kept: dict[tuple[str, str, str, str, str], _Known] = {}

    async def answer(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """Answer a read over S3. Raises: as `read`."""
        assert isinstance(operation, GetObject)
        return await self.read(asked, caller, operation)

    async def read(
        self,
        asked: Asked,
        caller: Caller,
        operation: GetObject,
        *,
        fixed: StoredObject | None = None,
    ) -> web.StreamResponse:
        """Answer a read of what stands at the key, or of `fixed`: what stood there in a version.

        Raises: S3Error, RefusedError, UnavailableError.
        """
        known = await self._know(asked, caller, operation, fixed)
        span = _span(asked, operation, known)
        headers = known.headers | _own_headers(known, asked, operation, span)
        headers |= self._origins.headers(asked.headers)
        if operation.head:
            headers["Content-Length"] = str(span.length)
            return web.Response(status=_status(span), headers=headers)
        return await self._sender.send(
            asked.request, _ask(known, span, asked), known.meter, headers
        )

    def at_once(
        self, asked: Question, caller: Caller, operation: GetObject, into: memoryview
    ) -> Ready | None:
        """Answer a small read of which nothing has to wait; None for every other one.

        Raises: S3Error, RefusedError, UnavailableError.
        """
        known = self._kept_for(asked, caller, operation, "")
        if known is None or not known.lines or operation.head or operation.overrides:
            return None
        span = _span(asked, operation, known)
        if span.length > PIECE_BYTES:
            return None
        at = self._sender.at_once(_ask(known, span, asked), known.meter, into)
        if at is None:
            return None
        return Ready(
            _status(span), known.lines, _own_lines(known, asked, operation, span), at, span.length
        )

    async def etag(self, lease: Lease, stored: StoredObject) -> str:
        """The quoted ETag that a lease gets with an object."""
        view = await self._views.of(lease, stored) if lease.copy is Copy.MARKED else None
        return etag_of(lease, stored, view)

    async def _know(
        self, asked: Asked, caller: Caller, operation: GetObject, fixed: StoredObject | None
    ) -> _Known:
        """The decision and what it is about; the one of a moment ago while nothing has changed.

        Many ranges of one object come in a row. Scopes are looked at for every piece that is sent, the
        lease's end here; terms never change.
        """
        lease = caller.lease
        version_id = fixed.id if fixed is not None else ""
        kept = self._kept_for(asked, caller, operation, version_id)
        if kept is not None:
            return kept
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        version, until = self._version(), time.monotonic() + REMEMBERED_SECONDS
        await self._allowing.allow(caller, asked, Verb.READ, operation.bucket, operation.key)
        stored = fixed or await self._allowing.object(operation.bucket, operation.key)
        if stored is None:
            raise S3Error(
                Code.NO_SUCH_KEY,
                "the specified key does not exist",
                fields=(("Key", operation.key),),
            )
        view = await self._views.of(lease, stored) if lease.copy is Copy.MARKED else None
        etag = etag_of(lease, stored, view)
        # Also what is answered at once, to no page, says that a page may be answered otherwise.
        headers = _headers(stored, etag) | self._origins.headers({})
        place = (lease.id, operation.bucket, operation.key, asked.address, version_id)
        known = self._kept[place] = _Known(
            version,
            until,
            Journal(lease, operation.bucket),
            self._allowing.scopes_of(caller, operation.bucket),
            self._meters.of(lease),
            stored,
            view,
            etag,
            headers,
            _lines(headers),
        )
        return known

    def _kept_for(
        self, asked: Question, caller: Caller, operation: GetObject, version_id: str
    ) -> _Known | None:
        """What was decided a moment ago, if it still holds."""
        lease = caller.lease
        kept = self._kept.get(
            (lease.id, operation.bucket, operation.key, asked.address, version_id)
        )
        if (
            kept is not None
            and kept.version == self._version()
            and kept.until > time.monotonic()
            and asked.at < lease.not_after
        ):
            return kept
        return None

    def _version(self) -> int:
        """Grows with every change of a scope, and of an object by this process."""
        return self._confirmation.version + self._allowing.version


def etag_of(lease: Lease, stored: StoredObject, view: View | None) -> str:
    """The ETag as this lease sees it: other bytes have another one."""
    if view is None:
        return stored.etag
    own = hashlib.sha256(f"{stored.sha256}\n{lease.id}".encode()).hexdigest()
    return f'"{own[:32]}-1"'


def _span(asked: Question, operation: GetObject, known: _Known) -> Span:
    """The bytes that are asked for. Raises: S3Error, also for a condition that does not hold."""
    stored, etag = known.stored, known.etag
    check_read(asked.headers, etag=etag, modified=stored.created_at)
    text = asked.headers.get("range")
    if operation.part_number is not None:
        if text is not None:
            raise S3Error(
                Code.INVALID_REQUEST, "a read is of a part or of a range, not of both at once"
            )
        return part_span(operation.part_number, stored.size)
    if text is None or not range_applies(asked.headers, etag=etag, modified=stored.created_at):
        return whole(stored.size)
    return parse_range(text, stored.size)


def _headers(stored: StoredObject, etag: str) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": stored.media_type or "application/octet-stream",
        "ETag": etag,
        "Last-Modified": render_http_date(stored.created_at),
        # What a cache in between keeps, no revocation reaches.
        "Cache-Control": "no-store",
    }
    for name, value in stored.metadata:
        # A colon marks what was a header of its own, such as Content-Encoding (`writes`).
        if not name.startswith(":"):
            headers[f"x-amz-meta-{name}"] = value
        elif name[1:] in KEPT_HEADERS:
            headers[name[1:]] = value
    return headers


def _lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they are sent; none at all if a line might end inside of one."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    plain = all(name.isprintable() and value.isprintable() for name, value in headers.items())
    return text.encode() if plain else b""


def _status(span: Span) -> int:
    return 206 if span.partial else 200


def _ask(known: _Known, span: Span, asked: Question) -> Ask:
    return Ask(
        journal=known.journal,
        scopes=known.scopes,
        stored=known.stored,
        view=known.view,
        start=span.start,
        end=span.end,
        status=_status(span),
        address=asked.address,
        agent=asked.agent,
    )


def _own_headers(
    known: _Known, asked: Question, operation: GetObject, span: Span
) -> dict[str, str]:
    """Headers of this answer alone."""
    headers = _checksum(known, asked) | dict(operation.overrides)
    if operation.part_number is not None:
        headers["x-amz-mp-parts-count"] = str(parts_count(known.stored.size))
    if span.partial:
        headers["Content-Range"] = span.content_range(known.stored.size)
    return headers


def _own_lines(known: _Known, asked: Question, operation: GetObject, span: Span) -> str:
    """The same as they are sent; all values are ours."""
    if span.partial and operation.part_number is None:  # nearly every read
        return f"Content-Range: {span.content_range(known.stored.size)}\r\n"
    headers = _own_headers(known, asked, operation, span)
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def _checksum(known: _Known, asked: Question) -> dict[str, str]:
    """Clients compare a checksum with what they get, so only a whole canonical object carries one."""
    if asked.headers.get("x-amz-checksum-mode", "").upper() != "ENABLED" or known.view is not None:
        return {}
    if "range" in asked.headers or "partNumber=" in asked.query:
        return {}
    digest = base64.b64encode(bytes.fromhex(known.stored.sha256)).decode()
    return {"x-amz-checksum-sha256": digest, "x-amz-checksum-type": "FULL_OBJECT"}
