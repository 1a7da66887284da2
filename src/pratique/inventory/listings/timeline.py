"""Which version of a file was in force on which line of a repository's history, from when to when.

A *line* is a branch's chain of first parents, back to where it left a line that was told before; or
the commits that a merge brought in, whose branch is mostly gone. Every commit is on one line. A version
is in force on a line from the commit that brought it to the next one that changes it. An interval of
the same version that an earlier line covers says nothing new and is left out.

Time is the committer's date. A date that does not fit between its neighbours (before the parent, after
now) is not believed: its commit lies somewhere between them, and the widest interval is told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

GONE: Final = ""
"""Version of a file that was removed."""
_MAX_COMPARED: Final = 64
"""Earlier intervals of one version that a new one is compared with."""


class Commit(NamedTuple):
    """What a commit says of its place in history."""

    seconds: int
    """Committer's date, since 1970."""
    parents: tuple[str, ...]


class Change(NamedTuple):
    """A file was given another content, or removed, compared with the first parent."""

    path: str
    blob: str


class Tip(NamedTuple):
    """A branch and where it points."""

    name: str
    commit: str


class Held(NamedTuple):
    """A version of a file in force on a line."""

    path: str
    blob: str
    line: str
    start: int
    """Seconds since 1970."""
    end: int | None
    """None: still in force."""
    by: str
    """The commit that brought it to this line, or at which the line left another one."""
    until: str
    """The commit that ended it; empty while it is in force."""
    skewed: tuple[str, ...]
    """Of these two, those whose dates cannot be right."""


@dataclass(slots=True)
class _Line:
    """One line, oldest commit first."""

    name: str
    commits: list[str]
    base: str
    """The commit of an earlier line that it left; empty: its beginning is the beginning."""
    merge: str
    """The commit that brought it into another line; empty for a branch that is there."""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    odd: set[int] = field(default_factory=set)
    touched: list[int] = field(default_factory=list)
    """Positions of commits that change a file."""
    before: Mapping[str, str] = field(default_factory=dict)
    """Versions at its base."""


class Timeline:
    """The lines of one repository."""

    def __init__(
        self,
        commits: Mapping[str, Commit],
        changes: Mapping[str, Sequence[Change]],
        tips: Sequence[Tip],
        *,
        now: int,
    ) -> None:
        """`tips`: the most telling first. Commits whose parents are absent begin a history."""
        self._commits = commits
        self._changes = changes
        self._now = now
        self._place: dict[str, tuple[int, int]] = {}
        self._lines: list[_Line] = []
        self._states: dict[tuple[int, int], Mapping[str, str]] = {}
        self._told: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        self._draw(tips)

    def roots(self) -> list[str]:
        """The first commits of lines that left no other, those of branches first."""
        return [line.commits[0] for line in self._lines if not line.base]

    def held(self) -> list[Held]:
        """Every version in force, line by line."""
        found: list[Held] = []
        for line in self._lines:
            self._date(line)
            line.touched = [at for at, one in enumerate(line.commits) if one in self._changes]
            line.before = self._versions_at(line.base) if line.base else {}
            for one in self._on_line(line):
                if not self._is_told(one):
                    self._told.setdefault((one.path, one.blob), []).append((one.start, one.end))
                    found.append(one)
        return found

    def _draw(self, tips: Sequence[Tip]) -> None:
        """Cut the history into lines: branches first, then what merges brought in."""
        waiting = deque((tip.name, tip.commit, "") for tip in tips)
        while waiting:
            name, tip, merge = waiting.popleft()
            line = self._line(name, tip, merge)
            if line is None:
                continue
            self._lines.append(line)
            for commit in line.commits:
                for number, parent in enumerate(self._commits[commit].parents[1:], 2):
                    side = f"merged/{commit[:12]}" + (f"-{number}" if number > 2 else "")  # noqa: PLR2004 - octopus
                    waiting.append((side, parent, commit))

    def _line(self, name: str, tip: str, merge: str) -> _Line | None:
        chain: list[str] = []
        at = tip
        while at in self._commits and at not in self._place:
            chain.append(at)
            self._place[at] = len(self._lines), 0
            parents = self._commits[at].parents
            at = parents[0] if parents else ""
        base = at if at in self._place else ""
        if not chain and (merge or not base or self._is_tip(base)):
            return None  # nothing of its own: another line says it all
        chain.reverse()
        for position, commit in enumerate(chain):
            self._place[commit] = len(self._lines), position
        return _Line(name=name, commits=chain, base=base, merge=merge)

    def _is_tip(self, commit: str) -> bool:
        number, position = self._place[commit]
        line = self._lines[number]
        return not line.merge and position == len(line.commits) - 1

    def _date(self, line: _Line) -> None:
        floor = self._start_of(line.base) if line.base else 0
        seconds = [self._commits[one].seconds for one in line.commits]
        line.starts, line.ends, line.odd = believed(seconds, floor=floor, ceiling=self._now)

    def _start_of(self, commit: str) -> int:
        number, position = self._place[commit]
        return self._lines[number].starts[position]

    def _versions_at(self, commit: str) -> Mapping[str, str]:
        """Every file's version at a commit of an earlier line."""
        number, position = self._place[commit]
        line = self._lines[number]
        key = number, bisect_right(line.touched, position)
        known = self._states.get(key)
        if known is None:
            versions = dict(line.before)
            for at in line.touched[: key[1]]:
                versions.update((one.path, one.blob) for one in self._changes[line.commits[at]])
            known = self._states[key] = versions
        return known

    def _on_line(self, line: _Line) -> list[Held]:
        found: list[Held] = []
        start = self._start_of(line.base) if line.base else 0
        open_: dict[str, tuple[str, int, str, tuple[str, ...]]] = {
            path: (blob, start, line.base, ()) for path, blob in line.before.items() if blob != GONE
        }
        for at in line.touched:
            commit = line.commits[at]
            odd = (commit,) if at in line.odd else ()
            for path, blob in self._changes[commit]:
                if old := open_.pop(path, None):
                    found.append(_held(path, old, line, line.ends[at], commit, odd))
                if blob != GONE:
                    open_[path] = blob, line.starts[at], commit, odd
        end, until = self._end_of(line)
        found.extend(_held(path, old, line, end, until, ()) for path, old in open_.items())
        return found

    def _end_of(self, line: _Line) -> tuple[int | None, str]:
        if not line.merge:
            return None, ""
        number, position = self._place[line.merge]
        last = line.starts[-1] if line.starts else 0
        return max(self._lines[number].ends[position], last), line.merge

    def _is_told(self, one: Held) -> bool:
        for start, end in self._told.get((one.path, one.blob), ())[-_MAX_COMPARED:]:
            if start <= one.start and (end is None or (one.end is not None and one.end <= end)):
                return True
        return False


