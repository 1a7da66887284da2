"""What leases see of marked objects: layouts and codewords put together once, then kept.

Before the first view of a dataset is made for a lease, the ledger has the commitment to its codeword.
Fails closed: a layout or a codeword that cannot be had is an error, never the canonical bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from pratique.custody.codewords import unpack_bits
from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PartCipher,
    parse_header,
    part_name,
)
from pratique.custody.marks.layout import Layout, parse_layout
from pratique.custody.marks.records import (
    LAYOUT_PART,
    VARIANT,
    CommittedCodeword,
    MarkState,
    ObjectMarks,
)
from pratique.custody.model import Lease, LeaseId, ObjectId, StoredObject
from pratique.custody.ports import KeyBroker, PartAsk, PartStore
from pratique.custody.views import View
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder

_COUNTED_SECONDS: Final = 0.25
"""How long the number of a dataset's marks counts: a new run is noticed within that time, or nothing is
served to leases on marked copies, because the store does not answer."""
_KEPT_STRETCHES: Final = 2_000_000
"""Of all views together; some 48 MB."""
_KEPT_UNMARKED: Final = 65_536
_KEPT_LAYOUTS: Final = 256
_KEPT_CODEWORDS: Final = 512
_LOCKS: Final = 64
_ACTOR: Final = "door:s3"


class _Key(NamedTuple):
    lease: LeaseId
    object: ObjectId


class _Count(NamedTuple):
    """How many marks a dataset has, and until when that is taken to be so."""

    marks: int
    until: float
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Codeword:
    """The bits of a lease, one byte each."""

    marks: int
    bits: bytes


class MarkedViews:
    """`custody.ports.Views`. Shared state: belongs to the event loop's thread."""

    def __init__(
        self, *, state: MarkState, broker: KeyBroker, parts: PartStore, recorder: Recorder
    ) -> None:
        self._state = state
        self._broker = broker
        self._parts = parts
        self._recorder = recorder
        self._counts: dict[str, _Count] = {}
        self._views: OrderedDict[_Key, View] = OrderedDict()
        self._stretches = 0
        self._unmarked: OrderedDict[ObjectId, int] = OrderedDict()
        """Objects without marks, and how many marks their dataset had when that was found."""
        self._layouts: OrderedDict[ObjectId, Layout] = OrderedDict()
        self._codewords: OrderedDict[tuple[LeaseId, str], _Codeword] = OrderedDict()
        # One view is made once, however many ranges of its object are asked for at the same time.
        self._locks = tuple(asyncio.Lock() for _ in range(_LOCKS))

    async def of(self, lease: Lease, stored: StoredObject) -> View | None:
        """The lease's view; None where nothing is marked.

        Raises: BrokerRefusedError, UnavailableError, IntegrityError.
        """
        view = self._views.get(_Key(lease.id, stored.id))
        if view is not None:
            return view
        count = self._counts.get(stored.dataset)
        if count is None or count.until <= time.monotonic():
            count = await self._count(stored.dataset)
        # Each run of marking adds marks: while there are as many, what had none has none.
        if not count.marks or self._unmarked.get(stored.id) == count.marks:
            return None
        async with self._locks[hash((lease.id, stored.dataset)) % _LOCKS]:
            return self._views.get(_Key(lease.id, stored.id)) or await self._make(
                lease, stored, count.marks
            )

    async def _count(self, dataset: str) -> _Count:
        until = time.monotonic() + _COUNTED_SECONDS  # from before the store is asked
        runs = await asyncio.to_thread(self._state.mark_runs, dataset)
        marks = runs[-1].first + runs[-1].count if runs else 0
        count = _Count(marks, until)
        self._counts[dataset] = count
        return count

    async def _make(self, lease: Lease, stored: StoredObject, marks: int) -> View | None:
        layout = self._layouts.get(stored.id)
        if layout is None:
            found = (await asyncio.to_thread(self._state.marked, [stored.id])).get(stored.id)
            if found is None:
                self._unmarked[stored.id] = marks
                if len(self._unmarked) > _KEPT_UNMARKED:
                    self._unmarked.popitem(last=False)
                return None
            layout = await self._layout(lease, stored, found)
        if layout.highest >= marks:
            # Its run came into force after the dataset's marks were counted.
            marks = (await self._count(stored.dataset)).marks
        bits = await self._bits(lease, stored.dataset, marks)
        view = layout.view(bits, stored.size)
        self._views[_Key(lease.id, stored.id)] = view
        self._stretches += view.stretches
        while self._stretches > _KEPT_STRETCHES and len(self._views) > 1:
            self._stretches -= self._views.popitem(last=False)[1].stretches
        return view

    async def _layout(self, lease: Lease, stored: StoredObject, found: ObjectMarks) -> Layout:
        """Read an object's layout; the lease that wants it first pays the broker's meter for it."""
        name = part_name(stored.id, LAYOUT_PART, VARIANT)
        size = found.layout_size
        data = await self._parts.read(name, 0, OURS.ciphertext(size))
        head = parse_header(data)
        ask = PartAsk(
            object=stored.id,
            wrapped_key=stored.wrapped_key,
            part=LAYOUT_PART,
            variant=VARIANT,
            salt=head.salt,
        )
        (key,) = await self._broker.part_keys(lease.certificate, [ask])
        plain = PartCipher(key, head.prefix).decrypt_into(
            memoryview(data)[HEADER_BYTES:], OURS.span(0, size, size), bytearray(size)
        )
        layout = parse_layout(bytes(plain))
        self._layouts[stored.id] = layout
        if len(self._layouts) > _KEPT_LAYOUTS:
            self._layouts.popitem(last=False)
        return layout

    async def _bits(self, lease: Lease, dataset: str, marks: int) -> bytes:
        """The lease's codeword, once the ledger has the commitment to it."""
        kept = self._codewords.get((lease.id, dataset))
        if kept is not None and kept.marks >= marks:
            return kept.bits
        committed = await asyncio.to_thread(self._state.codewords, lease.id, dataset)
        if not any(word.marks == marks for word in committed):
            await self._commit(lease, dataset, marks)
        packed = await self._broker.mark_bits(lease.certificate, dataset, marks)
        made = _Codeword(marks=marks, bits=unpack_bits(packed, marks))
        self._codewords[lease.id, dataset] = made
        if len(self._codewords) > _KEPT_CODEWORDS:
            self._codewords.popitem(last=False)
        return made.bits

    async def _commit(self, lease: Lease, dataset: str, marks: int) -> None:
        """1. The entry is durable. 2. The row says so. Only then is a codeword used.

        A crash between the two, or two doors at once, leave the same commitment in the ledger twice.
        """
        commitment = await self._broker.mark_commitment(lease.certificate, dataset, marks)
        entry = await self._recorder.record(
            Draft(
                kind="codeword",
                subject=f"lease:{lease.id}",
                actor=_ACTOR,
                body={"dataset": dataset, "marks": marks, "commitment": commitment},
            )
        )
        word = CommittedCodeword(
            lease=lease.id, dataset=dataset, marks=marks, commitment=commitment, entry=entry
        )
        await asyncio.to_thread(self._state.add_codeword, word)
