"""Parts that an open door and a single question are both made of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from pratique.doors.index.loading import IndexView, PageLimits
from pratique.doors.index.pages import PageService
from pratique.edge.pages import DiskPageStore
from pratique.edge.policy_source import PolicySource
from pratique.edge.test_projects import BuiltInUpstream
from pratique.edge.upstream import SimpleUpstream
from pratique.index.ports import ControlState, Upstream
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.values.instants import Clock

log = logging.getLogger(__name__)

_GIB = 1024**3
_MIB = 1024**2


async def open_upstreams(
    settings: Settings, stack: AsyncExitStack, clock: Clock
) -> dict[str, Upstream]:
    """Every upstream by name, ours too."""
    upstreams: dict[str, Upstream] = {}
    for one in settings.upstream:
        upstreams[one.name] = await stack.enter_async_context(SimpleUpstream(one))
    built_in = BuiltInUpstream(clock)
    upstreams[built_in.name] = built_in
    return upstreams


def page_service(
    settings: Settings,
    control: ControlState,
    policy: PolicySource,
    upstreams: dict[str, Upstream],
    clock: Clock,
    *,
    note: Callable[[Draft], None],
) -> PageService:
    """The page service over these parts; `note` takes what should be in the ledger."""
    built_in = next(u for u in upstreams.values() if isinstance(u, BuiltInUpstream))
    return PageService(
        views=[
            IndexView(
                name=index.name,
                upstreams=(*(upstreams[name] for name in index.upstreams), built_in),
            )
            for index in settings.index
        ],
        store=DiskPageStore(Path(settings.home) / "pages"),
        control=control,
        policy=policy,
        clock=clock,
        limits=PageLimits(
            fresh=timedelta(seconds=settings.door.page_seconds),
            stale=timedelta(hours=settings.door.stale_hours),
        ),
        note=note,
    )
