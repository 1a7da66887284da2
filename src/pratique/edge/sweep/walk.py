"""The walk over roots: what is there, in order, once; and a gap for whatever was not looked at.

1. A root may itself be a link (a person named it); below it no link is followed. One that leads to
   a folder out of all roots is a gap, because something is there that was not read.
2. Only folders and regular files are offered; pipes, sockets and devices are never opened.
3. Other file systems below a root are entered when they are local; network ones are gaps (they can
   hang, and belong to another machine), the kernel's own (proc, sysfs …) hold no files.
4. Depth and count are bounded; what is cut is a gap.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from pratique.edge.sweep.context import STOPPED, SweepLimits
from pratique.edge.sweep.mounts import MountTable
from pratique.inventory.observed.model import Gap

MAX_GAPS: Final = 10_000
"""Gaps kept of one walk; more are counted."""


class Found(NamedTuple):
    """A folder or a regular file."""

    path: Path
    is_dir: bool
    named: bool
    """Whether a person named this very path."""


@dataclass(slots=True)
class Gaps:
    """What was not looked at."""

    listed: list[Gap] = field(default_factory=list)
    total: int = 0

    def add(self, what: str, why: str) -> None:
        """Note a gap."""
        self.total += 1
        if len(self.listed) < MAX_GAPS:
            self.listed.append(Gap(what=what, why=why))


class Walk:
    """One walk over some roots. Iterate over it, then look at `gaps`."""

    def __init__(
        self,
        roots: Iterable[Path],
        *,
        limits: SweepLimits,
        stop: Callable[[], bool],
        leave_out: Iterable[Path] = (),
        wanted: Callable[[Path], bool] = lambda _path: False,
    ) -> None:
        """`leave_out`: folders of our own. `wanted`: whether a linked file would have been read."""
        self.gaps = Gaps()
        self.folders = 0
        self.files = 0
        self.stopped = False
        self._limits = limits
        self._stop = stop
        self._wanted = wanted
        self._mounts = MountTable.of_this_system()
        self._left_out = {os.path.realpath(one) for one in leave_out}
        self._roots = self._settle(roots)
        self._skipped: set[str] = set()

    def skip(self, folder: Path) -> None:
        """Do not go into this folder, which was just given: a reader has taken it over."""
        self._skipped.add(str(folder))

    def __iter__(self) -> Iterator[Found]:
        """Every folder and regular file, folders before what is in them, names in order."""
        for root in self._roots:
            yield from self._root(root)
            if self.stopped:
                return

    @property
    def roots(self) -> tuple[Path, ...]:
        """The roots as they were resolved, without those that lie in others."""
        return self._roots

    def _settle(self, roots: Iterable[Path]) -> tuple[Path, ...]:
        """Resolve the roots; one that lies in another is walked with it."""
        resolved: list[Path] = []
        for root in roots:
            try:
                resolved.append(root.resolve(strict=True))
            except (OSError, RuntimeError) as error:
                self.gaps.add(str(root), _why(error))
        unique = sorted(set(resolved), key=lambda path: len(path.parts))
        kept: list[Path] = []
        for path in unique:
            # A file that is named is read even if its folder is named too: as one that was named.
            if not any(path.is_relative_to(other) for other in kept if other.is_dir()):
                kept.append(path)
        return tuple(kept)

    def _root(self, root: Path) -> Iterator[Found]:
        try:
            mode = root.lstat().st_mode
        except OSError as error:
            self.gaps.add(str(root), _why(error))
            return
        if stat.S_ISREG(mode):
            self.files += 1
            yield Found(root, is_dir=False, named=True)
        elif stat.S_ISDIR(mode):
            yield from self._tree(root)
        else:
            self.gaps.add(str(root), "it is neither a folder nor a regular file")

    def _tree(self, root: Path) -> Iterator[Found]:
        waiting: list[tuple[str, int]] = [(str(root), 0)]
        while waiting:
            folder, depth = waiting.pop()
            if self._ends(folder):
                return
            self.folders += 1
            yield Found(Path(folder), is_dir=True, named=depth == 0)
            if folder in self._skipped:
                continue
            if depth >= self._limits.depth:
                self.gaps.add(
                    folder, f"more than {self._limits.depth} folders deep: not looked into"
                )
                continue
            below: list[tuple[str, int]] = []
            for entry in self._entries(folder):
                kind = self._kind(entry)
                if kind == "file":
                    self.files += 1
                    yield Found(Path(entry.path), is_dir=False, named=False)
                elif kind == "folder" and self._may_enter(entry):
                    below.append((entry.path, depth + 1))
            waiting.extend(reversed(below))

    def _ends(self, folder: str) -> bool:
        if self._stop():
            self.stopped = True
            self.gaps.add(folder, f"{STOPPED}, and what comes after it")
        elif self.folders + self.files >= self._limits.entries:
            self.stopped = True
            limit = self._limits.entries
            self.gaps.add(
                folder, f"more than {limit} folders and files: the rest was not looked at"
            )
        return self.stopped

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.gaps.add(folder, _why(error))
            return []

    def _kind(self, entry: os.DirEntry[str]) -> str:
        try:
            if entry.is_symlink():
                self._link(entry)
                return "link"
            if entry.is_dir(follow_symlinks=False):
                return "folder"
            return "file" if entry.is_file(follow_symlinks=False) else "special"
        except OSError as error:
            self.gaps.add(entry.path, _why(error))
            return "gone"

    def _link(self, entry: os.DirEntry[str]) -> None:
        """A link is not followed; note it when something that is not walked lies behind it."""
        try:
            is_dir = entry.is_dir()  # follows; broken links are neither
            target = Path(entry.path).resolve()
            wanted = not is_dir and entry.is_file() and self._wanted(target)
            called = not (is_dir or wanted) and self._wanted(Path(entry.path))
        except (OSError, RuntimeError) as error:
            self.gaps.add(entry.path, f"a link that leads nowhere: {_why(error)}")
            return
        inside = any(target.is_relative_to(root) for root in self._roots)
        if called:
            # Tools read it by the link's name; where it leads, nobody here takes it for what it is.
            self.gaps.add(entry.path, f"a link to {target}, which is not read under that name")
        elif (is_dir or wanted) and not inside:
            self.gaps.add(entry.path, f"a link to {target}, which lies outside of what was swept")

    def _may_enter(self, entry: os.DirEntry[str]) -> bool:
        if entry.path in self._left_out:
            return False
        verdict = self._mounts.verdict(entry.path)
        if verdict == "remote":
            self.gaps.add(
                entry.path, "another machine's or a user-space file system; name it to sweep it"
            )
        return verdict == "enter"


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return type(error).__name__
