"""A tar's compression taken off while it arrives: gzip, bzip2, xz, each possibly in several parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pratique.vet.archives.members import Shelf
from pratique.vet.archives.problems import ArchiveStoppedError
from pratique.vet.archives.stream import SLICE, RawStream, Steps, Stream
from pratique.vet.archives.unpackers import (
    MEMORY,
    BrokenDataError,
    Unpacker,
    crc32,
    open_bzip2,
    open_deflate,
    open_xz,
    unpacked,
)

GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"

_HEADER_CHECKSUM, _EXTRA, _NAME, _COMMENT = 0x02, 0x04, 0x08, 0x10
_TEXT_BYTES = 4096
"""For the file name and the comment in a gzip header; `gzip` writes a base name."""


class UnpackedStream(Stream):
    """What compressed parts in a row come to: one bzip2 or xz stream behind the other."""

    def __init__(self, source: RawStream, shelf: Shelf, magic: bytes) -> None:
        super().__init__()
        self._source = source
        self._shelf = shelf
        self.magic = magic
        self._open: Callable[[], Unpacker] = _OPEN[magic]
        self._unpacker: Unpacker | None = None
        self._pending: Iterator[bytes | memoryview] = iter(())
        self._parts = 0
        self._over = False

    def _more(self) -> Steps[bytes | memoryview]:
        while True:
            piece = self._next_piece()
            if piece:
                return piece
            if self._unpacker is not None and self._unpacker.eof:
                self._source.unread(self._unpacker.unused_data)
                self._unpacker = None
                yield from self._end_part()
            if self._unpacker is None and not self._over:
                self._over = not (yield from self._begin_part())
            if self._unpacker is None:
                return b""
            packed = yield from self._source.some(SLICE)
            if not packed:
                raise ArchiveStoppedError("truncated", "", "the compressed data")
            self._pending = unpacked(self._unpacker, packed)

    def _next_piece(self) -> bytes | memoryview:
        try:
            return next(self._pending, b"")
        except BrokenDataError as broken:
            if "emory" in str(broken):
                detail = MEMORY >> 20
                raise ArchiveStoppedError("compressed-memory", "", str(detail)) from broken
            raise ArchiveStoppedError("compressed-broken", "", str(broken)) from broken

    def _begin_part(self) -> Steps[bool]:
        """Open the next part, if there is one; say what stands there instead."""
        self._shelf.budget.step()
        offset = self._source.offset
        start = yield from self._source.peek(len(self.magic))
        while self._parts and start.startswith(b"\0"):
            start = yield from self._skip_zeros()
        if start != self.magic:
            if start:
                self._shelf.problem("compressed-trailing-data", offset=offset)
            return False
        self._parts += 1
        # bzip2 in parts is what parallel packers write, and every reader goes through them.
        if self._parts == 2 and self.magic != BZIP2:  # noqa: PLR2004 - the second part tells
            self._shelf.problem("compressed-members", offset=offset)
        yield from self._begin()
        self._unpacker = self._open()
        return True

    def _skip_zeros(self) -> Steps[bytes]:
        """Pass over padding; what stands behind it."""
        piece = bytes((yield from self._source.some(SLICE)))
        rest = piece.lstrip(b"\0")
        self._source.unread(rest)
        return (yield from self._source.peek(len(self.magic)))

    def _begin(self) -> Steps[None]:
        """Read what stands before a part's data."""
        yield from ()

    def _end_part(self) -> Steps[None]:
        """Read what stands behind a part's data."""
        yield from ()


class GzipStream(UnpackedStream):
    """Members of a gzip file, their frames read and their checksums compared.

    Source: RFC 1952.
    """

    def __init__(self, source: RawStream, shelf: Shelf) -> None:
        super().__init__(source, shelf, GZIP)
        self._checksum = 0
        self._size = 0

    def _next_piece(self) -> bytes | memoryview:
        piece = super()._next_piece()
        if piece:
            self._checksum = crc32(piece, self._checksum)
            self._size += len(piece)
        return piece

    def _begin(self) -> Steps[None]:
        self._checksum = self._size = 0
        head = yield from self._whole(10)
        if head[2] != 8 or head[3] & 0xE0:  # noqa: PLR2004 - deflate; reserved flags
            raise ArchiveStoppedError("compressed-broken", "", "no gzip header")
        if head[3] & _EXTRA:
            size = yield from self._whole(2)
            yield from self._whole(int.from_bytes(size, "little"))
        for flag in (_NAME, _COMMENT):
            if head[3] & flag:
                yield from self._skip_text()
        if head[3] & _HEADER_CHECKSUM:
            yield from self._whole(2)

    def _skip_text(self) -> Steps[None]:
        text = yield from self._source.peek(_TEXT_BYTES)
        end = text.find(b"\0")
        if end < 0:
            raise ArchiveStoppedError("compressed-broken", "", "a gzip header without end")
        yield from self._source.skip(end + 1)

    def _end_part(self) -> Steps[None]:
        end = yield from self._whole(8)
        size = (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        if end != self._checksum.to_bytes(4, "little") + size:
            self._shelf.problem("compressed-checksum", offset=self._source.offset - 8)

    def _whole(self, count: int) -> Steps[bytes]:
        data = yield from self._source.read(count)
        if len(data) < count:
            raise ArchiveStoppedError("truncated", "", "the compressed data")
        return data


_OPEN: dict[bytes, Callable[[], Unpacker]] = {GZIP: open_deflate, BZIP2: open_bzip2, XZ: open_xz}


def open_packed(source: RawStream, shelf: Shelf, head: bytes) -> UnpackedStream | None:
    """The unpacked stream of a source that begins with `head`; None when it is not compressed."""
    if head.startswith(GZIP):
        return GzipStream(source, shelf)
    for magic in (BZIP2, XZ):
        if head.startswith(magic):
            return UnpackedStream(source, shelf, magic)
    return None
