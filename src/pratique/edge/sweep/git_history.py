"""Every version of every file that lists releases, through the history of a repository.

Nothing is checked out. Commits and the files they change come from two runs of git; the distinct
contents in one stream, file by file and version by version, so that consecutive versions meet what is
remembered of the last one. A look says that a version was in force on a branch, from its commit to the
next (`inventory.listings.timeline`).

What was told at an earlier sweep is not read again: notes keep the branches as they were, and an
interval that ended within what they reached is known. Intervals that last are told again each time,
up to now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pratique.edge.sweep.context import STOPPED, Reader, SweepContext
from pratique.edge.sweep.git_memory import Told, keep_told, recall_told
from pratique.edge.sweep.git_objects import (
    History,
    read_blobs,
    read_changes,
    read_commits,
    read_sizes,
    read_snapshot,
)
from pratique.edge.sweep.git_process import Git, GitError
from pratique.edge.sweep.git_repository import (
    Repository,
    asset_of,
    find_repository,
    looks_like_repository,
    tips_of,
)
from pratique.inventory.errors import LockError
from pratique.inventory.findings.duplicates import resolve
from pratique.inventory.listings.kinds import ListingKind, listing_kind
from pratique.inventory.listings.reading import Listing, ListingReader
from pratique.inventory.listings.timeline import Commit, Held, Timeline, Tip
from pratique.inventory.observed.model import (
    AssetKind,
    Evidence,
    EvidenceClass,
    Gap,
    Look,
    LookMode,
    PlaceKind,
)
from pratique.inventory.text import MAX_LOCK_BYTES
from pratique.values.instants import Instant

_COLLECTOR: Final = "sweep/git-history"
_GRAPH: Final = 10
"""Commits looked at for each version of a file that is read at most."""
_MAX_SNAPSHOTS: Final = 20
_MAX_BROKEN: Final = 50
"""Broken contents in one repository before the rest is given up."""
_ODD_DATE: Final = (
    "the date of this commit does not fit between its neighbours; the widest interval is told"
)
_NOTHING: Final = Listing(sightings=(), defects=())


class GitHistories:
    """The history of a repository: `.git`, a bare one, a worktree's pointer."""

    name = "git-history"
    takes_folder = True

    def __init__(self) -> None:
        """Start with nothing remembered; repositories of one owner share most of their packages."""
        self._listings = ListingReader()

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether it is a repository."""
        return looks_like_repository(path, is_dir=is_dir)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """A look for each interval in which a version was in force, then one at the repository."""
        if ctx.history:
            yield from history_looks(path, ctx, listings=self._listings)


def history_looks(
    path: Path, ctx: SweepContext, *, listings: ListingReader | None = None
) -> Iterator[Look]:
    """The looks at one repository. `listings` is shared between repositories to save work."""
    try:
        repository = find_repository(path)
        reading = _Reading(
            path=path, ctx=ctx, repository=repository, listings=listings or ListingReader()
        )
        reading.survey()
    except GitError as error:
        yield _unread(path, ctx, str(error.message))
        return
    yield from reading.looks()


def _unread(path: Path, ctx: SweepContext, why: str) -> Look:
    now = ctx.now()
    return Look(
        asset=ctx.asset,
        asset_kind=ctx.asset_kind,
        place_kind=PlaceKind.LOCK,
        locator=path.as_posix(),
        at_lo=now,
        at_hi=now,
        whole=False,
        gaps=(Gap(what=path.as_posix(), why=why),),
        evidence_class=EvidenceClass.DECLARED,
        collector=_COLLECTOR,
        machine=ctx.machine,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bytes:
    """What was read, for evidence."""

    sha256: str
    size: int


@dataclass(slots=True, kw_only=True)
class _Version:
    """One content of one file, with every interval in which it was in force."""

    path: str
    blob: str
    held: list[Held] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One repository being read."""

    path: Path
    ctx: SweepContext
    repository: Repository
    listings: ListingReader
    asset: str = ""
    now: Instant = field(init=False)
    git: Git = field(init=False)
    tips: list[Tip] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    history: History = field(default_factory=History)
    told: Told = field(default_factory=Told)
    gaps: list[Gap] = field(default_factory=list)
    unsure: bool = False
    """Whether something failed that may work another time: then nothing is noted."""

    def __post_init__(self) -> None:
        self.now = self.ctx.now()
        self.git = Git(self.repository.folder)
        self.asset = asset_of(self.repository, self.path, self.ctx)

    # ── what there is ───────────────────────────────────────────────────────────────────────

    def survey(self) -> None:
        """Read branches, commits and changes. Raises: GitError when there is nothing to read."""
        self.tips, missing = tips_of(self.git, self.repository)
        if missing:
            self._gap(missing)
        max_changes = self.ctx.limits.history_commits
        max_commits = max_changes * _GRAPH
        self.told = recall_told(self.ctx.notes, self._key)
        if (self.told.max_commits, self.told.max_changes) != (max_commits, max_changes):
            self.told = Told(max_commits=max_commits, max_changes=max_changes)
        self.ctx.progress(f"commits of {self.asset}", 0, 0)
        if self.tips:
            read_commits(self.git, self.tips, self.history, max_commits=max_commits)
            self.unsure = bool(self.history.gaps) and not self.history.cut
            read_changes(self.git, self.history, max_changes=max_changes)
        if self.repository.shallow:
            self._gap("is a shallow clone: what was before its first commits is not there")
        self.held = self._timeline()
        for why in self.history.gaps:
            self._gap(why)

    def _timeline(self) -> list[Held]:
        """Every interval; where older commits were left out, lines begin with what they had then."""
        history, now = self.history, int(self.now.timestamp())
        timeline = Timeline(history.commits, history.changes, self.tips, now=now)
        if not history.cut:
            return timeline.held()
        first = [one for one in timeline.roots() if history.commits[one].parents]
        for commit in first[:_MAX_SNAPSHOTS]:
            read_snapshot(self.git, commit, history)
        return Timeline(history.commits, history.changes, self.tips, now=now).held()

    @property
    def _key(self) -> str:
        place = f"{self.asset}\0{self.repository.folder.as_posix()}"
        return f"git-history/{hashlib.sha256(place.encode()).hexdigest()[:24]}"

    def _gap(self, why: str) -> None:
        self.gaps.append(Gap(what=self.path.as_posix(), why=why))

    # ── what it says ────────────────────────────────────────────────────────────────────────

    def looks(self) -> Iterator[Look]:
        """Every interval that was not told, then the look at the repository."""
        known = _reached(self.history.commits, self.told.tips)
        fresh = [one for one in self.held if one.end is None or one.until not in known]
        versions = _versions(fresh)
        stopped = False
        for number, (version, listing, evidence, whys) in enumerate(self._contents(versions), 1):
            self.ctx.progress(f"history of {self.asset}", number, len(versions))
            for held in version.held:
                yield self._look(held, listing, evidence, whys)
            if self.ctx.stop():
                self._gap(STOPPED)
                stopped = True
                break
        if not stopped:
            yield from self._ended(fresh)
            self._note()
        yield self._repository_look()

    def _contents(
        self, versions: Sequence[_Version]
    ) -> Iterator[tuple[_Version, Listing, _Bytes | None, tuple[str, ...]]]:
        """Each version with what it lists, or with sentences that say why it cannot be read."""
        sizes = self._sizes(versions)
        waiting: list[_Version] = []
        total = 0
        for version in versions:
            size = sizes.get(version.blob)
            total += size or 0
            if why := self._why_not(size, total):
                yield version, _NOTHING, None, (why,)
            else:
                waiting.append(version)
        broken = 0
        while waiting:
            done = 0
            try:
                for _blob, data in read_blobs(self.git, [one.blob for one in waiting]):
                    version = waiting[done]
                    done += 1
                    yield version, *self._listing(version, data)
                waiting = []
            except GitError as error:
                # What is broken stops git; the rest is asked for again without it.
                self.unsure = True
                broken += 1
                yield waiting[done], _NOTHING, None, (error.message,)
                waiting = waiting[done + 1 :]
            if broken > _MAX_BROKEN:
                self._gap(f"{len(waiting):,} versions were given up after {broken} broken ones")
                return

    def _sizes(self, versions: Sequence[_Version]) -> Mapping[str, int]:
        blobs = list(dict.fromkeys(version.blob for version in versions))
        if not blobs:
            return {}
        try:
            return read_sizes(self.git, blobs, partial=self.repository.partial)
        except (GitError, ValueError) as error:
            self.unsure = True
            self._gap(f"contents cannot be listed: {error}")
            return {}

    def _why_not(self, size: int | None, total: int) -> str:
        if size is None:
            self.unsure = True
            return "its content is not in this clone, or is broken"
        if size > min(MAX_LOCK_BYTES, self.ctx.limits.file_bytes):
            return f"a version has {size:,} bytes, more than are read"
        if total > self.ctx.limits.stream_bytes:
            return "too much was read of this repository before"
        return ""

    def _listing(
        self, version: _Version, data: bytes
    ) -> tuple[Listing, _Bytes | None, tuple[str, ...]]:
        kind = listing_kind(version.path)
        assert kind is not None
        seen = _Bytes(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        try:
            listing = self.listings.read(kind, version.path, data)
        except LockError as error:
            return _NOTHING, seen, (error.reason,)
        return listing, seen, (*listing.defects, *_not_followed(version.path, kind, listing))

    def _look(
        self, held: Held, listing: Listing, seen: _Bytes | None, whys: tuple[str, ...]
    ) -> Look:
        kind = listing_kind(held.path)
        assert kind is not None
        unread = [Gap(what=f"{held.path} in commit {held.by}", why=why) for why in whys]
        odd = [Gap(what=f"commit {one}", why=_ODD_DATE) for one in held.skewed]
        evidence = Evidence(
            sha256=seen.sha256 if seen else "",
            media_type=kind.media_type,
            locator=f"git blob {held.blob} in commit {held.by}",
            size=seen.size if seen else 0,
        )
        return Look(
            asset=self.asset,
            asset_kind=AssetKind.REPOSITORY,
            place_kind=kind.place,
            locator=f"{held.path}@{held.line}",
            at_lo=_instant(held.start),
            at_hi=self.now if held.end is None else _instant(held.end),
            mode=LookMode.EVENT,
            ended=held.end is not None,
            whole=not unread,
            lineage=f"{self.asset}:{held.path}",
            sightings=listing.sightings,
            gaps=(*unread, *odd),
            evidence=(evidence,) if seen else (),
            evidence_class=EvidenceClass.DECLARED,
            collector=_COLLECTOR,
        )

    # ── the repository as a whole ───────────────────────────────────────────────────────────

    def _ended(self, fresh: Sequence[Held]) -> Iterator[Look]:
        """What was in force at the last sweep and is not said of any more: branches that are gone."""
        said = {(one.line, one.path) for one in fresh}
        for line, path in self.told.open:
            kind = listing_kind(path)
            if (line, path) in said or kind is None:
                continue
            yield Look(
                asset=self.asset,
                asset_kind=AssetKind.REPOSITORY,
                place_kind=kind.place,
                locator=f"{path}@{line}",
                at_lo=self.now,
                at_hi=self.now,
                ended=True,
                lineage=f"{self.asset}:{path}",
                evidence_class=EvidenceClass.DECLARED,
                collector=_COLLECTOR,
            )

    def _note(self) -> None:
        if self.unsure or self.repository.own != self.repository.folder:
            return  # a worktree's own HEAD is not the repository's
        told = Told(
            tips=tuple(dict.fromkeys(tip.commit for tip in self.tips)),
            open=tuple((one.line, one.path) for one in self.held if one.end is None),
            max_commits=self.ctx.limits.history_commits * _GRAPH,
            max_changes=self.ctx.limits.history_commits,
        )
        keep_told(self.ctx.notes, self._key, told)

    def _repository_look(self) -> Look:
        return Look(
            asset=self.asset,
            asset_kind=AssetKind.REPOSITORY,
            place_kind=PlaceKind.ASSET,
            locator=self.path.as_posix(),
            at_lo=self.now,
            at_hi=self.now,
            whole=not self.gaps,
            gaps=tuple(self.gaps),
            evidence_class=EvidenceClass.DECLARED,
            collector=_COLLECTOR,
        )


def _versions(fresh: Sequence[Held]) -> list[_Version]:
    """Contents file by file, each file's in the order in which they came."""
    found: dict[tuple[str, str], _Version] = {}
    for one in sorted(fresh, key=_when):
        key = one.path, one.blob
        if key not in found:
            found[key] = _Version(path=one.path, blob=one.blob)
        found[key].held.append(one)
    return list(found.values())


def _when(held: Held) -> tuple[str, int]:
    return held.path, held.start


def _not_followed(path: str, kind: ListingKind, listing: Listing) -> Iterator[str]:
    """Includes that have no name of their own: at which version they were is not known here."""
    for one in listing.includes:
        if "://" in one.path or listing_kind(resolve(path, one.path)) is None:
            yield f"includes {one.path[:200]!r}, which {kind.name} histories do not follow"


def _reached(commits: Mapping[str, Commit], tips: Sequence[str]) -> set[str]:
    """Every commit that some commits reach, themselves included."""
    found: set[str] = set()
    waiting = [tip for tip in tips if tip in commits]
    while waiting:
        commit = waiting.pop()
        if commit not in found:
            found.add(commit)
            waiting.extend(one for one in commits[commit].parents if one in commits)
    return found


def _instant(seconds: int) -> Instant:
    return datetime.fromtimestamp(max(seconds, 0), tz=UTC)


READERS: tuple[Reader, ...] = (GitHistories(),)
