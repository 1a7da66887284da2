"""Derived files of a log made again from its segments.

Owns: what is replayed, and that it leads to the signed root. The caller holds the lock.
"""

from __future__ import annotations

import os
from pathlib import Path

from pratique.ledger.errors import FrameError, LedgerDamagedError
from pratique.ledger.frames import Head
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.store.log_derived import DerivedFiles
from pratique.store.log_names import segment_place
from pratique.store.segment_files import iterate_frames, list_segments, read_header, segment_of


def replay(folder: Path, derived: DerivedFiles, head: Head, *, from_entry: int) -> None:
    """Make hashes and frame positions again, from the segment with an entry up to the head.

    Raises: LedgerDamagedError when the entries do not lead to the root that was signed.
    """
    if not head.size:
        derived.cut(0)
        return
    segment = segment_of(list_segments(folder), max(0, min(from_entry, head.size - 1)))
    frontier = _frontier_before(folder, segment)
    derived.cut(frontier.size)
    for placed in iterate_frames(folder, head, first=segment):
        hashes = [leaf_hash(leaf) for leaf in placed.frame.leaves]
        first = frontier.size
        frontier, completed = extend(frontier, hashes)
        derived.append(first, hashes, completed, frame=placed.start)
    if frontier.root() != head.frontier.root():
        raise LedgerDamagedError(
            "the entries do not lead to the signed root", place=segment_place(segment)
        )


def _frontier_before(folder: Path, segment: int) -> Frontier:
    fd = os.open(folder / segment_place(segment), os.O_RDONLY)
    try:
        header, _ = read_header(fd, segment)
    except FrameError as error:
        raise LedgerDamagedError(
            error.what, place=segment_place(segment), offset=0, sequence=segment
        ) from error
    finally:
        os.close(fd)
    return header.frontier
