"""Budgets in a serving process: slabs held, segments paid for, and the charge of a read.

Shared state: everything here belongs to the event loop's thread; only calls to the store run in
others. What a crash leaves: slabs that stay reserved (forfeited) and, at worst, a second of paid
segments that the database does not know and that are charged again. Both are against the reader.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pratique.custody.budget import slab_bytes
from pratique.custody.coverage import Coverage
from pratique.custody.model import (
    SEGMENT_BYTES,
    Lease,
    LeaseId,
    ObjectId,
    Refusal,
    Slab,
    Stop,
    StoredObject,
)
from pratique.custody.ports import LeaseState
from pratique.values.instants import Clock

IDLE_SECONDS: Final = 2.0
"""After this long without a charge, what is left of a slab goes back."""
_FORGET_SECONDS: Final = 60.0
"""After this long a lease's bitmaps are dropped: leases come and go, processes stay."""
_FRESH_SECONDS: Final = 1.0
"""How long a bitmap counts as what all processes have paid for."""
_LARGE_SLAB: Final = 8 * 1024 * 1024
_EARLY_AGAIN_SECONDS: Final = 1.0
_MOST_OBJECTS: Final = 4096
"""Bitmaps kept for one lease; the least recently used one is written and dropped."""


@dataclass(slots=True)
class _Covered:
    """One object's paid segments, as far as this process knows."""

    coverage: Coverage
    dataset: str
    known: bool
    """Whether the object has been paid for as an object."""
    loaded_at: float
    dirty: bool = False
    loading: bool = False
    """Somebody is looking what others paid for."""


@dataclass(slots=True)
class _Held:
    """A slab with what is left of it."""

    slab: Slab
    left_bytes: int
    left_objects: int


