"""Vetting at the index door: a file nobody has vetted is vetted while it arrives, or where it lies.

Order of steps for one file: 1. its predecessor's facts are at hand, or its archive is fetched and
read; 2. the bytes go to a confined worker while they go to the client, all but the tail; 3. the
verdict is kept and written into the ledger; 4. the file is decided again, now with its verdict.
Whatever goes wrong in between ends as a verdict `unknown`, which opens nothing by default.
A crash after 3 costs nothing; before it the file is vetted again at its next download.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pratique.doors.index.locate import Located
from pratique.doors.index.pages import Described, PageService
from pratique.doors.index.sidecars import file_key
from pratique.edge.flights import Flight, Flights, SingleFlight
from pratique.edge.vetting.assignment import KnownSource
from pratique.edge.vetting.frames import BaseFacts, StoredContent, Vetted
from pratique.edge.vetting.stream import VettingStream
from pratique.errors import PratiqueError
from pratique.index.ports import BlobStore, ControlState, Upstream
from pratique.ledger.entries import Draft
from pratique.policy.model import Verdict, VettingFacts
from pratique.values.digests import Sha256
from pratique.values.instants import Clock
from pratique.vet.engine import ContentKey
from pratique.vet.model import Context, Report
from pratique.vet.records import (
    ApprovedFile,
    Audit,
    KeptRelease,
    KeptReport,
    ReportKey,
    choose_predecessor,
    vetting_facts,
)

log = logging.getLogger(__name__)

_BASE_MOST_BYTES = 64 * 1024 * 1024
"""A larger predecessor is not fetched only to be compared with; one that is stored is used."""
_CLEAN_KEPT = 20_000
_ACTOR = "door:index"


class Pool(Protocol):
    """What vets; `edge.vetting.pool` fulfils it."""

    async def vet_stream(  # noqa: D102 - as the pool says
        self,
        filename: str,
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
        deferrable: bool = False,
    ) -> VettingStream: ...

    async def vet_file(  # noqa: D102 - as the pool says
        self,
        path: Path,
        filename: str = "",
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
    ) -> Vetted: ...


class KeptFacts(Protocol):
    """What was found out before; `store.vetting` fulfils it."""

    def release(self, sha256: Sha256) -> KeptRelease | None:
        """A release file with all its contents."""
        ...

    def content_facts(self, keys: Iterable[ContentKey]) -> Mapping[ContentKey, bytes]:
        """Facts of those contents that have some."""
        ...

    def add_facts(
        self, contents: Mapping[ContentKey, bytes], *, release: tuple[Sha256, bytes] | None = None
    ) -> None:
        """Keep what was found in one file."""
        ...

    def set_report(self, kept: KeptReport) -> None:
        """Keep a report."""
        ...

    def reports_of(self, sha256: Sha256) -> Sequence[KeptReport]:
        """Every report of a file, newest first."""
        ...


class Audits(Protocol):
    """What reviewers found; `store.vetting_audits` fulfils it."""

    def audits_of(self, digests: Iterable[Sha256]) -> Mapping[Sha256, tuple[Audit, ...]]:
        """Audits of those files that have some, oldest first, revoked ones included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VettingParts:
    """What the service works with."""

    pool: Pool
    facts: KeptFacts
    audits: Audits
    pages: PageService
    blobs: BlobStore
    downloads: Flights
    upstreams: Mapping[str, Upstream]
    control: ControlState
    note: Callable[[Draft], None]
    clock: Clock
    engine: str
    weights: str
    """Digest of the weights in force: with `engine` it says which reports are of today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What a file is judged against."""

    facts: BaseFacts | None
    sha256: str
    archive: Path | None
    name: str


_NOTHING = _Ground(facts=None, sha256="", archive=None, name="")


