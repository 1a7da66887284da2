"""What the door does beside answering: coverage marks, eviction, projections, readiness."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from pratique.errors import PratiqueError
from pratique.index.ports import BlobStore, ControlState
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder
from pratique.policy.compile import CompiledPolicy

log = logging.getLogger(__name__)

_ALIVE_SECONDS = 60
"""How often the ledger hears that this door is watching; a longer silence is a gap in coverage."""
_CATCH_UP_SECONDS = 1.0
_ADVISORY_SECONDS = 30.0
_ANSWER_SECONDS = 60.0
_CHECK_SECONDS = 60.0
"""How often it is asked whether parties are to be checked; the settings say how often they all are."""
_EVICT_PAUSE_SECONDS = 5.0
_REST = 9.0
"""Upkeep rests this many times as long as it worked: clients that wait come first."""


class PolicyInForce(Protocol):
    """What upkeep needs of the policy source."""

    problem: str

    def __call__(self) -> CompiledPolicy:
        """The policy in force."""
        ...

    async def refresh_advisories(self) -> None:
        """Read advisories again if they changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepParts:
    """What upkeep works on."""

    node: str
    note: Callable[[Draft], None]
    recorder: Recorder
    blobs: BlobStore
    control: ControlState
    policy: PolicyInForce
    vetting_problem: Callable[[], str]
    """What keeps files from being vetted, in a sentence; empty when nothing does."""
    catch_up: Callable[[], object] | None
    """Applies new ledger entries to the projections; None in workers that leave it to another."""
    answer_incidents: Callable[[], object] | None = None
    """Answers a few open incidents anew; None in workers that leave it to another."""
    check_parties: Callable[[], object] | None = None
    """Checks parties where something is due; None as above."""


class Upkeep:
    """Background work of one process, owned by its event loop."""

    def __init__(self, parts: UpkeepParts) -> None:
        self._parts = parts
        self._blob_added = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends; coverage starts and stops with it."""
        self._watch("start")
        jobs = [
            self._every(_ALIVE_SECONDS, self._alive),
            self._every(_ADVISORY_SECONDS, self._parts.policy.refresh_advisories),
            self._evictions(),
        ]
        if self._parts.catch_up is not None:
            jobs.append(self._every(_CATCH_UP_SECONDS, self._catch_up))
        if self._parts.answer_incidents is not None:
            jobs.append(self._every(_ANSWER_SECONDS, self._answer_incidents))
        if self._parts.check_parties is not None:
            jobs.append(self._every(_CHECK_SECONDS, self._check_parties))
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(PratiqueError):
                self._watch("stop")

    def blob_added(self) -> None:
        """A file was stored: see soon whether others must go."""
        self._blob_added.set()

    def problems(self) -> list[str]:
        """What keeps this process from being ready; empty when nothing does."""
        found = []
        if not self._parts.recorder.healthy:
            found.append("the ledger does not take entries; nothing is let through")
        try:
            self._parts.control.epoch()
        except PratiqueError as error:
            found.append(f"shared state cannot be read: {error.message}")
        self._parts.policy()
        if self._parts.policy.problem:
            found.append(
                f"the newest policy is not in force, the one before is: {self._parts.policy.problem}"
            )
        if problem := self._parts.vetting_problem():
            found.append(problem)
        return found

    def _watch(self, state: str) -> None:
        self._parts.note(
            Draft(
                kind="watch",
                subject=f"collector:index-door/{self._parts.node}",
                actor="door:index",
                body={
                    "state": state,
                    "node": self._parts.node,
                    "mode": "audit" if self._parts.policy().audit else "enforce",
                    "period_seconds": _ALIVE_SECONDS,
                },
            )
        )

    async def _alive(self) -> None:
        self.watching()

    def watching(self) -> None:
        """Mark in the ledger that this door watches."""
        self._watch("alive")

    async def _catch_up(self) -> None:
        if self._parts.catch_up is not None:
            await asyncio.to_thread(self._parts.catch_up)

    async def _answer_incidents(self) -> None:
        if self._parts.answer_incidents is not None:
            await asyncio.to_thread(self._parts.answer_incidents)

    async def _check_parties(self) -> None:
        if self._parts.check_parties is not None:
            await asyncio.to_thread(self._parts.check_parties)

    async def _evictions(self) -> None:
        while True:
            await self._blob_added.wait()
            self._blob_added.clear()
            try:
                await asyncio.to_thread(self._evict)
            except PratiqueError as error:
                log.warning("cannot evict", extra={"error": str(error)})
            await asyncio.sleep(_EVICT_PAUSE_SECONDS)

    def _evict(self) -> None:
        gone = self._parts.blobs.evict(protected=self._parts.control.last_good())
        if gone:
            log.info("evicted files", extra={"count": len(gone)})

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        now = asyncio.get_running_loop().time
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            began = now()
            try:
                await work()
            except PratiqueError as error:
                log.warning("upkeep postponed", extra={"error": str(error)})
            pause = max(seconds, _REST * (now() - began))
