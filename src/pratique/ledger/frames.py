"""The bytes of the log on disk: segment headers, frames and head slots. Pure.

A segment is a header and frames. A frame is one committed batch: its entries (in the form of a C2SP
entry bundle) and the signed checkpoint after them. Every byte of both lies under a SHA-256 check,
so that one write is either whole or visibly not. The head is the one place that says how far the
log is durable; it has two slots that are written in turn, so one of them is always whole.

The format is fixed in docs/reference/ledger-format.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from pratique.ledger.errors import EntryFormatError, FrameError
from pratique.ledger.merkle import HASH_BYTES, Frontier, split_hashes
from pratique.ledger.tiles import parse_bundle, render_bundle

CHECK_BYTES = 32
SLOT_BYTES = 4096
"""One slot of the head: a page, so that a torn write of one cannot reach the other."""
SLOTS = 2

_SEGMENT_MAGIC = b"PQSEGM01"
FRAME_MAGIC = b"PQFRAM01"
_HEAD_MAGIC = b"PQHEAD01"
_SEGMENT = struct.Struct(">8sIQHH")  # magic, length, first, frontier hashes, checkpoint bytes
_FRAME = struct.Struct(">8sIQIH")  # magic, length, first, entries, checkpoint bytes
_HEAD = struct.Struct(">8sQQQQHH")  # magic, generation, segment, frame, end, hashes, checkpoint

FRAME_HEADER_BYTES = _FRAME.size
MAX_FRAME_BYTES = 1 << 28
"""Longest frame a reader will believe; a batch of 1,000 of the largest entries takes 60 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHeader:
    """What a segment needs to be read and checked without the segments before it."""

    frontier: Frontier
    """The tree before the segment's first entry; its size is that entry's sequence."""
    checkpoint: str
    """Signed checkpoint of that tree."""

    @property
    def first(self) -> int:
        """Sequence of the first entry the segment holds or will hold."""
        return self.frontier.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One committed batch."""

    first: int
    leaves: tuple[bytes, ...]
    checkpoint: str

    @property
    def end(self) -> int:
        """Size of the log after the batch."""
        return self.first + len(self.leaves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far the log is durable."""

    generation: int
    """Counts head writes; the slot with the higher one is the newer."""
    frontier: Frontier
    segment: int
    """Names the newest segment by its first entry."""
    frame: int
    """Where the newest frame starts in it; equal to `end` in a segment without frames."""
    end: int
    """How many bytes of it are durable."""
    checkpoint: str

    @property
    def size(self) -> int:
        """Number of durable entries."""
        return self.frontier.size


def render_segment_header(header: SegmentHeader) -> bytes:
    """Bytes of a segment's start."""
    hashes = header.frontier.hashes
    note = header.checkpoint.encode()
    length = _SEGMENT.size + HASH_BYTES * len(hashes) + len(note) + CHECK_BYTES
    start = _SEGMENT.pack(_SEGMENT_MAGIC, length, header.first, len(hashes), len(note))
    return _checked(b"".join((start, *hashes, note)))


def parse_segment_header(data: bytes) -> tuple[SegmentHeader, int]:
    """Read a segment's start; the second value is where its frames begin.

    Raises: FrameError.
    """
    if len(data) < _SEGMENT.size:
        raise FrameError("the segment ends within its header", torn=True)
    magic, length, first, count, note_bytes = _SEGMENT.unpack_from(data)
    expected = _SEGMENT.size + HASH_BYTES * count + note_bytes + CHECK_BYTES
    if magic != _SEGMENT_MAGIC or length != expected:
        raise FrameError("the segment header is not one")
    content = _unchecked(data, length, "segment header")
    hashes = content[_SEGMENT.size : _SEGMENT.size + HASH_BYTES * count]
    frontier = _frontier(first, hashes)
    note = _text(content[_SEGMENT.size + len(hashes) :])
    return SegmentHeader(frontier=frontier, checkpoint=note), length


def render_frame(first: int, leaves: Sequence[bytes], checkpoint: str) -> bytes:
    """Bytes of one batch."""
    entries = render_bundle(leaves)
    note = checkpoint.encode()
    length = _FRAME.size + len(entries) + len(note) + CHECK_BYTES
    start = _FRAME.pack(FRAME_MAGIC, length, first, len(leaves), len(note))
    return _checked(b"".join((start, entries, note)))


