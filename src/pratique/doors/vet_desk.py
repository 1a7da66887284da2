"""The desk: vets what a person names, and records nothing.

A release is looked up like at the index door, whatever policy says of it: to look at a file is not
to install it. Files go to the same confined workers, against the same predecessors.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from pratique.doors.index.ages import new_dependencies
from pratique.doors.index.grounds import NO_GROUND, Ground, Grounds, Pool, Surroundings
from pratique.doors.index.locate import Located
from pratique.doors.index.pages import PageService
from pratique.doors.vet_siblings import Siblings, facts_of_file, named_by
from pratique.errors import InputError, PratiqueError
from pratique.index.ports import BlobStore
from pratique.policy.model import Verdict
from pratique.values.digests import Sha256
from pratique.values.instants import Clock
from pratique.values.names import ProjectName
from pratique.vet.exchange import BaseFacts, Vetted
from pratique.vet.facts import decode_release
from pratique.vet.model import Context

ARCHIVE_SUFFIXES = (".whl", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip", ".egg")
_MOST_FILES = 50_000
"""In a folder of sources."""
_MOST_BYTES = 2 * 1024**3
_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What to judge against: the predecessor (`auto`), nothing, a version, or a file."""

    auto: bool = True
    version: Version | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One file and what became of it."""

    target: str
    """As the person named it."""
    filename: str
    sha256: str = ""
    vetted: Vetted | None = None
    problem: str = ""
    """Why it was not vetted, in words."""

    @property
    def verdict(self) -> Verdict:
        """`unknown` when it was not vetted."""
        return self.vetted.report.verdict if self.vetted is not None else Verdict.UNKNOWN


class Desk:
    """Vets releases, files and folders. Lives on one event loop."""

    def __init__(
        self,
        *,
        index: str,
        pages: PageService,
        grounds: Grounds,
        pool: Pool,
        blobs: BlobStore,
        clock: Clock,
    ) -> None:
        self._index = index
        self._pages = pages
        self._grounds = grounds
        self._pool = pool
        self._blobs = blobs
        self._clock = clock
        self._siblings = Siblings()

    # ── releases ─────────────────────────────────────────────────────────────────────────────

    async def find(
        self, project: ProjectName, version: Version, *, digests: frozenset[str] = frozenset()
    ) -> Sequence[Located]:
        """Files of a release; those with these hashes when some are given.

        Raises: UnavailableError; InputError when the index has no such release.
        """
        described = await self._pages.describe(self._index, project)
        found = [
            Located(described=described, position=i)
            for i, facts in enumerate(described.facts if described is not None else ())
            if described is not None
            and facts.distribution is not None
            and facts.distribution.version == version
        ]
        if not found:
            raise InputError(
                f"the index lists no file of {project}=={version}",
                expected="a release that exists",
                remedy="look at the version, or give the file itself",
            )
        named = [one for one in found if one.file.sha256 in digests]
        return named or found

    async def vet_located(self, target: str, located: Located, against: Against) -> Examined:
        """Vet one file of an index; a wheel after the sdist that was named with it."""
        filename = located.file.filename
        try:
            with self._siblings.vetting(filename) as promise:
                ground = await self._ground(located, against)
                path, digest = await self._stored(located)
                around = await self._grounds.surroundings(located, ground)
                sibling = await self._siblings.of(filename) or around.sibling
                around = replace(around, sibling=sibling)
                vetted = await self._vet(path, filename, ground, around)
                self._grounds.keep_facts(digest, vetted)
                context = await self._with_ages(around.context, vetted, ground)
                if context != around.context:  # told again, from facts that are there
                    again = replace(around, context=context)
                    vetted = await self._vet(path, filename, ground, again)
                promise.facts = self._grounds.kept_facts(digest)
        except PratiqueError as error:
            return Examined(target=target, filename=filename, problem=str(error))
        return Examined(target=target, filename=filename, sha256=digest, vetted=vetted)

    async def _vet(self, path: Path, filename: str, ground: Ground, around: Surroundings) -> Vetted:
        return await self._pool.vet_file(
            path,
            filename,
            context=around.context,
            base=ground.facts,
            base_archive=ground.archive,
            known=self._grounds.known,
            sibling=around.sibling,
        )

    async def _with_ages(self, context: Context, vetted: Vetted, ground: Ground) -> Context:
        """The context with the ages of new dependencies, unless the door studied them before."""
        if context.dependencies or vetted.failure:
            return context
        found = await new_dependencies(
            self._pages, self._index, vetted, ground.facts, now=self._clock()
        )
        return msgspec.structs.replace(context, dependencies=found)

    async def _ground(self, located: Located, against: Against) -> Ground:
        if against.file is not None:
            return await self._ground_of_file(against.file)
        if against.version is not None:
            return await self._grounds.of(await self._same_kind(located, against.version))
        if not against.auto:
            return NO_GROUND
        return await self._grounds.kept(located) or await self._grounds.fetched(located)

    async def _same_kind(self, located: Located, version: Version) -> Located:
        others = await self.find(located.facts.project, version)
        wheel = located.file.filename.endswith(".whl")
        alike = [one for one in others if one.file.filename.endswith(".whl") == wheel]
        if not alike:
            kind = "wheel" if wheel else "sdist"
            raise InputError(f"{located.facts.project}=={version} has no {kind} to compare with")
        tags = located.file.filename.rsplit("-", 3)[1:]
        return min(alike, key=lambda one: one.file.filename.rsplit("-", 3)[1:] != tags)

    async def _stored(self, located: Located) -> tuple[Path, Sha256]:
        digest = located.file.sha256
        path = self._blobs.path(digest) if digest is not None else None
        if path is None or digest is None:
            digest = await self._grounds.join(located).wait()
            path = self._blobs.path(digest)
        if path is None:
            raise InputError("the downloaded file was removed a moment ago", remedy="ask again")
        return path, digest

    # ── files and folders ────────────────────────────────────────────────────────────────────

    async def vet_path(self, target: str, path: Path, against: Against) -> Examined:
        """Vet an archive, or a folder of sources as if it were an sdist."""
        try:
            if os.path.isdir(path):  # noqa: ASYNC240, PTH112 - one look at a local path
                return await self._vet_folder(target, path, against)
            with self._siblings.vetting(path.name) as promise:
                ground = await self._ground_for(path.name, against)
                vetted = await self._pool.vet_file(
                    path,
                    path.name,
                    context=_context_of_name(path.name, ground),
                    base=ground.facts,
                    base_archive=ground.archive,
                    sibling=await self._siblings.of(path.name),
                )
                promise.facts = facts_of_file(vetted, ground.facts)
        except PratiqueError as error:
            return Examined(target=target, filename=path.name, problem=str(error))
        release = decode_release(vetted.release)
        digest = release.sha256 if release is not None else ""
        return Examined(target=target, filename=path.name, sha256=digest, vetted=vetted)

    async def _vet_folder(self, target: str, folder: Path, against: Against) -> Examined:
        name = f"{os.path.basename(os.path.abspath(folder)) or 'folder'}-0.tar"  # noqa: ASYNC240, PTH100, PTH119 - as above
        ground = await self._ground_for(name, against)
        with tempfile.NamedTemporaryFile(prefix="pratique-", suffix=".tar") as packed:
            await asyncio.to_thread(pack, folder, Path(packed.name))
            vetted = await self._pool.vet_file(
                Path(packed.name), name, context=Context(base=ground.name), base=ground.facts
            )
        return Examined(target=target, filename=folder.name, vetted=vetted)

    async def _ground_for(self, filename: str, against: Against) -> Ground:
        if against.file is not None:
            return await self._ground_of_file(against.file)
        if against.version is None:
            return NO_GROUND
        named = named_by(filename)
        if named is None:
            raise InputError(
                f"cannot tell the project of {filename!r}",
                expected="a name as indexes have it, such as acme_tools-1.0-py3-none-any.whl",
                remedy="compare with a file: --against FILE",
            )
        wheel = filename.endswith(".whl")
        others = await self.find(named.project, against.version)
        alike = [one for one in others if one.file.filename.endswith(".whl") == wheel]
        if not alike:
            raise InputError(f"{named.project}=={against.version} has no file of that kind")
        return await self._grounds.of(alike[0])

    async def _ground_of_file(self, path: Path) -> Ground:
        vetted = await self._pool.vet_file(path, path.name)
        if vetted.failure:
            raise InputError(f"cannot compare with {path.name}: {vetted.failure}")
        release = decode_release(vetted.release)
        if release is None or not release.files:
            raise InputError(
                f"cannot compare with {path.name}: {next(iter(vetted.report.unread), 'it is empty')}",
                expected="a wheel, an sdist or an egg that can be read",
            )
        return Ground(
            facts=BaseFacts(key=f"file:{path}", release=vetted.release, contents=vetted.new),
            sha256="",
            archive=path,
            name=path.name,
        )


def pack(folder: Path, into: Path) -> None:
    """Write the regular files of a folder into a tar archive; nothing is followed out of it.

    Raises: InputError when there is too much.
    """
    files = total = 0
    with tarfile.open(into, "w") as archive:
        for root, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
            for name in sorted(names):
                path = Path(root) / name
                if path.is_symlink() or not path.is_file():
                    continue
                files, total = files + 1, total + path.stat().st_size
                if files > _MOST_FILES or total > _MOST_BYTES:
                    raise InputError(
                        f"{folder} holds too much to be vetted as one source tree",
                        expected=f"at most {_MOST_FILES:,} files and {_MOST_BYTES >> 30} GiB",
                    )
                archive.add(path, arcname=f"{folder.name}-0/{path.relative_to(folder)}")


def archives_in(folder: Path) -> Sequence[Path]:
    """Archives directly in a folder, sorted; empty for a folder of sources."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name.endswith(ARCHIVE_SUFFIXES))


