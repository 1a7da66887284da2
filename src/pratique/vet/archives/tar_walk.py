"""A tar read from front to back while it arrives.

1. A block of zeros ends the archive; whatever follows is still read, as readers exist that go on.
2. A header that only describes the next one (pax, GNU long name) is remembered. The first one wins
   where several say the same, as in CPython's tarfile.
3. Any other header is a member: content by its size, links and folders without.
4. A block that is no header: tarfile ends there in silence, GNU tar searches on. So do we, and tell.
"""

from __future__ import annotations

from pratique.vet.archives import tar_headers as t
from pratique.vet.archives.intake import Content
from pratique.vet.archives.members import SPECIAL_MODE, Shelf
from pratique.vet.archives.model import MemberKind
from pratique.vet.archives.names import is_code_name, leaves_folder, printable, read_name
from pratique.vet.archives.problems import ArchiveStoppedError, LimitReachedError
from pratique.vet.archives.stream import PIECE, Steps, Stream

_NAMING = (b"path", b"linkpath", b"size")
_WIDE_SIZE = 8 << 30
"""From here on a header's own size field cannot say it, and pax must."""
_SPARSE_MORE, _SPARSE_MORE_OLD = 504, 482
"""Where a sparse map says that it goes on: in its own blocks, and in the header."""


