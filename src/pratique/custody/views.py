"""Which bytes a lease gets of an object: the canonical ones, with stretches of its own laid over them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

CANONICAL: Final = 0
"""Source of an extent: the object as it was registered."""
VARIANT: Final = 1
"""Source: the object's other bytes, all stretches one behind the other."""
INLINE: Final = 2
"""Source: bytes that exist for this lease only, such as a footer; they come with the view."""


class Extent(NamedTuple):
    """Bytes `[start, end)` of what the lease sees, and where they come from."""

    start: int
    end: int
    source: int
    offset: int
    """Where they begin in their source; of canonical bytes, `start`."""


class View:
    """What a lease sees of one object: its canonical bytes but for some stretches.

    A view never changes a size, so that ranges and listings are the same for every lease. It is made
    of arrays: a lease's view of ten thousand marks takes a quarter of a megabyte.
    """

    __slots__ = (
        "_ends", "_offsets", "_starts", "inline", "inline_start", "longest", "variant_size",
    )  # fmt: skip

    def __init__(
        self,
        *,
        starts: Sequence[int],
        ends: Sequence[int],
        offsets: Sequence[int],
        variant_size: int,
        inline: bytes = b"",
        inline_start: int = 0,
    ) -> None:
        """Stretches `[starts[i], ends[i])` come from `offsets[i]` of the variant.

        Shape: sorted and disjoint; the inline bytes, where there are any, lie behind all of them.
        """
        self._starts, self._ends, self._offsets = (
            array("Q", starts),
            array("Q", ends),
            array("Q", offsets),
        )
        self.variant_size = variant_size
        self.longest = max(map(int.__sub__, ends, starts), default=0)
        """Length of the longest stretch."""
        self.inline = inline
        self.inline_start = inline_start

    @property
    def stretches(self) -> int:
        """How much the view weighs: its stretches, and one for itself."""
        return len(self._starts) + 1

    def overlays(self, start: int, end: int) -> list[Extent]:
        """What in `[start, end)` is not canonical, cut to it, in order."""
        starts, ends, found = self._starts, self._ends, []
        index = bisect_right(starts, start)
        if index and ends[index - 1] > start:
            index -= 1
        count = len(starts)
        while index < count and (begin := starts[index]) < end:
            stop, offset = ends[index], self._offsets[index]
            if begin < start:
                offset += start - begin
                begin = start
            found.append(Extent(begin, min(stop, end), VARIANT, offset))
            index += 1
        if self.inline:
            begin = max(start, self.inline_start)
            stop = min(end, self.inline_start + len(self.inline))
            if begin < stop:
                found.append(Extent(begin, stop, INLINE, begin - self.inline_start))
        return found

    def variant_span(self, start: int, end: int) -> tuple[int, int]:
        """What of the variant `[start, end)` may need; empty where nothing of it is the lease's own."""
        first = bisect_right(self._starts, start)
        if first and self._ends[first - 1] > start:
            first -= 1
        last = bisect_left(self._starts, end, first)
        if first == last:
            return 0, 0
        length = self._ends[last - 1] - self._starts[last - 1]
        return self._offsets[first], self._offsets[last - 1] + length

    def pieces(self, start: int, end: int) -> list[Extent]:
        """The extents that make up `[start, end)`."""
        found = []
        for overlay in self.overlays(start, end):
            if start < overlay.start:
                found.append(Extent(start, overlay.start, CANONICAL, start))
            found.append(overlay)
            start = overlay.end
        if start < end:
            found.append(Extent(start, end, CANONICAL, start))
        return found
