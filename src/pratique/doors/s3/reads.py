"""Reads on their way into the ledger: nothing is disclosed that the log does not know.

- `reads-ahead`, durable before a byte leaves: for the next ten seconds this process may answer reads of
  these segments to this lease. It is written for blocks of 1 MiB, so that one commit serves sixteen
  small reads.
- `reads`, what was in fact answered: queued with a small answer and durable some 50 ms later. Large
  reads are written at once and awaited; they need no announcement.

Entries of one client are numbered by each process from 0, and `reads-ended` says how many there were: a
client sees from its own entries alone that none is missing between them.

A process that dies takes its last reads with it. What it had announced in its last ten seconds counts as
disclosed then (`custody.access_log`): the error is against the reader, and it is said aloud.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.custody.model import SEGMENT_BYTES, Lease, ObjectId, StoredObject
from pratique.doors.s3.gathering import Gathering
from pratique.errors import PratiqueError
from pratique.ledger.entries import Draft
from pratique.ledger.errors import LedgerSaturatedError
from pratique.ledger.store import Recorder

AHEAD_SECONDS: Final = 10
"""How long an announcement counts, from when its entry was recorded."""
_USED_SECONDS: Final = AHEAD_SECONDS - 1.0
"""How long it is used: a read of its last moment is durable while it still counts."""
BLOCK_SEGMENTS: Final = 16
"""Segments of one announced block."""
_ROW_BLOCKS: Final = 8
"""Blocks that are announced at once for a reader that reads in a row."""
_SOON_BLOCKS: Final = 4
"""So many blocks before the end of what is announced, a reader in a row gets more."""
_FLUSH_SECONDS: Final = 0.05
_MOST_READS: Final = 100
"""Reads of one entry; 100 with names of their own stay below an entry's 60,000 bytes."""
_MOST_AHEAD: Final = 500
_MOST_WAITING: Final = 20_000
"""Answered reads that the ledger has not taken yet; beyond this nothing more is answered."""
_MOST_KNOWN: Final = 65_536
_AGENT_CHARACTERS: Final = 120
_log = logging.getLogger(__name__)


class Read(NamedTuple):
    """One stretch of an object that is disclosed."""

    object: ObjectId
    variant: int
    """0: canonical bytes; 1: the lease's own copy."""
    first: int
    last: int
    """Segments, both included; -1 for a read of nothing."""
    bytes: int
    status: int
    address: str
    agent: str


class Ahead(NamedTuple):
    """Segments that may be disclosed from now on."""

    object: ObjectId
    variant: int
    first: int
    last: int


class Journal(NamedTuple):
    """Whose reads of what share an entry."""

    lease: Lease
    dataset: str

    def __hash__(self) -> int:
        """By id: a lease's terms never change."""
        return hash((self.lease.id, self.dataset))

    def __eq__(self, other: object) -> bool:
        """As it hashes."""
        return (
            isinstance(other, Journal)
            and other.lease.id == self.lease.id
            and other.dataset == self.dataset
        )


# A plain tuple: one is made for every read.
_Block: TypeAlias = tuple[str, ObjectId, int, int]
"""An announced block: lease, object, variant, number."""


