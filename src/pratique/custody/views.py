"""Which bytes a lease gets of an object: the canonical ones, with stretches of its own laid over them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

CANONICAL: Final = 0
"""Source of an extent: the object as it was registered."""
VARIANT: Final = 1
"""Source: the object's other bytes, all stretches one behind the other."""
INLINE: Final = 2
"""Source: bytes that exist for this lease only, such as a footer; they come with the view."""
LONG_STRETCH: Final = 16 * 1024
"""From this length on, reading what a stretch covers would cost more than putting pieces together."""

_NEVER: Final = 1 << 63
_IN_BUCKET: Final = 2
_NOTHING: Final = (0, 0, 0, 0)


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
        "_ends", "_index", "_offsets", "_shift", "_starts", "inline", "inline_start", "pieced_from",
        "variant_size",
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
        self.inline = inline
        self.inline_start = inline_start
        longest = max(map(int.__sub__, ends, starts), default=0)
        first_pieced = inline_start if inline else _NEVER
        self.pieced_from = 0 if longest >= LONG_STRETCH else first_pieced
        """What reaches beyond this byte is better put together from pieces than laid over."""
        # A bucket for a few stretches: looking one up touches little memory, which is cold by then.
        reach = ends[-1] if ends else 0
        self._shift = (reach * _IN_BUCKET // max(1, len(ends))).bit_length()
        buckets = range(0, reach, 1 << self._shift)
        self._index = array("I", (bisect_right(self._ends, at) for at in buckets))

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

    def touched(self, start: int, end: int) -> tuple[int, int, int, int]:
        """Which stretches lie in `[start, end)`, if only in part, and where the variant has them.

        Shape: (first, behind the last, start in the variant, end there); all 0 where there are none.
        """
        index, starts, ends = self._index, self._starts, self._ends
        bucket, final, count = start >> self._shift, end >> self._shift, len(starts)
        if bucket >= len(index):
            return _NOTHING
        first = index[bucket]
        while first < count and ends[first] <= start:
            first += 1
        last = max(first, index[final] if final < len(index) else count)
        while last < count and starts[last] < end:
            last += 1
        if first == last:
            return _NOTHING
        behind = self._offsets[last - 1] + ends[last - 1] - starts[last - 1]
        return first, last, self._offsets[first], behind

    def lay(
        self,
        into: memoryview,
        shift: int,
        span: tuple[int, int],
        touched: tuple[int, int, int, int],
        variant: memoryview,
        begins: int,
    ) -> None:
        """Lay what `touched` told of a span over its canonical bytes: this is the way of most reads.

        Byte n of the object lies at `n + shift` of `into`; `variant` has the variant from its byte
        `begins` on, as far as they need it.
        """
        start, end = span
        starts, ends, offsets = self._starts, self._ends, self._offsets
        for index in range(touched[0], touched[1]):
            begin, stop, offset = starts[index], ends[index], offsets[index] - begins
            if begin < start:
                offset += start - begin
                begin = start
            if stop > end:  # noqa: PLR1730 - a call would cost more than all of this
                stop = end
            into[begin + shift : stop + shift] = variant[offset : offset + stop - begin]

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
