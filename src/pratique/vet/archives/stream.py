"""Bytes that arrive in pieces, read as if they were all there.

A walker is a generator that yields members, or None when it wants more bytes; everything here that can
run out of bytes is a generator of the same kind, called with `yield from`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TypeAlias, TypeVar

from pratique.vet.archives.model import Member

T = TypeVar("T")
Steps: TypeAlias = Generator[Member | None, None, T]
"""A walk in progress: yields members, or None for "more bytes, please"; returns T."""

PIECE = 256 * 1024
"""Unpacked at a time: stays in the processor's second cache while it is hashed."""
SLICE = 64 * 1024
"""Packed bytes given to an unpacker at a time; bounds what it has to copy at its end."""


class Tail:
    """The last bytes of something that goes by."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: deque[bytes] = deque()
        self._held = 0

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        part = bytes(piece[-self._size :])
        self._parts.append(part)
        self._held += len(part)
        while self._held - len(self._parts[0]) >= self._size:
            self._held -= len(self._parts.popleft())

    def bytes(self) -> bytes:
        """At most the asked-for size, fewer if fewer went by."""
        joined = b"".join(self._parts)[-self._size :]
        self._parts = deque((joined,))
        self._held = len(joined)
        return joined


class Stream:
    """Reading over pieces that `_more` brings; the base of the raw and of every unpacked stream."""

    def __init__(self) -> None:
        self._piece = memoryview(b"")
        self._at = 0
        self.offset = 0
        """Of the next byte."""

    def _more(self) -> Steps[bytes | memoryview]:
        """The next piece; empty at the end, from then on always."""
        raise NotImplementedError

    def some(self, most: int) -> Steps[memoryview]:
        """At least one byte and at most `most`; none only at the end."""
        if self._at == len(self._piece):
            self._piece = memoryview((yield from self._more()))
            self._at = 0
        piece = self._piece[self._at : self._at + most]
        self._at += len(piece)
        self.offset += len(piece)
        return piece

    def at_hand(self, count: int) -> bytes:
        """Exactly `count` bytes if they have come, else none: the quick way for the usual case."""
        at = self._at
        if len(self._piece) - at < count:
            return b""
        self._at = at + count
        self.offset += count
        return self._piece[at : at + count].tobytes()

    def read(self, count: int) -> Steps[bytes]:
        """Exactly `count` bytes, fewer only at the end."""
        data = self.at_hand(count)
        if data:
            return data
        parts: list[bytes] = []
        while count:
            piece = yield from self.some(count)
            if not piece:
                break
            parts.append(bytes(piece))
            count -= len(piece)
        return b"".join(parts)

    def peek(self, count: int) -> Steps[bytes]:
        """Like `read`, but the bytes stay."""
        data = self.at_hand(count) or (yield from self.read(count))
        self.unread(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put back what was taken last."""
        if self._at >= len(data):
            self._at -= len(data)
        else:
            self._piece = memoryview(data + bytes(self._piece[self._at :]))
            self._at = 0
        self.offset -= len(data)

    def skip(self, count: int) -> Steps[int]:
        """Pass over `count` bytes; how many were missing at the end."""
        while count:
            piece = yield from self.some(count)
            if not piece:
                break
            count -= len(piece)
        return count


class RawStream(Stream):
    """The archive's own bytes, pushed in as they arrive."""

    def __init__(self, *, tail_bytes: int = 0) -> None:
        super().__init__()
        self._next: memoryview | None = None
        self.ended = False
        self.arrived = 0
        self.tail = Tail(tail_bytes)
        self._keeps_tail = tail_bytes > 0

    def push(self, chunk: bytes | memoryview) -> None:
        """Give the next bytes; only when the walk has asked for them."""
        self._next = memoryview(chunk)
        self.pass_by(chunk)

    def pass_by(self, chunk: bytes | memoryview) -> None:
        """Count bytes that nobody will read any more."""
        self.arrived += len(chunk)
        if self._keeps_tail and len(chunk):
            self.tail.add(chunk)

    def _more(self) -> Steps[bytes | memoryview]:
        while self._next is None or not len(self._next):
            if self.ended:
                return b""
            self._next = None
            yield None
        piece, self._next = self._next, None
        return piece

    def release(self) -> None:
        """Let go of the caller's buffer, so that a mapped file can be closed."""
        self._piece, self._at, self._next = memoryview(b""), 0, None
