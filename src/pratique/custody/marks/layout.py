"""Where an object's marks are, and how a lease's codeword becomes its view.

A layout is stored encrypted with the object, in its part `LAYOUT_PART`. The second forms stand one
behind the other in the object's variant 1, in the order of the stretches that they replace.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from typing import Final, NamedTuple

import msgspec

from pratique.custody.views import View
from pratique.errors import IntegrityError

_VERSION: Final = 2


class LayoutError(IntegrityError):
    """A layout is not what was stored."""


class Stretch(NamedTuple):
    """Bytes of an object that have a second form."""

    mark: int
    start: int
    length: int


class TailPiece(NamedTuple):
    """A piece of the end of a file that says where other pieces are: a row group in a footer."""

    mark: int
    """-1: the same for every lease."""
    first: bytes
    second: bytes


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    marks: bytes
    starts: bytes
    lengths: bytes
    tail: tuple[tuple[int, bytes, bytes], ...]
    tail_start: int
    tail_end: bytes
    tail_counted: bool
    second_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The end of an object, put together for each lease and filled up in front to one length."""

    start: int
    """Where it begins in the object; it reaches to the end."""
    pieces: tuple[TailPiece, ...]
    end: bytes
    """Comes behind the pieces' length in four bytes, little-endian (Parquet)."""

    def render(self, bits: bytes, size: int) -> bytes:
        """The tail for a codeword, `size - start` bytes."""
        body = b"".join(
            piece.second if piece.mark >= 0 and bits[piece.mark] else piece.first
            for piece in self.pieces
        )
        body += len(body).to_bytes(4, "little") + self.end
        room = size - self.start
        if len(body) > room:
            raise LayoutError("the end of a marked file does not fit")
        return bytes(room - len(body)) + body


class Layout:
    """The stretches of one object that have a second form. Made once, used for every lease."""

    __slots__ = (
        "_ends", "_marks", "_offsets", "_starts", "second_sha256", "tail", "variant_size",
    )  # fmt: skip

    def __init__(self, stretches: Sequence[Stretch], *, tail: Tail | None = None) -> None:
        """Shape: stretches sorted and disjoint, in front of the tail."""
        marks = array("I", (one.mark for one in stretches))
        starts = array("Q", (one.start for one in stretches))
        self._set(marks, starts, array("I", (one.length for one in stretches)), tail)

    def _set(
        self, marks: array[int], starts: array[int], lengths: array[int], tail: Tail | None
    ) -> None:
        self._marks, self._starts, self.tail = marks, starts, tail
        self._ends = array("Q", map(int.__add__, starts, lengths))
        offsets = array("Q", accumulate(lengths, initial=0))
        self.variant_size = offsets.pop()
        self._offsets = offsets
        self.second_sha256 = b""
        """Of all second forms, one behind the other; empty before it was stored."""

    @property
    def marks(self) -> int:
        """Number of the marks of this object."""
        return len(set(self._marks))

    @property
    def highest(self) -> int:
        """The highest number of a mark; -1 where there is none."""
        return max(self._marks, default=-1)

    def view(self, bits: bytes, size: int) -> View:
        """What a lease sees whose codeword has these bits, one byte (0 or 1) each.

        `size`: of the object.
        """
        chosen = bytes(map(bits.__getitem__, self._marks))
        tail = self.tail
        return View(
            starts=tuple(compress(self._starts, chosen)),
            ends=tuple(compress(self._ends, chosen)),
            offsets=tuple(compress(self._offsets, chosen)),
            variant_size=self.variant_size,
            inline=tail.render(bits, size) if tail is not None else b"",
            inline_start=tail.start if tail is not None else 0,
        )

    def render(self, second: bytes | bytearray = b"") -> bytes:
        """For storing, beside these second forms."""
        tail = self.tail
        lengths = array("I", map(int.__sub__, self._ends, self._starts))
        return msgspec.msgpack.encode(
            _Wire(
                version=_VERSION,
                marks=little(self._marks),
                starts=little(self._starts),
                lengths=little(lengths),
                tail=tuple(tail.pieces) if tail is not None else (),
                tail_start=tail.start if tail is not None else 0,
                tail_end=tail.end if tail is not None else b"",
                tail_counted=tail is not None,
                second_sha256=hashlib.sha256(second).digest(),
            )
        )


def parse_layout(data: bytes) -> Layout:
    """What was stored. Raises: LayoutError."""
    try:
        wire = msgspec.msgpack.decode(data, type=_Wire)
        marks, starts, lengths = (
            from_little(code, text)
            for code, text in (("I", wire.marks), ("Q", wire.starts), ("I", wire.lengths))
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise LayoutError("the layout of an object's marks cannot be read") from None
    if wire.version != _VERSION or not len(marks) == len(starts) == len(lengths):
        raise LayoutError("the layout of an object's marks cannot be read")
    tail = None
    if wire.tail_counted:
        pieces = tuple(TailPiece(*piece) for piece in wire.tail)
        tail = Tail(start=wire.tail_start, pieces=pieces, end=wire.tail_end)
    layout = Layout(())
    layout._set(marks, starts, lengths, tail)  # noqa: SLF001 - its own arrays, without a detour
    layout.second_sha256 = wire.second_sha256
    return layout


def little(numbers: array[int]) -> bytes:
    """An array as little-endian bytes."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def from_little(code: str, data: bytes) -> array[int]:
    """The other way. Raises: ValueError for a length that does not fit."""
    numbers: array[int] = array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