class ReadLog:
    """Writes reads and announcements. Belongs to the event loop's thread."""

    def __init__(self, recorder: Recorder, *, process: str) -> None:
        """`process` names this process and no other one, ever."""
        self._recorder = recorder
        self._process = process
        self._strict: Gathering[Journal, Read] = Gathering(
            recorder, self._render_reads, most=_MOST_READS
        )
        self._announcing: Gathering[Journal, Ahead] = Gathering(
            recorder, self._render_ahead, most=_MOST_AHEAD
        )
        self._known: dict[_Block, float] = {}
        """Announced blocks, with the monotonic time at which each stops to count."""
        self._going_on: set[tuple[str, ObjectId, int]] = set()
        """Lease, object and variant for which an announcement is on its way that nobody waits for."""
        self._waiting: dict[Journal, list[Read]] = {}
        self._count = 0
        self._numbers: dict[str, int] = {}
        """Entries rendered per client. One that the ledger refuses leaves a gap, which is told."""
        self._timer: asyncio.TimerHandle | None = None

    async def record(self, journal: Journal, read: Read) -> None:
        """Wait until a read is durable. Raises: as `Recorder.record`."""
        await self._strict.record(journal, read)

    def announced(self, journal: Journal, read: Read) -> bool:
        """Whether a read may be answered now and noted afterwards."""
        known, now = self._known, time.monotonic()
        lease, obj, variant = journal.lease.id, read.object, read.variant
        for number in range(read.first // BLOCK_SEGMENTS, read.last // BLOCK_SEGMENTS + 1):
            if known.get((lease, obj, variant, number), 0.0) <= now:
                return False
        return True

    async def announce(self, journal: Journal, stored: StoredObject, read: Read) -> None:
        """Wait until the blocks of a read are announced durably. Raises: as `Recorder.record`."""
        first, last = read.first // BLOCK_SEGMENTS, read.last // BLOCK_SEGMENTS
        before = (journal.lease.id, read.object, read.variant, first - 1)
        if self._known.get(before, 0.0) > time.monotonic():
            last += _ROW_BLOCKS - 1  # a reader that goes on will need what follows
        await self._blocks_announced(journal, stored, read.variant, first, last)

    def go_on(self, journal: Journal, stored: StoredObject, read: Read) -> None:
        """Announce for a reader in a row what comes next, before it gets there; nobody waits for it.

        What lies announced before it is never more than for one who waits: its block and seven more.
        """
        known, lease, variant = self._known, journal.lease.id, read.variant
        number = read.last // BLOCK_SEGMENTS
        soon = number + _SOON_BLOCKS
        if (lease, stored.id, variant, soon) in known or (
            soon * BLOCK_SEGMENTS * SEGMENT_BYTES >= stored.size
        ):
            return
        place, now = (lease, stored.id, variant), time.monotonic()
        if place in self._going_on or known.get((*place, number - 1), 0.0) <= now:
            return
        first = next(
            (n for n in range(number + 1, soon) if known.get((*place, n), 0.0) <= now), soon
        )
        self._going_on.add(place)
        announced = self._blocks_announced(
            journal, stored, variant, first, number + _ROW_BLOCKS - 1
        )
        announced.add_done_callback(partial(self._went_on, place))

    def _went_on(self, place: tuple[str, ObjectId, int], announced: asyncio.Future[int]) -> None:
        self._going_on.discard(place)
        if not announced.cancelled():
            announced.exception()  # who needs the blocks announces them itself, and is told

    def _blocks_announced(
        self, journal: Journal, stored: StoredObject, variant: int, first: int, last: int
    ) -> asyncio.Future[int]:
        """Done once blocks `first` to `last` are announced durably, and then they are known."""
        # The entry is recorded later than now, so it counts for longer than we use it.
        until = time.monotonic() + _USED_SECONDS
        end = max(0, -(-stored.size // SEGMENT_BYTES) - 1)
        ahead = Ahead(
            stored.id,
            variant,
            first * BLOCK_SEGMENTS,
            min(end, (last + 1) * BLOCK_SEGMENTS - 1),
        )

        def know(announced: asyncio.Future[int]) -> None:
            if announced.cancelled() or announced.exception() is not None:
                return
            if len(self._known) > _MOST_KNOWN:
                self._forget()
            for number in range(first, last + 1):
                self._known[journal.lease.id, stored.id, variant, number] = until

        self._flush_along()
        durable = self._announcing.begin(journal, ahead)
        durable.add_done_callback(know)
        return durable

    def note(self, journal: Journal, read: Read) -> None:
        """Queue an announced read with its answer.

        Raises: LedgerSaturatedError when the ledger has not taken what was answered before.
        """
        if self._count >= _MOST_WAITING or not self._recorder.healthy:
            raise LedgerSaturatedError("the ledger has not taken the reads before this one")
        self._waiting.setdefault(journal, []).append(read)
        self._count += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)

    def close(self) -> None:
        """Queue what waits, and that this process ended in order: nothing of it is missing."""
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        if self._count:
            return  # some reads are missing, and nobody is told otherwise
        for client, number in self._numbers.items():
            self._enqueue(
                Draft(
                    kind="reads-ended",
                    subject=f"process:{self._process}",
                    actor="door:s3",
                    body={"process": self._process, "client": client, "entries": number},
                )
            )

    def _flush_along(self) -> None:
        """Reads that wait go with an announcement: one commit serves both."""
        if self._timer is not None:
            self._timer.cancel()
            self._flush()

    def _flush(self) -> None:
        """Hand reads to the ledger's queue; what it does not take stays for the next time."""
        self._timer = None
        waiting, self._waiting, self._count = self._waiting, {}, 0
        for journal, reads in waiting.items():
            left = reads
            while left and self._enqueue(self._render_reads(journal, left[:_MOST_READS])):
                left = left[_MOST_READS:]
            if left:
                self._numbers[journal.lease.client] -= 1  # the same number for the next time
                self._waiting[journal] = left
                self._count += len(left)
        if self._count:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)

    def _enqueue(self, draft: Draft) -> bool:
        """Whether the ledger's queue took it. What it refuses, for whatever reason, loses no other."""
        try:
            self._recorder.enqueue(draft)
        except LedgerSaturatedError:
            return False
        except PratiqueError:
            _log.exception("an entry of reads is no entry")
            return False
        return True

    def _forget(self) -> None:
        now = time.monotonic()
        self._known = {block: until for block, until in self._known.items() if until > now}

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def _render_reads(self, journal: Journal, reads: Sequence[Read]) -> Draft:
        names: dict[str, int] = {}
        place = names.setdefault
        rows = [
            [*stretch, place(address, len(names)), place(agent[:_AGENT_CHARACTERS], len(names))]
            for *stretch, address, agent in reads
        ]
        return self._entry("reads", journal, {"reads": rows, "names": list(names)})

    def _render_ahead(self, journal: Journal, ahead: Sequence[Ahead]) -> Draft:
        rows = [list(one) for one in dict.fromkeys(ahead)]
        return self._entry("reads-ahead", journal, {"ahead": rows, "seconds": AHEAD_SECONDS})

    def _entry(self, kind: str, journal: Journal, rest: dict[str, Any]) -> Draft:
        lease = journal.lease
        number = self._numbers.get(lease.client, 0)
        self._numbers[lease.client] = number + 1
        return Draft(
            kind=kind,
            subject=f"lease:{lease.id}",
            actor=f"lease:{lease.id}",
            body={
                "client": lease.client,
                "dataset": journal.dataset,
                "vendor": lease.vendor,
                "project": lease.project,
                "holder": lease.holder,
                "process": self._process,
                "number": number,
                **rest,
            },
        )
