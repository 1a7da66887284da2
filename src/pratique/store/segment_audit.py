"""A complete check of a segment folder: every byte of every file is looked at.

Opens nothing for writing, takes no lock: what is appended meanwhile lies behind the head that was
read first and is not part of the check. A writer at work is not damage: what seems to lie behind the
end is compared with the head that is there then, and looked at again before it counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pratique.ledger.audit import AuditReport, Findings, Progress, Replay, is_signed
from pratique.ledger.errors import FrameError, LedgerDamagedError, LedgerKeyError, NoteError
from pratique.ledger.frames import (
    FRAME_MAGIC,
    SLOT_BYTES,
    SLOTS,
    Head,
    entry_offsets,
    salvage_frame,
)
from pratique.ledger.merkle import HASH_BYTES, leaf_hash, level_width
from pratique.ledger.notes import Verifier, parse_verifier
from pratique.store.log_asked import SEAL_FILE
from pratique.store.log_derived import DerivedFiles
from pratique.store.log_disk import Disk, read_at
from pratique.store.log_keys import read_key
from pratique.store.log_names import (
    HEAD_FILE,
    KEY_FILE,
    SEGMENTS,
    VERIFIER_FILE,
    segment_name,
    segment_place,
)
from pratique.store.segment_files import list_segments, newest, parse_slots, read_frame, read_header

_Seen = TypeVar("_Seen")

_DERIVED = "derived"
_LOCK = "lock"

_LOOKS = 4
_PAUSE_SECONDS = 0.002
"""A writer does not wait for the disk between the derived files and the head."""


@dataclass(slots=True, kw_only=True)
class _Check:
    """What the steps of one check share."""

    folder: Path
    head: Head
    verifier: Verifier
    findings: Findings
    replay: Replay
    derived: DerivedFiles
    progress: Progress


def audit_segments(folder: Path, *, origin: str, progress: Progress) -> AuditReport:
    """Check a log in a folder.

    Raises: LedgerDamagedError when so little is left that there is nothing to check against: no
    readable head or no readable key.
    """
    findings = Findings()
    verifier = _check_keys(folder, origin, findings)
    head = _check_head(folder, verifier, findings)
    check = _Check(
        folder=folder,
        head=head,
        verifier=verifier,
        findings=findings,
        replay=Replay(),
        derived=DerivedFiles(folder / _DERIVED, Disk()),
        progress=progress,
    )
    try:
        _check_segments(check)
        _check_derived_ends(check)
    finally:
        check.derived.close()
    if check.replay.frontier.root() != head.frontier.root() and not findings.damages:
        findings.add(HEAD_FILE, "the entries do not lead to the signed root")
    _check_strangers(check)
    return AuditReport(
        origin=verifier.name,
        size=head.size,
        root=check.replay.frontier.root(),
        checkpoint=head.checkpoint,
        verifier_key=verifier.render(),
        damages=tuple(findings.damages),
        notes=tuple(findings.notes),
    )


def _check_keys(folder: Path, origin: str, findings: Findings) -> Verifier:
    """The log's public key, from whichever half is whole."""
    public = private = None
    try:
        private = read_key(folder / KEY_FILE, origin).verifier
    except FileNotFoundError:
        findings.add(KEY_FILE, "the signing key is missing; the log cannot be continued")
    except LedgerKeyError as error:
        findings.add(KEY_FILE, error.message)
    try:
        text = (folder / VERIFIER_FILE).read_bytes().decode("ascii")
        public = parse_verifier(text.removesuffix("\n"))
        if text != public.render() + "\n" or (private is not None and public != private):
            findings.add(VERIFIER_FILE, "it is not the public half of the key", repairable=True)
            public = None
    except FileNotFoundError:
        findings.add(VERIFIER_FILE, "it is missing", repairable=True)
    except (NoteError, UnicodeDecodeError):
        findings.add(VERIFIER_FILE, "it does not have its key id", repairable=True)
    verifier = private or public
    if verifier is None:
        raise LedgerDamagedError("neither half of the key can be read", place=KEY_FILE)
    return verifier


