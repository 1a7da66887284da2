"""Uploads in parts: begun, filled in any order by any process, listed, aborted.

Everything about an upload stands in the store; a process that dies loses only what it was writing.
Completion is in `completing`.
"""

from __future__ import annotations

import asyncio
import secrets

from aiohttp import web

from pratique.custody.model import Dataset, ObjectId, Verb
from pratique.custody.operations import (
    AbortMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    Operation,
    UploadPart,
)
from pratique.custody.ports import KeyBroker, Upload
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import with_hoisted
from pratique.custody.s3_xml import SentPart, render_parts, render_upload_begun, render_uploads
from pratique.custody.upload_ids import no_such_upload, staging_key, stored_id
from pratique.custody.write_ports import StagedPart, UploadState
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bodies import Body, Patience
from pratique.doors.s3.quota import Quota
from pratique.doors.s3.storing import Storing, Written
from pratique.doors.s3.writes import MOST_AT_ONCE, Target, target_of
from pratique.values.digests import Sha256
from pratique.values.instants import Clock


class UploadBook:
    """Uploads as a lease may see them, and what every call about one does."""

    def __init__(
        self, *, state: UploadState, broker: KeyBroker, storing: Storing, clock: Clock
    ) -> None:
        self.state = state
        self._broker = broker
        self._storing = storing
        self._clock = clock

    async def find(self, caller: Caller, bucket: str, key: str, upload_id: str) -> Upload:
        """The upload, if this lease began it there. Raises: S3Error (NoSuchUpload)."""
        found = await asyncio.to_thread(self.state.upload, stored_id(upload_id))
        if found is None or not _same(found, caller, bucket, key):
            raise no_such_upload()
        return found

    async def key(self, caller: Caller, upload: Upload, told: str, dataset: Dataset) -> bytes:
        """The key of what is staged, for who was told its id.

        Raises: S3Error, BrokerRefusedError, UnavailableError.
        """
        key, _ = await self._broker.staging_key(
            caller.lease.certificate,
            upload.id,
            dataset=upload.dataset,
            wrapped=upload.wrapped_key,
        )
        return staging_key(key, told, sealed=dataset.sealed)

    async def keep(
        self, upload: Upload, number: int, written: Written, checksum: str
    ) -> StagedPart:
        """A part is durable: let it count. Raises: S3Error; then it is removed again."""
        now = self._clock()
        part = StagedPart(
            upload=upload.id,
            number=number,
            stage=written.object,
            size=written.size,
            sha256=Sha256(written.sha256),
            checksum=checksum,
            sent_at=now,
        )
        before = await asyncio.to_thread(self.state.add_part, part, now=now)
        if before is False:
            await self._storing.remove(part.stage, part.size)
            raise no_such_upload()
        if isinstance(before, StagedPart):
            await self._storing.remove(before.stage, before.size)
        return part

    async def clear(self, upload_id: str) -> None:
        """Delete what an upload that has ended staged. Its rows go last."""
        for part in await asyncio.to_thread(self.state.staged_parts, upload_id):
            await self._storing.remove(part.stage, part.size)
        await asyncio.to_thread(self.state.forget_parts, upload_id)


