"""Which bytes a lease gets of an object: the canonical ones, or stretches of its own among them."""

from __future__ import annotations

from bisect import bisect_right
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
    """Where they begin in their source."""


class View:
    """What a lease sees of one object: extents without gaps, from 0 to the object's size.

    A view never changes a size, so that ranges and listings are the same for every lease.
    """

    __slots__ = ("_starts", "extents", "inline", "variant_size")

    def __init__(
        self, extents: tuple[Extent, ...], *, variant_size: int, inline: bytes = b""
    ) -> None:
        self.extents = extents
        self.variant_size = variant_size
        self.inline = inline
        self._starts = [extent.start for extent in extents]

    def pieces(self, start: int, end: int) -> list[Extent]:
        """The extents that make up `[start, end)`, cut to it."""
        found = []
        index = bisect_right(self._starts, start) - 1
        while start < end:
            extent = self.extents[index]
            stop = min(end, extent.end)
            found.append(Extent(start, stop, extent.source, extent.offset + start - extent.start))
            start = stop
            index += 1
        return found