class VettingService:
    """Vets files for the door, each once however many ask for it. Lives on one event loop."""

    def __init__(self, parts: VettingParts) -> None:
        self._parts = parts
        self._runs: SingleFlight[Sha256, VettingFacts] = SingleFlight()
        self._bases: SingleFlight[Sha256, _Ground] = SingleFlight()
        # Pages kept from before a clean verdict do not know of it: it does not raise the epoch.
        self._clean: OrderedDict[Sha256, None] = OrderedDict()

    async def close(self) -> None:
        """Stop vetting; what was not finished is done at the next download."""
        await self._runs.close()
        await self._bases.close()

    def wants(self, located: Located) -> bool:
        """Whether nobody has vetted the file yet."""
        return located.facts.vetting is None and located.file.sha256 not in self._clean

    async def vet_arriving(self, located: Located, flight: Flight) -> VettingFacts:
        """Vet a file that is being downloaded; ends when the file is stored and judged.

        Raises: what the download failed with.
        """
        digest = located.file.sha256
        if digest is None:  # known at the end only
            stored = await flight.wait()
            return await self._runs.do(stored, lambda: self._stored(located, stored))
        return await self._runs.do(digest, lambda: self._arriving(located, digest, flight))

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
        return await self.vet_arriving(located, self._join(located))

    def is_of_today(self, digest: Sha256) -> bool:
        """Whether the newest report of a file was made by this engine with these weights."""
        kept = self._parts.facts.reports_of(digest)
        today = (self._parts.engine, self._parts.weights)
        return bool(kept) and (kept[0].key.engine, kept[0].key.weights) == today

    # ── one file ─────────────────────────────────────────────────────────────────────────────

    async def _arriving(self, located: Located, digest: Sha256, flight: Flight) -> VettingFacts:
        kept = await self._kept_ground(located)
        if kept is None:
            # The predecessor has to be read first: meanwhile the file arrives all the same.
            kept, _ = await asyncio.gather(self._fetched_ground(located), flight.wait())
            return await self._stored(located, digest, ground=kept)
        stream = await self._parts.pool.vet_stream(
            located.file.filename,
            context=self._context(located, kept),
            base=kept.facts,
            base_archive=kept.archive,
            known=self._known,
            deferrable=True,
        )
        async with stream:
            async for piece in flight.arriving():
                await stream.feed(piece)
            path = self._parts.blobs.path(await flight.wait())
            vetted = await stream.finish(path)
        return self._keep(located, digest, vetted, kept)

    async def _stored(
        self, located: Located, digest: Sha256, *, ground: _Ground | None = None
    ) -> VettingFacts:
        if ground is None:
            ground = await self._kept_ground(located) or await self._fetched_ground(located)
        path = self._parts.blobs.path(digest)
        if path is None:  # evicted this moment: it is vetted when it comes again
            return VettingFacts(verdict=Verdict.UNKNOWN, headline="the stored file was removed")
        vetted = await self._parts.pool.vet_file(
            path,
            located.file.filename,
            context=self._context(located, ground),
            base=ground.facts,
            base_archive=ground.archive,
            known=self._known,
        )
        return self._keep(located, digest, vetted, ground)

    def _context(self, located: Located, ground: _Ground) -> Context:
        facts = located.facts
        version = str(facts.distribution.version) if facts.distribution else ""
        return Context(
            project=facts.project,
            version=version,
            first_release=False if ground.facts is not None else None,
            base=ground.name,
        )

    async def _known(self, keys: tuple[ContentKey, ...]) -> Mapping[ContentKey, bytes]:
        return self._parts.facts.content_facts(keys)

    # ── what it is judged against ────────────────────────────────────────────────────────────

    async def _kept_ground(self, located: Located) -> _Ground | None:
        """The predecessor as it was kept; None when there is one that has to be read first."""
        before = await self._predecessor(located)
        if before is None:
            return _NOTHING
        assert before.file.sha256 is not None
        release = self._parts.facts.release(before.file.sha256)
        return None if release is None else self._ground(before, release)

    async def _fetched_ground(self, located: Located) -> _Ground:
        """The predecessor, read for this purpose; nothing when it cannot be had."""
        before = await self._predecessor(located)
        if before is None or before.file.sha256 is None:
            return _NOTHING
        digest = before.file.sha256
        return await self._bases.do(digest, lambda: self._read_base(before, digest))

    async def _read_base(self, before: Located, digest: Sha256) -> _Ground:
        parts = self._parts
        path = parts.blobs.path(digest)
        if path is None:
            size = before.file.size
            if size is None or size > _BASE_MOST_BYTES:
                return _NOTHING
            try:
                path = parts.blobs.path(await self._join(before).wait())
            except PratiqueError as error:
                log.info("no predecessor to compare with", extra={"why": str(error)})
                return _NOTHING
        if path is None:
            return _NOTHING
        vetted = await parts.pool.vet_file(
            path,
            before.file.filename,
            context=self._context(before, _NOTHING),
            known=self._known,
        )
        if vetted.failure or vetted.report.verdict is Verdict.MALICIOUS:
            # What is bad by itself is no measure for its successor.
            return _NOTHING
        self._keep_facts(digest, vetted)
        release = parts.facts.release(digest)
        return _NOTHING if release is None else self._ground(before, release)

    def _ground(self, before: Located, release: KeptRelease) -> _Ground:
        name = before.file.filename
        return _Ground(
            facts=BaseFacts(
                key=f"{release.sha256}/{release.engine}",
                release=release.facts,
                contents=tuple(
                    StoredContent(sha256=sha256, language=language, facts=facts)
                    for (sha256, language), facts in release.contents.items()
                ),
            ),
            sha256=release.sha256,
            archive=self._parts.blobs.path(release.sha256),
            name=name,
        )

    async def _predecessor(self, located: Located) -> Located | None:
        """The nearest file before it that policy lets through and vetting did not object to."""
        described = await self._parts.pages.describe(located.described.index, located.facts.project)
        if described is None:
            return None
        positions = _candidates(described, located)
        chosen = choose_predecessor(
            located.file.filename,
            [one for one, _ in positions],
            project=located.facts.project,
            sha256=located.file.sha256 or "",
        )
        if chosen is None:
            return None
        position = next(i for one, i in positions if one is chosen)
        return Located(described=described, position=position)

    def _join(self, located: Located) -> Flight:
        upstream, file = self._parts.upstreams[located.described.upstream], located.file
        return self._parts.downloads.join(
            file_key(upstream, file),
            lambda: upstream.open_file(file.url),
            expected_sha256=file.sha256,
            expected_size=file.size,
        )

    # ── what was found ───────────────────────────────────────────────────────────────────────

    def _keep_facts(self, digest: Sha256, vetted: Vetted) -> None:
        if vetted.release:
            self._parts.facts.add_facts(
                {(c.sha256, c.language): c.facts for c in vetted.new},
                release=(digest, vetted.release),
            )

    def _keep(
        self, located: Located, digest: Sha256, vetted: Vetted, ground: _Ground
    ) -> VettingFacts:
        parts = self._parts
        self._keep_facts(digest, vetted)
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
        self._record(located, digest, vetted.report, found)
        return found

    def _record(
        self, located: Located, digest: Sha256, report: Report, found: VettingFacts
    ) -> None:
        """Keep what decides, and write it down when it is news."""
        control = self._parts.control
        project = located.facts.project
        before = control.vettings([digest]).get(digest)
        if before is None and digest in control.cleared(project):
            before = VettingFacts(verdict=Verdict.CLEAN)
        if found == before:
            return
        if before is None and found == VettingFacts(verdict=Verdict.CLEAN):
            control.add_cleared(project, digest)
            self._remember_clean(digest)
            self._parts.pages.forget(located.described.index, project)
        else:
            control.set_vetting(digest, found)
        self._parts.note(
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

    def _remember_clean(self, digest: Sha256) -> None:
        self._clean[digest] = None
        while len(self._clean) > _CLEAN_KEPT:
            self._clean.popitem(last=False)


def _candidates(described: Described, located: Located) -> list[tuple[ApprovedFile, int]]:
    """Files of other releases on the page that may pass, with their positions.

    Those of the same release do not count: who poisons a release poisons all of its files.
    """
    own = located.facts.distribution
    suffix = ".whl" if located.file.filename.endswith(".whl") else ""
    found = []
    for i, (file, facts, decision) in enumerate(described.rows):
        if file.sha256 is None or not decision.outcome.lets_bytes_through:
            continue
        if decision.waived_by or file.filename.endswith(".whl") != bool(suffix):
            continue
        if facts.vetting is not None and facts.vetting.verdict is not Verdict.CLEAN:
            continue
        theirs = facts.distribution
        if theirs is None or (own is not None and theirs.version == own.version):
            continue
        one = ApprovedFile(
            project=facts.project,
            sha256=file.sha256,
            filename=file.filename,
            approved_at=described.currency.decided_at,
        )
        found.append((one, i))
    return found
