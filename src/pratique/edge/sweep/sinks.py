"""Where looks go: into the ledger of this home, or into the spool of a server.

Both keep what they got when the sweep is cut short. Neither leaves anything half-written: a batch is
appended whole, or lies whole in the spool, or was never there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from pratique.edge.sweep.drafting import Drafting, KnownContents, NothingKnown
from pratique.edge.sweep.memory import SweepMemory
from pratique.edge.sweep.spool import Spool, Waiting
from pratique.errors import IntegrityError, UnavailableError
from pratique.inventory.observed.batches import (
    BATCH_BYTES,
    BATCH_DRAFTS,
    BatchError,
    parse_batch,
)
from pratique.inventory.observed.model import Look
from pratique.ledger.canonical import prepare
from pratique.ledger.entries import Draft
from pratique.ledger.errors import EntryFormatError
from pratique.ledger.store import LogStore
from pratique.values.instants import Clock

_BATCH_DRAFTS: Final = BATCH_DRAFTS // 2
_BATCH_BYTES: Final = 2 << 20
_FRAMING: Final = 1 << 20
"""Kinds, subjects and brackets of a batch."""
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True, kw_only=True)
class Recorded:
    """What became of the looks."""

    looks: int = 0
    contents: int = 0
    first_entry: int | None = None
    last_entry: int | None = None
    spooled: int = 0
    """Batches that wait."""
    trouble: str = ""
    """Why they wait."""
    set_aside: int = 0
    """Batches of an earlier sweep that nobody can read: what they said is not recorded."""


class LookSink(Protocol):
    """Takes looks in order."""

    @property
    def recorded(self) -> Recorded:
        """What became of the looks."""
        ...

    def add(self, look: Look) -> str:
        """Take a look; gives why it cannot be recorded, "" if it can."""
        ...

    def flush(self) -> None:
        """Make durable what was taken. Raises: UnavailableError when that is impossible."""
        ...


class LedgerSink:
    """Into the log of this home; into a spool beside it while the log cannot write."""

    def __init__(
        self,
        log: LogStore,
        known: KnownContents,
        *,
        spool: Spool,
        memory: SweepMemory,
        now: Clock,
    ) -> None:
        """The notes of `memory` are saved after the looks before them are durable."""
        self._recorded = Recorded()
        self._log = log
        self._known = known
        self._drafting = Drafting(known)
        self._spool = spool
        self._memory = memory
        self._now = now
        self._pending: list[Draft] = []
        self._bytes = 0

    @property
    def recorded(self) -> Recorded:
        """What became of the looks."""
        return self._recorded

    def replay(self) -> int:
        """Record what an earlier sweep had to spool; gives the number of batches."""
        done = 0
        with self._spool.exclusive() as mine:
            for one in self._spool.waiting() if mine else ():
                drafts = self._waiting_drafts(one)
                if drafts is None:
                    self._recorded.set_aside += 1
                    continue
                self._log.append(self._unrecorded(drafts), now=self._now())
                self._spool.done(one)
                done += 1
        return done

    def _waiting_drafts(self, one: Waiting) -> tuple[Draft, ...] | None:
        """What a batch says; None when it had to be set aside, so that it holds up no other."""
        content = self._spool.read(one)
        if content is None:
            return None
        try:
            return parse_batch(content, actor="collector:sweep/spool")
        except BatchError as error:
            self._spool.refuse(one, error.message)
            return None

    def _unrecorded(self, drafts: tuple[Draft, ...]) -> list[Draft]:
        return [
            draft
            for draft in drafts
            if draft.kind != "content"
            or not self._known.is_recorded(draft.subject.removeprefix("content:"))
        ]

    def add(self, look: Look) -> str:
        """Take a look; gives why it cannot be recorded, "" if it can."""
        drafts = self._drafting.drafts(look)
        if refusal := refusal_of(drafts):
            self._drafting.forget()
            self.flush()
            return refusal
        self._pending += drafts
        self._bytes += sum(len(_ENCODER.encode(draft.body)) for draft in drafts)
        self._recorded.looks += 1
        if len(self._pending) >= _BATCH_DRAFTS or self._bytes >= _BATCH_BYTES:
            self.flush()
        return ""

    def flush(self) -> None:
        """Make durable what was taken. Raises: UnavailableError when that is impossible."""
        self._recorded.contents = self._drafting.new_contents
        if self._pending:
            batch, self._pending, self._bytes = self._pending, [], 0
            if self._recorded.spooled:
                self._to_spool(batch)
            else:
                self._append(batch)
        self._memory.save()

    def _append(self, batch: list[Draft]) -> None:
        try:
            entries = self._log.append(batch, now=self._now())
        except (UnavailableError, IntegrityError) as error:
            self._recorded.trouble = error.message
            self._to_spool(batch)
            return
        if self._recorded.first_entry is None:
            self._recorded.first_entry = entries[0]
        self._recorded.last_entry = entries[-1]

    def _to_spool(self, batch: list[Draft]) -> None:
        for start in range(0, len(batch), BATCH_DRAFTS):
            self._spool.put(batch[start : start + BATCH_DRAFTS])
            self._recorded.spooled += 1


class SpoolSink:
    """Into the spool of a server: batches of one asset each, each complete in itself."""

    def __init__(self, spool: Spool, *, memory: SweepMemory) -> None:
        """As `LedgerSink`."""
        self._recorded = Recorded()
        self._spool = spool
        self._memory = memory
        self._drafting = Drafting(NothingKnown())
        self._pending: list[Draft] = []
        self._asset = ""
        self._bytes = 0

    @property
    def recorded(self) -> Recorded:
        """What became of the looks."""
        return self._recorded

    def add(self, look: Look) -> str:
        """Take a look; gives why it cannot be recorded, "" if it can."""
        if look.asset != self._asset or self._is_full():
            self.flush()
            self._asset = look.asset
        drafts = self._drafting.drafts(look)
        size = sum(len(_ENCODER.encode(draft.body)) for draft in drafts)
        refusal = refusal_of(drafts)
        if not refusal and self._bytes + size > BATCH_BYTES - _FRAMING:
            refusal = f"it is larger than a batch ({BATCH_BYTES:,} bytes)"
        if refusal:
            self.flush()
            return refusal
        self._pending += drafts
        self._bytes += size
        self._recorded.looks += 1
        return ""

    def _is_full(self) -> bool:
        return len(self._pending) >= _BATCH_DRAFTS or self._bytes >= _BATCH_BYTES

    def flush(self) -> None:
        """Make durable what was taken. Raises: UnavailableError when that is impossible."""
        self._recorded.contents = self._drafting.new_contents
        if self._pending:
            batch, self._pending, self._bytes = self._pending, [], 0
            self._spool.put(batch)
            self._recorded.spooled += 1
        self._drafting.forget()
        self._memory.save()


def refusal_of(drafts: list[Draft]) -> str:
    """Why drafts cannot become entries; "" if they can."""
    if len(drafts) > BATCH_DRAFTS:
        return f"it needs {len(drafts)} entries, and a batch has {BATCH_DRAFTS}"
    for draft in drafts:
        try:
            prepare(draft)
        except EntryFormatError as error:
            return f"it cannot be recorded: {error.message}"
    return ""
