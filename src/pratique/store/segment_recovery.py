"""What lies behind the head of a segment log: a batch to adopt, a torn one to cut off, or damage.

Reads only. Whoever calls holds the lock, so nobody is writing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pratique.ledger.errors import FrameError, LedgerDamagedError, NoteError
from pratique.ledger.frames import (
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    Frame,
    Head,
    frame_length,
    parse_frame,
    parse_segment_header,
)
from pratique.ledger.merkle import extend, leaf_hash
from pratique.ledger.notes import Verifier, open_checkpoint
from pratique.store.log_disk import read_at
from pratique.store.log_names import segment_place
from pratique.store.segment_files import list_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Bytes behind the head, from `start` of a segment on."""

    segment: int
    start: int
    fresh: bool
    """The segment itself lies behind the head: its header was never confirmed either."""
    data: bytes = b""
    """What was adopted: one frame, with the segment's header if it is fresh."""
    adopted: Head | None = None
    """The head with the adopted frame; None when the bytes are a torn write."""


def find_leftover(folder: Path, head: Head, verifier: Verifier) -> Leftover | None:
    """Look behind the head.

    Raises: LedgerDamagedError when durable bytes are missing or what follows is not a torn write.
    """
    base = str(
        folder
    )  # asked before every append, and paths as objects take longer than the asking
    if head.end:
        size = _size(f"{base}/{segment_place(head.segment)}")
        if size < head.end:
            raise LedgerDamagedError(
                f"it has {max(size, 0)} bytes, the head knows {head.end}",
                place=segment_place(head.segment),
                offset=max(size, 0),
            )
        if size > head.end:
            return _judge(folder, head, verifier, segment=head.segment, start=head.end, fresh=False)
    is_fresh = head.size != head.segment or not head.end
    if is_fresh and _size(f"{base}/{segment_place(head.size)}") >= 0:
        return _judge(folder, head, verifier, segment=head.size, start=0, fresh=True)
    return None


def _size(path: str) -> int:
    """Length of a file; -1 when there is none."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - see the caller
    except FileNotFoundError:
        return -1


def _judge(
    folder: Path, head: Head, verifier: Verifier, *, segment: int, start: int, fresh: bool
) -> Leftover:
    place = segment_place(segment)
    fd = os.open(folder / place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            header_bytes = _header_bytes(fd, head) if fresh else 0
            data, frame = _frame_at(fd, start + header_bytes, head)
        except FrameError as error:
            _require_torn(folder, fd, place, head, start, error)
            return Leftover(segment=segment, start=start, fresh=fresh)
        adopted = _head_after(
            head, frame, segment=segment, frame_start=start + header_bytes, length=len(data)
        )
        _require_signed(adopted, verifier, place)
        return Leftover(
            segment=segment,
            start=start,
            fresh=fresh,
            data=read_at(fd, header_bytes, 0) + data,
            adopted=adopted,
        )
    finally:
        os.close(fd)


def _header_bytes(fd: int, head: Head) -> int:
    header, length = parse_segment_header(read_at(fd, os.fstat(fd).st_size, 0)[: 1 << 16])
    if header.frontier != head.frontier:
        raise FrameError("the segment header does not continue the log")
    return length


def _frame_at(fd: int, start: int, head: Head) -> tuple[bytes, Frame]:
    length = frame_length(read_at(fd, FRAME_HEADER_BYTES, start))
    data = read_at(fd, length, start)
    frame = parse_frame(data)
    if frame.first != head.size:
        raise FrameError(f"the frame begins with entry {frame.first} instead of {head.size}")
    return data, frame


def _head_after(head: Head, frame: Frame, *, segment: int, frame_start: int, length: int) -> Head:
    frontier, _ = extend(head.frontier, (leaf_hash(leaf) for leaf in frame.leaves))
    return Head(
        generation=head.generation + 1,
        frontier=frontier,
        segment=segment,
        frame=frame_start,
        end=frame_start + length,
        checkpoint=frame.checkpoint,
    )


def _require_signed(head: Head, verifier: Verifier, place: str) -> None:
    try:
        checkpoint = open_checkpoint(head.checkpoint, verifier)
    except NoteError as error:
        raise LedgerDamagedError(error.message, place=place, offset=head.frame) from error
    if (checkpoint.size, checkpoint.root) != (head.size, head.frontier.root()):
        raise LedgerDamagedError(
            "its signed checkpoint is not the one of its entries", place=place, offset=head.frame
        )


def _require_torn(
    folder: Path, fd: int, place: str, head: Head, start: int, error: FrameError
) -> None:
    """Only the last write can be torn: whole frames or segments behind it make it damage."""
    later = [first for first in list_segments(folder) if first > head.size]
    rest = read_at(fd, os.fstat(fd).st_size - start, start)
    offset = rest.find(FRAME_MAGIC, 1)
    while offset >= 0 and not later:
        try:
            later = [parse_frame(rest[offset:]).first]
        except FrameError:
            offset = rest.find(FRAME_MAGIC, offset + 1)
    if later:
        raise LedgerDamagedError(
            f"{error.what}, and later entries ({later[0]} on) follow it",
            place=place,
            offset=start,
            sequence=head.size,
        )
