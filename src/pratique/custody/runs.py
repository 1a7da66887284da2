"""Runs of segments: what a bitmap covers, as people and JSON read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

_PART_BYTES: Final = 128
"""Bytes of a bitmap that are searched at once."""

Run: TypeAlias = tuple[int, int]
"""First and last segment, both included."""


def runs_of(bitmap: bytes) -> tuple[Run, ...]:
    """The runs of ones in a bitmap whose segment 0 is bit 0 of byte 0."""
    found: list[Run] = []
    for at in range(0, len(bitmap), _PART_BYTES):
        bits = int.from_bytes(bitmap[at : at + _PART_BYTES], "little")
        base = at * 8
        while bits:
            skip = (bits & -bits).bit_length() - 1
            bits >>= skip
            length = (~bits & (bits + 1)).bit_length() - 1
            first = base + skip
            if found and found[-1][1] == first - 1:
                found[-1] = (found[-1][0], first + length - 1)
            else:
                found.append((first, first + length - 1))
            bits >>= length
            base = first + length
    return tuple(found)


def render_runs(runs: Sequence[Run], *, most: int = 20) -> str:
    """`0-15, 20`, for a person."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:most]]
    more = len(runs) - most
    return ", ".join(shown) + (f" and {more} more runs" if more > 0 else "")