def _check_head(folder: Path, verifier: Verifier, findings: Findings) -> Head:
    try:
        fd = os.open(folder / HEAD_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LedgerDamagedError(f"it cannot be read: {error.strerror}", place=HEAD_FILE) from error
    try:
        slots = _settled(
            lambda: parse_slots(read_at(fd, SLOTS * SLOT_BYTES, 0)),
            lambda slots: all(isinstance(slot, Head) for slot in slots),
        )
        size = os.fstat(fd).st_size
    finally:
        os.close(fd)
    head = newest(slots)
    for number, slot in enumerate(slots):
        if isinstance(slot, FrameError):
            findings.add(HEAD_FILE, f"slot {number}: {slot.what}", offset=number * SLOT_BYTES)
        elif not is_signed(slot.checkpoint, verifier, slot.frontier):
            findings.add(
                HEAD_FILE, f"slot {number}: its checkpoint is not signed for its tree",
                offset=number * SLOT_BYTES,
            )  # fmt: skip
    if size != SLOTS * SLOT_BYTES:
        findings.add(HEAD_FILE, f"it has {size} bytes instead of {SLOTS * SLOT_BYTES}")
    return head


def _settled(look: Callable[[], _Seen], is_right: Callable[[_Seen], bool]) -> _Seen:
    """What is seen at last: what a writer had half done is done after a pause."""
    for _ in range(_LOOKS):
        if is_right(seen := look()):
            return seen
        time.sleep(_PAUSE_SECONDS)
    return look()


def _size_by_now(check: _Check) -> int:
    """Entries of the newest head that is there now; those of the first one when none can be read."""
    try:
        head = newest(parse_slots((check.folder / HEAD_FILE).read_bytes()))
    except (OSError, LedgerDamagedError):
        return check.head.size
    return max(check.head.size, head.size)


def _check_segments(check: _Check) -> None:
    head, replay = check.head, check.replay
    segments = [first for first in list_segments(check.folder) if first <= head.segment]
    if not head.end:
        segments = []
    for first in segments:
        if first != replay.frontier.size and not replay.broken:
            check.findings.add(
                SEGMENTS,
                f"the segment with entries {replay.frontier.size} to {first - 1} is missing",
                sequence=replay.frontier.size,
            )
            replay.broken = True
        _check_segment(check, first)
    if replay.frontier.size < head.size and not replay.broken:
        check.findings.add(
            SEGMENTS,
            f"the entries from {replay.frontier.size} on are missing, the head knows {head.size}",
            sequence=replay.frontier.size,
        )


def _check_segment(check: _Check, first: int) -> None:
    place = segment_place(first)
    try:
        fd = os.open(check.folder / place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        check.findings.add(place, f"it cannot be read: {error.strerror}", sequence=first)
        check.replay.broken = True
        return
    try:
        size = os.fstat(fd).st_size
        limit = size
        if first == check.head.segment:
            limit = check.head.end
            if size < limit:
                check.findings.add(
                    place, f"it has {size} bytes, the head knows {limit}", offset=size
                )
            elif size > limit:
                check.findings.notes.append(
                    f"{place}: {size - limit} bytes behind the head: a batch of a process that was "
                    "killed; the next append adopts it or cuts it off"
                )
        _check_frames(check, fd, first, min(limit, size))
    finally:
        os.close(fd)


def _check_frames(check: _Check, fd: int, first: int, limit: int) -> None:
    place, replay = segment_place(first), check.replay
    try:
        header, offset = read_header(fd, first)
        if replay.broken and is_signed(header.checkpoint, check.verifier, header.frontier):
            replay.resume(header.frontier)
        elif header.frontier != replay.frontier or not is_signed(
            header.checkpoint, check.verifier, header.frontier
        ):
            check.findings.add(place, "the header is not of this log at this place", offset=0)
    except FrameError as error:
        check.findings.add(place, error.what, offset=0, sequence=first)
        offset = _next_frame(fd, 0, limit)
    while offset < limit:
        try:
            offset = _check_frame(check, fd, place, offset, limit)
        except FrameError as error:
            _name_damage(check, fd, place, offset, limit, error)
            replay.broken = True
            offset = _next_frame(fd, offset + 1, limit)


def _check_frame(check: _Check, fd: int, place: str, offset: int, limit: int) -> int:
    """Check one frame; gives its end. Raises: FrameError."""
    replay, findings = check.replay, check.findings
    if replay.broken:
        # Its own check still says whether its bytes are whole; its place in the tree is unknown.
        frame, end = read_frame(fd, offset, first=None, limit=limit)
        return end
    frame, end = read_frame(fd, offset, first=replay.frontier.size, limit=limit)
    first, hashes, completed = replay.feed(frame.leaves, findings, place=place)
    if not replay.expects(frame.checkpoint, origin=check.verifier.name):
        findings.add(place, "the frame's checkpoint is not of its entries", offset=offset)
    if (
        end == check.head.end
        and frame.end == check.head.size
        and (frame.checkpoint != check.head.checkpoint)
    ):
        findings.add(place, "the last checkpoint is not the head's", offset=offset)
    _check_derived(check, first, hashes, completed, offset)
    check.progress(frame.end, check.head.size)
    return end


def _check_derived(
    check: _Check,
    first: int,
    hashes: list[bytes],
    completed: dict[int, list[bytes]],
    offset: int,
) -> None:
    for level, row in {0: hashes, **completed}.items():
        start = level_width(first, level)
        stored = check.derived.row(level, start, len(row))
        if stored == b"".join(row):
            continue
        for number, digest in enumerate(row):
            if stored[number * HASH_BYTES : (number + 1) * HASH_BYTES] != digest:
                check.findings.add(
                    f"{_DERIVED}/level-{level}",
                    "a hash is not the one of the entries",
                    offset=(start + number) * HASH_BYTES,
                    sequence=(start + number) << (8 * level),
                    repairable=True,
                )
                break
    for sequence, stored_offset in enumerate(check.derived.frames_of(first, len(hashes)), first):
        if stored_offset != offset:
            check.findings.add(
                f"{_DERIVED}/frames",
                f"it does not say that the entry's frame starts at byte {offset}",
                offset=sequence * 8,
                sequence=sequence,
                repairable=True,
            )
            break


def _check_derived_ends(check: _Check) -> None:
    def too_long() -> list[tuple[str, int, int]]:
        # Lengths first, then the head: so a log that grows meanwhile is never shorter than they are.
        lengths = [size for _, size, _ in check.derived.sizes(check.head.size)]
        ends = [(name, end) for name, _, end in check.derived.sizes(_size_by_now(check))]
        return [
            (name, size, end) for size, (name, end) in zip(lengths, ends, strict=True) if size > end
        ]

    for name, size, end in _settled(too_long, lambda found: not found):
        check.findings.add(
            f"{_DERIVED}/{name}",
            f"it has {size} bytes instead of {end}",
            offset=end,
            repairable=True,
        )


def _name_damage(
    check: _Check, fd: int, place: str, offset: int, limit: int, error: FrameError
) -> None:
    """Say which entry of a damaged frame differs, with the help of the stored hashes."""
    known = not check.replay.broken
    frame = salvage_frame(read_at(fd, limit - offset, offset))
    sequence = check.replay.frontier.size if known else None
    if frame is None or not known or frame.first != sequence:
        check.findings.add(place, error.what, offset=offset, sequence=sequence)
        return
    differing = [
        number
        for number, leaf in enumerate(frame.leaves)
        if check.derived.row(0, frame.first + number, 1) != leaf_hash(leaf)
    ]
    if not differing:
        check.findings.add(
            place,
            f"{error.what}; its entries {frame.first} to {frame.end - 1} are whole, so its header, "
            "its checkpoint or the check itself was changed",
            offset=offset,
            sequence=frame.first,
        )
        return
    starts = entry_offsets(frame)
    for number in differing:
        check.findings.add(
            place,
            "the entry's bytes are not those that were hashed when it was written",
            offset=offset + starts[number],
            sequence=frame.first + number,
        )


def _next_frame(fd: int, start: int, limit: int) -> int:
    """Where the next whole frame begins; `limit` when none does."""
    data = read_at(fd, limit - start, start)
    place = data.find(FRAME_MAGIC)
    while place >= 0:
        try:
            read_frame(fd, start + place, first=None, limit=limit)
        except FrameError:
            place = data.find(FRAME_MAGIC, place + 1)
        else:
            return start + place
    return limit


def _check_strangers(check: _Check) -> None:
    """Files that are not the log's, and a lock file with something in it."""
    known = {KEY_FILE, VERIFIER_FILE, HEAD_FILE, _LOCK, SEGMENTS, _DERIVED}
    strangers = [p.name for p in check.folder.iterdir() if p.name not in known]
    strangers += [
        f"{_DERIVED}/{p.name}"
        for p in (check.folder / _DERIVED).iterdir()
        if p.name not in {*check.derived.names(), Path(SEAL_FILE).name}
    ]
    there = list((check.folder / SEGMENTS).iterdir())
    names = {segment_name(first) for first in list_segments(check.folder)}
    end = _size_by_now(check)
    for path in there:
        if path.name not in names:
            strangers.append(f"{SEGMENTS}/{path.name}")
        elif path.name > segment_name(end):
            check.findings.add(f"{SEGMENTS}/{path.name}", "it lies behind the end of the log")
        elif path.name > segment_name(check.head.segment):
            check.findings.notes.append(f"{SEGMENTS}/{path.name}: begun, not yet part of the log")
    check.findings.notes += [f"{name}: not a file of the log" for name in sorted(strangers)]
    lock = check.folder / _LOCK
    if lock.exists() and lock.stat().st_size:
        check.findings.add(_LOCK, "it must be empty")
