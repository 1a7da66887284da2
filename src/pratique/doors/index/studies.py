"""Studying young releases while they wait: new dependencies, and who published them.

A file in cool-down has time. Meanwhile its dependencies are compared with its predecessor's and
its attestation is read, so that the rules `new-dependency` and `provenance` can tell. Nobody waits
for a study: until it is there, those rules say so and the file stays where it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta

from packaging.version import Version

from pratique.doors.index.ages import first_upload
from pratique.doors.index.locate import Located
from pratique.doors.index.pages import Described, PageService
from pratique.doors.index.sidecars import Sidecars
from pratique.doors.index.vetting import VettingService
from pratique.errors import PratiqueError
from pratique.index.attestations import parse_publisher
from pratique.index.core_metadata import dependency_names
from pratique.index.errors import IndexPageError
from pratique.index.ports import FileKnowledge, ReleaseStudy
from pratique.policy.model import FreshDependency, Publisher
from pratique.values.digests import Sha256
from pratique.values.instants import Clock, Instant
from pratique.values.names import DistributionKind, ProjectName

log = logging.getLogger(__name__)

_PER_PAGE = 8
"""Files of one page that are studied per look at it, newest first."""
_QUEUE = 1_000
"""Studies waiting; more are dropped and come back with the next look at their page."""
_QUIET_SECONDS = 2.0
"""A study starts when no page was decided for so long: clients that wait come first."""
_LONGEST_WAIT_SECONDS = 60.0
"""And after this long on a door that is never quiet: files wait for studies too."""
_RETRY = timedelta(minutes=10)
_YOUNG = timedelta(days=14)
"""Attestations are read for files up to this age: PyPI takes no new files for older releases."""
_ATTEMPTS_REMEMBERED = 10_000
_AHEAD_MOST_BYTES = 256 * 1024 * 1024
"""Larger files are vetted when somebody asks for them."""
_TAGS = 3
"""The last parts of a wheel's name: Python, ABI, platform."""

_Key = tuple[str, ProjectName, str]
"""Index view, project, file name."""


