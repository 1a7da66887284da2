"""What a file is judged against: the release before it, kept, or fetched and read for the purpose."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pratique.doors.index.gather import Gathered
from pratique.doors.index.locate import Located
from pratique.doors.index.pages import Described, PageService
from pratique.doors.index.readings import Kept, Reader, Readings
from pratique.doors.index.sidecars import file_key
from pratique.doors.index.surroundings import (
    context_around,
    context_of_file,
    sdists_beside,
)
from pratique.edge.flights import Flight, Flights, SingleFlight
from pratique.errors import PratiqueError
from pratique.index.ports import BlobStore, Upstream
from pratique.policy.model import Verdict
from pratique.values.digests import Sha256
from pratique.values.instants import Clock
from pratique.vet.base import ContentKey
from pratique.vet.exchange import BaseFacts, KnownSource, StoredContent, Vetted
from pratique.vet.model import Context
from pratique.vet.records import ApprovedFile, KeptRelease, KeptReport, choose_predecessor

log = logging.getLogger(__name__)

_BASE_MOST_BYTES = 64 * 1024 * 1024
"""A larger predecessor is not fetched only to be compared with; one that is stored is used."""


class Stream(Protocol):
    """One file being vetted while it arrives; left unfinished, it is cancelled."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

    def grown(self, size: int) -> None:
        """So many bytes are there."""
        ...

    async def judge(self) -> Vetted:
        """The judgement of the whole file, maybe without the facts behind it."""
        ...

    async def finish(self) -> Vetted:
        """All that was found."""
        ...


class Pool(Reader, Protocol):
    """What vets; `edge.vetting.pool` fulfils it."""

    async def vet_stream(  # noqa: D102 - as the pool says
        self,
        filename: str,
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
        sibling: BaseFacts | None = None,
        growing: int | None = None,
        sha256: str = "",
    ) -> Stream: ...

    async def vet_file(  # noqa: D102 - as the pool says
        self,
        path: Path,
        filename: str = "",
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
        sibling: BaseFacts | None = None,
        thorough: bool = False,
    ) -> Vetted: ...

    def warm(self, base: BaseFacts) -> None:
        """A release will probably be judged against this soon."""
        ...


class KeptFacts(Kept, Protocol):
    """What was found out before; `store.vetting` fulfils it."""

    def release(self, sha256: Sha256) -> KeptRelease | None:
        """A release file with all its contents."""
        ...

    def set_report(self, kept: KeptReport) -> None:
        """Keep a report."""
        ...

    def reports_of(self, sha256: Sha256) -> Sequence[KeptReport]:
        """Every report of a file, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a file is judged against."""

    facts: BaseFacts | None
    sha256: str
    archive: Path | None
    name: str


