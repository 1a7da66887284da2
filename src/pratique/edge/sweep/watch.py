"""Watching a tree: a sweep, then a look whenever something changes, so that nothing comes unseen.

1. Listening begins before the first sweep, so that no change falls between the two.
2. A change at T: what was there before held from the last look to T; then the place is read again,
   and what is there now holds from T on. Both are looks of mode `event`, and they join.
3. Every few minutes one look says that the watch is alive; at the end every place gets its last.
4. When changes may have gone unheard (queue overflow, no room for more watches), that is a gap,
   everything is read again, and coverage begins anew. Where watching is impossible, the tree is swept
   every few minutes instead, and the looks say `sampled`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pratique.edge.sweep.context import Reader, SweepContext
from pratique.edge.sweep.ear import Ear, Heard
from pratique.edge.sweep.joining import Keeper
from pratique.edge.sweep.memory import SweepMemory
from pratique.edge.sweep.run import Sweep, SweepReport
from pratique.edge.sweep.sinks import LookSink
from pratique.edge.sweep.walk import Walk
from pratique.inventory.observed.model import Gap

PERIOD_SECONDS: Final = 300.0
"""Between two signs of life; answers give a watch the patience of two."""
_SETTLE_SECONDS: Final = 1.0
"""Installers write many files; a place is read when it has been quiet for so long."""
_LONGEST_SECONDS: Final = 20.0
"""And at the latest after this."""
_ROUND_SECONDS: Final = 0.2


@dataclass(slots=True, kw_only=True)
class WatchReport:
    """What a watch did."""

    sweep: SweepReport
    """Of the first sweep; its gaps include those of the watch."""
    changes: int = 0
    """Rounds in which something had changed."""
    reread: int = 0
    """Looks at places that had changed."""
    missed: int = 0
    """Times at which changes may have gone unheard."""
    watching: bool = True
    """False where the tree was swept every few minutes instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTimes:
    """How long things take; tests make them short."""

    period: float = PERIOD_SECONDS
    settle: float = _SETTLE_SECONDS
    longest: float = _LONGEST_SECONDS
    round: float = _ROUND_SECONDS


