"""The members of a tar that are asked for, found by hopping from header to header.

A layer has ten thousand members of which some hundred are wanted. So a header is only looked at as far
as needed to hop on: kind, size, name. Whatever is wanted, or not plain (pax, GNU long names, sparse
files, numbers in base 256), is parsed properly, its checksum included. A wrong checksum on a member that
nobody asked for goes unnoticed: then more is read than other tools would, and the layer's own digest tells.

1. A block of zeros ends the archive.
2. Headers that describe the next one (pax `x`, GNU `L` and `K`) are remembered.
3. Links, folders and devices have no content, whatever their size says.
4. A block that is no header ends the reading with a defect; what came before counts.

Source: POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format"; the tests hold it against tarfile.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pratique.vet.archives import tar_headers as t

ReadAt = Callable[[int, int], bytes]
"""(offset, length) → that many bytes, fewer only at the end. Offsets go back by at most `WINDOW`."""

MAX_HEADER_BYTES: Final = 1 << 20
"""Of one pax header or long name."""
MAX_HEADERS_IN_ROW: Final = 64
_BLOCK: Final = t.BLOCK
_EMPTY: Final = t.EMPTY
WINDOW: Final = 4096
"""Of a piece: small files lie beside each other, and one call reads several headers."""
_FIELDS: Final = struct.Struct("100s24x11s21xB188xB")
"""Name, size, kind, first byte of the prefix."""
_FILE: Final = 0x30
_FOLDER: Final = 0x35
_USTAR: Final = b"ustar\0"
_ASK: Final = 0x1FF
"""Every so many members it is asked whether to go on."""
_NEVER: Final = b"\0"
"""In no name."""
_TAIL: Final = 4
"""Bytes at the end of a name by which most that nobody asked for are told apart."""
_PLAIN_FILE: Final = frozenset(b"0\x007")
_WITHOUT_CONTENT: Final = frozenset(b"123456")
_SPARSE: Final = b"GNU.sparse."
_MOST: Final = 1 << 62
"""No archive is larger; a number beyond is a lie."""


class Member(NamedTuple):
    """A member that was asked for."""

    name: bytes
    kind: bytes
    size: int
    content_at: int
    modified: int
    """Seconds since 1970, as the archive says."""
    link: bytes
    sparse: bool
    """Whether its content is stored with holes, so that the stored bytes are not the file."""


class TarWalk:
    """Walks one tar once. After the iteration, `defects` says what was wrong with it."""

    def __init__(
        self,
        read_at: ReadAt,
        *,
        endings: tuple[bytes, ...],
        containing: tuple[bytes, bytes] = (_NEVER, _NEVER),
        exactly: frozenset[bytes] = frozenset(),
        max_members: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Ask for members whose name ends with, contains, or is one of these.

        Endings have at least four bytes.
        """
        self._read_at = read_at
        self._endings = endings
        self._tails = frozenset(ending[-_TAIL:] for ending in endings)
        self._containing = containing
        self._exactly = exactly
        self._max_members = max_members
        self._stop = stop
        self._described: dict[bytes, bytes] = {}
        self._in_row = 0
        self.members = 0
        self.defects: list[str] = []
        self.stopped = False
        self._over = False
        self._window = b""
        """The piece that was read last, and where it stands."""
        self._base = 0

    def __iter__(self) -> Iterator[Member]:
        """Members in the order of the archive."""
        at = 0
        while True:
            at = self._hop(at)
            if self._over:
                return
            block = self.bytes_at(at, _BLOCK)
            if len(block) < _BLOCK or block == _EMPTY:
                self._tell_end(block)
                return
            self.members += 1
            if not self.members & 0xFF and self._ends_early(self.members):
                return
            try:
                found, at = self._plainly(block, at) or self._slowly(block, at)
            except t.HeaderError as malformed:
                self.defects.append(f"a header at byte {at:,} cannot be read: {malformed}")
                return
            if found is not None and self._wants(found.name):
                yield found

    def _hop(self, at: int) -> int:  # noqa: C901 - one loop, unrolled where a call would double its cost
        """Pass over plain members that nobody asked for; gives where the next other header stands.

        Everything that is used a million times is at hand here: a call costs as much as all of these
        comparisons together. One piece is read for all headers that lie in it.
        """
        if self._described:
            return at
        read_at, fields_of = self._read_at, _FIELDS.unpack_from
        tails, endings, exactly = self._tails, self._endings, self._exactly
        mark, other_mark = (part.decode("latin-1") for part in self._containing)
        base, window = self._base, self._window
        end = base + len(window)
        members, ask = self.members, self.members | _ASK
        while True:
            if at + 512 > end:
                # Where files are large, only headers are read; where they are small, their neighbours too.
                window = read_at(at, 512 if at - base > WINDOW else WINDOW)
                base, end = at, at + len(window)
                if members > ask:
                    ask = members | _ASK
                    if self._ends_early(members):
                        break
                if end - at < _BLOCK:
                    break
            name, digits, kind, prefix = fields_of(window, at - base)
            name = name.rstrip(b"\0")
            if kind != _FILE and kind != _FOLDER:  # noqa: PLR1714 - `in` takes longer
                break
            if name[-4:] in tails and name.endswith(endings):
                break
            if prefix:
                name = _with_prefix(window, at - base, name)
            text = name.decode("latin-1")  # a search in text takes a fifth of one in bytes
            if mark in text or other_mark in text or (exactly and name in exactly):
                break
            try:
                size = int(digits, 8)
            except ValueError:
                break
            if size < 0:
                break
            at += 512 if kind == _FOLDER else (size + 1023) & ~511
            members += 1
        self.members, self._base, self._window = members, base, window
        return at

    def bytes_at(self, at: int, length: int) -> bytes:
        """Bytes of the archive, from the piece at hand if they are in it."""
        start = at - self._base
        if start >= 0 and start + length <= len(self._window):
            return self._window[start : start + length]
        return self._read_at(at, length)

    def _ends_early(self, members: int) -> bool:
        """Asked now and then: whether there are too many members, or the person stopped it."""
        if members > self._max_members:
            self.defects.append(f"holds more than {self._max_members:,} members")
            self._over = True
        elif self._stop():
            self.stopped = self._over = True
        return self._over

    def _wants(self, name: bytes) -> bool:
        return (
            name.endswith(self._endings)
            or name in self._exactly
            or any(mark in name for mark in self._containing)
        )

    def _tell_end(self, block: bytes) -> None:
        if len(block) < _BLOCK:
            self.defects.append("is cut short: it does not end as archives do")
        elif self._described:
            self.defects.append("ends after a header that describes a member")

    def _plainly(self, block: bytes, at: int) -> tuple[Member, int] | None:
        """A file or folder without anything special, if that is what the header is."""
        name, digits, kind, prefix = _FIELDS.unpack_from(block)
        if (kind != _FILE and kind != _FOLDER) or self._described or not _adds_up(block):  # noqa: PLR1714 - as above
            return None
        try:
            size = int(digits, 8)
        except ValueError:
            return None
        if size < 0:
            return None
        name = name.partition(b"\0")[0]
        if prefix:
            name = _with_prefix(block, 0, name)
        content = size if kind == _FILE else 0
        member = Member(
            name, block[156:157], content, at + _BLOCK, _octal(block[136:148]), b"", sparse=False
        )
        return member, at + _BLOCK + _padded(content)

    # What is not plain.

    def _slowly(self, block: bytes, at: int) -> tuple[Member | None, int]:
        """A header of any kind: the member it is, if any, and where the next header stands."""
        header = t.parse_header(block)
        content_at = at + _BLOCK
        kind = header.kind
        if header.size < 0 or header.size > _MOST:
            raise t.NumberError("a size beyond all bounds")
        if kind in t.PAX or kind in {t.PAX_GLOBAL, t.LONG_NAME, t.LONG_LINK}:
            self._describe(kind, self._body(header.size, content_at))
            return None, content_at + _padded(header.size)
        described, self._described, self._in_row = self._described, {}, 0
        name = described.get(b"path", _name_of(block, header))
        size = t.parse_pax_size(described[b"size"]) if b"size" in described else header.size
        if size > _MOST:
            raise t.NumberError("a size beyond all bounds")
        sparse = kind == t.SPARSE or any(key.startswith(_SPARSE) for key in described)
        if kind == t.SPARSE:
            content_at = self._after_map(block, content_at)
        name = described.get(b"GNU.sparse.name", name)
        content = 0 if kind[0] in _WITHOUT_CONTENT else size
        if kind == b"\0" and name.endswith(b"/"):
            kind, content = t.DIRECTORY, 0
        member = Member(
            name=name,
            kind=b"0" if kind[0] in _PLAIN_FILE or kind == t.SPARSE else kind,
            size=content,
            content_at=content_at,
            modified=_seconds(described.get(b"mtime"), block),
            link=described.get(b"linkpath", header.link),
            sparse=sparse,
        )
        return member, content_at + _padded(content)

    def _body(self, size: int, at: int) -> bytes:
        self._in_row += 1
        if size > MAX_HEADER_BYTES or self._in_row > MAX_HEADERS_IN_ROW:
            raise t.HeaderError("descriptions of a member without end")
        body = self._read_at(at, size)
        if len(body) < size:
            raise t.HeaderError("cut short in a description")
        return body

    def _describe(self, kind: bytes, body: bytes) -> None:
        if kind == t.LONG_NAME:
            self._described.setdefault(b"path", body.partition(b"\0")[0])
        elif kind == t.LONG_LINK:
            self._described.setdefault(b"linkpath", body.partition(b"\0")[0])
        elif kind == t.PAX_GLOBAL:
            # Container tools do not apply global names to members, so neither is it done here.
            if {b"path", b"size", b"linkpath"} & t.parse_pax(body).keys():
                self.defects.append(
                    "has global headers that name members, which tools read differently"
                )
        else:
            self._described = {**t.parse_pax(body), **self._described}

    def _after_map(self, block: bytes, at: int) -> int:
        """Where content begins behind the map of an old GNU sparse file."""
        more, blocks = block[482], 0
        while more:
            blocks += 1
            if blocks > MAX_HEADERS_IN_ROW * 16:
                raise t.HeaderError("a sparse map without end")
            extension = self._read_at(at, _BLOCK)
            if len(extension) < _BLOCK:
                raise t.HeaderError("cut short in a sparse map")
            more = extension[504]
            at += _BLOCK
        return at


