"""How a log is published as files that existing tile readers understand.

Owns: names of tiles and entry bundles, their bytes, and which of them a log of some size has.
Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pratique.ledger.errors import EntryFormatError, EntryTooLargeError
from pratique.ledger.merkle import TILE_WIDTH, level_width

MAX_LEVEL = 63
MAX_BUNDLED_BYTES = 0xFFFF

_LENGTH = struct.Struct(">H")
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileName:
    """One published file: a tile of hashes, or (level None) a bundle of entries."""

    level: int | None
    index: int
    width: int = TILE_WIDTH
    """Hashes or entries in it; less than 256 makes it partial."""

    def path(self) -> str:
        """Its path below the log's prefix."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{render_index(self.index)}{partial}"


def render_index(index: int) -> str:
    """Write 1234067 as `x001/x234/067`."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_path(path: str) -> TileName:
    """Read a path below the log's prefix; only the one right spelling is accepted.

    Raises: ValueError.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"not the path of a tile: {path[:80]!r}")
    name = TileName(
        level=None if match["level"] == "entries" else int(match["level"]),
        index=int(match["index"].replace("x", "").replace("/", "")),
        width=int(match["width"] or TILE_WIDTH),
    )
    if name.path() != path or (name.level or 0) > MAX_LEVEL:
        raise ValueError(f"not the path of a tile: {path[:80]!r}")
    return name


def names_between(old_size: int, new_size: int) -> Iterator[TileName]:
    """Files that a log of `new_size` has and a published one of `old_size` has not.

    Order: every file a file depends on comes before it; the checkpoint, which the caller writes
    last, depends on all.
    """
    for level in (None, *range(MAX_LEVEL + 1)):
        old, new = (level_width(size, level or 0) for size in (old_size, new_size))
        if new == 0:
            return
        for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
            width = min(TILE_WIDTH, new - index * TILE_WIDTH)
            if index * TILE_WIDTH + width > old:
                yield TileName(level=level, index=index, width=width)


def render_bundle(leaves: Iterable[bytes]) -> bytes:
    """Entries with their lengths in front (big-endian 16 bits each)."""
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MAX_BUNDLED_BYTES:
            raise EntryTooLargeError(f"an entry of {len(leaf)} bytes does not fit a bundle")
        parts += (_LENGTH.pack(len(leaf)), leaf)
    return b"".join(parts)


def parse_bundle(data: bytes) -> tuple[bytes, ...]:
    """Take a bundle apart.

    Raises: EntryFormatError when it ends within an entry.
    """
    leaves = []
    offset = 0
    while offset < len(data):
        start = offset + _LENGTH.size
        if start > len(data):
            raise EntryFormatError("the entry bundle ends within a length")
        offset = start + _LENGTH.unpack_from(data, start - _LENGTH.size)[0]
        if offset > len(data):
            raise EntryFormatError("the entry bundle ends within an entry")
        leaves.append(data[start:offset])
    return tuple(leaves)
