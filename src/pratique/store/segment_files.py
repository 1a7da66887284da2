"""Reading a segment folder: which segments there are, and their frames in order.

Never writes. Says of every damage which file, which byte and which entry.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pratique.ledger.errors import FrameError, LedgerDamagedError
from pratique.ledger.frames import (
    FRAME_HEADER_BYTES,
    SLOT_BYTES,
    SLOTS,
    Frame,
    Head,
    SegmentHeader,
    frame_first,
    frame_length,
    parse_frame,
    parse_segment_header,
    parse_slot,
)
from pratique.store.log_disk import read_at
from pratique.store.log_names import DIGITS, HEAD_FILE, SEGMENTS, SUFFIX, segment_place

MAX_HEADER_BYTES = 4096
"""More than 64 hashes and a checkpoint take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A frame and where it lies."""

    frame: Frame
    segment: int
    start: int
    end: int


def list_segments(folder: Path) -> list[int]:
    """First entries of all segments there, in order."""
    names = (path.name.removesuffix(SUFFIX) for path in (folder / SEGMENTS).glob(f"*{SUFFIX}"))
    return sorted(int(name) for name in names if name.isdecimal() and len(name) == DIGITS)


def segment_of(segments: list[int], sequence: int) -> int:
    """The segment that holds an entry.

    Raises: LedgerDamagedError when none can.
    """
    place = bisect_right(segments, sequence)
    if place == 0:
        raise LedgerDamagedError(
            "the segment with this entry is missing", place=SEGMENTS, sequence=sequence
        )
    return segments[place - 1]


def parse_slots(data: bytes) -> tuple[Head | FrameError, ...]:
    """Both slots of the head file, each as a head or as what is wrong with it."""
    slots: list[Head | FrameError] = []
    for number in range(SLOTS):
        try:
            slots.append(parse_slot(data[number * SLOT_BYTES : (number + 1) * SLOT_BYTES]))
        except FrameError as error:
            slots.append(error)
    return tuple(slots)


def newest(slots: tuple[Head | FrameError, ...]) -> Head:
    """The newer of the slots that are whole.

    Raises: LedgerDamagedError when none is.
    """
    heads = [slot for slot in slots if isinstance(slot, Head)]
    if not heads:
        raise LedgerDamagedError("both slots are damaged", place=HEAD_FILE)
    return max(heads, key=lambda head: head.generation)


def read_header(fd: int, first: int) -> tuple[SegmentHeader, int]:
    """A segment's header and where its frames begin.

    Raises: FrameError.
    """
    header, start = parse_segment_header(read_at(fd, MAX_HEADER_BYTES, 0))
    if header.first != first:
        raise FrameError(f"the header says entry {header.first}, the name says {first}")
    return header, start


def read_frame(fd: int, start: int, *, first: int | None, limit: int) -> tuple[Frame, int]:
    """The frame at an offset; it must end before `limit` and begin with entry `first` (None: any).

    Raises: FrameError.
    """
    head = read_at(fd, min(FRAME_HEADER_BYTES, limit - start), start)
    end = start + frame_length(head)
    if end > limit:
        raise FrameError(f"the frame ends after byte {limit}, where the segment ends", torn=True)
    frame = parse_frame(read_at(fd, end - start, start))
    if first is not None and frame.first != first:
        raise FrameError(f"the frame begins with entry {frame.first} instead of {first}")
    return frame, end


def iterate_frames(
    folder: Path, head: Head, *, first: int, start: int | None = None
) -> Iterator[Placed]:
    """All durable frames from the one that begins with entry `first`.

    `start` is where that frame lies in its segment; None means behind the segment's header, and
    `first` is then the segment's first entry.
    Raises: LedgerDamagedError.
    """
    segments = list_segments(folder)
    sequence = first
    while sequence < head.size:
        segment = segment_of(segments, sequence)
        for placed in _frames_of(folder, head, segment, sequence, start):
            sequence = placed.frame.end
            yield placed
        start = None


def peek_first(folder: Path, segment: int, start: int) -> int | None:
    """First entry of the frame at an offset; None when none starts there."""
    try:
        fd = os.open(folder / segment_place(segment), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return frame_first(read_at(fd, FRAME_HEADER_BYTES, start))
    except FrameError:
        return None
    finally:
        os.close(fd)


def _require_next(first: int, sequence: int) -> int:
    if first != sequence:
        raise FrameError(f"entries {sequence} to {first - 1} are missing before it")
    return first


def _frames_of(
    folder: Path, head: Head, segment: int, sequence: int, start: int | None
) -> Iterator[Placed]:
    place = segment_place(segment)
    try:
        fd = os.open(folder / place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LedgerDamagedError(
            f"the segment cannot be read: {error.strerror}", place=place, sequence=sequence
        ) from error
    offset = start or 0
    try:
        limit = os.fstat(fd).st_size
        if segment == head.segment:
            limit = min(limit, head.end)
        if start is None:
            header, offset = read_header(fd, segment)
            sequence = _require_next(header.first, sequence)
        while offset < limit or sequence == segment:
            frame, end = read_frame(fd, offset, first=sequence, limit=limit)
            yield Placed(frame=frame, segment=segment, start=offset, end=end)
            offset, sequence = end, frame.end
    except FrameError as error:
        raise LedgerDamagedError(
            error.what, place=place, offset=offset, sequence=sequence
        ) from error
    except OSError as error:
        raise LedgerDamagedError(
            f"the segment cannot be read: {error.strerror}",
            place=place,
            offset=offset,
            sequence=sequence,
        ) from error
    finally:
        os.close(fd)
