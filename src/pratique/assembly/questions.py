"""What a command opens for one question: the pages alone, or a desk that vets. Records nothing."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from pratique.assembly.parts import open_upstreams, page_service
from pratique.doors.index.grounds import GroundParts, Grounds
from pratique.doors.index.pages import PageService
from pratique.doors.vet_desk import Desk
from pratique.edge.blobs import DiskBlobStore
from pratique.edge.flights import Flights
from pratique.edge.policy_source import PolicySource
from pratique.edge.test_projects import ADVISORY
from pratique.edge.vetting.indicators import check_known_bad
from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.pool import VettingPool
from pratique.errors import SettingsError
from pratique.home import prepare_home
from pratique.settings import Settings
from pratique.store.control import open_control
from pratique.store.vetting import open_vetting
from pratique.values.instants import Clock, now_utc

log = logging.getLogger(__name__)

_GIB = 1024**3
_MIB = 1024**2


@asynccontextmanager
async def open_pages(settings: Settings, *, clock: Clock = now_utc) -> AsyncIterator[PageService]:
    """The page service alone, for questions from the command line: decides, records nothing.

    Raises: SettingsError, UnavailableError.
    """
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        control = stack.enter_context(closing(open_control(settings)))
        policy = PolicySource(settings.policy_path, builtin=(ADVISORY,))
        upstreams = await open_upstreams(settings, stack, clock)
        yield page_service(settings, control, policy, upstreams, clock, note=lambda _: None)


@asynccontextmanager
async def open_desk(
    settings: Settings, *, index: str, workers: int, clock: Clock = now_utc
) -> AsyncIterator[Desk]:
    """What vets releases and files for a person; decides, and records nothing.

    `workers` may be fewer than the settings say: each takes a second to start.

    Raises: SettingsError, UnavailableError.
    """
    if index not in {one.name for one in settings.index}:
        raise SettingsError(
            f"no index view is called {index!r}",
            expected="one of " + ", ".join(one.name for one in settings.index),
        )
    check_known_bad(settings.vet.known_bad)
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        control = stack.enter_context(closing(open_control(settings)))
        policy = PolicySource(settings.policy_path, builtin=(ADVISORY,))
        upstreams = await open_upstreams(settings, stack, clock)
        pages = page_service(settings, control, policy, upstreams, clock, note=lambda _: None)
        blobs = DiskBlobStore(
            settings.home / "blobs", cap_bytes=int(settings.storage.blob_cap_gib * _GIB)
        )
        downloads = Flights(blobs)
        stack.push_async_callback(downloads.close)
        options = dataclasses.replace(PoolOptions.of(settings.vet), workers=workers)
        pool = await stack.enter_async_context(VettingPool(options))
        grounds = Grounds(
            GroundParts(
                pool=pool,
                facts=stack.enter_context(closing(open_vetting(settings))),
                pages=pages,
                blobs=blobs,
                downloads=downloads,
                upstreams=upstreams,
                clock=clock,
            )
        )
        stack.push_async_callback(grounds.close)
        yield Desk(index=index, pages=pages, grounds=grounds, pool=pool, blobs=blobs, clock=clock)
