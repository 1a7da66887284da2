"""A pool whose workers do the deeds of `kit.vetting_jobs`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.pool import VettingPool

PREPARE = "kit.vetting_jobs:prepare"


class OpenPool(Protocol):
    async def __call__(self, **options: Any) -> VettingPool: ...


@pytest.fixture
async def open_pool() -> AsyncIterator[OpenPool]:
    async with AsyncExitStack() as stack:

        async def open_it(**options: Any) -> VettingPool:
            given = {"workers": 1, "prepare": PREPARE, **options}
            return await stack.enter_async_context(VettingPool(PoolOptions(**given)))

        yield open_it
