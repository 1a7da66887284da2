"""Completion of uploads: staged parts become one object, read again and written in parts of 64 MiB.

One process completes an upload at a time: it holds a claim in the store and renews it. Who asks for the
same completion meanwhile, as SDKs do after a lost connection, waits and gets the same answer; so does who
asks again afterwards.

Order of durability: parts of the object, `object` entry, row of the object and end of the upload in one
transaction, answer, then staged parts are deleted. A crash before the transaction leaves the upload as
it was.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from pratique.custody.model import StoredObject, Verb
from pratique.custody.operations import CompleteMultipartUpload, Operation
from pratique.custody.ports import KeyBroker, PartStore, Upload
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_xml import render_upload_completed
from pratique.custody.s3_xml_parse import MAX_XML_BYTES, NamedPart, parse_completion
from pratique.custody.upload_checks import WholeChecksum, named_parts
from pratique.custody.upload_ids import no_such_upload, stored_id
from pratique.custody.write_ports import StagedPart
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bodies import Body, Patience
from pratique.doors.s3.intake import fresh_key
from pratique.doors.s3.slow import SlowAnswers
from pratique.doors.s3.staging import StagedReader
from pratique.doors.s3.storing import Storing
from pratique.doors.s3.uploads import UploadBook
from pratique.doors.s3.writes import Committing, Target, conditions_of
from pratique.errors import PratiqueError
from pratique.values.instants import Clock

_RENEW_SECONDS: Final = 8.0
_WAIT_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A completion that may be made."""

    caller: Caller
    asked: Asked
    target: Target
    upload: Upload
    told: str
    """Its id as the sender has it."""
    parts: Sequence[StagedPart]
    whole: WholeChecksum
    claim: str


class Completing:
    """Answers CompleteMultipartUpload."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        broker: KeyBroker,
        parts: PartStore,
        storing: Storing,
        committing: Committing,
        book: UploadBook,
        patience: Patience,
        slow: SlowAnswers,
        clock: Clock,
    ) -> None:
        self._allowing = allowing
        self._broker = broker
        self._parts = parts
        self._storing = storing
        self._committing = committing
        self._book = book
        self._patience = patience
        self._slow = slow
        self._clock = clock

    async def answer(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """Make an object of an upload. Raises: S3Error, UnavailableError, if it is quick."""
        assert isinstance(operation, CompleteMultipartUpload)
        await self._allowing.allow(caller, asked, Verb.WRITE, operation.bucket, operation.key)
        body = Body(asked, caller, limit=MAX_XML_BYTES, patience=self._patience, of_object=False)
        named = parse_completion(await body.read())
        return await self._slow.answer(asked, self._work(asked, caller, operation, named))

    async def _work(
        self,
        asked: Asked,
        caller: Caller,
        operation: CompleteMultipartUpload,
        named: Sequence[NamedPart],
    ) -> bytes:
        stored = await self._complete(asked, caller, operation, named)
        host = asked.headers.get("host", "")
        return render_upload_completed(
            location=f"{asked.request.scheme}://{host}{asked.path}",
            bucket=operation.bucket,
            key=operation.key,
            etag=stored.etag,
        )

    async def _complete(
        self,
        asked: Asked,
        caller: Caller,
        operation: CompleteMultipartUpload,
        named: Sequence[NamedPart],
    ) -> StoredObject:
        claim = secrets.token_hex(8)
        upload = await self._claimed(caller, operation, claim)
        if isinstance(upload, StoredObject):
            return upload
        try:
            staged = await asyncio.to_thread(self._book.state.staged_parts, upload.id)
            parts = named_parts(named, {part.number: part for part in staged})
            dataset = await self._allowing.allow(
                caller, asked, Verb.WRITE, upload.dataset, upload.key
            )
            target = Target(
                dataset=dataset,
                key=upload.key,
                media_type=upload.media_type,
                metadata=upload.metadata,
                conditions=conditions_of(asked.headers),
            )
            await self._committing.check(caller.lease, target)
            job = _Job(
                caller=caller,
                asked=asked,
                target=target,
                upload=upload,
                told=operation.upload_id,
                parts=parts,
                whole=WholeChecksum(asked.headers, parts),
                claim=claim,
            )
            stored = await self._assemble(job)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._release(upload.id, claim)))
            raise
        with suppress(PratiqueError):  # the sweep deletes what stays
            await self._book.clear(upload.id)
        return stored

    async def _assemble(self, job: _Job) -> StoredObject:
        key = await self._book.key(job.caller, job.upload, job.told, job.target.dataset)
        fresh = await fresh_key(self._broker, job.caller.lease, job.target.dataset)
        size = sum(part.size for part in job.parts)
        written = await self._storing.write(
            fresh.object, fresh.key, self._plaintext(job, key), length=size
        )
        return await self._committing.commit(
            job.caller,
            job.asked,
            job.target,
            fresh,
            written,
            reason="upload",
            upload=job.upload.id,
            claim=job.claim,
        )

    async def _plaintext(self, job: _Job, key: bytes) -> AsyncIterator[bytes | memoryview]:
        """All parts in order; between pieces the claim is renewed, or lost."""
        reader = StagedReader(self._parts, key)
        renewed = time.monotonic()
        for part in job.parts:
            async for piece in reader.chunks(part):
                if time.monotonic() - renewed > _RENEW_SECONDS:
                    renewed = time.monotonic()
                    if not await self._claim(job.upload.id, job.claim):
                        raise no_such_upload()
                job.whole.update(piece)
                yield piece
        job.whole.finish()
        # Writing the last part and its entry must fit into what the claim is good for.
        if not await self._claim(job.upload.id, job.claim):
            raise no_such_upload()

    async def _claimed(
        self, caller: Caller, operation: CompleteMultipartUpload, claim: str
    ) -> Upload | StoredObject:
        """The upload, ours to complete; or the object that it became while we waited."""
        deadline = time.monotonic() + _WAIT_SECONDS
        bucket, key, upload_id = operation.bucket, operation.key, operation.upload_id
        while True:
            try:
                upload = await self._book.find(caller, bucket, key, upload_id)
            except S3Error:
                return await self._result(caller, operation)
            if await self._claim(upload.id, claim):
                return upload
            if time.monotonic() > deadline:
                raise S3Error(
                    Code.SLOW_DOWN, "the upload is being completed elsewhere", retry_seconds=5.0
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _result(self, caller: Caller, operation: CompleteMultipartUpload) -> StoredObject:
        """What the upload became, for the lease that completed it. Raises: S3Error."""
        state = self._book.state
        object_id = await asyncio.to_thread(state.upload_result, stored_id(operation.upload_id))
        found = None
        if object_id is not None:
            found = await asyncio.to_thread(state.object_by_id, object_id)
        place = (caller.lease.id, operation.bucket, operation.key)
        if found is None or (found.by_lease, found.dataset, found.key) != place:
            raise no_such_upload()
        return found

    async def _claim(self, upload_id: str, claim: str) -> bool:
        return await asyncio.to_thread(
            self._book.state.claim_upload, upload_id, claim, now=self._clock()
        )

    async def _release(self, upload_id: str, claim: str) -> None:
        with suppress(PratiqueError):  # it runs out by itself
            await asyncio.to_thread(
                self._book.state.release_upload, upload_id, claim, now=self._clock()
            )
