"""The door's clock: what it decides by, and whether it may decide.

It never goes back. It learns from the ledger as well, whose newest entries other processes and former
ones wrote; a `clock` entry (`pratique broker accept-clock`) forgives what was later before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.timekeeping import CLOCK_KIND, Timekeeper
from pratique.errors import PratiqueError
from pratique.ledger.store import LogStore
from pratique.values.instants import Clock, Instant

LOOK_SECONDS: Final = 1.0
_LOOK_BACK: Final = 1000
"""Entries that are read at the start."""
_SENTENCE: Final = (
    "this door's clock is behind what it has seen; nothing is served until the clock is right"
)

_log = logging.getLogger(__name__)


class DoorClock:
    """A `Clock` that never goes back, and says when nothing may be decided by it."""

    def __init__(self, wall: Clock, log: LogStore, *, tolerance: timedelta) -> None:
        self._wall = wall
        self._ledger = log
        self._keeper = Timekeeper(tolerance=tolerance)
        self._read = 0
        """Entries of the ledger up to here were looked at; the looking task's own."""

    def __call__(self) -> Instant:
        """The instant to decide by."""
        return self._keeper.at(self._wall())

    @property
    def right(self) -> bool:
        """Whether anything may be decided by it now."""
        return not self._keeper.behind(self._wall())

    def problem(self) -> str:
        """What is wrong, for the operator; empty when nothing is."""
        wall = self._wall()
        return self._keeper.sentence(wall) if self._keeper.behind(wall) else ""

    def check(self) -> None:
        """Raise S3Error, which clients try again, while nothing may be decided."""
        if not self.right:
            raise S3Error(Code.SERVICE_UNAVAILABLE, _SENTENCE, retry_seconds=5.0)

    def look(self) -> None:
        """Learn from what is new in the ledger. Raises: PratiqueError."""
        size = self._ledger.size()
        start = max(self._read, size - _LOOK_BACK)
        for entry in self._ledger.entries(start, size) if start < size else ():
            if entry.kind == CLOCK_KIND:
                self._keeper.accept(entry.recorded_at)
            else:
                self._keeper.learn(entry.recorded_at)
        self._read = size

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look once, then every second until the block ends. Raises: PratiqueError at first."""
        await asyncio.to_thread(self.look)
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look_on(self) -> None:
        told = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.look)
            except PratiqueError as error:
                _log.warning("ledger not read", extra={"error": error.message})
            problem = self.problem()
            if problem != told:
                told = problem
                _log.error(
                    "clock is wrong" if problem else "clock is right", extra={"why": problem}
                )