@dataclass(slots=True)
class Meter:
    """The budget of one lease in this process."""

    lease: Lease
    state: LeaseState
    clock: Clock
    again: Callable[[Lease], Meter] | None = None
    """Where the lease's meter is that took this one's place; None: this one holds."""
    charging: int = 0
    held: dict[str, list[_Held]] = field(default_factory=dict)
    """By dataset: a slab pays to the cap of that one, and buys nothing of another."""
    covered: dict[ObjectId, _Covered] = field(default_factory=dict)
    used_at: float = 0.0
    wanted: str = ""
    """A dataset whose slab is nearly spent, and for which nobody has asked yet."""
    early_after: float = 0.0
    """When a slab may be asked for again before it is needed; later than now after a refusal."""
    _refilling: asyncio.Lock = field(default_factory=asyncio.Lock)

    def paid(self, stored: StoredObject, start: int, end: int) -> bool:
        """Whether this process knows that `[start, end)` is paid for."""
        covered = self.covered.get(stored.id)
        return covered is not None and covered.known and not covered.coverage.missing(start, end)

    def pay_at_once(self, stored: StoredObject, start: int, end: int) -> bool:
        """Pay from what is held; False where the store has to be asked, as `charge` does."""
        covered = self.covered.get(stored.id)
        if covered is None or self.again is not None:
            return False
        if covered.known and not covered.coverage.missing(start, end):
            return True
        if _stale(covered):
            return False
        if not self.wanted and self._nearly_spent(covered.dataset):
            self.wanted = covered.dataset  # and this one reader goes the way that has it
            return False
        return self._take(covered, start, end)

    async def charge(
        self, stored: StoredObject, start: int, end: int, *, patience: float
    ) -> Refusal | None:
        """Pay for what disclosing `[start, end)` of an object adds; None once it is paid for.

        Waits up to `patience` seconds for the lease's rate.
        Order: the slab is durable before this returns, the read is recorded after it.
        """
        if self.again is not None:
            return await self.again(self.lease).charge(stored, start, end, patience=patience)
        self.charging += 1
        try:
            return await self._charge(stored, start, end, patience)
        finally:
            self.charging -= 1

    async def _charge(
        self, stored: StoredObject, start: int, end: int, patience: float
    ) -> Refusal | None:
        covered = self.covered.get(stored.id) or await self._load(stored)
        if covered.known and not covered.coverage.missing(start, end):
            return None
        if _stale(covered):
            # Another process may have paid for it since.
            covered.loading = True
            try:
                covered = await self._load(stored)
            finally:
                covered.loading = False
        if self.wanted:
            wanted, self.wanted = self.wanted, ""
            await self._refill_early(wanted)
        latest = time.monotonic() + patience
        while not self._take(covered, start, end):
            refusal = await self._refill(covered, start, end)
            if refusal is None:
                continue
            wait = refusal.retry_seconds
            if refusal.stop is not Stop.RATE or wait is None or time.monotonic() + wait > latest:
                return refusal
            await asyncio.sleep(wait)
        return None

    def _needs(self, covered: _Covered, start: int, end: int) -> tuple[int, int]:
        return covered.coverage.missing(start, end), 0 if covered.known else 1

    def _take(self, covered: _Covered, start: int, end: int) -> bool:
        """Pay from what is held; False when that is too little. Never waits, so nobody comes between."""
        held = self.held.get(covered.dataset, [])
        if not _spend(held, *self._needs(covered, start, end)):
            return False
        covered.coverage.add(start, end)
        covered.known = True
        covered.dirty = True
        self.used_at = time.monotonic()
        return True

    async def _refill(self, covered: _Covered, start: int, end: int) -> Refusal | None:
        async with self._refilling:
            need_bytes, need_objects = self._needs(covered, start, end)
            held = self.held.setdefault(covered.dataset, [])
            short_bytes = need_bytes - sum(one.left_bytes for one in held)
            short_objects = need_objects - sum(one.left_objects for one in held)
            if short_bytes <= 0 and short_objects <= 0:
                return None  # somebody else has refilled meanwhile
            return await self._reserve(covered.dataset, max(0, short_bytes), max(0, short_objects))

    def _nearly_spent(self, dataset: str) -> bool:
        """Whether it is time for the next slab. Small ones are had when they are needed."""
        held = self.held.get(dataset)
        if not held or held[-1].slab.bytes < _LARGE_SLAB:
            return False
        return (
            held[-1].left_bytes < held[-1].slab.bytes // 4 and time.monotonic() > self.early_after
        )

    async def _refill_early(self, dataset: str) -> None:
        """Have the next slab before the last is spent: one reader waits for it then, and not all.

        A refusal is for whoever needs what was refused.
        """
        self.early_after = time.monotonic() + _EARLY_AGAIN_SECONDS
        async with self._refilling:
            if await self._reserve(dataset, SEGMENT_BYTES, 0) is None:
                self.early_after = 0.0

    async def _reserve(self, dataset: str, need_bytes: int, need_objects: int) -> Refusal | None:
        answer = await asyncio.to_thread(
            self.state.reserve,
            self.lease,
            need_bytes=need_bytes,
            need_objects=need_objects,
            want_bytes=slab_bytes(
                need=need_bytes, rest=self.lease.budget_bytes, rate=self.lease.rate
            ),
            now=self.clock(),
            dataset=dataset,
        )
        if isinstance(answer, Refusal):
            return answer
        held = _Held(answer, answer.bytes, answer.objects)
        self.held.setdefault(dataset, []).append(held)
        return None

    async def _load(self, stored: StoredObject) -> _Covered:
        """The object's bitmap from the store, with what this process paid for besides."""
        rows = await asyncio.to_thread(self.state.coverage, self.lease.id, [stored.id])
        stored_bits = rows.get(stored.id)
        known = self.covered.get(stored.id)
        if known is None:
            if len(self.covered) >= _MOST_OBJECTS:
                await self._evict()
            known = self.covered.setdefault(
                stored.id,
                _Covered(Coverage(stored.size), stored.dataset, known=False, loaded_at=0.0),
            )
        if stored_bits is not None:
            known.coverage.merge(stored_bits)
            known.known = True
        known.loaded_at = self.used_at = time.monotonic()
        return known

    async def _evict(self) -> None:
        await self.flush()
        for object_id in list(self.covered)[: _MOST_OBJECTS // 4]:
            if not self.covered[object_id].dirty:
                del self.covered[object_id]

    async def flush(self) -> None:
        """Tell the store which segments were paid for."""
        dirty = {key: one for key, one in self.covered.items() if one.dirty}
        if not dirty:
            return
        bitmaps = {key: one.coverage.to_bytes() for key, one in dirty.items()}
        for one in dirty.values():
            one.dirty = False
        try:
            await asyncio.to_thread(self.state.add_coverage, self.lease.id, bitmaps)
        except BaseException:
            for one in dirty.values():
                one.dirty = True
            raise

    async def release(self) -> None:
        """Give back what is held, after the store knows what was paid for."""
        await self.flush()
        held, self.held = self.held, {}
        for one in itertools.chain.from_iterable(held.values()):
            await asyncio.to_thread(
                self.state.settle,
                one.slab,
                left_bytes=one.left_bytes,
                left_objects=one.left_objects,
            )


def _stale(covered: _Covered) -> bool:
    """Whether to ask what others paid for; for a moment others may go on while one does."""
    age = time.monotonic() - covered.loaded_at
    return age > _FRESH_SECONDS and not (covered.loading and age < 2 * _FRESH_SECONDS)


def _spend(held: list[_Held], need_bytes: int, need_objects: int) -> bool:
    """Take that much from what is held, oldest first; False, and nothing is taken, where it is too little."""
    if not need_objects:  # nearly always; slabs before the last may have objects only
        for one in held:
            if one.left_bytes >= need_bytes:
                one.left_bytes -= need_bytes
                if not (one.left_bytes or one.left_objects):
                    held.remove(one)
                return True
    if need_bytes > sum(one.left_bytes for one in held):
        return False
    if need_objects > sum(one.left_objects for one in held):
        return False
    for one in held:
        from_bytes = min(need_bytes, one.left_bytes)
        from_objects = min(need_objects, one.left_objects)
        one.left_bytes -= from_bytes
        one.left_objects -= from_objects
        need_bytes -= from_bytes
        need_objects -= from_objects
    held[:] = [one for one in held if one.left_bytes or one.left_objects]
    return True


class Meters:
    """The meters of all leases that this process serves."""

    def __init__(self, state: LeaseState, *, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._meters: dict[LeaseId, Meter] = {}

    def of(self, lease: Lease) -> Meter:
        """The lease's meter."""
        meter = self._meters.get(lease.id)
        if meter is None:
            meter = self._meters[lease.id] = Meter(lease, self._state, self._clock)
        return meter

    async def settle_idle(self) -> None:
        """Write what was paid for; give back the slabs of leases that nobody reads with now."""
        idle_since = time.monotonic() - IDLE_SECONDS
        for meter in list(self._meters.values()):
            if meter.used_at < idle_since:
                await meter.release()
                self._forget(meter)
            else:
                await meter.flush()

    def _forget(self, meter: Meter) -> None:
        """Drop a meter that nobody uses; who still has it is sent to the next one."""
        unused = time.monotonic() - meter.used_at > _FORGET_SECONDS
        dirty = any(one.dirty for one in meter.covered.values())
        if unused and not (meter.charging or dirty or any(meter.held.values())):
            meter.again = self.of
            self._meters.pop(meter.lease.id, None)

    async def close(self) -> None:
        """Give everything back."""
        for meter in self._meters.values():
            await meter.release()
