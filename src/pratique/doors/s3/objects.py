"""GET and HEAD of objects: conditions, ranges, headers; the bytes go through `sending`."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Final

import msgspec
from aiohttp import web

from pratique.custody.conditions import check_read, range_applies, render_http_date
from pratique.custody.model import Copy, Lease, StoredObject, Verb
from pratique.custody.operations import GetObject, Operation
from pratique.custody.ports import Views
from pratique.custody.ranges import Span, parse_range, part_span, parts_count, whole
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.views import View
from pratique.doors.s3.allowing import REMEMBERED_SECONDS, Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.metering import Meter, Meters
from pratique.doors.s3.reads import Journal
from pratique.doors.s3.sending import Ask, Sender

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
    ) -> None:
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
        stored, etag = known.stored, known.etag
        check_read(asked.headers, etag=etag, modified=stored.created_at)
        span = _span(asked, operation, stored, etag)
        headers = known.headers.copy()
        _add_checksum(headers, known, asked)
        headers.update(operation.overrides)
        if operation.part_number is not None:
            headers["x-amz-mp-parts-count"] = str(parts_count(stored.size))
        status = 200
        if span.partial:
            status = 206
            headers["Content-Range"] = span.content_range(stored.size)
        if operation.head:
            headers["Content-Length"] = str(span.length)
            return web.Response(status=status, headers=headers)
        ask = Ask(
            journal=known.journal,
            scopes=known.scopes,
            stored=stored,
            view=known.view,
            start=span.start,
            end=span.end,
            status=status,
            address=asked.address,
            agent=asked.agent,
        )
        return await self._sender.send(asked.request, ask, known.meter, headers)

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
        place = (lease.id, operation.bucket, operation.key, asked.address, version_id)
        kept = self._kept.get(place)
        if (
            kept is not None
            and kept.version == self._version()
            and kept.until > time.monotonic()
            and asked.at < lease.not_after
        ):
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
        known = self._kept[place] = _Known(
            version,
            until,
            Journal(lease, operation.bucket),
            self._allowing.scopes_of(caller, operation.bucket),
            self._meters.of(lease),
            stored,
            view,
            etag,
            _headers(stored, etag),
        )
        return known

    def _version(self) -> int:
        """Grows with every change of a scope, and of an object by this process."""
        return self._confirmation.version + self._allowing.version


def etag_of(lease: Lease, stored: StoredObject, view: View | None) -> str:
    """The ETag as this lease sees it: other bytes have another one."""
    if view is None:
        return stored.etag
    own = hashlib.sha256(f"{stored.sha256}\n{lease.id}".encode()).hexdigest()
    return f'"{own[:32]}-1"'


def _span(asked: Asked, operation: GetObject, stored: StoredObject, etag: str) -> Span:
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
        headers[name[1:] if name.startswith(":") else f"x-amz-meta-{name}"] = value
    return headers


def _add_checksum(headers: dict[str, str], known: _Known, asked: Asked) -> None:
    """Clients compare a checksum with what they get, so only a whole canonical object carries one."""
    if asked.headers.get("x-amz-checksum-mode", "").upper() != "ENABLED" or known.view is not None:
        return
    if "range" not in asked.headers and "partNumber=" not in asked.query:
        digest = base64.b64encode(bytes.fromhex(known.stored.sha256)).decode()
        headers["x-amz-checksum-sha256"] = digest
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
