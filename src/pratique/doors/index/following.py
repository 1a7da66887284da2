"""Following the projects that were delivered: new files are vetted ahead, old verdicts kept up.

Once in a while every followed page is looked at although nobody asked: a new file then has its
verdict before its cool-down ends. Files that an earlier engine judged are judged again, and a
verdict that changes is news in the ledger.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pratique.doors.index.locate import Located
from pratique.doors.index.pages import Described, PageService
from pratique.doors.index.vetting import VettingService
from pratique.errors import PratiqueError
from pratique.index.ports import BlobStore
from pratique.values.names import ProjectName

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
"""Between two projects: clients come first, and upstream is not asked in bursts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingParts:
    """What following works with."""

    pages: PageService
    vetting: VettingService
    blobs: BlobStore
    projects: Callable[[str], Sequence[ProjectName]]
    """Names that an index view has met."""
    look_at: Callable[[Described], None]
    """Queues what is to be vetted ahead (`Studies.look_at`)."""
    every_seconds: float


class Following:
    """Background work of one process, owned by its event loop."""

    def __init__(self, parts: FollowingParts) -> None:
        self._parts = parts

    async def run(self) -> None:
        """Go round for ever; a project that cannot be looked at now has its turn next time."""
        while True:
            await self.go_round()
            await asyncio.sleep(self._parts.every_seconds)

    async def go_round(self) -> None:
        """Look at every followed project once."""
        for index in self._parts.pages.views:
            for project in self._parts.projects(index):
                try:
                    await self._look_at(index, project)
                except PratiqueError as error:
                    log.info("project not followed now", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _look_at(self, index: str, project: ProjectName) -> None:
        described = await self._parts.pages.describe(index, project)
        if described is None or not any(f.delivered_before for f in described.facts):
            return
        self._parts.look_at(described)
        for located in self._outdated(described):
            assert located.file.sha256 is not None
            await self._parts.vetting.vet_stored(located, located.file.sha256)

    def _outdated(self, described: Described) -> Iterable[Located]:
        """Delivered files that are stored and were judged by another engine, or by none."""
        for i, (file, facts, _) in enumerate(described.rows):
            if file.sha256 is None or not facts.delivered_before:
                continue
            if self._parts.blobs.path(file.sha256) is None:
                continue
            if not self._parts.vetting.is_of_today(file.sha256):
                yield Located(described=described, position=i)