NO_GROUND = Ground(facts=None, sha256="", archive=None, name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a file on its page."""

    context: Context
    sibling: BaseFacts | None = None
    """For a wheel, facts of the sdist of its release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundParts:
    """What grounds are made from."""

    pool: Pool
    facts: KeptFacts
    pages: PageService
    blobs: BlobStore
    downloads: Flights
    upstreams: Mapping[str, Upstream]
    clock: Clock


class Grounds:
    """Finds what files are judged against; reads each predecessor once. Lives on one event loop."""

    def __init__(self, parts: GroundParts) -> None:
        self._parts = parts
        self._bases: SingleFlight[Sha256, Ground] = SingleFlight()
        self._coming: dict[Sha256, asyncio.Task[None]] = {}
        """What is still told of files that were judged; each task leaves when it ends."""
        self._readings = Readings(parts.pool, parts.facts, parts.blobs)

    async def close(self) -> None:
        """Stop reading."""
        await self._bases.close()
        await self._readings.close()
        coming = tuple(self._coming.values())
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)

    async def kept(self, located: Located) -> Ground | None:
        """The predecessor as it was kept; None when there is one that has to be read first."""
        before = await self._predecessor(located)
        if before is None:
            return NO_GROUND
        assert before.file.sha256 is not None
        release = await self._release(before.file.sha256)
        return None if release is None else self._ground(before, release)

    async def expect(self, located: Located) -> None:
        """The file will probably be asked for: let a worker take up what was kept of its predecessor."""
        ground = await self.kept(located)
        if ground is not None and ground.facts is not None:
            self._parts.pool.warm(ground.facts)

    async def fetched(self, located: Located) -> Ground:
        """The predecessor, read for this purpose; nothing when it cannot be had."""
        before = await self._predecessor(located)
        return NO_GROUND if before is None else await self.of(before)

    async def of(self, before: Located) -> Ground:
        """A given file as something to be compared with; nothing when it cannot be had."""
        digest = before.file.sha256
        if digest is None:
            return NO_GROUND
        release = await self._release(digest)
        if release is not None:
            return self._ground(before, release)
        return await self._bases.do(digest, lambda: self._read_base(before, digest))

    async def _release(self, digest: Sha256) -> KeptRelease | None:
        """What was kept of a file; waits for what is just being told of it."""
        if digest in self._coming:
            await asyncio.wait({self._coming[digest]})
        release = self._parts.facts.release(digest)
        if release is None or release.whole or self._parts.blobs.path(digest) is not None:
            return release
        return (
            None  # what is missing would be made from its archive, which is gone: it is read again
        )

    def follow(self, digest: Sha256, stream: Stream) -> None:
        """Keep what was found in a file that was judged, when its worker has told it."""
        task = asyncio.get_running_loop().create_task(self._rest(digest, stream))
        self._coming[digest] = task
        task.add_done_callback(lambda ended: self._told(digest, ended))

    def _told(self, digest: Sha256, ended: asyncio.Task[None]) -> None:
        if self._coming.get(digest) is ended:  # else the same file was judged once more meanwhile
            del self._coming[digest]

    async def _rest(self, digest: Sha256, stream: Stream) -> None:
        async with stream:
            vetted = await stream.finish()
        try:
            await asyncio.to_thread(self.keep_facts, digest, vetted)
        except PratiqueError as error:  # the file was judged; its successor reads it once more
            log.warning("facts of a file were not kept", extra={"why": str(error)})

    def read_on(self, digest: Sha256, filename: str) -> None:
        """Read a file thoroughly when there is time: its successor will be compared with it."""
        self._readings.add(digest, filename)

    async def read(self) -> None:
        """Wait until there is nothing left to read."""
        await self._readings.settle()

    async def _read_base(self, before: Located, digest: Sha256) -> Ground:
        parts = self._parts
        path = parts.blobs.path(digest)
        if path is None:
            size = before.file.size
            if size is None or size > _BASE_MOST_BYTES:
                return NO_GROUND
            try:
                path = parts.blobs.path(await self.join(before).wait())
            except PratiqueError as error:
                log.info("no predecessor to compare with", extra={"why": str(error)})
                return NO_GROUND
        if path is None:
            return NO_GROUND
        vetted = await parts.pool.vet_file(
            path,
            before.file.filename,
            context=(await self.surroundings(before, NO_GROUND)).context,
            known=self.known,
        )
        if vetted.failure or vetted.report.verdict is Verdict.MALICIOUS:
            # What is bad by itself is no measure for its successor.
            return NO_GROUND
        self.keep_facts(digest, vetted)
        release = parts.facts.release(digest)
        return NO_GROUND if release is None else self._ground(before, release)

    def _ground(self, before: Located, release: KeptRelease) -> Ground:
        return Ground(
            facts=_as_base(release),
            sha256=release.sha256,
            archive=self._parts.blobs.path(release.sha256),
            name=before.file.filename,
        )

    async def surroundings(self, located: Located, ground: Ground) -> Surroundings:
        """What else the judgement needs: the context, and for a wheel its release's sdist if kept."""
        # A file that was asked for by its path comes without the rest of its page.
        described = await self._parts.pages.describe(located.described.index, located.facts.project)
        page = described.gathered if described is not None else None
        names = [file.filename for file in page.files] if page is not None else []
        if page is None or located.file.filename not in names:
            return Surroundings(context=context_of_file(located.facts, base=ground.name))
        position = names.index(located.file.filename)
        return Surroundings(
            context=context_around(page, position, now=self._parts.clock(), base=ground.name),
            sibling=await self._sibling(page, position),
        )

    async def _sibling(self, page: Gathered, position: int) -> BaseFacts | None:
        """What was kept of the sdist of a wheel's release; it is not fetched for that."""
        for digest in sdists_beside(page, position):
            if digest in self._coming:
                await asyncio.wait({self._coming[digest]})
            if (facts := self.kept_facts(digest)) is not None:
                return facts
        return None

    def kept_facts(self, digest: Sha256) -> BaseFacts | None:
        """What was kept of a file."""
        release = self._parts.facts.release(digest)
        return None if release is None else _as_base(release)

    async def known(self, keys: tuple[ContentKey, ...]) -> Mapping[ContentKey, bytes]:
        """Facts of contents that were analysed before."""
        return self._parts.facts.content_facts(keys)

    def keep_facts(self, digest: Sha256, vetted: Vetted) -> None:
        """Keep what was found in a file for its successors."""
        if vetted.release:
            self._parts.facts.add_facts(
                {(c.sha256, c.language): c.facts for c in vetted.new},
                release=(digest, vetted.release),
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

    def join(self, located: Located) -> Flight:
        """The download of a file, the one under way or a new one."""
        upstream, file = self._parts.upstreams[located.described.upstream], located.file
        return self._parts.downloads.join(
            file_key(upstream, file),
            lambda: upstream.open_file(file.url),
            expected_sha256=file.sha256,
            expected_size=file.size,
        )


def _as_base(release: KeptRelease) -> BaseFacts:
    return BaseFacts(
        key=f"{release.sha256}/{release.engine}{'+' * release.thorough}",
        release=release.facts,
        contents=tuple(
            StoredContent(sha256=sha256, language=language, facts=facts)
            for (sha256, language), facts in release.contents.items()
        ),
    )


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
