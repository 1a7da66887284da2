"""One member's content on its way: counted, hashed, held or scanned, and opened if it is an archive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Protocol

from pratique.vet.archives.budget import Budget
from pratique.vet.archives.model import Limits, Member, MemberInfo, OpenScanner, Scanner
from pratique.vet.archives.problems import LimitReachedError, ProblemLog
from pratique.vet.archives.stream import Tail

_SNIFF = 512
"""Enough to know an archive: a tar says what it is at byte 257 of its first block."""
_TEXT_SNIFF = 8192
_MAGIC = (b"PK", b"\x1f\x8b", b"BZ", b"\xfd7")
_END_RECORD = b"PK\x05\x06"
_END_SIZE = 22


class Nested(Protocol):
    """The reader of an archive inside this one."""

    def feed(self, chunk: bytes | memoryview, /) -> Iterator[Member]:
        """Its members, as far as the bytes go."""

    def end(self, archive: bytes | None, /) -> Iterator[Member]:
        """What is left once all bytes have come; `archive` is all of them, when held."""

    def wants_more(self) -> bool:
        """False once it is clear that this is no archive."""


OpenNested = Callable[[str, bytes], Nested | None]
"""Given the member's path and its first bytes; None when it is not to be opened."""


class Desk:
    """What the reader of one file shares with the readers of everything nested in it."""

    def __init__(self, limits: Limits, open_scanner: OpenScanner | None) -> None:
        self.limits = limits
        self.open_scanner = open_scanner
        self.budget = Budget(limits)
        self.problems = ProblemLog(limits)
        self.members: list[MemberInfo] = []
        """All that were yielded, in order; a zip's own are completed once its list was read."""


class Content:
    """Takes one member's content piece by piece."""

    def __init__(self, desk: Desk, path: str, open_nested: OpenNested) -> None:
        self._desk = desk
        self._path = path
        self._open_nested = open_nested
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self._most = desk.limits.held_text_bytes
        self._nested: Nested | None = None
        self._early: list[bytes] | None = []
        self._head = b""
        self._tail: Tail | None = None
        self.size = 0
        self.scanner: Scanner | None = None
        self.data: bytes | None = None
        self.head = b""
        self.tail = b""

    def write(self, piece: bytes | memoryview) -> Iterator[Member] | None:
        """Take the next piece; members of an archive inside it, if it is one."""
        count = len(piece)
        self._desk.budget.unpack(count, self._path)
        self.size += count
        if self.size > self._desk.limits.member_bytes:
            most = f"{self._desk.limits.member_bytes:,}"
            raise LimitReachedError("limit-member", self._path, most)
        self._hash.update(piece)
        part = bytes(piece)
        if self._tail is None:
            self._parts.append(part)
            if self.size > self._most:
                self._outgrow()
        else:
            self._pass_on(part)
        if self._early is not None:
            self._early.append(part)
            return self._sniff(self._early) if self.size >= _SNIFF else None
        return self._nested.feed(part) if self._nested and self._nested.wants_more() else None

    def _outgrow(self) -> None:
        """It passed the limit for text: go on to the one for other content, or stop holding it."""
        limits = self._desk.limits
        if self._most < limits.held_bytes >= self.size and self._is_binary():
            self._most = limits.held_bytes
            return
        held = b"".join(self._parts)
        self._parts = []
        self._head = held[: limits.head_bytes]
        self._tail = Tail(limits.tail_bytes)
        if self._desk.open_scanner is not None:
            self.scanner = self._desk.open_scanner(self._path)
        self._pass_on(held)

    def _is_binary(self) -> bool:
        """By its beginning, however small the pieces were that it came in."""
        seen = 0
        for part in self._parts:
            if b"\0" in part[: _TEXT_SNIFF - seen]:
                return True
            seen += len(part)
            if seen >= _TEXT_SNIFF:
                break
        return False

    def _pass_on(self, part: bytes) -> None:
        if self._tail is not None:
            self._tail.add(part)
        if self.scanner is not None:
            self.scanner.feed(part)

    def _sniff(self, early: list[bytes]) -> Iterator[Member] | None:
        self._early = None
        head = b"".join(early)
        if not (head.startswith(_MAGIC) or head[257:262] == b"ustar"):
            return None
        self._nested = self._open_nested(self._path, head)
        return self._nested.feed(head) if self._nested is not None else None

    def done(self) -> Iterator[Member]:
        """End the content; what the archive inside it still held back."""
        if self._tail is not None:
            self.head, self.tail = self._head, self._tail.bytes()
        else:
            self.data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
        if self._early:
            yield from self._sniff(self._early) or ()
        if self._nested is not None:
            yield from self._nested.end(self.data)
        else:
            yield from self._appended()

    def _appended(self) -> Iterator[Member]:
        """An archive behind something else: Python imports from such files as from any zip."""
        end = (self.tail if self.data is None else self.data)[-_END_SIZE:]
        if not end.startswith(_END_RECORD) or self.size == _END_SIZE:
            return
        if self.data is None:
            self._desk.problems.add("nested-too-large", path=self._path)
            return
        nested = self._open_nested(self._path, b"PK\x03\x04")
        if nested is not None:
            yield from nested.feed(self.data)
            yield from nested.end(self.data)

    @property
    def sha256(self) -> bytes:
        """Over everything taken so far."""
        return self._hash.digest()