class TarWalk:
    """Walks one tar."""

    def __init__(self, stream: Stream, shelf: Shelf) -> None:
        self._stream = stream
        self._shelf = shelf
        self._limits = shelf.limits
        self._global: dict[bytes, bytes] = {}
        self._next: dict[bytes, bytes] = {}
        self._in_row = 0
        self._ended = False
        self._links: set[str] = set()

    def walk(self) -> Steps[None]:
        """Read to the end of the stream; its first block has been found to be a header."""
        while True:
            offset = self._stream.offset
            block = self._stream.at_hand(t.BLOCK) or (yield from self._stream.read(t.BLOCK))
            self._shelf.budget.step()
            self._shelf.budget.unpack(len(block), "")
            if len(block) < t.BLOCK:
                return self._tell_end(block, offset)
            if block == t.EMPTY:
                self._ended = True
                continue
            try:
                header = t.parse_header(block)
            except t.NumberError as malformed:
                raise ArchiveStoppedError("tar-bad-number", "", str(malformed)) from malformed
            except t.HeaderError as malformed:
                yield from self._search(str(malformed), offset)
                continue
            yield from self._header(header, block, offset)

    def _tell_end(self, rest: bytes, offset: int) -> None:
        if rest.strip(b"\0"):
            if not self._ended:
                raise ArchiveStoppedError("truncated", "", "a header")
            self._shelf.problem("tar-trailing-data", detail=f"{len(rest):,}", offset=offset)
        if self._in_row:
            raise ArchiveStoppedError("truncated", "", "an extended header")
        if not self._ended:
            self._shelf.problem("tar-no-end", offset=offset)

    def _search(self, why: str, offset: int) -> Steps[None]:
        """Pass over blocks that are no header, up to one that is or to the end."""
        while True:
            block = yield from self._stream.read(t.BLOCK)
            self._shelf.budget.unpack(len(block), "")
            passed = self._stream.offset - offset
            if passed > self._limits.skipped_bytes:
                most = f"{self._limits.skipped_bytes:,}"
                raise ArchiveStoppedError("limit-skipped", "", most)
            if len(block) < t.BLOCK:
                break
            if block == t.EMPTY or _is_header(block):
                self._stream.unread(block)
                break
        if self._ended:
            detail = f"{self._stream.offset - offset:,}"
            self._shelf.problem("tar-trailing-data", detail=detail, offset=offset)
        else:
            self._shelf.problem("tar-bad-header", detail=why, offset=offset)

    def _header(self, header: t.TarHeader, block: bytes, offset: int) -> Steps[None]:
        if header.kind in t.PAX:
            self._describe(self._pax((yield from self._body(header)), offset), offset)
        elif header.kind == t.PAX_GLOBAL:
            self._set_global(self._pax((yield from self._body(header)), offset), offset)
        elif header.kind == t.LONG_NAME:
            body = yield from self._body(header)
            self._describe({b"path": body.partition(b"\0")[0]}, offset)
        elif header.kind == t.LONG_LINK:
            body = yield from self._body(header)
            self._describe({b"linkpath": body.partition(b"\0")[0]}, offset)
        else:
            described = {**self._global, **self._next}
            self._next, self._in_row = {}, 0
            yield from self._member(header, described, block, offset)

    # Headers that describe.

    def _body(self, header: t.TarHeader) -> Steps[bytes]:
        """The content of a describing header."""
        if header.size > self._limits.header_bytes:
            raise LimitReachedError("limit-header", "", f"{header.size:,} bytes long")
        self._in_row += 1
        if self._in_row > self._limits.headers_in_row:
            raise LimitReachedError("limit-header", "", "many in a row")
        self._shelf.budget.unpack(header.size, "")
        body = yield from self._stream.read(header.size)
        missing = yield from self._stream.skip(-header.size % t.BLOCK)
        if len(body) < header.size or missing:
            raise ArchiveStoppedError("truncated", "", "an extended header")
        return body

    def _pax(self, body: bytes, offset: int) -> dict[bytes, bytes]:
        try:
            records = t.parse_pax(body)
        except t.HeaderError as malformed:
            self._shelf.problem("tar-pax", detail=malformed, offset=offset)
            return {}
        self._shelf.budget.step(len(records))
        return records

    def _describe(self, records: dict[bytes, bytes], offset: int) -> None:
        if any(key in self._next for key in _NAMING if key in records):
            self._shelf.problem("tar-mixed-headers", offset=offset)
        self._next = {**records, **self._next}

    def _set_global(self, records: dict[bytes, bytes], offset: int) -> None:
        self._in_row -= 1
        naming = [key.decode() for key in _NAMING if key in records]
        if naming:
            self._shelf.problem("tar-global-names", detail=", ".join(naming), offset=offset)
        self._global.update(records)
        if sum(map(len, self._global.values())) > self._limits.header_bytes:
            raise LimitReachedError("limit-header", "", "global headers that grow")

    # Members.

    def _member(
        self, header: t.TarHeader, described: dict[bytes, bytes], block: bytes, offset: int
    ) -> Steps[None]:
        raw_name = described.get(b"path", header.name)
        path = self._shelf.announce(_text(raw_name), offset=offset).path
        if header.prefixed and b"path" not in described:
            self._shelf.problem("tar-prefix", path, offset=offset)
        if self._ended:
            self._shelf.problem("tar-after-end", path, offset=offset)
        if header.mode & SPECIAL_MODE and header.kind not in t.SIZELESS:
            self._shelf.problem("special-mode", path, detail=f"{header.mode:o}", offset=offset)
        self._tell_through_link(path, offset)
        size = self._size(header, described, path, offset)
        if header.kind == t.SPARSE or any(key.startswith(b"GNU.sparse.") for key in described):
            yield from self._sparse(header, block, size, path, offset)
            return
        content = self._shelf.open_content(path)
        kind, target = self._kind(header, described, path, offset)
        if header.kind not in t.SIZELESS:
            yield from self._take(content, size, path)
        yield from self._shelf.shelve(
            content, path=path, raw_name=raw_name, kind=kind, target=target,
            mode=header.mode, offset=offset,
        )  # fmt: skip

    def _size(
        self, header: t.TarHeader, described: dict[bytes, bytes], path: str, offset: int
    ) -> int:
        size = header.size
        if b"size" in described:
            try:
                size = t.parse_pax_size(described[b"size"])
            except t.HeaderError as malformed:
                self._shelf.problem("tar-pax", path, detail=malformed, offset=offset)
            if size != header.size and size < _WIDE_SIZE:
                detail = f"{header.size:,} and {size:,}"
                self._shelf.problem("tar-size-differs", path, detail=detail, offset=offset)
        if size and header.kind in t.SIZELESS:
            self._shelf.problem("tar-size-on-link", path, detail=f"{size:,}", offset=offset)
        return size

    def _kind(
        self, header: t.TarHeader, described: dict[bytes, bytes], path: str, offset: int
    ) -> tuple[MemberKind, str]:
        """What the member becomes, and where it points if it is a link."""
        if header.kind in t.FILES:
            return MemberKind.FILE, ""
        if header.kind == t.DIRECTORY:
            return MemberKind.DIRECTORY, ""
        target = _text(described.get(b"linkpath", header.link))
        if header.kind in {t.HARDLINK, t.SYMLINK} and is_code_name(path):
            # Content is judged by the name that it has; under this one nobody was given it.
            self._shelf.problem("link-as-code", path, detail=printable(target), offset=offset)
        if header.kind == t.HARDLINK:
            return MemberKind.HARDLINK, self._hardlink(target, path, offset)
        if header.kind == t.SYMLINK:
            self._links.add(path)
            if leaves_folder(path.rpartition("/")[0], target):
                detail = printable(target)
                self._shelf.problem("link-escapes", path, detail=detail, offset=offset)
            return MemberKind.SYMLINK, printable(target)
        if header.kind in t.DEVICES:
            self._shelf.problem("special-file", path, offset=offset)
            return MemberKind.OTHER, ""
        self._shelf.problem("tar-unknown-type", path, detail=repr(header.kind), offset=offset)
        return MemberKind.FILE, ""

    def _hardlink(self, target: str, path: str, offset: int) -> str:
        """The path of the member that a hard link repeats."""
        shown = read_name(target, self._limits).path
        if leaves_folder("", target):
            self._shelf.problem("link-escapes", path, detail=shown, offset=offset)
        elif shown not in self._shelf.by_path:
            self._shelf.problem("link-dangling", path, detail=shown, offset=offset)
        return shown

    def _tell_through_link(self, path: str, offset: int) -> None:
        if not self._links:
            return
        at = path.find("/")
        while at > 0:
            if path[:at] in self._links:
                self._shelf.problem("through-link", path, detail=path[:at], offset=offset)
                return
            at = path.find("/", at + 1)

    def _take(self, content: Content, size: int, path: str) -> Steps[None]:
        left = size
        while left:
            piece = yield from self._stream.some(min(left, PIECE))
            if not piece:
                raise ArchiveStoppedError("truncated", path, "a member's content")
            left -= len(piece)
            yield from content.write(piece) or ()
        if (yield from self._stream.skip(-size % t.BLOCK)):
            raise ArchiveStoppedError("truncated", path, "a member's content")

    def _sparse(
        self, header: t.TarHeader, block: bytes, size: int, path: str, offset: int
    ) -> Steps[None]:
        """Pass over a sparse file, with the map that its header goes on with."""
        self._shelf.problem("tar-sparse", path, offset=offset)
        more = header.kind == t.SPARSE and block[_SPARSE_MORE_OLD]
        while more:
            self._shelf.budget.step()
            block = yield from self._stream.read(t.BLOCK)
            more = len(block) == t.BLOCK and block[_SPARSE_MORE]
        yield from self._stream.skip(size + -size % t.BLOCK)


def _is_header(block: bytes) -> bool:
    try:
        t.parse_header(block)
    except t.HeaderError:
        return False
    return True


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