def frame_length(start: bytes) -> int:
    """Length of the frame that starts with these FRAME_HEADER_BYTES.

    Raises: FrameError when no frame starts so.
    """
    if len(start) < _FRAME.size:
        raise FrameError("the segment ends within a frame's header", torn=True)
    magic, length, _, _, note_bytes = _FRAME.unpack_from(start)
    least = _FRAME.size + note_bytes + CHECK_BYTES
    if magic != FRAME_MAGIC or not least <= length <= MAX_FRAME_BYTES:
        raise FrameError("the frame header is not one")
    return int(length)


def frame_first(start: bytes) -> int:
    """First entry of the frame that starts with these bytes. Raises: FrameError."""
    frame_length(start)
    return int(_FRAME.unpack_from(start)[2])


def parse_frame(data: bytes) -> Frame:
    """Read a frame from exactly its bytes.

    Raises: FrameError.
    """
    length = frame_length(data[: _FRAME.size])
    content = _unchecked(data, length, "frame")
    return _frame(content)


def salvage_frame(data: bytes) -> Frame | None:
    """Read a frame whose check fails, as far as its inner lengths still fit; to name the damage."""
    try:
        length = frame_length(data[: _FRAME.size])
        return _frame(data[: length - CHECK_BYTES]) if len(data) >= length else None
    except FrameError:
        return None


def entry_offsets(frame: Frame) -> tuple[int, ...]:
    """Where each entry's bytes start, counted from the frame's start."""
    offsets = []
    place = _FRAME.size
    for leaf in frame.leaves:
        offsets.append(place + 2)
        place += 2 + len(leaf)
    return tuple(offsets)


def _frame(content: bytes) -> Frame:
    _, _, first, count, note_bytes = _FRAME.unpack_from(content)
    middle = len(content) - note_bytes
    try:
        leaves = parse_bundle(content[_FRAME.size : middle])
    except EntryFormatError as error:
        raise FrameError(error.message) from None
    if len(leaves) != count or not count:
        raise FrameError(f"the frame says {count} entries and has {len(leaves)}")
    return Frame(first=first, leaves=leaves, checkpoint=_text(content[middle:]))


def render_slot(head: Head) -> bytes:
    """Bytes of one head slot."""
    hashes, note = head.frontier.hashes, head.checkpoint.encode()
    start = _HEAD.pack(
        _HEAD_MAGIC, head.generation, head.segment, head.frame, head.end, len(hashes), len(note)
    )
    content = b"".join((start, head.size.to_bytes(8, "big"), *hashes, note))
    if len(content) > SLOT_BYTES - CHECK_BYTES:
        raise ValueError("the head does not fit its slot")
    return _checked(content.ljust(SLOT_BYTES - CHECK_BYTES, b"\0"))


def parse_slot(data: bytes) -> Head:
    """Read one head slot.

    Raises: FrameError.
    """
    content = _unchecked(data, SLOT_BYTES, "head slot")
    magic, generation, segment, frame, end, count, note_bytes = _HEAD.unpack_from(content)
    if magic != _HEAD_MAGIC:
        raise FrameError("the head slot is not one")
    start = _HEAD.size + 8
    size = int.from_bytes(content[_HEAD.size : start], "big")
    middle = start + HASH_BYTES * count
    return Head(
        generation=generation,
        frontier=_frontier(size, content[start:middle]),
        segment=segment,
        frame=frame,
        end=end,
        checkpoint=_text(content[middle : middle + note_bytes]),
    )


def _frontier(size: int, hashes: bytes) -> Frontier:
    try:
        return Frontier(size=size, hashes=tuple(split_hashes(hashes)))
    except ValueError as error:
        raise FrameError(str(error)) from None


def _checked(content: bytes) -> bytes:
    return content + sha256(content).digest()


def _unchecked(data: bytes, length: int, what: str) -> bytes:
    if len(data) < length:
        raise FrameError(f"the {what} ends after {len(data)} of {length} bytes", torn=True)
    content = data[: length - CHECK_BYTES]
    if sha256(content).digest() != data[length - CHECK_BYTES : length]:
        raise FrameError(f"the {what} does not have its SHA-256 check")
    return content


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FrameError("a checkpoint is not UTF-8") from None
