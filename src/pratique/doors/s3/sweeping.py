"""Uploads that nobody finishes are forgotten, and what ended uploads left is deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from pratique.doors.s3.uploads import UploadBook
from pratique.errors import PratiqueError
from pratique.values.instants import Clock

SWEEP_SECONDS: Final = 600.0
_log = logging.getLogger(__name__)


class UploadSweep:
    """Runs beside the door, in every process: whoever comes second finds nothing left to do."""

    def __init__(self, book: UploadBook, *, longest: timedelta, clock: Clock) -> None:
        self._book = book
        self._longest = longest
        self._clock = clock

    async def sweep(self) -> int:
        """Forget what is too old; gives how many uploads' parts were deleted.

        Raises: UnavailableError.
        """
        state, now = self._book.state, self._clock()
        for upload_id in await asyncio.to_thread(
            state.expired_uploads, now - self._longest, now=now
        ):
            await asyncio.to_thread(state.abort_upload, upload_id, now=now)
        ended = await asyncio.to_thread(state.ended_with_parts)
        for upload_id in ended:
            await self._book.clear(upload_id)
        await asyncio.to_thread(state.forget_ends, now=now)
        return len(ended)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends."""
        task = asyncio.create_task(self._repeat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except PratiqueError as error:
                _log.warning("uploads were not swept", extra={"error": error.message})
