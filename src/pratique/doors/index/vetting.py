"""Vetting at the index door: a file nobody has vetted is vetted while it arrives, or where it lies.

Order of steps for one file: 1. its predecessor's facts are at hand, or its archive is fetched and
read; 2. a confined worker reads the bytes while they go to the client, all but the tail; 3. the
verdict is kept and written into the ledger (durable under `strict`), while the file itself is made
durable; 4. the file is decided again, now with its verdict; 5. what was found in it is kept for the
release after it. Whatever goes wrong in between ends as a verdict `unknown`, which opens nothing by
default. A crash after 3 costs at most 5, which is then done when it is needed; before it the file is
vetted again at its next download.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pratique.doors.index.grounds import Ground, Grounds, KeptFacts, Pool, Stream
from pratique.doors.index.locate import Located
from pratique.doors.index.metrics import Metrics
from pratique.doors.index.pages import PageService
from pratique.edge.flights import Flight, SingleFlight
from pratique.errors import PratiqueError, UnavailableError
from pratique.index.ports import BlobStore, ControlState
from pratique.ledger.entries import Draft
from pratique.policy.model import Verdict, VettingFacts
from pratique.values.digests import Sha256
from pratique.values.instants import Clock
from pratique.vet.exchange import Vetted
from pratique.vet.model import Report
from pratique.vet.records import (
    Audit,
    KeptReport,
    ReportKey,
    vetting_facts,
)

log = logging.getLogger(__name__)

_CLEAN_KEPT = 20_000
_EXPECTED_KEPT = 1_000
_ACTOR = "door:index"


class Audits(Protocol):
    """What reviewers found; `store.vetting_audits` fulfils it."""

    def audits_of(self, digests: Iterable[Sha256]) -> Mapping[Sha256, tuple[Audit, ...]]:
        """Audits of those files that have some, oldest first, revoked ones included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VettingParts:
    """What the service works with."""

    pool: Pool
    grounds: Grounds
    facts: KeptFacts
    audits: Audits
    pages: PageService
    blobs: BlobStore
    control: ControlState
    record: Callable[[Draft], Awaitable[object]]
    """Writes an entry down, as durably as the ledger is set to before bytes may leave."""
    metrics: Metrics
    clock: Clock
    engine: str
    weights: str
    """Digest of the weights in force: with `engine` it says which reports are of today."""


