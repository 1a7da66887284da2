"""CopyObject and UploadPartCopy: a read and a write in one, each as strict as by itself.

The source is read as this lease reads it: allowed, charged to its budget, recorded, and with its own
marks. A copy that were none of these would be a way around them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from pratique.custody.conditions import check_copy_source
from pratique.custody.model import Copy, Dataset, ObjectId, StoredObject, Verb
from pratique.custody.operations import CopyObject, Operation, UploadPartCopy
from pratique.custody.ports import KeyBroker, Views
from pratique.custody.ranges import Span, parse_range, whole
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import with_hoisted
from pratique.custody.s3_xml import render_copied
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.intake import fresh_key
from pratique.doors.s3.metering import Meters
from pratique.doors.s3.objects import etag_of
from pratique.doors.s3.quota import Quota
from pratique.doors.s3.reads import Journal
from pratique.doors.s3.sending import Ask, Sender
from pratique.doors.s3.slow import SlowAnswers
from pratique.doors.s3.storing import Storing
from pratique.doors.s3.uploads import UploadBook
from pratique.doors.s3.writes import MOST_AT_ONCE, Committing, Target, target_of

_COPY_RANGE: Final = "x-amz-copy-source-range"
_RANGE_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyParts:
    """What copies are made with."""

    allowing: Allowing
    broker: KeyBroker
    meters: Meters
    sender: Sender
    views: Views
    storing: Storing
    committing: Committing
    book: UploadBook
    slow: SlowAnswers
    quota: Quota


class Copies:
    """Answers copies."""

    def __init__(self, parts: CopyParts) -> None:
        self._with = parts

    async def copy(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Write an object from another one. Raises: S3Error, RefusedError, UnavailableError."""
        assert isinstance(operation, CopyObject)
        dataset = await self._with.allowing.allow(
            caller, asked, Verb.WRITE, operation.bucket, operation.key
        )
        source, ask = await self._source(
            asked, caller, operation.source_bucket, operation.source_key
        )
        target = _target(asked, caller, operation, dataset, source)
        await self._with.committing.check(caller.lease, target)
        return await self._with.slow.answer(asked, self._copy(asked, caller, target, ask))

    async def part(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Fill one part of an upload from another object, or a range of it."""
        assert isinstance(operation, UploadPartCopy)
        bucket, key = operation.bucket, operation.key
        dataset = await self._with.allowing.allow(caller, asked, Verb.WRITE, bucket, key)
        await self._with.book.find(caller, bucket, key, operation.upload_id)
        _, ask = await self._source(asked, caller, operation.source_bucket, operation.source_key)
        return await self._with.slow.answer(asked, self._part(caller, operation, dataset, ask))

    async def _copy(self, asked: Asked, caller: Caller, target: Target, ask: Ask) -> bytes:
        lease, length = caller.lease, ask.end - ask.start
        async with self._with.quota.reserved(lease, size=length, objects=1):
            fresh = await fresh_key(self._with.broker, lease, target.dataset)
            written = await self._with.storing.write(
                fresh.object,
                fresh.key,
                self._with.sender.plaintext(ask, self._with.meters.of(lease)),
                length=length,
            )
            stored = await self._with.committing.commit(
                caller, asked, target, fresh, written, reason="put"
            )
        return render_copied(etag=stored.etag, at=stored.created_at)

    async def _part(
        self, caller: Caller, operation: UploadPartCopy, dataset: Dataset, ask: Ask
    ) -> bytes:
        upload = await self._with.book.find(
            caller, operation.bucket, operation.key, operation.upload_id
        )
        length = ask.end - ask.start
        async with self._with.quota.reserved(caller.lease, size=length, objects=0):
            written = await self._with.storing.write(
                ObjectId(secrets.token_hex(16)),
                await self._with.book.key(caller, upload, operation.upload_id, dataset),
                self._with.sender.plaintext(ask, self._with.meters.of(caller.lease)),
                length=length,
            )
            part = await self._with.book.keep(upload, operation.part_number, written, "")
        return render_copied(etag=part.etag, at=part.sent_at, part=True)

    async def _source(
        self, asked: Asked, caller: Caller, bucket: str, key: str
    ) -> tuple[StoredObject, Ask]:
        """The source and the read of it, if the lease may read it."""
        allowing, lease = self._with.allowing, caller.lease
        await allowing.allow(caller, asked, Verb.READ, bucket, key)
        stored = await allowing.object(bucket, key)
        if stored is None:
            raise S3Error(
                Code.NO_SUCH_KEY, "the source of the copy does not exist", fields=(("Key", key),)
            )
        view = await self._with.views.of(lease, stored) if lease.copy is Copy.MARKED else None
        headers = _headers(asked, caller)
        check_copy_source(headers, etag=etag_of(lease, stored, view), modified=stored.created_at)
        span = _span(headers, stored)
        if span.length > MOST_AT_ONCE:
            raise S3Error(
                Code.ENTITY_TOO_LARGE,
                f"one copy has at most {MOST_AT_ONCE} bytes; copy it in parts",
            )
        return stored, Ask(
            journal=Journal(lease, bucket),
            scopes=allowing.scopes_of(caller, bucket),
            stored=stored,
            view=view,
            start=span.start,
            end=span.end,
            status=206 if span.partial else 200,
            address=asked.address,
            agent=asked.agent,
        )


def _headers(asked: Asked, caller: Caller) -> Mapping[str, str]:
    return with_hoisted(asked.headers, asked.query) if caller.claim.presigned else asked.headers


def _span(headers: Mapping[str, str], stored: StoredObject) -> Span:
    text = headers.get(_COPY_RANGE)
    if text is None:
        return whole(stored.size)
    first, dash, last = text.removeprefix("bytes=").partition("-")
    # Short numbers of plain digits only; `parse_range` takes what is longer for noise.
    plain = text.isascii() and first.isdigit() and last.isdigit() and len(text) <= _RANGE_CHARACTERS
    if not (text.startswith("bytes=") and dash and plain):
        raise S3Error(Code.INVALID_ARGUMENT, f"{_COPY_RANGE} is bytes=FIRST-LAST")
    span = parse_range(text, stored.size)
    if int(last) >= stored.size:
        raise S3Error(Code.INVALID_ARGUMENT, f"{_COPY_RANGE} ends behind the source")
    return span


def _target(
    asked: Asked, caller: Caller, operation: CopyObject, dataset: Dataset, source: StoredObject
) -> Target:
    headers = _headers(asked, caller)
    target = target_of(dataset, operation.key, headers)
    if operation.replace_metadata:
        return target
    if (source.dataset, source.key) == (dataset.name, operation.key):
        raise S3Error(
            Code.INVALID_REQUEST,
            "a copy onto itself changes nothing unless x-amz-metadata-directive is REPLACE",
        )
    return Target(
        dataset=dataset,
        key=operation.key,
        media_type=source.media_type,
        metadata=source.metadata,
        conditions=target.conditions,
    )