class Uploads:
    """Answers all calls about uploads but completion."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        broker: KeyBroker,
        storing: Storing,
        book: UploadBook,
        patience: Patience,
        quota: Quota,
        clock: Clock,
    ) -> None:
        self._allowing = allowing
        self._broker = broker
        self._quota = quota
        self._storing = storing
        self._book = book
        self._patience = patience
        self._clock = clock

    async def create(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """Begin an upload."""
        assert isinstance(operation, CreateMultipartUpload)
        bucket, key = operation.bucket, operation.key
        dataset = await self._allowing.allow(caller, asked, Verb.WRITE, bucket, key)
        headers = asked.headers
        if caller.claim.presigned:
            headers = with_hoisted(headers, asked.query)
        target = target_of(dataset, key, headers)
        told_id = secrets.token_hex(32 if dataset.sealed else 16)
        upload_id = stored_id(told_id)
        async with self._quota.reserved(caller.lease, size=0, objects=1):
            await self._begin(caller, target, upload_id)
        told = {
            name: headers[name]
            for name in ("x-amz-checksum-algorithm", "x-amz-checksum-type")
            if name in headers
        }
        body = render_upload_begun(bucket=bucket, key=key, upload_id=told_id)
        return web.Response(body=body, headers=told, content_type="application/xml")

    async def _begin(self, caller: Caller, target: Target, upload_id: str) -> None:
        bucket = target.dataset.name
        _, wrapped = await self._broker.staging_key(
            caller.lease.certificate, upload_id, dataset=bucket
        )
        upload = Upload(
            id=upload_id,
            dataset=bucket,
            key=target.key,
            lease=caller.lease.id,
            object=ObjectId(upload_id),
            media_type=target.media_type,
            metadata=target.metadata,
            wrapped_key=wrapped,
            begun_at=self._clock(),
        )
        await asyncio.to_thread(self._book.state.begin_upload, upload)

    async def part(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Take one part; the same number again replaces it."""
        assert isinstance(operation, UploadPart)
        bucket, key = operation.bucket, operation.key
        dataset = await self._allowing.allow(caller, asked, Verb.WRITE, bucket, key)
        upload = await self._book.find(caller, bucket, key, operation.upload_id)
        body = Body(asked, caller, limit=MOST_AT_ONCE, patience=self._patience)
        async with self._quota.reserved(caller.lease, size=body.length, objects=0):
            staging = await self._book.key(caller, upload, operation.upload_id, dataset)
            written = await self._storing.write(
                ObjectId(secrets.token_hex(16)), staging, body.chunks(), length=body.length
            )
            checksum = "=".join(body.checksum) if body.checksum else ""
            part = await self._book.keep(upload, operation.part_number, written, checksum)
        headers = {"ETag": part.etag, "x-amz-server-side-encryption": "AES256"}
        if body.checksum:
            headers[body.checksum[0]] = body.checksum[1]
        return web.Response(headers=headers)

    async def parts(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """What has arrived of an upload."""
        assert isinstance(operation, ListParts)
        bucket, key = operation.bucket, operation.key
        await self._allowing.allow(caller, asked, Verb.WRITE, bucket, key)
        upload = await self._book.find(caller, bucket, key, operation.upload_id)
        found = await asyncio.to_thread(
            self._book.state.staged_parts,
            upload.id,
            after=operation.part_number_marker,
            limit=operation.max_parts + 1,
        )
        page = found[: operation.max_parts]
        sent = [
            SentPart(number=one.number, etag=one.etag, size=one.size, at=one.sent_at)
            for one in page
        ]
        body = render_parts(operation, parts=sent, truncated=len(found) > len(page))
        return web.Response(body=body, content_type="application/xml")

    async def all(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """The lease's own uploads: what others send is not its business."""
        assert isinstance(operation, ListMultipartUploads)
        await self._allowing.allow(caller, asked, Verb.WRITE, operation.bucket, operation.prefix)
        found = await asyncio.to_thread(self._book.state.uploads, operation.bucket)
        mine = [
            one
            for one in sorted(found, key=lambda one: (one.key.encode(), one.begun_at, one.id))
            if one.lease == caller.lease.id and one.key.startswith(operation.prefix)
        ]
        page, prefixes, truncated = _page(operation, mine)
        body = render_uploads(operation, uploads=page, prefixes=prefixes, truncated=truncated)
        return web.Response(body=body, content_type="application/xml")

    async def abort(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Forget an upload and what has arrived of it."""
        assert isinstance(operation, AbortMultipartUpload)
        bucket, key = operation.bucket, operation.key
        await self._allowing.allow(caller, asked, Verb.WRITE, bucket, key)
        upload = await self._book.find(caller, bucket, key, operation.upload_id)
        if not await asyncio.to_thread(self._book.state.abort_upload, upload.id, now=self._clock()):
            raise S3Error(
                Code.CONDITIONAL_REQUEST_CONFLICT,
                "the upload is being completed just now, or has ended; look again in a moment",
            )
        await self._book.clear(upload.id)
        return web.Response(status=204)


def _same(upload: Upload, caller: Caller, bucket: str, key: str) -> bool:
    return (upload.lease, upload.dataset, upload.key) == (caller.lease.id, bucket, key)


def _page(
    asked: ListMultipartUploads, uploads: list[Upload]
) -> tuple[list[Upload], list[str], bool]:
    """Uploads and common prefixes behind the markers."""
    page: list[Upload] = []
    prefixes: list[str] = []
    passed = not asked.upload_id_marker
    for one in uploads:
        if asked.key_marker and one.key.encode() < asked.key_marker.encode():
            continue
        if asked.key_marker and one.key == asked.key_marker:
            skip = not passed or not asked.upload_id_marker
            passed = passed or one.id == asked.upload_id_marker
            if skip:
                continue
        rest = one.key[len(asked.prefix) :]
        cut = rest.find(asked.delimiter) if asked.delimiter else -1
        prefix = one.key[: len(asked.prefix) + cut + len(asked.delimiter)] if cut >= 0 else ""
        if prefix and prefix in prefixes:
            continue
        if len(page) + len(prefixes) >= asked.max_uploads:
            return page, prefixes, True
        if prefix:
            prefixes.append(prefix)
        else:
            page.append(one)
    return page, prefixes, False