class Watch:
    """One watch over some roots, until the context says stop."""

    def __init__(
        self,
        ctx: SweepContext,
        *,
        readers: Sequence[Reader],
        sink: LookSink,
        memory: SweepMemory,
        home: Path,
        fallback: Reader | None = None,
        times: WatchTimes | None = None,
        ear: Callable[[], Ear] | None = None,
        each_period: Callable[[], object] = lambda: None,
    ) -> None:
        """As `Sweep`; `ear` makes what listens, `each_period` is called after each sign of life."""
        self._each_period = each_period
        self._ctx = ctx
        self._readers = readers
        self._keeper = Keeper(sink=sink, asset=ctx.asset)
        self._memory = memory
        self._home = home
        self._fallback = fallback
        self._times = times or WatchTimes()
        self._ear = ear() if ear is not None else Ear(now=ctx.now, deaf_to=(home,))
        self._roots: tuple[Path, ...] = ()
        self._sweep = self._new_sweep()
        self._gaps: list[Gap] = []

    def run(self, paths: Iterable[Path]) -> WatchReport:
        """Watch until stopped. Raises: UnavailableError when looks can be kept nowhere."""
        paths = tuple(paths)
        self._roots = Walk(paths, limits=self._ctx.limits, stop=self._ctx.stop).roots
        why = self._ear.listen(self._roots)
        try:
            begun = self._ctx.now()
            report = WatchReport(sweep=self._sweep.run(paths), watching=not why)
            why = why or self._unwatched()
            if why:
                self._sample(paths, report, why)
            else:
                self._keeper.since = begun
                if not self._listen(paths, report):
                    self._sample(paths, report, "the system stopped telling of changes")
        finally:
            self._ear.close()
        self._keeper.flush()
        report.sweep.gaps = list(dict.fromkeys((*report.sweep.gaps, *self._gaps)))
        report.sweep.gaps_total += len(self._gaps)
        return report

    def _new_sweep(self) -> Sweep:
        return Sweep(
            self._ctx,
            readers=self._readers,
            sink=self._keeper,
            memory=self._memory,
            home=self._home,
            fallback=self._fallback,
        )

    def _unwatched(self) -> str:
        """Why not every folder is watched; "" when each is."""
        for folder in self._folders(self._roots):
            if not self._ear.hears(folder):
                return f"the system has no room to watch {folder} and others"
        return ""

    def _hear_all(self, came: Path) -> None:
        """Listen to a folder that came and to all below it."""
        for folder in self._folders((came,)):
            if not self._ear.hear(folder) and Path(folder).is_dir():
                self._ear.miss(f"the system has no room to watch {folder}")
                return

    def _folders(self, roots: tuple[Path, ...]) -> Iterator[str]:
        walk = Walk(roots, limits=self._ctx.limits, stop=self._ctx.stop, leave_out=(self._home,))
        return (str(found.path) for found in walk if found.is_dir)

    # ── listening ────────────────────────────────────────────────────────────────────────────

    def _listen(self, paths: tuple[Path, ...], report: WatchReport) -> bool:
        """Listen until stopped; False when nothing more can be heard."""
        spoke = time.monotonic()
        while not self._ctx.stop():
            heard = self._settled()
            if heard.missed:
                report.missed += 1
                if not self._ear.alive:
                    return False
                self._begin_anew(paths, heard.missed)
            elif heard.paths:
                report.changes += 1
                report.reread += self._reread(heard)
            if time.monotonic() - spoke >= self._times.period:
                spoke = time.monotonic()
                self._keeper.alive(self._ctx.now())
                self._keeper.flush()
                self._each_period()
        end = self._ctx.now()
        last = self._ear.take()
        if last.paths or last.missed:
            end = min(end, last.first or end)
            report.changes += 1
        self._keeper.hold_all(end)
        self._keeper.alive(end)
        return True

    def _settled(self) -> Heard:
        """What changed, once it is quiet."""
        heard = self._ear.take()
        begun = time.monotonic()
        self._wait(self._times.round)
        quiet = begun
        while heard.paths and not self._ctx.stop():
            now = time.monotonic()
            if now - quiet >= self._times.settle or now - begun >= self._times.longest:
                break
            more = self._ear.take()
            if more.paths or more.missed:
                quiet = time.monotonic()
                heard.paths.update(more.paths)
                heard.folders.update(more.folders)
                heard.missed = more.missed
            if heard.missed:
                break
            self._wait(min(self._times.round, self._times.settle))
        return heard

    def _wait(self, seconds: float) -> None:
        if not self._ctx.stop():
            time.sleep(seconds)

    def _reread(self, heard: Heard) -> int:
        """Read again what was touched; gives the number of looks that said something new."""
        before = self._keeper.recorded.looks
        self._keeper.changed_at = heard.first
        try:
            for folder in _outermost(heard.folders):
                self._hear_all(Path(folder))  # before it is read, so that nothing falls between
                self._sweep.read_tree(Path(folder))
            taken: list[Path] = []
            for path in self._touched(heard):
                if not any(path.is_relative_to(folder) for folder in taken):
                    self._sweep.read(path, is_dir=path.is_dir())
                    if path.is_dir() and self._sweep.takes(path):
                        taken.append(path)
            self._sweep.close_gone(self._roots)
        finally:
            self._keeper.changed_at = None
        self._keeper.flush()
        return self._keeper.recorded.looks - before

    def _touched(self, heard: Heard) -> list[Path]:
        """The paths, and the folders above them up to the root: an environment is known by these."""
        found: dict[Path, None] = {}
        for text in heard.paths:
            path = Path(text)
            for one in (path, *path.parents):
                if not any(one == root or one.is_relative_to(root) for root in self._roots):
                    break
                if one not in found and not one.is_symlink() and one.exists():
                    found[one] = None
        return sorted(found, key=lambda path: len(path.parts))

    def _begin_anew(self, paths: tuple[Path, ...], why: str) -> None:
        """Coverage ends where something may have gone unheard, and begins again after a sweep."""
        self._gaps.append(Gap(what=", ".join(map(str, self._roots)), why=why))
        self._keeper.since = self._keeper.spoke = None
        self._keeper.held.clear()
        begun = self._ctx.now()
        self._sweep = self._new_sweep()
        self._sweep.run(paths)
        self._keeper.since = begun

    # ── where watching is impossible ─────────────────────────────────────────────────────────

    def _sample(self, paths: tuple[Path, ...], report: WatchReport, why: str) -> None:
        report.watching = False
        why = f"{why}; it is looked at every {self._times.period:g} s instead"
        self._gaps.append(Gap(what=", ".join(map(str, self._roots)), why=why))
        self._ear.close()
        next_at = time.monotonic() + self._times.period
        while not self._ctx.stop():
            self._wait(self._times.round)
            if time.monotonic() >= next_at:
                next_at = time.monotonic() + self._times.period
                self._sweep = self._new_sweep()
                self._sweep.run(paths)
                report.reread += 1
                self._each_period()


def _outermost(folders: Iterable[str]) -> list[str]:
    """Without those that lie in others."""
    kept: list[str] = []
    for folder in sorted(folders):
        if not (kept and folder.startswith(kept[-1] + os.sep)):
            kept.append(folder)
    return kept
