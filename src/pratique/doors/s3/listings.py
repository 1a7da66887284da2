"""Listings: datasets that a lease may see, keys of one, and what tools ask about buckets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import cast

from aiohttp import web

from pratique.custody.listing import Tokens, list_page
from pratique.custody.model import Lease, StoredObject, Verb
from pratique.custody.operations import (
    HeadBucket,
    ListBuckets,
    ListObjects,
    Operation,
    ReadBucketSetting,
)
from pratique.custody.ports import DatasetState
from pratique.custody.requests import MAX_KEYS
from pratique.custody.s3_settings import render_setting
from pratique.custody.s3_xml import render_buckets, render_objects
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller


class _Keys:
    """A dataset's keys, for paging."""

    def __init__(self, state: DatasetState, dataset: str) -> None:
        self._state = state
        self._dataset = dataset

    def after(self, after: str, *, prefix: str, limit: int) -> Sequence[StoredObject]:
        return self._state.objects(self._dataset, prefix=prefix, after=after, limit=limit)


class Listings:
    """Answers ListBuckets, HeadBucket, ListObjects and the reading of sub-resources."""

    def __init__(self, *, allowing: Allowing, state: DatasetState, region: str) -> None:
        self._allowing = allowing
        self._state = state
        self._region = region

    async def buckets(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """The datasets that the lease selects, while it works."""
        assert isinstance(operation, ListBuckets)
        await self._allowing.allow_lease(caller, asked)
        names = sorted({selector.partition("/")[0] for selector in caller.lease.selectors})
        found = [await self._allowing.dataset(name) for name in names]
        return _xml(render_buckets((one.name, one.created_at) for one in found if one is not None))

    async def head(self, asked: Asked, caller: Caller, operation: Operation) -> web.StreamResponse:
        """Whether the dataset is there for this lease."""
        assert isinstance(operation, HeadBucket)
        await self._allow_any(asked, caller, operation.bucket)
        return web.Response(headers={"x-amz-bucket-region": self._region})

    async def setting(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """A sub-resource with a fixed answer."""
        assert isinstance(operation, ReadBucketSetting)
        await self._allow_any(asked, caller, operation.bucket)
        return _xml(render_setting(operation, region=self._region))

    async def objects(
        self, asked: Asked, caller: Caller, operation: Operation
    ) -> web.StreamResponse:
        """One page of keys."""
        assert isinstance(operation, ListObjects)
        bucket, prefix, delimiter = operation.bucket, operation.prefix, operation.delimiter
        await self._allowing.allow(caller, asked, Verb.LIST, bucket, prefix)
        tokens = page_tokens(caller.lease)
        after = operation.after
        if operation.token:
            after = tokens.parse(operation.token, bucket=bucket, prefix=prefix, delimiter=delimiter)
        page = await asyncio.to_thread(
            list_page,
            _Keys(self._state, bucket),
            prefix=prefix,
            delimiter=delimiter,
            after=after,
            limit=min(operation.max_keys, MAX_KEYS),
        )
        token = ""
        if page.truncated:
            token = tokens.render(
                bucket=bucket, prefix=prefix, delimiter=delimiter, after=page.next_after
            )
        return _xml(
            render_objects(
                operation,
                entries=cast("Sequence[StoredObject]", page.entries),
                prefixes=page.prefixes,
                next_after=page.next_after,
                next_token=token,
            )
        )

    async def _allow_any(self, asked: Asked, caller: Caller, bucket: str) -> None:
        """Raise unless the lease has any business with the dataset, through any of its verbs."""
        verb = min(caller.lease.verbs, default=Verb.LIST)
        own = [s for s in caller.lease.selectors if s.partition("/")[0] == bucket]
        prefix = own[0].partition("/")[2] if own else ""
        await self._allowing.allow(caller, asked, verb, bucket, prefix)


def page_tokens(lease: Lease) -> Tokens:
    """A page's end is good for one lease, on every node: they share its certificate, nobody else has it."""
    return Tokens(hashlib.sha256(b"pratique-list-key-1" + lease.certificate).digest())


def _xml(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/xml")
