"""What a process does when scopes stop, beside refusing: the broker is told, and keys are dropped.

Whoever suspended may not have reached the broker: the rule of velocity never does, and a broker may have
been away. So every door tells it what it knows to be stopped, at its start and after each change. It can
only stop scopes there: resuming is for operators (`docs/operate/broker.md`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Hold, HoldId, Scope
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.plaintext import Plaintext
from pratique.errors import UnavailableError

LOOK_SECONDS: Final = 0.2
_AT_A_TIME: Final = 500
_HOLDS_AT_A_TIME: Final = 10
"""A hold names up to 500 vendors; a frame takes a megabyte."""
_FORGET_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


class Stoppable(Protocol):
    """The key broker, as far as stopping goes."""

    async def suspend(self, scopes: Sequence[Scope]) -> None:
        """Give no key below these any more. Raises: BrokerRefusedError, UnavailableError."""
        ...

    async def hold(self, holds: Sequence[Hold]) -> None:
        """Give no key for what these suspensions of parties stop. Raises: as `suspend`."""
        ...


class Stopping:
    """Follows the stopped scopes. Belongs to the event loop's thread."""

    def __init__(
        self, *, confirmation: Confirmation, broker: Stoppable, plaintext: Plaintext
    ) -> None:
        self._confirmation = confirmation
        self._broker = broker
        self._plaintext = plaintext
        self._told: dict[str, int] = {}
        """Epochs at which scopes stopped that the broker has heard of."""
        self._told_holds: set[HoldId] = set()
        self._version = -1
        self._forget_at = 0.0
        self._reached = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Once before the block begins, then until it ends."""
        await self.look()
        task = asyncio.create_task(self._repeat())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look(self) -> None:
        """Do what changes ask for; what the broker has not heard is told again the next time."""
        version, stops = self._confirmation.version, self._confirmation.stops
        if version != self._version or time.monotonic() > self._forget_at:
            # Again after a while: an answer of the broker may have been on its way.
            self._plaintext.forget_stopped(self._confirmation.known_stop)
            self._forget_at = time.monotonic() + _FORGET_SECONDS
        if version == self._version:
            return
        self._told = {scope: epoch for scope, epoch in self._told.items() if scope in stops}
        news = [one for one in stops.values() if self._told.get(one.id) != one.changed_epoch]
        try:
            for at in range(0, len(news), _AT_A_TIME):
                await self._tell(news[at : at + _AT_A_TIME])
            await self._tell_holds()
        except UnavailableError as error:
            if self._reached:
                _log.warning("the key broker was not told", extra={"error": error.message})
            self._reached = False
            return
        self._version, self._reached = version, True

    async def _tell(self, scopes: Sequence[Scope]) -> None:
        try:
            await self._broker.suspend(scopes)
        except BrokerRefusedError as error:  # it has no room; the doors refuse all the same
            _log.error("the key broker refused to stop scopes", extra={"error": error.message})
        self._told.update((one.id, one.changed_epoch) for one in scopes)

    async def _tell_holds(self) -> None:
        standing = self._confirmation.holds
        self._told_holds &= set(standing)
        news = [hold for name, hold in standing.items() if name not in self._told_holds]
        for at in range(0, len(news), _HOLDS_AT_A_TIME):
            await self._tell_some(news[at : at + _HOLDS_AT_A_TIME])

    async def _tell_some(self, holds: Sequence[Hold]) -> None:
        try:
            await self._broker.hold(holds)
        except BrokerRefusedError as error:
            _log.error("the key broker refused to stop a party", extra={"error": error.message})
        self._told_holds.update(hold.id for hold in holds)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()
