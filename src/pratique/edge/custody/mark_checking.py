"""The integrity sweep's part about marks: what each stands on, from the ledger down to the second forms.

    ledger entry `marks` ─SHA-256─► index of a run ─SHA-256─► layout of an object ─SHA-256─► second forms

An object has marks when its row says so; then all of that must be there. Second forms of an object without
a row are what an interrupted run left, and belong to nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pratique.custody.envelope import OURS, part_name, part_plaintext
from pratique.custody.errors import BrokerRefusedError, PartMissingError
from pratique.custody.marks.index import parse_index
from pratique.custody.marks.layout import Layout, parse_layout
from pratique.custody.marks.records import LAYOUT_PART, VARIANT, MarkRun, ObjectMarks
from pratique.custody.model import PART_BYTES, ObjectId, StoredObject
from pratique.errors import IntegrityError

_BROKEN: Final = (PartMissingError, IntegrityError, BrokerRefusedError)


class KeptMarks(Protocol):
    """What of custody's store is asked."""

    def mark_runs(self, dataset: str) -> Sequence[MarkRun]:
        """All runs of a dataset, oldest first."""
        ...

    def marked(self, objects: Sequence[ObjectId]) -> Mapping[ObjectId, ObjectMarks]:
        """Those of the objects that have marks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A part that is opened as a whole."""

    object: ObjectId
    wrapped_key: bytes
    part: int
    variant: int
    size: int
    """Of its plaintext."""


Open = Callable[[Whole], Awaitable[memoryview]]
"""Decrypts a part; what it gives is good until the next one is opened."""
Damaged = Callable[[str], None]


class MarkChecks:
    """Looks at marks, dataset by dataset and object by object."""

    def __init__(
        self, state: KeptMarks, open_part: Open, told: Callable[[MarkRun], str | None]
    ) -> None:
        """`told`: the index's SHA-256 that a run's ledger entry names; None when it is no such entry."""
        self._state, self._open, self._told = state, open_part, told
        self._seen: dict[str, int] = {}
        """How many runs of a dataset were looked at."""
        self._layouts: dict[ObjectId, bytes] = {}
        self._unsure: set[str] = set()
        """Datasets with an index that cannot be read: whose layouts they are cannot be told."""

    async def indexes(self, dataset: str, damaged: Callable[[MarkRun, str], None]) -> int:
        """Look at indexes of a dataset that were not looked at yet; gives how many."""
        runs = await asyncio.to_thread(self._state.mark_runs, dataset)
        fresh = runs[self._seen.get(dataset, 0) :]
        self._seen[dataset] = len(runs)
        for run in fresh:
            try:
                await self._index(run)
            except _BROKEN as error:
                if isinstance(error, BrokerRefusedError) and error.reason != "key":
                    raise
                self._unsure.add(dataset)
                damaged(run, error.message)
        return len(fresh)

    async def _index(self, run: MarkRun) -> None:
        """Raises: IntegrityError, PartMissingError, BrokerRefusedError."""
        data = bytearray()
        for part in range(max(1, -(-run.index_size // PART_BYTES))):
            whole = Whole(
                object=run.index,
                wrapped_key=run.wrapped_key,
                part=part,
                variant=0,
                size=part_plaintext(run.index_size, part),
            )
            data += await self._open(whole)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        if digest != run.index_sha256:
            raise IntegrityError("its bytes do not have the SHA-256 that they had")
        if await asyncio.to_thread(self._told, run) != digest:
            raise IntegrityError(f"ledger entry {run.entry} does not name it")
        index = parse_index(bytes(data))
        named = zip(index.objects, index.layouts, strict=True)
        self._layouts.update((one, layout) for one, layout in named if layout)

    async def object(
        self, one: StoredObject, lying: Mapping[int, int], damaged: Damaged
    ) -> tuple[bool, Sequence[int]]:
        """Look at an object's marks; gives whether it has some, and which parts belong to nothing.

        `lying`: parts of its variant 1 and their sizes, by number.
        """
        row = None
        if self._seen.get(one.dataset):
            row = (await asyncio.to_thread(self._state.marked, [one.id])).get(one.id)
        if row is None:
            if one.id not in self._layouts:
                return False, tuple(lying)
            damaged("an index says that it has marks, the database does not")
            return False, ()
        try:
            layout = await self._layout(one, row, lying.get(LAYOUT_PART))
            await self._second(one, layout, lying)
        except _BROKEN as error:
            if isinstance(error, BrokerRefusedError) and error.reason != "key":
                raise
            damaged(error.message)
            return True, ()
        parts = -(-layout.variant_size // PART_BYTES)
        return True, [number for number in lying if parts <= number < LAYOUT_PART]

    async def _layout(self, one: StoredObject, row: ObjectMarks, length: int | None) -> Layout:
        name = part_name(one.id, LAYOUT_PART, VARIANT)
        _check_length(f"the layout of its marks, {name},", length, row.layout_size)
        plain = bytes(await self._part(one, LAYOUT_PART, row.layout_size))
        if one.id not in self._layouts:  # a run may have come into force since
            await self.indexes(one.dataset, lambda _run, _why: None)
        expected = self._layouts.get(one.id)
        if expected is None and one.dataset not in self._unsure:
            raise IntegrityError("no index of its dataset knows of its marks")
        if expected not in {None, hashlib.sha256(plain).digest()}:
            raise IntegrityError(
                f"the layout of its marks, {name}, is not the one that was stored for it"
            )
        return parse_layout(plain)

    async def _second(self, one: StoredObject, layout: Layout, lying: Mapping[int, int]) -> None:
        digest = hashlib.sha256()
        for part in range(-(-layout.variant_size // PART_BYTES)):
            size = part_plaintext(layout.variant_size, part)
            name = part_name(one.id, part, VARIANT)
            _check_length(f"second forms of its marks, {name},", lying.get(part), size)
            digest.update(await self._part(one, part, size))
        if digest.digest() != layout.second_sha256:
            raise IntegrityError("second forms of its marks are not those that were stored for it")

    async def _part(self, one: StoredObject, part: int, size: int) -> memoryview:
        whole = Whole(
            object=one.id, wrapped_key=one.wrapped_key, part=part, variant=VARIANT, size=size
        )
        try:
            return await self._open(whole)
        except (PartMissingError, IntegrityError) as error:
            name = part_name(one.id, part, VARIANT)
            raise IntegrityError(f"part {name}: {error.message}") from None


def _check_length(what: str, length: int | None, plain: int) -> None:
    expected = OURS.ciphertext(plain)
    if length is None:
        raise IntegrityError(f"{what} is missing")
    if length != expected:
        raise IntegrityError(f"{what} has {length} bytes, not {expected}")
