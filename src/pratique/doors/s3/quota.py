"""What a lease may store is reserved before the first byte of it is accepted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from pratique.custody.budget import Amount
from pratique.custody.model import Lease, Refusal
from pratique.custody.s3_errors import of_refusal
from pratique.custody.write_budget import WriteLimit
from pratique.errors import PratiqueError

_log = logging.getLogger(__name__)


class WriteBudgetState(Protocol):
    """Where it is counted. Safe from any thread; UnavailableError when it is not."""

    def reserve_write(self, lease: Lease, need: Amount, *, limit: WriteLimit) -> Refusal | None:
        """Count what is about to be stored; a refusal counts nothing."""
        ...

    def return_write(self, lease: Lease, amount: Amount) -> None:
        """Give back what was reserved and not stored."""
        ...


class Quota:
    """Reserves for writes, and gives back what failed."""

    def __init__(self, state: WriteBudgetState, limit: WriteLimit) -> None:
        self._state = state
        self._limit = limit

    @asynccontextmanager
    async def reserved(self, lease: Lease, *, size: int, objects: int) -> AsyncIterator[None]:
        """Within the block it is paid for; when the block fails, nothing was stored, and it is given back.

        Raises: S3Error when the budget is too small; UnavailableError.
        """
        amount = Amount(bytes=size, objects=objects)
        refusal = await asyncio.to_thread(
            self._state.reserve_write, lease, amount, limit=self._limit
        )
        if refusal is not None:
            raise of_refusal(refusal)
        try:
            yield
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._give_back(lease, amount)))
            raise

    async def _give_back(self, lease: Lease, amount: Amount) -> None:
        try:
            await asyncio.to_thread(self._state.return_write, lease, amount)
        except PratiqueError as error:
            # It stays counted: errors are against the writer.
            _log.warning("a write is counted that failed", extra={"error": error.message})