def _adds_up(block: bytes) -> bool:
    """Whether the checksum is right, modulo 255: read as one number, bytes leave the same rest as added.

    That takes a third of the time of adding them. Where it does not add up, the slow way says so.
    """
    field = block[148:156]
    try:
        told = int(field.partition(b"\0")[0], 8)
    except ValueError:
        return False
    # 8 blanks stand for the field itself.
    rest = int.from_bytes(block, "little") - int.from_bytes(field, "little") + 256 - told
    return rest % 255 == 0


def _with_prefix(window: bytes, start: int, name: bytes) -> bytes:
    """The whole name, where the format has prefixes at all."""
    if window[start + 257 : start + 263] != _USTAR:
        return name
    return window[start + 345 : start + 500].partition(b"\0")[0] + b"/" + name


def _name_of(block: bytes, header: t.TarHeader) -> bytes:
    """The name; only ustar has a prefix, where GNU keeps other things."""
    if header.prefixed:
        return block[:100].partition(b"\0")[0]
    return header.name


def _padded(size: int) -> int:
    return (size + 511) & ~511


def _octal(field: bytes) -> int:
    if field[0] == 0x80:  # noqa: PLR2004 - base 256, as GNU writes years after 2242
        return int.from_bytes(field[1:], "big")
    try:
        return max(0, int(field.partition(b"\0")[0] or b"0", 8))
    except ValueError:
        return 0


def _seconds(told: bytes | None, block: bytes) -> int:
    """Modification time: of pax, with fractions, or of the header."""
    if told is None:
        return _octal(block[136:148])
    whole = told.partition(b".")[0]
    return int(whole) if whole.isdigit() and len(whole) < 16 else 0  # noqa: PLR2004 - far beyond any clock
