"""One sweep: the walk, the readers, the sink, and the look that says what was covered.

1. Each folder and file is offered to every reader; those that claim it yield looks.
2. Each look is tidied and goes to the sink. A reader that fails is a gap, and the rest is read.
3. Places of this asset that an earlier sweep saw below these roots, and that are gone, get a look
   that says so; otherwise what was there would seem to be there for ever.
4. At the end one look at the asset as a whole says which roots were walked, what was left out, and
   whether it was all: of a machine, the root of its file system. When the sweep is stopped, it says
   that. Files that were named one by one say nothing of the whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pratique.edge.sweep.context import Reader, SweepContext
from pratique.edge.sweep.memory import KnownPlace, SweepMemory
from pratique.edge.sweep.sinks import LookSink, Recorded
from pratique.edge.sweep.tidy import plain, tidy
from pratique.edge.sweep.unread import Unread
from pratique.edge.sweep.walk import Found, Gaps, Walk
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Gap,
    Item,
    Look,
    PlaceKind,
    Stage,
)
from pratique.values.instants import Instant

COLLECTOR: Final = "sweep/asset"
UNCLAIMED: Final = "nothing here knows how to read it"
ANOTHER_MACHINE: Final = (
    "another machine was swept under this name before, or this one with another home: "
    "give each machine its own name with --asset"
)
ONLY_ROOTS: Final = "only these roots were swept, not the whole machine"
_MACHINES: Final = frozenset(
    {
        AssetKind.HOST,
        AssetKind.LAPTOP,
        AssetKind.SERVER,
        AssetKind.VENDOR_SYSTEM,
        AssetKind.UNKNOWN,
    }
)
"""Assets that are more than a tree of files that somebody names."""
_ROOTS_SHOWN: Final = 3_000
_SHOW_EVERY: Final = 64
"""Folders and files between two calls of `progress`."""


@dataclass(slots=True)
class Tally:
    """What one reader gave."""

    looks: int = 0
    items: int = 0
    identities: int = 0
    gaps: int = 0


@dataclass(slots=True, kw_only=True)
class SweepReport:
    """What a sweep did."""

    asset: str
    roots: tuple[str, ...]
    started: Instant
    ended: Instant
    folders: int = 0
    files: int = 0
    whole: bool = True
    stopped: bool = False
    readers: dict[str, Tally] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    """Files that no reader claimed although software may be in them, by sort."""
    gone: int = 0
    """Places that were there at an earlier sweep."""
    gaps: list[Gap] = field(default_factory=list)
    gaps_total: int = 0
    items: set[tuple[Item, Stage]] = field(default_factory=set)
    """Distinct items seen, bounded, for matching with advisories."""
    known_bad: tuple[str, ...] = ()
    """Sentences on items that known advisories name; filled in by who knows advisories."""
    recorded: Recorded = field(default_factory=Recorded)


MAX_ITEMS: Final = 2_000_000


class Sweep:
    """One sweep over some roots."""

    def __init__(
        self,
        ctx: SweepContext,
        *,
        readers: Sequence[Reader],
        sink: LookSink,
        memory: SweepMemory,
        home: Path,
        fallback: Reader | None = None,
    ) -> None:
        """`home` is left out of the walk: it holds copies of what was seen elsewhere.

        `fallback` reads files that a person named and no other reader claims.
        """
        self._ctx = ctx
        self._readers = readers
        self._fallback = fallback
        self._sink = sink
        self._memory = memory
        self._home = home
        self._roots: tuple[Path, ...] = ()
        self._gaps = Gaps()
        """Of this asset: with any of these it was not read whole."""
        self._elsewhere = Gaps()
        """Of other assets, and what makes times uncertain."""
        self._unread = Unread()
        self._seen_places: dict[KnownPlace, None] = {}
        self._report = SweepReport(asset=ctx.asset, roots=(), started=ctx.now(), ended=ctx.now())

    def run(self, paths: Iterable[Path]) -> SweepReport:
        """Sweep. Raises: UnavailableError when what was seen can be kept nowhere."""
        report = self._report
        walk = Walk(
            paths,
            limits=self._ctx.limits,
            stop=self._ctx.stop,
            leave_out=(self._home,),
            wanted=lambda path: any(r.claims(path, is_dir=False) for r in self._readers),
        )
        self._gaps = walk.gaps
        self._roots = walk.roots
        report.roots = tuple(plain(str(root)) for root in walk.roots)
        self._check_machine()
        for found in walk:
            self._offer(found, walk)
            if (walk.files + walk.folders) % _SHOW_EVERY == 0:
                self._ctx.progress(str(found.path), walk.files + walk.folders, 0)
        report.stopped = walk.stopped or self._ctx.stop()
        report.folders, report.files = walk.folders, walk.files
        self._close_places(walk)
        self._say_coverage()
        self._sink.flush()
        return self._finished()

    def read(self, path: Path, *, is_dir: bool) -> None:
        """Read one path again, as the watch does when it changed."""
        for reader in self._claimants(path, is_dir=is_dir):
            self._read(reader, path)

    def read_tree(self, folder: Path) -> None:
        """Read a folder that came later, with everything in it."""
        walk = Walk([folder], limits=self._ctx.limits, stop=self._ctx.stop, leave_out=(self._home,))
        for found in walk:
            self._offer(found, walk)
        for gap in walk.gaps.listed:
            self._gaps.add(gap.what, gap.why)

    def takes(self, folder: Path) -> bool:
        """Whether a reader has this folder to itself."""
        return any(r.takes_folder and r.claims(folder, is_dir=True) for r in self._readers)

    def close_gone(self, roots: Sequence[Path]) -> None:
        """Say of places below these roots that they are gone, if they are."""
        gone = {
            place
            for place in self._seen_places
            if any(Path(place.locator).is_relative_to(root) for root in roots)
            and _is_gone(place.locator)
        }
        for place in sorted(gone):
            del self._seen_places[place]
            self._report.gone += not self._sink.add(self._gone(place))
        known = {*self._memory.places(self._ctx.asset), *self._seen_places}
        self._memory.set_places(self._ctx.asset, list(known - gone))

    def _offer(self, found: Found, walk: Walk) -> None:
        claimants = self._claimants(found.path, is_dir=found.is_dir)
        for reader in claimants:
            if self._ctx.stop():
                return
            if found.is_dir and reader.takes_folder:
                walk.skip(found.path)
            self._read(reader, found.path)
        if claimants or found.is_dir:
            return
        if found.named:
            self._read_named(found.path)
        else:
            self._unread.note(found.path)

    def _read_named(self, path: Path) -> None:
        """A file that a person named and nobody claims: perhaps a log."""
        if self._fallback is not None and self._fallback.claims(path, is_dir=False):
            self._read(self._fallback, path)
        else:
            self._gaps.add(str(path), UNCLAIMED)

    def _claimants(self, path: Path, *, is_dir: bool) -> list[Reader]:
        claimants = [r for r in self._readers if r.claims(path, is_dir=is_dir)]
        takers = [r for r in claimants if is_dir and r.takes_folder]
        return takers or claimants

    def _read(self, reader: Reader, path: Path) -> None:
        tally = self._report.readers.setdefault(reader.name, Tally())
        looks = reader.read(path, self._ctx)
        while True:
            try:
                look = next(looks, None)
            except Exception as error:  # noqa: BLE001 - one reader's mistake must not end the sweep
                # Whatever it was, this path was not read: that is what a gap is for.
                tally.gaps += 1
                why = f"the reader {reader.name} failed ({type(error).__name__})"
                self._gaps.add(str(path), why)
                return
            if look is None:
                return
            self._take(look, tally)

    def _take(self, look: Look, tally: Tally) -> None:
        look = tidy(look, now=self._ctx.now())
        tally.looks += 1
        tally.items += len(look.sightings)
        tally.identities += len(look.identities)
        tally.gaps += len(look.gaps)
        # What a run's log does not tell makes that run unknown, not the machine it lies on.
        gaps = self._elsewhere if look.whole or look.asset != self._ctx.asset else self._gaps
        for gap in look.gaps:
            gaps.add(gap.what, gap.why)
        if len(self._report.items) < MAX_ITEMS:
            self._report.items.update((s.item, s.stage) for s in look.sightings)
        if refusal := self._sink.add(look):
            self._gaps.add(look.locator, refusal)
        if look.asset == self._ctx.asset:
            self._note_place(look)

    def _note_place(self, look: Look) -> None:
        if look.ended or not look.locator.startswith("/"):
            return
        place = KnownPlace(
            kind=look.place_kind.value,
            locator=look.locator,
            lineage=look.lineage,
            evidence_class=look.evidence_class.value,
            collector=look.collector,
        )
        self._seen_places[place] = None

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def _check_machine(self) -> None:
        known = self._memory.machine_of(self._ctx.asset)
        if known and self._ctx.machine and known != self._ctx.machine:
            self._gaps.add(self._ctx.asset, ANOTHER_MACHINE)
        if self._ctx.machine:
            self._memory.set_machine(self._ctx.asset, self._ctx.machine)

    def _close_places(self, walk: Walk) -> None:
        """Say of places below these roots that they are gone; keep the others in mind."""
        keys = {(p.kind, p.locator, p.lineage) for p in self._seen_places}
        remembered = dict(self._seen_places)
        for place in self._memory.places(self._ctx.asset):
            if (place.kind, place.locator, place.lineage) in keys:
                continue
            below = any(Path(place.locator).is_relative_to(root) for root in walk.roots)
            if below and not self._report.stopped and _is_gone(place.locator):
                refusal = self._sink.add(self._gone(place))
                self._report.gone += not refusal
            else:
                remembered[place] = None
        self._memory.set_places(self._ctx.asset, list(remembered))

    def _gone(self, place: KnownPlace) -> Look:
        now = self._ctx.now()
        return Look(
            asset=self._ctx.asset,
            asset_kind=self._ctx.asset_kind,
            place_kind=PlaceKind(place.kind),
            locator=place.locator,
            lineage=place.lineage,
            at_lo=now,
            at_hi=now,
            ended=True,
            evidence_class=EvidenceClass(place.evidence_class),
            collector=place.collector or COLLECTOR,
            machine=self._ctx.machine,
        )

    def _say_coverage(self) -> None:
        report, ctx = self._report, self._ctx
        report.ended = ctx.now()
        folders = [root for root in self._roots if root.is_dir()]
        gaps = list(self._gaps.listed)
        if not self._is_all(folders):
            gaps.insert(0, Gap(what=ctx.asset, why=ONLY_ROOTS))
        report.whole = not (report.stopped or gaps)
        if not folders:
            return
        locator = ", ".join(report.roots)
        look = Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.ASSET,
            locator=plain(locator, _ROOTS_SHOWN) or "nothing",
            at_lo=min(report.started, report.ended),
            at_hi=report.ended,
            whole=report.whole,
            gaps=tuple(gaps),
            evidence_class=EvidenceClass.OBSERVED,
            collector=COLLECTOR,
            machine=ctx.machine,
        )
        if refusal := self._sink.add(tidy(look, now=ctx.now())):
            self._gaps.add(locator, refusal)

    def _is_all(self, folders: Sequence[Path]) -> bool:
        """Whether these roots are all of the asset."""
        if self._ctx.asset_kind not in _MACHINES:
            return bool(folders)
        return any(folder == Path(folder.anchor) for folder in folders)

    def _finished(self) -> SweepReport:
        report = self._report
        report.recorded = self._sink.recorded
        report.unread = self._unread.counts()
        listed = [*self._gaps.listed, *self._elsewhere.listed]
        report.gaps = list(dict.fromkeys(listed))
        total = self._gaps.total + self._elsewhere.total
        report.gaps_total = total - (len(listed) - len(report.gaps))
        return report


def _is_gone(locator: str) -> bool:
    """Whether there is surely nothing at a path; when one cannot look, there may be."""
    try:
        os.lstat(locator)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return False
