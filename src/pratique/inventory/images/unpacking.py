"""Bytes of a compressed layer, read forward at growing offsets.

A layer that unpacks to more than `most` bytes ends there: a gigabyte of zeros packs into a megabyte.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

from isal import igzip, isal_zlib

from pratique.inventory.images.tar_walk import WINDOW

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE: Final = 1 << 20
GZIP: Final = b"\x1f\x8b"
_MARKS: Final = (
    (GZIP, "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_WINDOW_LOG: Final = 27
"""Of zstd: how much of what went before a frame may point at, 128 MiB, is memory that it makes us take."""
_BLOCK: Final = 1 << 17
"""The largest block of zstd (RFC 8878, section 3.1.1.2.4)."""
HEAD: Final = _BLOCK + 64
"""So much of a compressed file begins to unpack."""
_BROKEN: Final = (
    cast("type[Exception]", isal_zlib.IsalError),
    zstd.ZstdError,
    EOFError,
    ValueError,
    MemoryError,
)
"""What the unpacker raises on bytes that it cannot read, beside OSError (gzip.BadGzipFile)."""


class Bytes(Protocol):
    """Something stored that can be read at any place."""

    def __call__(self, offset: int, length: int, /) -> bytes:
        """At most that many bytes; fewer only at the end."""
        ...


class UnpackError(ValueError):
    """Compressed bytes that do not unpack; the text is a sentence."""


def compression_of(head: bytes) -> str:
    """Name of the compression that the first bytes show; empty: none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


class _Stream(io.RawIOBase):
    """Stored bytes as a stream."""

    def __init__(self, stored: Bytes) -> None:
        self._stored = stored
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # any buffer, in typeshed
        piece = self._stored(self._at, len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class _Reader(Protocol):
    """A stream of unpacked bytes."""

    def read1(self, size: int, /) -> bytes:
        """Some bytes; none at the end."""
        ...


def _gzip(stream: io.RawIOBase) -> _Reader:
    return cast("_Reader", igzip.IGzipFile(fileobj=stream, mode="rb"))  # type: ignore[no-untyped-call] # isal types its parts only


def _zstd(stream: io.RawIOBase) -> _Reader:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return zstd.ZstdFile(io.BufferedReader(stream, _BLOCK), "r", options=options)


_READERS: Final[Mapping[str, Callable[[io.RawIOBase], _Reader]]] = {"gzip": _gzip, "zstd": _zstd}
READ: Final = frozenset(_READERS)
"""Compressions that are read, as image layers have them (OCI image specification 1.1, layer.md)."""


class Unpacked:
    """Reads gzip or zstd, of one or more members or frames, as if it were unpacked.

    Offsets may go back by what a walk over headers reads ahead (`WINDOW`), and no further.
    """

    def __init__(self, stored: Bytes, compression: str = "gzip", *, most: int) -> None:
        """Nothing is read yet. `compression`: one of `READ`."""
        self._stream = _READERS[compression](_Stream(stored))
        self._most = most
        self._at = 0
        """Offset of the first byte in `_ready`."""
        self._ready = b""

    def __call__(self, offset: int, length: int, /) -> bytes:
        """Bytes at an offset. Raises: UnpackError, also when they have passed."""
        if offset < self._at:
            raise UnpackError("was asked for bytes that have passed")
        while offset >= self._at + len(self._ready):
            if not self._advance():
                return b""
        start = offset - self._at
        found = self._ready[start : start + length]
        pieces, held = [found], len(found)
        while held < length and self._advance():
            start = offset + held - self._at
            pieces.append(self._ready[start : start + length - held])
            held += len(pieces[-1])
        return b"".join(pieces)

    def _advance(self) -> bool:
        """Go on to the next piece; whether there was one."""
        kept = self._ready[-WINDOW:]
        if self._at + len(self._ready) > self._most:
            raise UnpackError(f"unpacks to more than {self._most:,} bytes")
        try:
            piece = self._stream.read1(PIECE)
        except UnpackError:
            raise  # of a layer within a compressed archive
        except EOFError as cut:
            raise UnpackError("is cut short: its compressed stream does not end") from cut
        except (OSError, *_BROKEN) as broken:
            raise UnpackError(f"does not unpack: {broken}") from broken
        if piece:
            self._at += len(self._ready) - len(kept)
            self._ready = kept + piece
        return bool(piece)
