"""GET and HEAD of objects: conditions, ranges, headers; the bytes go through `sending`."""

from __future__ import annotations

import base64
import hashlib

from aiohttp import web

from pratique.custody.conditions import check_read, range_applies, render_http_date
from pratique.custody.model import Copy, Lease, StoredObject, Verb
from pratique.custody.operations import GetObject, Operation
from pratique.custody.ports import Views
from pratique.custody.ranges import Span, parse_range, part_span, parts_count, whole
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.views import View
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.metering import Meters
from pratique.doors.s3.sending import Ask, Sender


class ObjectReads:
    """Answers GetObject and HeadObject."""

    def __init__(self, *, allowing: Allowing, meters: Meters, sender: Sender, views: Views) -> None:
        self._allowing = allowing
        self._meters = meters
        self._sender = sender
        self._views = views

    async def answer(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """Answer a read. Raises: S3Error, RefusedError, UnavailableError."""
        assert isinstance(operation, GetObject)
        await self._allowing.allow(caller, asked, Verb.READ, operation.bucket, operation.key)
        stored = await self._allowing.object(operation.bucket, operation.key)
        if stored is None:
            raise S3Error(
                Code.NO_SUCH_KEY,
                "the specified key does not exist",
                fields=(("Key", operation.key),),
            )
        view = None
        if caller.lease.copy is Copy.MARKED:
            view = await self._views.of(caller.lease, stored)
        etag = etag_of(caller.lease, stored, view)
        check_read(asked.headers, etag=etag, modified=stored.created_at)
        span = _span(asked, operation, stored, etag)
        headers = _headers(stored, etag, view, asked)
        headers.update(operation.overrides)
        if operation.part_number is not None:
            headers["x-amz-mp-parts-count"] = str(parts_count(stored.size))
        if span.partial:
            headers["Content-Range"] = span.content_range(stored.size)
        status = 206 if span.partial else 200
        if operation.head:
            headers["Content-Length"] = str(span.length)
            return web.Response(status=status, headers=headers)
        ask = Ask(
            lease=caller.lease,
            scopes=self._allowing.scopes_of(caller, operation.bucket),
            stored=stored,
            view=view,
            start=span.start,
            end=span.end,
            status=status,
            address=asked.address,
            agent=asked.agent,
        )
        return await self._sender.send(asked.request, ask, self._meters.of(caller.lease), headers)


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


def _headers(stored: StoredObject, etag: str, view: View | None, asked: Asked) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": stored.media_type or "application/octet-stream",
        "ETag": etag,
        "Last-Modified": render_http_date(stored.created_at),
        # What a cache in between keeps, no revocation reaches.
        "Cache-Control": "no-store",
    }
    for name, value in stored.metadata:
        headers[f"x-amz-meta-{name}"] = value
    if view is None and asked.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        digest = base64.b64encode(bytes.fromhex(stored.sha256)).decode()
        # Clients compare a checksum with what they get, so only a whole object may carry it.
        if "range" not in asked.headers and "partNumber=" not in asked.query:
            headers["x-amz-checksum-sha256"] = digest
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return headers
