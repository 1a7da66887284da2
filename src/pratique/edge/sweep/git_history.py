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
from pratique.edge.sweep.git_contents import Contents, Version
from pratique.edge.sweep.git_manifests import unlocked
from pratique.edge.sweep.git_memory import Told, keep_told, recall_told
from pratique.edge.sweep.git_objects import (
    PATHSPECS,
    History,
    read_changes,
    read_commits,
    read_snapshot,
)
from pratique.edge.sweep.git_process import Git, GitError
from pratique.edge.sweep.git_repository import (
    Repository,
    asset_of,
    find_repository,
    forgotten,
    looks_like_repository,
    other_tips,
    tips_of,
)
from pratique.inventory.listings.kinds import listing_kind
from pratique.inventory.listings.reading import ListingReader
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
from pratique.values.instants import Instant

_COLLECTOR: Final = "sweep/git-history"
_GRAPH: Final = 10
"""Commits looked at for each version of a file that is read at most."""
_MAX_SNAPSHOTS: Final = 20
_ODD_DATE: Final = (
    "the date of this commit does not fit between its neighbours; the widest interval is told"
)


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
            self._beside_branches(max_commits)
            self.unsure = bool(self.history.gaps) and not self.history.cut
            read_changes(self.git, self.history, max_changes=max_changes)
            self._tell_unlocked()
        if self.repository.shallow:
            self._gap("is a shallow clone: what was before its first commits is not there")
        self.held = self._timeline()
        for why in self.history.gaps:
            self._gap(why)

    def _tell_unlocked(self) -> None:
        try:
            why = unlocked(self.git, self.tips, partial=self.repository.partial)
        except (GitError, ValueError) as error:
            why = f"not all manifests can be read: {error}"
        if why:
            self._gap(why)

    def _beside_branches(self, max_commits: int) -> None:
        """Also read what only tags and stashes reach; say what nothing but a log reaches."""
        if self.history.cut:
            return  # nobody can tell what the branches reach
        try:
            others, missing = other_tips(self.git, self.history.commits)
            if others:
                self.tips += others
                self.history = History()  # all at once, so that the newest come first
                read_commits(self.git, others, self.history, max_commits=max_commits)
            for why in (missing, forgotten(self.git, self.tips, PATHSPECS)):
                if why:
                    self._gap(why)
        except (GitError, ValueError) as error:
            self._gap(f"not all tags and stashes can be read: {error}")

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
        begun = {(one.line, one.path, one.by) for one in self.held}
        contents = Contents(
            self.git, self.listings, partial=self.repository.partial, limits=self.ctx.limits
        )
        stopped = False
        for number, (held, version) in enumerate(contents.read(fresh), 1):
            self.ctx.progress(f"history of {self.asset}", number, len(fresh))
            is_replaced = (held.line, held.path, held.until) in begun
            yield self._look(held, version, ended=held.end is not None and not is_replaced)
            if self.ctx.stop():
                self._gap(STOPPED)
                stopped = True
                break
        for why in contents.trouble:
            self._gap(why)
        if not stopped:
            yield from self._ended(fresh)
            self._note(unsure=contents.unsure)
        yield self._repository_look()

    def _look(self, held: Held, version: Version, *, ended: bool) -> Look:
        """`ended`: the file is gone there; one that is replaced is ended by the next look."""
        kind = listing_kind(held.path)
        assert kind is not None
        unread = [Gap(what=f"{held.path} in commit {held.by}", why=why) for why in version.gaps]
        odd = [Gap(what=f"commit {one}", why=_ODD_DATE) for one in held.skewed]
        evidence = Evidence(
            sha256=version.sha256,
            media_type=kind.media_type,
            locator=f"git blob {held.blob} in commit {held.by}",
            size=version.size,
        )
        return Look(
            asset=self.asset,
            asset_kind=AssetKind.REPOSITORY,
            place_kind=kind.place,
            locator=f"{held.path}@{held.line}",
            at_lo=_instant(held.start),
            at_hi=self.now if held.end is None else _instant(held.end),
            mode=LookMode.EVENT,
            ended=ended,
            whole=not unread,
            lineage=f"{self.asset}:{held.path}",
            sightings=version.listing.sightings,
            identities=version.identities,
            gaps=(*unread, *odd),
            evidence=(evidence,) if version.sha256 else (),
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

    def _note(self, *, unsure: bool) -> None:
        if unsure or self.unsure or self.repository.own != self.repository.folder:
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
