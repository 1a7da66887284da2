"""A zip read from front to back while it arrives, as a streaming installer reads it.

Each entry is unpacked as its local header describes it; the records behind the entries are kept for
`zip_check`, which compares what was seen with what readers see that begin at the other end.

The state, by the signature of the next record:
  local header      → unpack the entry, remember where it lay
  central entry     → remember it
  end records       → remember them; what follows is trailing data
  anything else     → look for the next signature; the bytes between are a gap
"""

from __future__ import annotations

import re

import msgspec

from pratique.vet.archives import zip_records as z
from pratique.vet.archives.intake import Content
from pratique.vet.archives.members import Shelf
from pratique.vet.archives.model import View
from pratique.vet.archives.problems import ArchiveStoppedError
from pratique.vet.archives.stream import PIECE, SLICE, RawStream, Steps
from pratique.vet.archives.unpackers import (
    BrokenDataError,
    Unpacker,
    crc32,
    open_bzip2,
    open_deflate,
    open_zip_lzma,
    unpacked,
)

_NEXT = re.compile(rb"PK(?:\x03\x04|\x01\x02|\x05\x06|\x06\x06|\x06\x07)")
_UNSIZED = frozenset({z.DEFLATED, z.BZIP2})
"""Methods whose data says itself where it ends."""


class Directory(msgspec.Struct, kw_only=True):
    """Rows of a list that stood one behind the other."""

    start: int
    end: int
    rows: list[z.CentralEntry] = []


class Walked(msgspec.Struct, kw_only=True):
    """Everything that the walk saw beside contents."""

    entries: dict[int, z.LocalHeader] = {}
    """By offset of the local header."""
    directories: list[Directory] = []
    ends: list[int] = []
    """Where end records stood."""