class Studies:
    """Runs studies in the background of one event loop."""

    def __init__(
        self,
        *,
        pages: PageService,
        sidecars: Sidecars,
        knowledge: FileKnowledge,
        clock: Clock,
        vetting: VettingService | None = None,
    ) -> None:
        """`vetting` is given when files are vetted ahead of their first download."""
        self._pages = pages
        self._sidecars = sidecars
        self._knowledge = knowledge
        self._clock = clock
        self._vetting = vetting
        self._attempted: OrderedDict[Sha256, Instant] = OrderedDict()
        # Names only: a waiting study must not keep a page of thousands of files in memory.
        self._queue: OrderedDict[_Key, None] = OrderedDict()
        self._looked_at = 0.0
        self._worker: asyncio.Task[None] | None = None

    def look_at(self, described: Described) -> None:
        """Queue what there is to study on a page that was just decided; returns at once."""
        self._looked_at = asyncio.get_running_loop().time()
        if described.stale:
            return
        for located in self._wanted(described):
            if len(self._queue) < _QUEUE:
                self._queue[described.index, located.facts.project, located.file.filename] = None
        if self._queue and (self._worker is None or self._worker.done()):
            self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop studying."""
        self._queue.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until everything queued has been studied."""
        while self._worker is not None and not self._worker.done():
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while self._queue:
            await self._quiet()
            key, _ = self._queue.popitem(last=False)
            await self._study(key)

    async def _quiet(self) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        while True:
            rest = self._looked_at + _QUIET_SECONDS - now()
            if rest <= 0 or now() - began > _LONGEST_WAIT_SECONDS:
                return
            await asyncio.sleep(rest)

    def _wanted(self, described: Described) -> Iterator[Located]:
        now = self._clock()
        horizon = timedelta(hours=described.policy.cool_down(described.project).hours)
        since = now - max(_YOUNG, horizon)
        young = [
            i
            for i, file in enumerate(described.files)
            if file.uploaded_at is not None and file.uploaded_at > since
        ]
        young.sort(key=lambda i: described.files[i].uploaded_at or now, reverse=True)
        for i in young[:_PER_PAGE]:
            located = Located(described=described, position=i)
            if self._needs_study(located, now, horizon):
                yield located

    def _needs_study(self, located: Located, now: Instant, horizon: timedelta) -> bool:
        file, facts = located.file, located.facts
        if file.sha256 is None or file.uploaded_at is None:
            return False
        attempted = self._attempted.get(file.sha256)
        if attempted is not None and now < attempted + _RETRY:
            return False
        uncompared = facts.fresh_dependencies is None and now - file.uploaded_at < horizon
        provenance = facts.provenance
        unread = (
            provenance is not None
            and provenance.attested
            and bool(provenance.predecessor)
            and (provenance.publisher is None or provenance.predecessor_publisher is None)
        )
        wanted = uncompared or unread or self._vets(located)
        if wanted:
            self._attempted[file.sha256] = now
            while len(self._attempted) > _ATTEMPTS_REMEMBERED:
                self._attempted.popitem(last=False)
        return wanted

    async def _study(self, key: _Key) -> None:
        index, project, filename = key
        try:
            described = await self._pages.describe(index, project)
            names = [file.filename for file in described.files] if described else []
            if described is not None and filename in names:
                await self._attempt(Located(described=described, position=names.index(filename)))
        except PratiqueError as error:
            log.info("study postponed", extra={"file": filename, "why": str(error)})

    async def _attempt(self, located: Located) -> None:
        fresh = await self._fresh_dependencies(located)
        publisher = await self._publisher(located)
        provenance = located.facts.provenance
        if provenance is not None and provenance.predecessor:
            await self._read_predecessor(located, provenance.predecessor)
        self._store(located, fresh, publisher)
        if self._vetting is not None and self._vets(located):
            await self._vetting.vet_ahead(located)

    def _vets(self, located: Located) -> bool:
        """Whether to vet a young file before anybody may have it: of followed projects only.

        Of the many wheels of a release those are fetched that look like one delivered before; the
        others are vetted when somebody asks for them.
        """
        if self._vetting is None or not self._vetting.wants(located):
            return False
        shape = _shape(located.file.filename)
        return (located.file.size or 0) <= _AHEAD_MOST_BYTES and any(
            facts.delivered_before and _shape(file.filename) == shape
            for file, facts, _ in located.described.rows
        )

    def _store(
        self,
        located: Located,
        fresh: tuple[FreshDependency, ...] | None,
        publisher: Publisher | None,
    ) -> None:
        if located.file.sha256 is None:
            return
        self._knowledge.add_study(
            ReleaseStudy(
                sha256=located.file.sha256,
                fresh_dependencies=fresh,
                publisher=publisher,
                studied_at=self._clock(),
            )
        )

    # ── dependencies ─────────────────────────────────────────────────────────────────────────

    async def _fresh_dependencies(self, located: Located) -> tuple[FreshDependency, ...] | None:
        """Dependencies that the predecessor had not, with the age of each; None if unreadable."""
        ours = await self._sidecars.metadata(located)
        if ours is None:
            return None
        before = _predecessor(located)
        if before is None:
            return ()  # a first release has nothing to be compared with
        theirs = await self._sidecars.metadata(before)
        if theirs is None:
            return None
        added = dependency_names(ours) - dependency_names(theirs) - {located.facts.project}
        return tuple(
            [
                FreshDependency(
                    project=name,
                    first_upload=await first_upload(self._pages, located.described.index, name),
                )
                for name in sorted(added)
            ]
        )

    # ── attestations ─────────────────────────────────────────────────────────────────────────

    async def _publisher(self, located: Located) -> Publisher | None:
        """Who published it, as the attestation says; None when there is none that can be read."""
        body = await self._sidecars.provenance(located)
        try:
            return None if body is None else parse_publisher(body)
        except IndexPageError as error:
            log.info("attestation left out", extra={"why": str(error)})
            return None

    async def _read_predecessor(self, located: Located, filename: str) -> None:
        """Read the predecessor's attestation too, unless that was done before."""
        described = located.described
        position = next(i for i, f in enumerate(described.files) if f.filename == filename)
        before = Located(described=described, position=position)
        digest = before.file.sha256
        if digest is None or self._knowledge.studies([digest]):
            return
        self._store(before, None, await self._publisher(before))


def _shape(filename: str) -> tuple[str, ...]:
    """What tells a wheel for our machines from one for others; an sdist is an sdist."""
    if not filename.endswith(".whl"):
        return ()
    return tuple(filename.removesuffix(".whl").rsplit("-", _TAGS)[1:])


def _predecessor(located: Located) -> Located | None:
    """The wheel of the next lower version that was uploaded earlier."""
    described, ours = located.described, located.facts.distribution
    uploaded = located.file.uploaded_at
    if ours is None or uploaded is None:
        return None
    best: tuple[Version, int] | None = None
    for i, (file, facts) in enumerate(zip(described.files, described.facts, strict=True)):
        if file.uploaded_at is None or file.uploaded_at >= uploaded:
            continue
        other = facts.distribution
        if other is None or other.kind is not DistributionKind.WHEEL:
            continue
        if other.version < ours.version and (best is None or other.version > best[0]):
            best = (other.version, i)
    return None if best is None else Located(described=described, position=best[1])
