"""Which bytes a lease gets of an object: the canonical ones, with stretches of its own laid over them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

CANONICAL: Final = 0
"""Source of an extent: the object as it was registered."""
VARIANT: Final = 1
"""Source: the object's other bytes, all stretches one behind the other."""
INLINE: Final = 2
"""Source: bytes that exist for this lease only, such as a footer; they come with the view."""
LONG_STRETCH: Final = 16 * 1024
"""From this length on, reading what a stretch covers would cost more than putting pieces together."""
BLOCK_BYTES: Final = 64 * 1024
"""The variant is decrypted and kept in blocks: second forms are small and close together."""

_BLOCK_BITS: Final = 16
_BLOCK_MASK: Final = BLOCK_BYTES - 1
_NEVER: Final = 1 << 63
_IN_BUCKET: Final = 2


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

    def variant_span(self, start: int, end: int) -> tuple[int, int]:
        """What of the variant `[start, end)` may need; empty where nothing of it is the lease's own."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end, first)
        if first == last:
            return 0, 0
        final = last - 1
        return self._offsets[first], self._offsets[final] + self._ends[final] - self._starts[final]

    def lay(
        self, into: memoryview, shift: int, start: int, end: int, blocks: Mapping[int, memoryview]
    ) -> int:
        """Lay the lease's own stretches over canonical bytes `[start, end)`: the way of most reads.

        Byte n of the object lies at `n + shift` of `into`. `blocks` has the variant in blocks of
        `BLOCK_BYTES`, by number. Gives -1 when all is done, else the number of a block that is needed.
        """
        # One function, and few lines of memory: everything is cold after a range was decrypted.
        bucket, index = start >> self._shift, self._index
        if bucket >= len(index):
            return -1
        starts, ends, offsets = self._starts, self._ends, self._offsets
        for at in range(index[bucket], len(starts)):
            begin = starts[at]
            if begin >= end:
                break
            stop = ends[at]
            if stop <= start:
                continue
            offset = offsets[at]
            if begin < start:
                offset += start - begin
                begin = start
            if stop > end:  # noqa: PLR1730 - a call would cost more than all of this
                stop = end
            number, inner = offset >> _BLOCK_BITS, offset & _BLOCK_MASK
            block = blocks.get(number)
            if block is None:
                return number
            own = block[inner : inner + stop - begin]
            if len(own) < stop - begin:
                following = blocks.get(number + 1)
                if following is None:
                    return number + 1
                middle = begin + len(own)
                into[middle + shift : stop + shift] = following[: stop - middle]
                stop = middle
            into[begin + shift : stop + shift] = own
        return -1

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