class ZipWalk:
    """Walks one zip."""

    def __init__(self, stream: RawStream, shelf: Shelf) -> None:
        self._stream = stream
        self._shelf = shelf
        self._limits = shelf.limits
        self.seen = Walked()

    def walk(self) -> Steps[None]:
        """Read to the end of the stream."""
        trailing = False
        while True:
            signature = self._stream.at_hand(4) or (yield from self._stream.read(4))
            self._stream.unread(signature)
            if not signature:
                return
            if self.seen.ends and not trailing:
                trailing = True
                self._shelf.problem("zip-trailing-data", offset=self._stream.offset)
            self._shelf.budget.step()
            if signature == z.LOCAL:
                yield from self._entry()
            elif signature == z.CENTRAL:
                yield from self._row()
            elif signature == z.END:
                yield from self._end()
            elif signature in {z.END64, z.LOCATOR}:
                yield from self._end64(signature)
            else:
                yield from self._seek()

    # Between entries.

    def _seek(self) -> Steps[None]:
        """Pass over bytes that are no record."""
        begin = self._stream.offset
        what = "zip-gap" if self.seen.entries or self.seen.directories else "zip-prefix"
        skipped = yield from self._skip_to_signature()
        if not self.seen.ends:
            self._shelf.problem(what, detail=f"{skipped:,}", offset=begin)

    def _skip_to_signature(self) -> Steps[int]:
        begin = self._stream.offset
        most = self._limits.skipped_bytes
        rest = b""
        while True:
            piece = yield from self._stream.some(SLICE)
            data = rest + bytes(piece)
            found = _NEXT.search(data)
            if found:
                self._stream.unread(data[found.start() :])
                return self._stream.offset - begin
            if not piece:
                return self._stream.offset - begin
            if self._stream.offset - begin > most:
                raise ArchiveStoppedError("limit-skipped", "", f"{most:,}")
            rest = data[-3:]

    def _whole(self, count: int, what: str) -> Steps[bytes]:
        data = yield from self._stream.read(count)
        if len(data) < count:
            raise ArchiveStoppedError("truncated", "", what)
        return data

    # One entry.

    def _entry(self) -> Steps[None]:
        offset = self._stream.offset
        take, what = self._stream.at_hand, "the header of an entry"
        head = take(z.LOCAL_SIZE) or (yield from self._whole(z.LOCAL_SIZE, what))
        name_size, extra_size = z.lengths(head, central=False)
        size = name_size + extra_size
        rest = take(size) or (yield from self._whole(size, what))
        header = z.parse_local(head, rest[:name_size], rest[name_size:], offset)
        self.seen.entries[offset] = header
        path = self._shelf.announce_zip(header)
        if header.flags & (z.ENCRYPTED | z.STRONG) or header.method not in z.METHODS:
            yield from self._closed(header, path)
        elif header.method not in _UNSIZED and header.flags & z.DESCRIBED and not header.packed:
            yield from self._unsized(header, path)
        else:
            content = self._shelf.open_content(path)
            yield from self._unpack(header, content, path)
            yield from self._shelf.shelve_zip(header, content, path, View.BOTH)
        header.end = self._stream.offset

    def _closed(self, header: z.LocalHeader, path: str) -> Steps[None]:
        """An entry that nobody here can open."""
        if header.flags & (z.ENCRYPTED | z.STRONG):
            self._shelf.problem("zip-encrypted", path, offset=header.offset)
        else:
            self._shelf.problem(
                "zip-method", path, detail=z.method_name(header.method), offset=header.offset
            )
        yield from self._stream.skip(header.packed)
        if header.flags & z.DESCRIBED and not header.packed:
            yield from self._skip_to_signature()

    def _unsized(self, header: z.LocalHeader, path: str) -> Steps[None]:
        """Not packed, size told afterwards: only an empty one can be read from the front."""
        if (yield from self._descriptor(header)):
            content = self._shelf.open_content(path)
            header.read = True
            yield from self._shelf.shelve_zip(header, content, path, View.BOTH)
            return
        self._shelf.problem("zip-stored-descriptor", path, offset=header.offset)
        yield from self._skip_to_signature()

    def _unpack(self, header: z.LocalHeader, content: Content, path: str) -> Steps[None]:
        claimed, claimed_size, claimed_crc = header.packed, header.size, header.crc
        described = bool(header.flags & z.DESCRIBED)
        begin = self._stream.offset
        sized = header.method not in _UNSIZED or claimed or not described
        checksum = yield from unpack_entry(
            self._stream, self._shelf, header, content, path, claimed if sized else None
        )
        header.packed = self._stream.offset - begin
        header.size, header.crc = content.size, checksum
        if described and not (yield from self._descriptor(header)):
            self._shelf.problem("zip-descriptor", path, offset=header.offset)
        # Where a descriptor follows, zero in the header says nothing.
        if claimed_crc != checksum and (claimed_crc or not described):
            self._shelf.problem("zip-checksum", path, offset=header.offset)
        if claimed_size != content.size and (claimed_size or not described):
            detail = f"{claimed_size:,} claimed, {content.size:,} found"
            self._shelf.problem("zip-size", path, detail=detail, offset=header.offset)

    def _descriptor(self, header: z.LocalHeader) -> Steps[bool]:
        """Read the record behind the data, in whichever of its four forms fits what was found."""
        data = yield from self._stream.peek(28)
        crc = header.crc.to_bytes(4, "little")
        wide = header.packed.to_bytes(8, "little") + header.size.to_bytes(8, "little")
        narrow = b""
        if header.packed < z.FULL32 and header.size < z.FULL32:
            narrow = header.packed.to_bytes(4, "little") + header.size.to_bytes(4, "little")
        fitting = [
            mark + crc + sizes
            for sizes in ((wide, narrow) if header.zip64 else (narrow, wide))
            for mark in (z.DESCRIPTOR, b"")
            if sizes and data.startswith(mark + crc + sizes)
        ]
        # An empty entry can fit twice; the one with a record behind it is meant.
        for form in sorted(fitting, key=lambda f: data[len(f) : len(f) + 4] not in z.SIGNATURES):
            yield from self._stream.skip(len(form))
            return True
        return False

    # Behind the entries.

    def _row(self) -> Steps[None]:
        begin = self._stream.offset
        take, what = self._stream.at_hand, "the list of members"
        head = take(z.CENTRAL_SIZE) or (yield from self._whole(z.CENTRAL_SIZE, what))
        name_size, extra_size, comment = z.lengths(head, central=True)
        size = name_size + extra_size + comment
        rest = take(size) or (yield from self._whole(size, what))
        name, extra = rest[:name_size], rest[name_size : name_size + extra_size]
        directories = self.seen.directories
        if not directories or directories[-1].end != begin:
            directories.append(Directory(start=begin, end=begin))
        directories[-1].rows.append(z.parse_central(head, name, extra))
        directories[-1].end = self._stream.offset

    def _end(self) -> Steps[None]:
        offset = self._stream.offset
        record = z.parse_end((yield from self._whole(z.END_SIZE, "the end record")))
        comment = yield from self._whole(record.comment, "the archive's comment")
        self.seen.ends.append(offset)
        if _NEXT.search(comment):
            self._shelf.problem("zip-comment-directory", offset=offset)

    def _end64(self, signature: bytes) -> Steps[None]:
        """Pass over what only tells where the list is; `zip_check` reads it from the other end."""
        offset = self._stream.offset
        if signature == z.LOCATOR:
            yield from self._whole(z.LOCATOR_SIZE, "the zip64 locator")
            return
        record = yield from self._whole(z.END64_SIZE, "the zip64 end record")
        if z.parse_end64(record)[1] != z.END64_SIZE:
            self._shelf.problem("zip-end-record", detail="zip64 record of odd size", offset=offset)