class VettingService:
    """Vets files for the door, each once however many ask for it. Lives on one event loop."""

    def __init__(self, parts: VettingParts) -> None:
        self._parts = parts
        self._runs: SingleFlight[Sha256, VettingFacts] = SingleFlight()
        # Pages kept from before a clean verdict do not know of it: it does not raise the epoch.
        self._clean: OrderedDict[Sha256, None] = OrderedDict()
        self._expected: OrderedDict[Sha256, None] = OrderedDict()
        self._expecting: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop vetting; what was not finished is done at the next download."""
        expecting = tuple(self._expecting)
        for task in expecting:
            task.cancel()
        await asyncio.gather(*expecting, return_exceptions=True)
        await self._runs.close()
        await self._parts.grounds.close()

    def wants(self, located: Located) -> bool:
        """Whether nobody has vetted the file yet."""
        return located.facts.vetting is None and located.file.sha256 not in self._clean

    def expect(self, located: Located) -> None:
        """Somebody read the metadata of a file, which pip and uv do before they download it.

        What can be made ready for that is done beside: metadata does not wait for it.
        """
        digest = located.file.sha256
        if digest is None or digest in self._expected or not self.wants(located):
            return
        _remember(self._expected, digest, _EXPECTED_KEPT)
        task = asyncio.get_running_loop().create_task(self._expect(located))
        self._expecting.add(task)
        task.add_done_callback(self._expecting.discard)

    async def _expect(self, located: Located) -> None:
        try:
            await self._parts.grounds.expect(located)
        except PratiqueError as error:  # then it is made ready when the file is asked for
            log.info("a file was not expected", extra={"why": str(error)})

    async def vet_arriving(self, located: Located, flight: Flight) -> VettingFacts:
        """Vet a file that is being downloaded; ends when the file is stored and judged.

        Raises: what the download failed with.
        """
        digest = located.file.sha256
        if digest is None:  # known at the end only
            stored = await flight.wait()
            return await self._runs.do(stored, lambda: self._stored(located, stored))
        try:
            return await self._runs.do(digest, lambda: self._arriving(located, digest, flight))
        except PratiqueError:
            # Perhaps of an earlier download of the same file, which failed while somebody asked again:
            # what arrived here all the same is vetted where it lies.
            await flight.wait()
            return await self.vet_stored(located, digest)

    async def vet_stored(self, located: Located, digest: Sha256) -> VettingFacts:
        """Vet a file that lies in the blob store, whether or not it was vetted before."""
        return await self._runs.do(digest, lambda: self._stored(located, digest))

    async def vet_ahead(self, located: Located) -> VettingFacts | None:
        """Download and vet a file before anybody may have it; None when it cannot be had."""
        digest = located.file.sha256
        if digest is None or not self.wants(located):
            return None
        if self._parts.blobs.path(digest) is not None:
            return await self.vet_stored(located, digest)
        return await self.vet_arriving(located, self._parts.grounds.join(located))

    def is_of_today(self, digest: Sha256) -> bool:
        """Whether the newest report of a file was made by this engine with these weights."""
        kept = self._parts.facts.reports_of(digest)
        today = (self._parts.engine, self._parts.weights)
        return bool(kept) and (kept[0].key.engine, kept[0].key.weights) == today

    # ── one file ─────────────────────────────────────────────────────────────────────────────

    async def _arriving(self, located: Located, digest: Sha256, flight: Flight) -> VettingFacts:
        kept = await self._parts.grounds.kept(located)
        if kept is None:
            # The predecessor has to be read first: meanwhile the file arrives all the same.
            kept, _ = await asyncio.gather(self._parts.grounds.fetched(located), flight.wait())
            return await self._stored(located, digest, ground=kept)
        around = await self._parts.grounds.surroundings(located, kept)
        stream = await self._parts.pool.vet_stream(
            located.file.filename,
            context=around.context,
            base=kept.facts,
            base_archive=kept.archive,
            known=self._parts.grounds.known,
            sibling=around.sibling,
            growing=flight.descriptor,
            sha256=digest,  # which the download proves at its end, or else all of this is dropped
        )
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(stream)
            async for size in flight.growing():
                stream.grown(size)
            with self._parts.metrics.vetting_seconds.time():
                vetted = await self._judged(stream, flight)
            found = await self._keep(located, digest, vetted, kept)
            stack.pop_all()
        self._parts.grounds.follow(digest, stream)
        return found

    async def _judged(self, stream: Stream, flight: Flight) -> Vetted:
        """The judgement, made while the file becomes durable. Raises: what the download failed with."""
        judging = asyncio.create_task(stream.judge())
        try:
            await flight.wait()
            return await judging
        finally:
            judging.cancel()

    async def _stored(
        self, located: Located, digest: Sha256, *, ground: Ground | None = None
    ) -> VettingFacts:
        if ground is None:
            ground = await self._parts.grounds.kept(located) or await self._parts.grounds.fetched(
                located
            )
        path = self._parts.blobs.path(digest)
        if path is None:  # evicted while its predecessor came: it is vetted when it comes again
            raise UnavailableError("the file was removed before it was vetted", remedy="ask again")
        around = await self._parts.grounds.surroundings(located, ground)
        with self._parts.metrics.vetting_seconds.time():
            vetted = await self._parts.pool.vet_file(
                path,
                located.file.filename,
                context=around.context,
                base=ground.facts,
                base_archive=ground.archive,
                known=self._parts.grounds.known,
                sibling=around.sibling,
            )
        self._parts.grounds.keep_facts(digest, vetted)
        return await self._keep(located, digest, vetted, ground)

    # ── what was found ───────────────────────────────────────────────────────────────────────

    async def _keep(
        self, located: Located, digest: Sha256, vetted: Vetted, ground: Ground
    ) -> VettingFacts:
        parts = self._parts
        _count(parts.metrics, vetted)
        parts.facts.set_report(
            KeptReport(
                key=ReportKey(
                    sha256=digest,
                    engine=parts.engine,
                    base_sha256=ground.sha256,
                    weights=parts.weights,
                ),
                vetted_at=parts.clock(),
                report=vetted.report,
            )
        )
        found = vetting_facts(vetted.report, parts.audits.audits_of([digest]).get(digest, ()))
        await self._record(located, digest, vetted.report, found)
        if found.verdict is Verdict.CLEAN:
            parts.grounds.read_on(digest, located.file.filename)
        return found

    async def _record(
        self, located: Located, digest: Sha256, report: Report, found: VettingFacts
    ) -> None:
        """Keep what decides, and write it down when it is news."""
        control = self._parts.control
        project = located.facts.project
        before = control.vettings([digest]).get(digest)
        if before is None and digest in control.cleared(project):
            before = VettingFacts(verdict=Verdict.CLEAN)
        if found == before:
            if found == VettingFacts(verdict=Verdict.CLEAN):  # said by another process meanwhile
                _remember(self._clean, digest, _CLEAN_KEPT)
            return
        if found.verdict is not Verdict.CLEAN:
            control.set_vetting(
                digest, found
            )  # what closes comes into force before it is written down
        await self._parts.record(
            Draft(
                kind="verdict",
                subject=f"sha256:{digest}",
                actor=_ACTOR,
                body={
                    "verdict": found.verdict.value,
                    "previous": before.verdict.value if before is not None else "",
                    "source": f"vet/{report.engine}",
                    "weights": self._parts.weights,
                    "base": report.base,
                    "project": project,
                    "filename": located.file.filename,
                    "score": f"{report.score:.4f}",
                    "reason": found.headline,
                    "gained": list(found.gained),
                },
            )
        )
        if before is None and found == VettingFacts(verdict=Verdict.CLEAN):
            control.add_cleared(project, digest)
            _remember(self._clean, digest, _CLEAN_KEPT)
            self._parts.pages.forget(located.described.index, project)
        elif found.verdict is Verdict.CLEAN:
            control.set_vetting(digest, found)


def _remember(kept: OrderedDict[Sha256, None], digest: Sha256, most: int) -> None:
    kept[digest] = None
    while len(kept) > most:
        kept.popitem(last=False)


def _count(metrics: Metrics, vetted: Vetted) -> None:
    metrics.vetted.labels(vetted.report.verdict.value).inc()
    metrics.vetting_cpu_seconds.inc(vetted.cpu_seconds)
    if vetted.report.verdict is Verdict.UNKNOWN:
        metrics.vetting_unknown.labels("worker" if vetted.failure else "unread").inc()
