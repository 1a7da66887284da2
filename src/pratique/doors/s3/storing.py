"""Plaintext in, durable encrypted parts out; what does not become an object leaves no part behind."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pratique.custody.envelope import OURS, RANDOM_BYTES, part_name
from pratique.custody.model import PART_BYTES, ObjectId
from pratique.custody.part_writing import ObjectWriter
from pratique.custody.ports import PartStore
from pratique.doors.s3.memory import ByteBudget
from pratique.errors import PratiqueError, UnavailableError

_OVERHEAD: Final = 256 * 1024
"""Of a request besides its part: what waits in the stream and one chunk."""
_WRITES_AT_ONCE: Final = 16
"""Parts that wait for the disk at a time; threads are left for everything else."""
_LOOKED_SECONDS: Final = 0.2
"""In which a process writes some 100 MiB, a tenth of what is left free."""
_log = logging.getLogger(__name__)


class Remembered:
    """Room on a disk, looked at some times a second: small objects cost less than looking for each."""

    def __init__(self, look: Callable[[], int]) -> None:
        self._look = look
        self._found = 0
        self._until = 0.0

    def __call__(self) -> int:
        """Bytes that were free a moment ago."""
        now = time.monotonic()
        if now >= self._until:
            self._found, self._until = self._look(), now + _LOOKED_SECONDS
        return self._found


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Parts that are durable, of an object that nobody can see yet."""

    object: ObjectId
    size: int
    sha256: str


class Storing:
    """Writes objects' parts. One for a process, so that its memory has one limit."""

    def __init__(
        self, parts: PartStore, memory: ByteBudget, *, room: Callable[[], int] | None = None
    ) -> None:
        """`room`: bytes that may still be written where parts lie; None: nobody knows."""
        self._parts = parts
        self._memory = memory
        self._room = room
        self._turns = asyncio.Semaphore(_WRITES_AT_ONCE)

    async def write(
        self,
        object_id: ObjectId,
        key: bytes,
        chunks: AsyncIterator[bytes | memoryview],
        *,
        length: int,
    ) -> Written:
        """Store everything that comes; `length` is what memory is held for.

        Raises: what `chunks` raises, UnavailableError; then no part is left.
        """
        if self._room is not None and self._room() < length:
            # Before the disk is full: ledger and database may lie there too, and reads need them.
            raise UnavailableError(
                "there is no room for this object where parts are kept",
                remedy="make room on that disk; nothing stored is lost",
            )
        held = OURS.ciphertext(min(length, PART_BYTES)) + _OVERHEAD
        async with self._memory.taken(held), self._removed_on_error() as names:
            random = secrets.token_bytes(RANDOM_BYTES)
            writer = ObjectWriter(key, object_id, first_random=random, length=length)
            async for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    if not writer.room:
                        number = writer.number
                        done = writer.next_part(secrets.token_bytes(RANDOM_BYTES))
                        await self._keep(object_id, number, done, names)
                        del done
                    take = writer.room
                    writer.add(view[:take])
                    view = view[take:]
            number = writer.number
            last, digest = writer.finish()
            await self._keep(object_id, number, last, names)
            return Written(object=object_id, size=writer.size, sha256=digest)

    async def remove(self, object_id: ObjectId, size: int) -> None:
        """Delete the parts of something that did not become an object; nothing else waits for it."""
        count = max(1, -(-size // PART_BYTES))
        await self._remove([part_name(object_id, part, 0) for part in range(count)])

    async def _keep(
        self, object_id: ObjectId, part: int, data: bytearray, names: list[str]
    ) -> None:
        name = part_name(object_id, part, 0)
        names.append(name)
        async with self._turns:
            await self._parts.write(name, data)

    @asynccontextmanager
    async def _removed_on_error(self) -> AsyncIterator[list[str]]:
        """Names that are deleted when the block fails, even when its task is cancelled."""
        names: list[str] = []
        try:
            yield names
        except BaseException:
            if names:
                await asyncio.shield(asyncio.ensure_future(self._remove(names)))
            raise

    async def _remove(self, names: list[str]) -> None:
        for name in names:
            try:
                await self._parts.delete(name)
            except PratiqueError as error:
                # `pratique dataset check` finds it: no object has it.
                _log.warning("a part is left over", extra={"error": error.message})
