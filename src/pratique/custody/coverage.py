"""Which segments of an object a lease has paid for: bitmaps, and what a range would add to them."""

from __future__ import annotations

from typing import Final

from pratique.custody.model import PART_BYTES, SEGMENT_BYTES

_PER_PART: Final = PART_BYTES // SEGMENT_BYTES


class Coverage:
    """Segments of one object, a whole number of bits for each of its parts.

    Not safe to share between threads.
    """

    __slots__ = ("_bits", "_size")

    def __init__(self, size: int, stored: bytes = b"") -> None:
        """`size` is the object's, in bytes; `stored` what `to_bytes` gave."""
        self._size = size
        self._bits: dict[int, int] = {}
        self.merge(stored)

    def missing(self, start: int, end: int) -> int:
        """Bytes that disclosing `[start, end)` would add, counted in whole segments.

        The last segment of an object counts with the bytes that it has.
        """
        if start >= end:
            return 0
        first, last = start // SEGMENT_BYTES, (end - 1) // SEGMENT_BYTES
        if first == last:  # the way of small reads
            part, bit = divmod(first, _PER_PART)
            return 0 if self._bits.get(part, 0) >> bit & 1 else self._length(first)
        count = 0
        for part, mask in _masks(first, last):
            count += (mask & ~self._bits.get(part, 0)).bit_count()
        short = SEGMENT_BYTES - self._length(last)
        if short and not self._has(last):
            return count * SEGMENT_BYTES - short
        return count * SEGMENT_BYTES

    def add(self, start: int, end: int) -> None:
        """The segments of `[start, end)` are paid for."""
        if start >= end:
            return
        first, last = start // SEGMENT_BYTES, (end - 1) // SEGMENT_BYTES
        if first == last:
            part, bit = divmod(first, _PER_PART)
            self._bits[part] = self._bits.get(part, 0) | 1 << bit
            return
        for part, mask in _masks(first, last):
            self._bits[part] = self._bits.get(part, 0) | mask

    def merge(self, stored: bytes) -> None:
        """Add what another process paid for."""
        width = _PER_PART // 8
        for at in range(0, len(stored), width):
            bits = int.from_bytes(stored[at : at + width], "little")
            if bits:
                part = at // width
                self._bits[part] = self._bits.get(part, 0) | bits

    def to_bytes(self) -> bytes:
        """Bitmap with segment 0 as bit 0 of byte 0; as long as its last paid part needs."""
        if not self._bits:
            return b""
        width = _PER_PART // 8
        return b"".join(
            self._bits.get(part, 0).to_bytes(width, "little") for part in range(max(self._bits) + 1)
        )

    @property
    def disclosed(self) -> int:
        """Bytes of all segments that are paid for."""
        return self._size - self.missing(0, self._size)

    def _has(self, segment: int) -> bool:
        part, bit = divmod(segment, _PER_PART)
        return bool(self._bits.get(part, 0) >> bit & 1)

    def _length(self, segment: int) -> int:
        return min(SEGMENT_BYTES, self._size - segment * SEGMENT_BYTES)


def _masks(first: int, last: int) -> list[tuple[int, int]]:
    """(part, bits) of segments `first` to `last`, both included."""
    first_part, first_bit = divmod(first, _PER_PART)
    last_part, last_bit = divmod(last, _PER_PART)
    if first_part == last_part:
        return [(first_part, ((1 << (last_bit - first_bit + 1)) - 1) << first_bit)]
    full = (1 << _PER_PART) - 1
    return [
        (first_part, full >> first_bit << first_bit),
        *((part, full) for part in range(first_part + 1, last_part)),
        (last_part, (1 << (last_bit + 1)) - 1),
    ]