def open_method(method: int) -> Unpacker | None:
    """What unpacks a method; None for data that is stored as it is, or whose header is still to come."""
    if method == z.DEFLATED:
        return open_deflate()
    return open_bzip2() if method == z.BZIP2 else None


def unpack_entry(
    stream: RawStream,
    shelf: Shelf,
    header: z.LocalHeader,
    content: Content,
    path: str,
    packed: int | None,
    *,
    most: int | None = None,
) -> Steps[int]:
    """Unpack one entry's data into `content`; the CRC-32 of what came.

    Shape: `packed` bytes are taken in any case; None means up to where the data itself ends. No more
    than `most` bytes go into the content, as `zipfile` stops at the size that its list names.
    """
    begin = stream.offset
    claimed = header.size
    checksum, header.read = 0, False
    try:
        unpacker = open_method(header.method)
        if header.method == z.LZMA:
            unpacker = yield from _open_lzma(stream, packed or 0)
        left = None if packed is None else packed - (stream.offset - begin)
        checksum, header.read = yield from _pour(stream, unpacker, content, left, most)
    except BrokenDataError as broken:
        shelf.problem("zip-bad-data", path, detail=broken, offset=header.offset)
    else:
        # LZMA need not say where it ends; then its size does.
        header.read |= header.method == z.LZMA and content.size == claimed
        if not header.read:
            shelf.problem("zip-bad-data", path, detail="it ends too early", offset=header.offset)
    if packed is None:
        return checksum
    slack = packed - (stream.offset - begin)
    if slack and header.read and content.size != most:
        shelf.problem("zip-slack", path, detail=f"{slack:,}", offset=header.offset)
    if (yield from stream.skip(slack)):
        raise ArchiveStoppedError("truncated", path, "an entry's data")
    return checksum


def _pour(
    stream: RawStream,
    unpacker: Unpacker | None,
    content: Content,
    packed: int | None,
    most: int | None,
) -> Steps[tuple[int, bool]]:
    """Unpack up to the end of the data; its CRC-32, and whether the end was reached."""
    checksum, done = 0, unpacker is None
    begin = stream.offset
    while packed is None or stream.offset - begin < packed:
        if content.size == most:
            return checksum, True
        left = PIECE if packed is None else packed - (stream.offset - begin)
        piece = yield from stream.some(min(left, SLICE if unpacker else PIECE))
        if not piece:
            raise ArchiveStoppedError("truncated", "", "an entry's data")
        for data in unpacked(unpacker, piece):
            part = data if most is None else data[: most - content.size]
            checksum = crc32(part, checksum)
            yield from content.write(part) or ()
            if content.size == most:
                return checksum, True
        if unpacker is not None and unpacker.eof:
            stream.unread(unpacker.unused_data)
            return checksum, True
    return checksum, done


def _open_lzma(stream: RawStream, packed: int) -> Steps[Unpacker]:
    """LZMA data in a zip begins with a version, the size of its properties, and those."""
    head = yield from stream.read(min(packed, 9))
    return open_zip_lzma(head[4:9] if head[2:4] == b"\x05\x00" else b"")
