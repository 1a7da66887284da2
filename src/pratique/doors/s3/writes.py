"""PutObject, and the steps by which anything that was written becomes an object.

Order of durability:

1. the parts are durable: a crash leaves parts that no object has, `pratique dataset check` removes them;
2. the `object` entry is (strict): a crash leaves an entry of an object that nobody was told of;
3. the row is, from which moment it stands at its key; what stood there stays in sealed versions;
4. the writer is told.

Whatever fails before 3 leaves the key as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from pratique.custody.conditions import check_write
from pratique.custody.entries import object_entry, object_removed_entry
from pratique.custody.model import Copy, Dataset, Lease, ObjectId, StoredObject, Verb
from pratique.custody.operations import Operation, PutObject
from pratique.custody.ports import KeyBroker, Views
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import KEPT_HEADERS, check_write_headers, parse_metadata
from pratique.custody.write_ports import WriteState
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bodies import Body, Patience
from pratique.doors.s3.intake import FreshKey, fresh_key
from pratique.doors.s3.objects import etag_of
from pratique.doors.s3.quota import Quota
from pratique.doors.s3.storing import Storing, Written
from pratique.ledger.store import Recorder
from pratique.values.digests import Sha256
from pratique.values.instants import Clock

MOST_AT_ONCE: Final = 5 * (1 << 30)
"""Of one PUT or one part of an upload, as S3."""
_CONDITIONS: Final = ("if-match", "if-none-match")
_TYPE_CHARACTERS: Final = 256
_DEFAULT_TYPE: Final = "binary/octet-stream"
"""What S3 says of an object whose sender said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a write goes and what comes along with its bytes."""

    dataset: Dataset
    key: str
    media_type: str
    metadata: tuple[tuple[str, str], ...]
    conditions: Mapping[str, str]
    """`if-match` and `if-none-match`, where they were sent."""


def target_of(dataset: Dataset, key: str, headers: Mapping[str, str]) -> Target:
    """Read the headers of a write. Raises: S3Error for what would be ignored, or cannot be kept."""
    check_write_headers(headers)
    media_type = headers.get("content-type") or _DEFAULT_TYPE
    if len(media_type) > _TYPE_CHARACTERS or not media_type.isprintable():
        raise S3Error(Code.INVALID_ARGUMENT, "Content-Type is too long or no text")
    return Target(
        dataset=dataset,
        key=key,
        media_type=media_type,
        metadata=parse_metadata(headers) + _kept_headers(headers),
        conditions=conditions_of(headers),
    )


def conditions_of(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The conditions of a write."""
    return {name: headers[name] for name in _CONDITIONS if name in headers}