def _held(
    path: str,
    old: tuple[str, int, str, tuple[str, ...]],
    line: _Line,
    end: int | None,
    until: str,
    odd: tuple[str, ...],
) -> Held:
    blob, start, by, skewed = old
    return Held(
        path=path,
        blob=blob,
        line=line.name,
        start=start,
        end=None if end is None else max(end, start),
        by=by,
        until=until,
        skewed=(*skewed, *odd),
    )


def believed(
    seconds: Sequence[int], *, floor: int, ceiling: int
) -> tuple[list[int], list[int], set[int]]:
    """Earliest and latest instants of commits in a row, and which of their dates cannot be right.

    Shape: both lists never fall. The longest row of dates that never falls is believed; any other lies
    somewhere between its believed neighbours. So one clock that stood at 1970 spoils one date only.
    """
    kept = _longest_row(seconds, floor, ceiling)
    odd = set(range(len(seconds))) - set(kept)
    if not odd:
        return list(seconds), list(seconds), odd
    starts, ends = list(seconds), list(seconds)
    before = floor or (seconds[kept[0]] if kept else ceiling)
    for at in range(len(seconds)):
        before = starts[at] = before if at in odd else seconds[at]
    after = ceiling
    for at in reversed(range(len(seconds))):
        after = ends[at] = after if at in odd else seconds[at]
    return starts, ends, odd


def _longest_row(seconds: Sequence[int], floor: int, ceiling: int) -> list[int]:
    """Positions of the longest subsequence within the bounds that never falls."""
    previous = floor
    for one in seconds:
        if not previous <= one <= ceiling:
            break
        previous = one
    else:
        return list(range(len(seconds)))
    # From the end backwards, so that of two that contradict each other the later date is believed:
    # clocks fall back to 1970 more often than they run ahead.
    tails: list[int] = []
    at_tail: list[int] = []
    following: dict[int, int] = {}
    for at in reversed(range(len(seconds))):
        if not floor <= seconds[at] <= ceiling:
            continue
        length = bisect_right(tails, -seconds[at])
        if length == len(tails):
            tails.append(-seconds[at])
            at_tail.append(at)
        else:
            tails[length] = -seconds[at]
            at_tail[length] = at
        if length:
            following[at] = at_tail[length - 1]
    row: list[int] = []
    current = at_tail[-1] if at_tail else -1
    while current >= 0:
        row.append(current)
        current = following.get(current, -1)
    return row
