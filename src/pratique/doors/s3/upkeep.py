"""What a serving process does beside answering: bitmaps, idle slabs, refusals, suspensions by rule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from pratique.doors.s3.metering import Meters
from pratique.doors.s3.refusals import Refusals
from pratique.errors import PratiqueError

SETTLE_SECONDS: Final = 1.0
"""How often paid segments are written: what a crash makes a reader pay for twice."""
RULES_SECONDS: Final = 0.5
"""How soon the entry follows a suspension by rule, which is in force before it."""
REFUSALS_SECONDS: Final = 15.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Runs beside the door. Belongs to the event loop's thread."""

    def __init__(
        self, *, meters: Meters, refusals: Refusals, record_rules: Callable[[], object]
    ) -> None:
        self._meters = meters
        self._refusals = refusals
        self._record_rules = record_rules

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends; then everything is written and given back."""
        tasks = [
            asyncio.create_task(self._repeat(SETTLE_SECONDS, self._settle)),
            asyncio.create_task(self._repeat(RULES_SECONDS, self._record)),
            asyncio.create_task(self._repeat(REFUSALS_SECONDS, self._tell)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._settle_all()
            self._refusals.flush()

    async def _settle(self) -> None:
        await self._meters.settle_idle()

    async def _record(self) -> None:
        await asyncio.to_thread(self._record_rules)

    async def _tell(self) -> None:
        self._refusals.flush()

    async def _settle_all(self) -> None:
        try:
            await self._meters.close()
        except PratiqueError as error:
            # What is not given back is forfeited; nothing may keep the process from ending.
            _log.warning("slabs are forfeited", extra={"error": error.message})

    async def _repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except PratiqueError as error:
                _log.warning("upkeep failed", extra={"error": error.message})
