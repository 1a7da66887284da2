"""The log in a folder: append-only segments, one `fdatasync` per batch.

Any number of processes may hold the folder open; whoever appends takes the lock file. All state
that an append needs stands in the head, so nobody has to catch up with what others wrote.

The life of a batch, and what a crash leaves after each step:

1. Take the lock. Nothing has changed.
2. Recover: what lies behind the head in the newest segment is either a whole frame whose writer
   died between steps 4 and 6 (adopted) or the torn start of one (cut off: nobody was answered).
3. Write the frame: entries and the signed checkpoint after them; when the segment is full, a new
   segment's header together with its first frame. A crash leaves a torn or an unsynced frame;
   step 2 of the next append cuts or adopts it.
4. `fdatasync` (and the folder's names for a new segment). From here on the batch is durable and
   step 2 will always adopt it, never cut it.
5. Write hashes and frame positions to the derived files, unsynced. A crash leaves them short or
   wrong; they are made again from the segments.
6. Write the head, unsynced, into the slot that does not hold the newest head. Readers see the
   batch from here on. A crash before or within leaves the older head; step 2 adopts the frame.
7. Give the lock back and answer.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pratique.ledger.canonical import (
    PreparedDraft,
    encode_entry,
    parse_entry,
    prepare,
    render_time,
)
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import (
    EntryFormatError,
    EntryTooLargeError,
    LedgerDamagedError,
    LedgerKeyError,
    LedgerUnavailableError,
    LedgerUncertainError,
)
from pratique.ledger.frames import (
    MAX_FRAME_BYTES,
    SLOT_BYTES,
    SLOTS,
    Head,
    SegmentHeader,
    render_frame,
    render_segment_header,
    render_slot,
)
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.ledger.notes import Checkpoint
from pratique.store.log_asked import Opened
from pratique.store.log_derived import DerivedFiles
from pratique.store.log_disk import Disk, exclusive, read_at, write_new_file
from pratique.store.log_keys import key_file, load_signer, make_folder, verifier_file
from pratique.store.log_names import HEAD_FILE, KEY_FILE, SEGMENTS, segment_place
from pratique.store.log_proofs import ProvingLog
from pratique.store.log_replay import replay
from pratique.store.segment_files import (
    iterate_frames,
    list_segments,
    newest,
    parse_slots,
    peek_first,
    segment_of,
)
from pratique.store.segment_recovery import Leftover, find_leftover

SEGMENT_BYTES = 64 * 1024 * 1024
"""A segment is closed when it has grown to this; large enough that names stay few."""
LOCK_SECONDS = 30.0


class SegmentLog(ProvingLog):
    """A log in a folder. Safe to call from any thread."""

    def __init__(
        self,
        folder: Path,
        *,
        origin: str,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._folder = folder
        self._origin = origin
        self._disk = disk or Disk()
        self._segment_bytes = segment_bytes
        self._lock_seconds = lock_seconds
        self._mutex = threading.RLock()
        self._uncertain: LedgerUncertainError | None = None
        self._segment_fd: tuple[int, int] | None = None
        self._head_fd = -1
        self._known_head: tuple[bytes, Head | None] = (b"", None)
        self._opened_at: tuple[bytes, Head]
        self._lock_path = folder / "lock"
        self._derived = DerivedFiles(folder / "derived", self._disk)
        try:
            self._open()
        except OSError as error:
            self.close()
            raise LedgerUnavailableError(f"cannot open the log in {folder}: {error}") from error
        except BaseException:
            self.close()
            raise

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        for path in (self._folder, self._folder / SEGMENTS, self._folder / "derived"):
            make_folder(path, self._disk)
        with exclusive(self._lock_path, seconds=self._lock_seconds):
            has_head = (self._folder / HEAD_FILE).exists()
            if not has_head and list_segments(self._folder):
                raise LedgerDamagedError("it is missing beside segments", place=HEAD_FILE)
            self._signer = load_signer(
                self._folder, origin=self._origin, disk=self._disk, may_create=not has_head
            )
            self._verifier = self._signer.verifier
            if not has_head:
                # The first head is made after the key and before any segment, whole and durable:
                # a missing head beside segments, or a missing key beside a head, is never ours.
                self._create_head()
            self._head_fd = self._disk.open(self._folder / HEAD_FILE)
            head = self._recover(self._read_head())
            if head.checkpoint != self._signer.sign(_checkpoint(self._origin, head.frontier)):
                raise LedgerKeyError(
                    f"the log in {self._folder} was not signed with the key {KEY_FILE} beside it",
                    remedy="put the log's own key back from its backup",
                )
            self._opened_at = self._known_head[0], head
            self._catch_up(head)

    def opened(self) -> Opened:
        """What opening found good."""
        data, head = self._opened_at
        return Opened(
            origin=self._origin,
            key=key_file(self._signer),
            verifier=verifier_file(self._signer),
            head=data,
            size=head.size,
            segment=head.segment,
            end=head.end,
        )

    def _create_head(self) -> None:
        note = self._signer.sign(_checkpoint(self._origin, Frontier()))
        slots = [
            render_slot(
                Head(generation=n, frontier=Frontier(), segment=0, frame=0, end=0, checkpoint=note)
            )
            for n in range(SLOTS)
        ]
        write_new_file(self._disk, self._folder / HEAD_FILE, b"".join(slots))

    def _read_head(self) -> Head:
        # Mostly nobody else has appended; then the bytes are those we know, and parsed already.
        data = read_at(self._head_fd, SLOTS * SLOT_BYTES, 0)
        known, head = self._known_head
        if data != known or head is None:
            head = newest(parse_slots(data))
            self._known_head = (data, head)
        return head

    # ── appending ────────────────────────────────────────────────────────────────────────────

    @property
    def origin(self) -> str:
        """Name of the log on its checkpoints."""
        return self._origin

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        """Give the drafts the next sequence numbers, in order, all or none.

        Order: when this returns, every entry is durable and belongs to a signed tree head.
        Raises: EntryFormatError before anything is stored; LedgerUnavailableError when nothing was
        stored; LedgerUncertainError when that cannot be told; LedgerDamagedError.
        """
        prepared = [prepare(draft) for draft in drafts]
        recorded_at = render_time(now)
        with self._mutex:
            if self._uncertain is not None:
                raise self._uncertain
            try:
                with exclusive(self._lock_path, seconds=self._lock_seconds):  # step 1
                    head = self._recover(self._read_head())  # step 2
                    with suppress(OSError):
                        self._catch_up(head)
                    if not prepared:
                        return range(head.size, head.size)
                    return self._commit(head, prepared, recorded_at)
            except OSError as error:
                raise LedgerUnavailableError(f"cannot write to the log: {error}") from error

    def _commit(self, head: Head, prepared: Sequence[PreparedDraft], recorded_at: str) -> range:
        first = head.size
        leaves = [
            encode_entry(draft, sequence=first + place, recorded_at=recorded_at)
            for place, draft in enumerate(prepared)
        ]
        hashes = [leaf_hash(leaf) for leaf in leaves]
        frontier, completed = extend(head.frontier, hashes)
        checkpoint = self._signer.sign(_checkpoint(self._origin, frontier))
        frame = render_frame(first, leaves, checkpoint)
        if len(frame) > MAX_FRAME_BYTES:
            raise EntryTooLargeError(f"a batch of {len(frame)} bytes", remedy="append in parts")
        fresh = head.end == 0 or head.end >= self._segment_bytes
        header = b""
        if fresh:
            header = render_segment_header(
                SegmentHeader(frontier=head.frontier, checkpoint=head.checkpoint)
            )
        start = 0 if fresh else head.end
        after = Head(
            generation=head.generation + 1,
            frontier=frontier,
            segment=first if fresh else head.segment,
            frame=start + len(header),
            end=start + len(header) + len(frame),
            checkpoint=checkpoint,
        )
        uncertain = LedgerUncertainError(
            "a failed disk left it open whether the batch was stored",
            first=first,
            count=len(leaves),
        )
        # Whatever interrupts from here on leaves this object unsure of the disk, unless the frame
        # could be taken back for certain.
        self._uncertain = uncertain
        try:
            self._write_durably(after, header + frame, start, fresh=fresh)  # steps 3 and 4
        except OSError as error:
            if self._take_back(after.segment, start, fresh=fresh):
                self._uncertain = None
                raise LedgerUnavailableError(f"cannot write to the log: {error}") from error
            raise uncertain from error
        with suppress(OSError):  # step 5; what is missing is made again
            self._derived.append(first, hashes, completed, frame=after.frame)
        try:
            self._write_head(after)  # step 6
        except OSError as error:
            # The frame is durable and will be adopted, but until then nobody can read it.
            raise uncertain from error
        self._uncertain = None
        return range(first, after.size)  # step 7

    def _write_durably(self, after: Head, data: bytes, start: int, *, fresh: bool) -> None:
        fd = self._open_segment(after.segment, create=fresh)
        self._disk.write(fd, data, start)
        self._disk.sync(fd)
        if fresh:
            self._disk.sync_folder(self._folder / SEGMENTS)

    def _take_back(self, segment: int, start: int, *, fresh: bool) -> bool:
        """Undo a frame that could not be made durable; False when even that is not certain."""
        try:
            if fresh:
                self._close_segment()
                with suppress(FileNotFoundError):
                    self._disk.unlink(self._folder / segment_place(segment))
                self._disk.sync_folder(self._folder / SEGMENTS)
            else:
                fd = self._open_segment(segment)
                self._disk.truncate(fd, start)
                self._disk.sync(fd)
        except OSError:
            return False
        return True

    def _write_head(self, head: Head) -> None:
        slot, start = render_slot(head), head.generation % SLOTS * SLOT_BYTES
        self._disk.write(self._head_fd, slot, start)
        data = self._known_head[0]
        self._known_head = (data[:start] + slot + data[start + SLOT_BYTES :], head)

    def _open_segment(self, segment: int, *, create: bool = False) -> int:
        if self._segment_fd is not None and self._segment_fd[0] == segment:
            return self._segment_fd[1]
        self._close_segment()
        fd = self._disk.open(self._folder / segment_place(segment), create=create)
        self._segment_fd = (segment, fd)
        return fd

    def _close_segment(self) -> None:
        if self._segment_fd is not None:
            os.close(self._segment_fd[1])
            self._segment_fd = None

    # ── recovering: the same code on opening and before every append ─────────────────────────

    def _recover(self, head: Head) -> Head:
        """Adopt whole frames behind the head, cut off a torn one; gives the head that holds."""
        while (leftover := find_leftover(self._folder, head, self._verifier)) is not None:
            if leftover.adopted is None:
                self._cut_off(leftover)
            else:
                self._adopt(leftover, leftover.adopted)
                head = leftover.adopted
        return head

    def _cut_off(self, leftover: Leftover) -> None:
        if leftover.fresh:
            self._close_segment()
            self._disk.unlink(self._folder / segment_place(leftover.segment))
        else:
            self._disk.truncate(self._open_segment(leftover.segment), leftover.start)

    def _adopt(self, leftover: Leftover, head: Head) -> None:
        # Written again although it is there: after a failed or missing sync the kernel may hold
        # pages that it calls clean and the disk never got.
        fd = self._open_segment(leftover.segment)
        self._disk.write(fd, leftover.data, leftover.start)
        self._disk.sync(fd)
        if leftover.fresh:
            self._disk.sync_folder(self._folder / SEGMENTS)
        self._write_head(head)

    # ── derived files ────────────────────────────────────────────────────────────────────────

    def _catch_up(self, head: Head) -> None:
        """Make the derived files reach the head; replays no more than the segments they lack."""
        count = self._derived.count()
        if count == head.size:
            return
        replay(self._folder, self._derived, head, from_entry=min(count, head.size))

    def rebuild_hashes(self) -> None:
        """Make the hashes and frame positions again from the segments."""
        try:
            with self._mutex, exclusive(self._lock_path, seconds=self._lock_seconds):
                replay(self._folder, self._derived, self._recover(self._read_head()), from_entry=0)
        except OSError as error:
            raise LedgerUnavailableError(f"cannot rebuild the hashes: {error}") from error

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def frontier(self) -> Frontier:
        """The frontier of all durable entries."""
        return self._read_head().frontier

    def size(self) -> int:
        """Number of durable entries, those of other processes included."""
        return self._read_head().size

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._read_head().checkpoint

    def verifier_key(self) -> str:
        """The log's public key as a note verifier key."""
        return self._verifier.render()

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries `[start, end)` in order; a damaged one raises LedgerDamagedError."""
        for sequence, leaf in enumerate(self.leaves(start, end), start=start):
            try:
                entry = parse_entry(leaf)
            except EntryFormatError as error:
                raise LedgerDamagedError(
                    error.message, place=SEGMENTS, sequence=sequence
                ) from error
            if entry.sequence != sequence:
                raise LedgerDamagedError(
                    f"it says it is entry {entry.sequence}", place=SEGMENTS, sequence=sequence
                )
            yield entry

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same entries as canonical bytes."""
        head = self._read_head()
        end = head.size if end is None else min(end, head.size)
        if start >= end:
            return
        first, place = self._frame_with(start)
        for placed in iterate_frames(self._folder, head, first=first, start=place):
            frame = placed.frame
            if frame.end > start:
                yield from frame.leaves[max(0, start - frame.first) : end - frame.first]
            if frame.end >= end:
                return

    def _frame_with(self, sequence: int) -> tuple[int, int | None]:
        """The frame with an entry: its first entry and place; else its segment and no place."""
        segment = segment_of(list_segments(self._folder), sequence)
        with self._mutex:
            start = self._derived.frame_of(sequence)
        first = None if start is None else peek_first(self._folder, segment, start)
        # A frame position is a hint from a derived file; only one that leads to a frame counts.
        if first is None or not segment <= first <= sequence:
            return segment, None
        return first, start

    def _read_hashes(self, level: int, index: int, *, width: int) -> bytes:
        with self._mutex:
            return self._derived.tile(level, index, width=width)

    def reopen(self) -> None:
        """Find out anew what is durable, after LedgerUncertainError."""
        with self._mutex:
            self._release()
            try:
                self._open()
            except OSError as error:
                raise LedgerUnavailableError(
                    f"cannot reopen the log in {self._folder}: {error}"
                ) from error
            self._uncertain = None

    def close(self) -> None:
        """Release files; nothing is lost by not calling it."""
        with self._mutex:
            self._release()

    def _release(self) -> None:
        self._close_segment()
        self._derived.close()
        if self._head_fd >= 0:
            os.close(self._head_fd)
            self._head_fd = -1


def _checkpoint(origin: str, frontier: Frontier) -> str:
    return Checkpoint(origin=origin, size=frontier.size, root=frontier.root()).render()
