"""The columns of a table, read from its first file as the lease reads: allowed, charged, recorded."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from pratique.custody.model import SEGMENT_BYTES, StoredObject
from pratique.custody.operations import GetObject
from pratique.custody.parquet_schema import (
    TAIL_BYTES,
    TruncatedError,
    footer_length,
    parse_schema,
)
from pratique.custody.s3_errors import Code, S3Error
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.objects import ObjectReads
from pratique.errors import InputError

_MOST_SCHEMA: Final = 4 * 1024 * 1024
_PIECE: Final = 2 * SEGMENT_BYTES


class Footers:
    """Reads schemas through the door's own reads."""

    def __init__(self, objects: ObjectReads) -> None:
        self._objects = objects

    async def schema(self, asked: Asked, caller: Caller, stored: StoredObject) -> dict[str, Any]:
        """The file's columns. Raises: S3Error, RefusedError, UnavailableError."""
        if stored.size <= TAIL_BYTES:
            raise _not_parquet("it is too short")
        end = stored.size - TAIL_BYTES
        try:
            tail = await self._read(asked, caller, stored, end, stored.size)
            start = end - footer_length(tail, stored.size)
            known = b""
            while True:
                # Ends with a segment: what a segment holds beyond what is needed is paid for anyway.
                stop = (start + len(known) + _PIECE) // SEGMENT_BYTES * SEGMENT_BYTES
                known += await self._read(asked, caller, stored, start + len(known), min(stop, end))
                try:
                    return parse_schema(known)
                except TruncatedError:
                    if start + len(known) >= end or len(known) > _MOST_SCHEMA:
                        raise _not_parquet("its footer ends within the schema") from None
        except InputError as error:
            raise _not_parquet(error.message) from error

    async def _read(
        self, asked: Asked, caller: Caller, stored: StoredObject, start: int, end: int
    ) -> bytes:
        inner = msgspec.structs.replace(
            asked, method="GET", query="", headers={"range": f"bytes={start}-{end - 1}"}
        )
        operation = GetObject(
            bucket=stored.dataset, key=stored.key, head=False, part_number=None, overrides=()
        )
        answer = await self._objects.read(inner, caller, operation, fixed=stored)
        body = answer.body if isinstance(answer, web.Response) else None
        if not isinstance(body, bytes | bytearray | memoryview):
            raise S3Error(Code.INTERNAL_ERROR, "a small read came as a stream")
        return bytes(body)


def _not_parquet(why: str) -> S3Error:
    return S3Error(Code.INVALID_REQUEST, f"the table's first file cannot be read as Parquet: {why}")