class Committing:
    """The last steps of every write. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        state: WriteState,
        recorder: Recorder,
        storing: Storing,
        views: Views,
        clock: Clock,
    ) -> None:
        self._allowing = allowing
        self._state = state
        self._recorder = recorder
        self._storing = storing
        self._views = views
        self._clock = clock

    async def check(self, lease: Lease, target: Target) -> StoredObject | None:
        """What stands at the key, if the conditions let it be written. Raises: S3Error.

        Without a condition nobody looks: whatever stands there is replaced.
        """
        if not target.conditions:
            return None
        found = await asyncio.to_thread(self._state.object, target.dataset.name, target.key)
        etag = None
        if found is not None:
            view = None
            if lease.copy is Copy.MARKED and Verb.READ in lease.verbs:
                view = await self._views.of(lease, found)
            etag = etag_of(lease, found, view)
        check_write(target.conditions, etag=etag)
        return found

    async def commit(
        self,
        caller: Caller,
        asked: Asked,
        target: Target,
        fresh: FreshKey,
        written: Written,
        *,
        reason: str,
        upload: str = "",
        claim: str = "",
    ) -> StoredObject:
        """Let it be an object. `upload` and `claim`: what ends with it.

        Raises: S3Error, UnavailableError; its parts are removed where it is sure that it is none.
        """
        stored = self._stored(caller.lease, target, fresh, written)
        try:
            # Minutes may have passed since the first byte.
            now = msgspec.structs.replace(asked, at=self._clock())
            await self._allowing.allow(caller, now, Verb.WRITE, stored.dataset, stored.key)
            before = await self.check(caller.lease, target)
            actor = f"lease:{caller.lease.id}"
            await self._recorder.record(object_entry(stored, reason=reason, actor=actor))
        except BaseException:
            await asyncio.shield(
                asyncio.ensure_future(self._storing.remove(stored.id, stored.size))
            )
            raise
        expected: ObjectId | None = before.id if before is not None else None
        done = await asyncio.to_thread(
            self._state.commit_object,
            stored,
            conditional=bool(target.conditions),
            expected=expected,
            upload=upload,
            claim=claim,
        )
        self._allowing.forget(stored.dataset, stored.key)
        if not done:
            await self._take_back(stored, actor)
            raise S3Error(
                Code.CONDITIONAL_REQUEST_CONFLICT,
                "somebody else wrote this key in the same moment; nothing was written, try again",
            )
        return stored

    async def _take_back(self, stored: StoredObject, actor: str) -> None:
        """Its entry is in the ledger and it is no object: say so there."""
        await self._recorder.record(
            object_removed_entry(stored, actor=actor, lease=stored.by_lease)
        )
        await self._storing.remove(stored.id, stored.size)

    def _stored(
        self, lease: Lease, target: Target, fresh: FreshKey, written: Written
    ) -> StoredObject:
        return StoredObject(
            id=fresh.object,
            dataset=target.dataset.name,
            key=target.key,
            size=written.size,
            sha256=Sha256(written.sha256),
            media_type=target.media_type,
            metadata=target.metadata,
            wrapped_key=fresh.wrapped,
            created_at=self._clock(),
            by_lease=lease.id,
        )


class ObjectWrites:
    """Answers PutObject."""

    def __init__(
        self,
        *,
        allowing: Allowing,
        broker: KeyBroker,
        storing: Storing,
        committing: Committing,
        patience: Patience,
        quota: Quota,
    ) -> None:
        self._allowing = allowing
        self._broker = broker
        self._storing = storing
        self._committing = committing
        self._patience = patience
        self._quota = quota

    async def put(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Write an object. Raises: S3Error, UnavailableError."""
        assert isinstance(operation, PutObject)
        dataset = await self._allowing.allow(
            caller, asked, Verb.WRITE, operation.bucket, operation.key
        )
        body = Body(asked, caller, limit=MOST_AT_ONCE, patience=self._patience)
        target = target_of(dataset, operation.key, body.headers)
        await self._committing.check(caller.lease, target)
        async with self._quota.reserved(caller.lease, size=body.length, objects=1):
            fresh = await fresh_key(self._broker, caller.lease, dataset)
            written = await self._storing.write(
                fresh.object, fresh.key, body.chunks(), length=body.length
            )
            stored = await self._committing.commit(
                caller, asked, target, fresh, written, reason="put"
            )
        return web.Response(headers=written_headers(stored, body.checksum))


def written_headers(stored: StoredObject, checksum: tuple[str, str] | None) -> dict[str, str]:
    """What the writer of an object is told."""
    headers = {"ETag": stored.etag, "x-amz-server-side-encryption": "AES256"}
    if checksum is not None:
        headers[checksum[0]] = checksum[1]
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return headers


def _kept_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers that readers get back; a colon before the name, which no metadata's name has."""
    kept = []
    for name in KEPT_HEADERS:
        value = headers.get(name, "")
        if name == "content-encoding":
            # It says how the body was sent, not how the object is to be read.
            words = [word.strip() for word in value.split(",")]
            value = ",".join(word for word in words if word and word != "aws-chunked")
        if value:
            if len(value) > _TYPE_CHARACTERS or not value.isprintable():
                raise S3Error(Code.INVALID_ARGUMENT, f"{name} is too long or no text")
            kept.append((f":{name}", value))
    return tuple(kept)
