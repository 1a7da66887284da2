"""What takes packing off: one interface over deflate (isal), bzip2 and LZMA.

isal is asked for raw deflate only: its own gzip header parser loses its place when a header arrives in
pieces, so `compressed` reads the frame itself.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator
from typing import Protocol, cast

from isal import igzip_lib, isal_zlib

from pratique.vet.archives.stream import PIECE

MEMORY = 128 << 20
"""For one LZMA dictionary: `xz -9` asks for 64 MiB, a hostile header for 4 GiB."""

_ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)
_BROKEN = (_ISAL_ERROR, lzma.LZMAError, OSError, ValueError, EOFError, MemoryError)
"""What unpackers raise on bytes that they cannot read; bzip2 raises OSError."""


class BrokenDataError(Exception):
    """Packed data that cannot be unpacked; caught where it is read."""


class Unpacker(Protocol):
    """As the three libraries have it."""

    @property
    def eof(self) -> bool:
        """Whether the data said that it ends."""

    @property
    def needs_input(self) -> bool:
        """False while more can be had without giving more."""

    @property
    def unused_data(self) -> bytes:
        """What was given past the end."""

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes:
        """At most `max_length` bytes more; called with no data while `needs_input` is false."""


def unpacked(unpacker: Unpacker | None, data: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """What one slice of packed data comes to, in pieces of bounded size; itself without an unpacker.

    Raises: BrokenDataError while iterating.
    """
    if unpacker is None:
        yield data
        return
    try:
        piece = unpacker.decompress(data, PIECE)
        while piece:
            yield piece
            if unpacker.eof or unpacker.needs_input:
                return
            piece = unpacker.decompress(b"", PIECE)
    except _BROKEN as broken:
        raise BrokenDataError(str(broken) or type(broken).__name__) from broken


def crc32(data: bytes | memoryview, value: int = 0) -> int:
    """CRC-32 as in zip and gzip, with the processor's carry-less multiply."""
    checksum: int = isal_zlib.crc32(data, value)
    return checksum


def open_deflate() -> Unpacker:
    """Raw deflate (zip method 8, the inside of gzip)."""
    unpacker: Unpacker = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    return unpacker


def open_bzip2() -> Unpacker:
    """One bzip2 stream (zip method 12)."""
    return bz2.BZ2Decompressor()


def open_xz() -> Unpacker:
    """One xz stream, within the memory limit."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)


def open_zip_lzma(properties: bytes) -> Unpacker:
    """LZMA as zip method 14 has it, from its five property bytes.

    Raises: BrokenDataError when they are none, or ask for more memory than the limit.
    """
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:  # noqa: PLR2004 - lc, lp, pb and four of size
        raise BrokenDataError("LZMA properties")
    dictionary = int.from_bytes(properties[1:], "little")
    if dictionary > MEMORY:
        raise BrokenDataError("LZMA dictionary too large")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    if lc + lp > 4:  # noqa: PLR2004 - liblzma's own bound
        raise BrokenDataError("LZMA properties")
    chain = [
        {"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary, 4096), "lc": lc, "lp": lp, "pb": pb}
    ]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