def usual_files(found: Sequence[Located]) -> Sequence[Located]:
    """Of a release's files the sdist and the wheel that this machine would install, in that order."""
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    wheels = [one for one in found if one.file.filename.endswith(".whl")]
    chosen = min(wheels, key=lambda one: _rank(one.file.filename, ranks), default=None)
    others = [one for one in found if not one.file.filename.endswith(".whl")]
    return [*others, *([chosen] if chosen is not None else [])]


def _rank(filename: str, ranks: dict[Tag, int]) -> int:
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return len(ranks) + 1
    return min((ranks.get(tag, len(ranks)) for tag in tags), default=len(ranks))


def _context_of_name(filename: str, ground: Ground) -> Context:
    named = named_by(filename)
    if named is None:
        return Context(base=ground.name)
    return Context(
        project=named.project,
        version=str(named.version),
        first_release=False if ground.facts is not None else None,
        base=ground.name,
    )


async def as_they_end(
    desk: Desk, plan: Sequence[tuple[str, Located | Path, Against]], *, at_once: int
) -> AsyncIterator[Examined]:
    """Vet what was planned, so many at a time, each told as it ends.

    Whoever stops listening stops the rest.
    """
    coming, running = iter(plan), set[asyncio.Task[Examined]]()
    try:
        while True:
            for target, what, against in itertools.islice(coming, at_once - len(running)):
                vet = desk.vet_path if isinstance(what, Path) else desk.vet_located
                running.add(asyncio.create_task(vet(target, what, against)))  # type: ignore[arg-type] # as chosen
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
