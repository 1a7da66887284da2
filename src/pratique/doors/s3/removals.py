"""DeleteObject and DeleteObjects: a key stands no more; sealed versions keep what they had.

Order of durability: the `object-removed` entry, then the row, then the answer. A crash in between
leaves an entry of an object that still stands; whoever asked was not told, and asks again.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from pratique.custody.conditions import check_write
from pratique.custody.entries import object_removed_entry
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import StoredObject, Verb
from pratique.custody.operations import DeleteObject, DeleteObjects, Operation
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_xml import DeleteResult, render_deleted
from pratique.custody.s3_xml_parse import MAX_XML_BYTES, parse_deletions
from pratique.custody.write_ports import WriteState
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bodies import Body, Patience
from pratique.errors import UnavailableError
from pratique.ledger.store import Recorder
from pratique.values.instants import Clock

_AT_ONCE: Final = 50
"""Deletions of one request whose entries wait for the ledger together."""
_MOST_TRIES: Final = 5


class Removals:
    """Answers deletions. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        state: WriteState,
        recorder: Recorder,
        patience: Patience,
        clock: Clock,
    ) -> None:
        self._allowing = allowing
        self._state = state
        self._recorder = recorder
        self._patience = patience
        self._clock = clock

    async def one(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Delete a key; that nothing stands there is fine."""
        assert isinstance(operation, DeleteObject)
        bucket, key = operation.bucket, operation.key
        await self._allowing.allow(caller, asked, Verb.DELETE, bucket, key)
        found = await asyncio.to_thread(self._state.object, bucket, key)
        check_write(asked.headers, etag=found.etag if found is not None else None)
        if found is not None:
            await self._remove(caller, found)
        return web.Response(status=204)

    async def many(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Delete up to a thousand keys; each is allowed or refused by itself."""
        assert isinstance(operation, DeleteObjects)
        body = Body(asked, caller, limit=MAX_XML_BYTES, patience=self._patience)
        asked_for = parse_deletions(await body.read())
        if body.checksum is None and "content-md5" not in body.headers:
            raise S3Error(
                Code.INVALID_REQUEST,
                "a list of deletions needs a Content-MD5 or an x-amz-checksum-",
            )
        results: list[DeleteResult] = []
        for at in range(0, len(asked_for.keys), _AT_ONCE):
            keys = dict.fromkeys(asked_for.keys[at : at + _AT_ONCE])
            work = (self._try(asked, caller, operation.bucket, key) for key in keys)
            results += await asyncio.gather(*work)
        rendered = render_deleted(results, quiet=asked_for.quiet)
        return web.Response(body=rendered, content_type="application/xml")

    async def _try(self, asked: Asked, caller: Caller, bucket: str, key: str) -> DeleteResult:
        try:
            await self._allowing.allow(caller, asked, Verb.DELETE, bucket, key)
            found = await asyncio.to_thread(self._state.object, bucket, key)
            if found is not None:
                await self._remove(caller, found)
        except S3Error as error:
            return DeleteResult(key=key, error=error)
        except (BrokerRefusedError, UnavailableError) as error:
            return DeleteResult(key=key, error=S3Error(Code.SERVICE_UNAVAILABLE, error.message))
        return DeleteResult(key=key, error=None)

    async def _remove(self, caller: Caller, found: StoredObject) -> None:
        """Remove it, and whatever was put there while its entry was written."""
        lease = caller.lease.id
        following: StoredObject | None = found
        for _ in range(_MOST_TRIES):
            if following is None:
                return
            draft = object_removed_entry(following, actor=f"lease:{lease}", lease=lease)
            await self._recorder.record(draft)
            removed = await asyncio.to_thread(
                self._state.remove_object,
                following.dataset,
                following.key,
                at=self._clock(),
                only=following.id,
            )
            self._allowing.forget(found.dataset, found.key)
            if removed is not None:
                return
            following = await asyncio.to_thread(self._state.object, found.dataset, found.key)
        raise S3Error(
            Code.CONDITIONAL_REQUEST_CONFLICT, "the key is being written again and again; try later"
        )
