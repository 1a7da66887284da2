"""Two texts of one source, line by line: which lines of the new one continue which of the old one.

Owns: the comparison, in order. A line that merely stands elsewhere is no kept line: text that was quoted
may be code there, and a call that was a function's may be the module's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_LINES = 100_000
"""Lines that are compared; the longest honest sources, generated tables, have some ten thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChanges:
    """What became of the lines of a source; blank ones are left out, and comments that are surely such."""

    old: Sequence[bytes]
    new: Sequence[bytes]
    kept: Sequence[tuple[int, int]]
    """(line of the old text, line of the new one), from 0, rising on both sides."""
    added: Sequence[int]
    removed: Sequence[int]

    def added_text(self) -> bytes:
        """The added lines."""
        return b"\n".join(self.new[number] for number in self.added)

    def touched(self) -> list[bytes]:
        """Lines that are only in one of the texts, or stand elsewhere."""
        return [self.old[n] for n in self.removed] + [self.new[n] for n in self.added]


def compare_lines(old: bytes, new: bytes) -> LineChanges | None:
    """Compare two texts; None for more lines than anybody writes. Time: n log n."""
    before, after = old.split(b"\n"), new.split(b"\n")
    if max(len(before), len(after)) > MAX_LINES:
        return None
    ours, theirs = _said(after), _said(before)
    pairs = _matched([before[n] for n in theirs], [after[n] for n in ours])
    kept = [(theirs[a], ours[b]) for a, b in pairs]
    there, here = {a for a, _ in kept}, {b for _, b in kept}
    return LineChanges(
        old=before,
        new=after,
        kept=kept,
        added=[n for n in ours if n not in here],
        removed=[n for n in theirs if n not in there],
    )


def _said(lines: Sequence[bytes]) -> list[int]:
    return [number for number, line in enumerate(lines) if not _is_silent(line.strip())]


def _is_silent(bare: bytes) -> bool:
    """Blank, or a comment that stays one if it stands in a text, and holds no other line end."""
    if not bare.startswith(b"#"):
        return not bare
    return not any(sign in bare for sign in (b'"', b"'", b"\\", b"\r", b"\f"))


def _matched(old: list[bytes], new: list[bytes]) -> list[tuple[int, int]]:
    """Equal lines in order: ends, lines that each text has once, and what stands beside these."""
    start = 0
    while start < len(old) and start < len(new) and old[start] == new[start]:
        start += 1
    end = 0
    most = min(len(old), len(new)) - start
    while end < most and old[-1 - end] == new[-1 - end]:
        end += 1
    pairs = [(n, n) for n in range(start)]
    last = (start - 1, start - 1)
    stop = (len(old) - end, len(new) - end)
    for anchor in (*_anchors(old[start : stop[0]], new[start : stop[1]], start), stop):
        _grow(old, new, last, anchor, pairs)
        last = anchor
    pairs += [(stop[0] + n, stop[1] + n) for n in range(1, end)]
    return pairs


def _grow(
    old: list[bytes],
    new: list[bytes],
    last: tuple[int, int],
    anchor: tuple[int, int],
    pairs: list[tuple[int, int]],
) -> None:
    """Add the equal lines after one anchor and before the next, and that one itself."""
    a, b = last[0] + 1, last[1] + 1
    while a < anchor[0] and b < anchor[1] and old[a] == new[b]:
        pairs.append((a, b))
        a, b = a + 1, b + 1
    back = 0
    while (
        anchor[0] - back > a
        and anchor[1] - back > b
        and old[anchor[0] - back - 1] == new[anchor[1] - back - 1]
    ):
        back += 1
    pairs += [
        (anchor[0] - n, anchor[1] - n) for n in range(back, -1, -1) if anchor[0] - n < len(old)
    ]


def _anchors(old: list[bytes], new: list[bytes], start: int) -> list[tuple[int, int]]:
    """Lines that both texts have exactly once: the longest run of them in one order."""
    once_old, once_new = Counter(old), Counter(new)
    place = {line: n for n, line in enumerate(old) if once_old[line] == 1}
    ways = [(place[line], n) for n, line in enumerate(new) if once_new[line] == 1 and line in place]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (a, _) in enumerate(ways):
        at = bisect_left(tails, a)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [a]
        ends[at : at + 1] = [index]
    found: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append((ways[index][0] + start, ways[index][1] + start))
        index = before[index]
    return found[::-1]
