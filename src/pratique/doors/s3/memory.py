"""Memory for bodies on their way: so much for a process, and who comes later waits his turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from pratique.custody.s3_errors import Code, S3Error

WAIT_SECONDS: Final = 20.0
_MOST_WAITING: Final = 256


class ByteBudget:
    """A semaphore of bytes, first come, first served. Belongs to the event loop's thread.

    While a request waits, its body is not read: TCP tells its sender to wait, too.
    """

    def __init__(self, limit: int, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._free = self._limit = limit
        self._wait_seconds = wait_seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """Bytes that are taken now."""
        return self._limit - self._free

    @asynccontextmanager
    async def taken(self, count: int) -> AsyncIterator[None]:
        """Hold `count` bytes for the block. Raises: S3Error (SlowDown) after a while."""
        count = min(count, self._limit)  # one that is larger than all has it all for itself
        await self._take(count)
        try:
            yield
        finally:
            self._free += count
            self._wake()

    async def _take(self, count: int) -> None:
        if not self._waiting and count <= self._free:
            self._free -= count
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise _busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (count, turn)
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._free += count  # it was given in the same moment
            with suppress(ValueError):
                self._waiting.remove(place)
            self._wake()
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            count, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= count
                turn.set_result(None)


def _busy() -> S3Error:
    return S3Error(
        Code.SLOW_DOWN, "too many writes at once; try again in a moment", retry_seconds=2.0
    )
