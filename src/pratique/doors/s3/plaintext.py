"""Plaintext of stored objects: keys from the broker, ciphertext from where parts lie."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    TAG_BYTES,
    PartCipher,
    parse_header,
    part_name,
    part_plaintext,
)
from pratique.custody.model import PART_BYTES, Lease, LeaseId, ObjectId, StoredObject
from pratique.custody.ports import KeyBroker, PartAsk, PartStore
from pratique.custody.scopes import dataset_scope
from pratique.custody.views import BLOCK_BYTES, CANONICAL, INLINE, VARIANT, View
from pratique.values.instants import Clock, now_utc

_KEPT_CIPHERS: Final = 4096
_KEPT_SECONDS: Final = 600.0
"""How long a part's key stays in memory, and never longer than its lease lasts: an owned process has
what was used in the last ten minutes."""
_KEPT_BLOCKS: Final = 512
"""Of second forms of marks, decrypted; 32 MiB."""
AT_ONCE_BYTES: Final = 384 * 1024
"""Whole segments that `at_once` opens: a piece of 256 KiB lies in five."""
_AT_ONCE_LONGEST: Final = 256 * 1024


class _Place(NamedTuple):
    """One part under one lease: keys are charged to a lease, so they are kept by lease."""

    lease: LeaseId
    object: ObjectId
    part: int
    variant: int


class _Kept(NamedTuple):
    """A part that can be read."""

    cipher: PartCipher
    name: str
    until: float
    scopes: tuple[str, ...]
    """What stops it: the lease's scopes, and its dataset's."""
    lease: Lease
    """And holds, which go by its terms."""
    dataset: str


class Plaintext:
    """Reads ranges of objects. Shared state: belongs to the event loop's thread."""

    def __init__(self, parts: PartStore, broker: KeyBroker, *, clock: Clock = now_utc) -> None:
        self._clock = clock
        self._parts = parts
        self._broker = broker
        self._kept: OrderedDict[_Place, _Kept] = OrderedDict()
        self._blocks: OrderedDict[tuple[str, str], dict[int, memoryview]] = OrderedDict()
        """Of a variant, by number, for a lease and an object."""
        self._kept_blocks = 0
        self._asking: dict[_Place, asyncio.Future[None]] = {}
        self._scratch = memoryview(bytearray(AT_ONCE_BYTES))

    def forget_stopped(self, stop: Callable[[tuple[str, ...], Lease, str], object]) -> None:
        """Drop what is stopped, such as all of a shredded dataset, and what is too old.

        `stop` tells of scopes, lease and dataset (`Confirmation.known_stop`).
        """
        now = time.monotonic()
        for place, kept in list(self._kept.items()):
            if kept.until < now or stop(kept.scopes, kept.lease, kept.dataset):
                del self._kept[place]
        left = {(place.lease, place.object) for place in self._kept}
        for key in [key for key in self._blocks if key not in left]:
            self._kept_blocks -= len(self._blocks.pop(key))

    async def unlock(
        self, lease: Lease, stored: StoredObject, start: int, end: int, view: View | None
    ) -> None:
        """Have the keys of all parts that `[start, end)` lies in, in one question to the broker.

        Raises: BrokerRefusedError, UnavailableError, PartMissingError, PartBrokenError.
        """
        now = time.monotonic()
        missing = [
            place
            for place in _places(lease, stored, start, end, view)
            if (kept := self._kept.get(place)) is None or kept.until < now
        ]
        if missing:
            await self._ask(lease, stored, missing)

    async def _opened(self, lease: Lease, stored: StoredObject, place: _Place) -> None:
        """Have one part's key: readers of a part that begin together share one question."""
        asking = self._asking.get(place)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(lease, stored, [place]))
            self._asking[place] = asking
            asking.add_done_callback(lambda _: self._asking.pop(place, None))
        await asyncio.shield(asking)

    async def _ask(self, lease: Lease, stored: StoredObject, missing: Sequence[_Place]) -> None:
        now = time.monotonic()
        heads = []
        for place in missing:
            name = part_name(place.object, place.part, place.variant)
            heads.append((name, parse_header(await self._parts.read(name, 0, HEADER_BYTES))))
        keys = await self._broker.part_keys(
            lease.certificate,
            [
                PartAsk(
                    object=stored.id,
                    wrapped_key=stored.wrapped_key,
                    part=place.part,
                    variant=place.variant,
                    salt=head.salt,
                )
                for place, (_, head) in zip(missing, heads, strict=True)
            ],
        )
        scopes = (*lease.scopes, dataset_scope(stored.dataset))
        left = (lease.not_after - self._clock()).total_seconds()
        until = now + max(0.0, min(_KEPT_SECONDS, left))
        for place, (name, head), key in zip(missing, heads, keys, strict=True):
            cipher = PartCipher(key, head.prefix)
            self._kept[place] = _Kept(cipher, name, until, scopes, lease, stored.dataset)
        while len(self._kept) > _KEPT_CIPHERS:
            self._kept.popitem(last=False)

    @staticmethod
    def piece_end(start: int, length: int) -> int:
        """Where a piece of at most `length` bytes from `start` best ends: no segment is opened twice."""
        base = start // PART_BYTES * PART_BYTES
        inner = OURS.segment - TAG_BYTES
        first = (start - base + HEADER_BYTES) // inner
        return base + min(PART_BYTES, (first + length // inner) * inner - HEADER_BYTES)

    async def read(
        self, lease: Lease, stored: StoredObject, start: int, end: int, view: View | None
    ) -> memoryview | bytes:
        """Plaintext `[start, end)` as the lease sees it; keys that `unlock` did not fetch are fetched.

        Raises: as `unlock`.
        """
        if view is None:
            return await self._canonical(lease, stored, start, end)
        if end > view.pieced_from:
            return await self._pieces(lease, stored, start, end, view)
        # Most of it is canonical: decrypt that at once, and lay the lease's own stretches over it.
        whole = await self._canonical(lease, stored, start, end)
        blocks: Mapping[int, memoryview] = self._blocks.get((lease.id, stored.id), {})
        while (missing := view.lay(whole, -start, start, end, blocks)) >= 0:
            blocks = await self._block(lease, stored, missing, view)
        return whole

    def at_once(
        self,
        lease: Lease,
        stored: StoredObject,
        start: int,
        end: int,
        view: View | None,
        into: memoryview,
    ) -> int | None:
        """As `read`, into the caller's `AT_ONCE_BYTES`; gives where in them the range begins.

        None where something had to be waited for: a key, the disk, or pieces that are put together.
        Raises: PartMissingError, PartBrokenError, UnavailableError.
        """
        part = start // PART_BYTES
        base = part * PART_BYTES
        kept = self._kept.get(_Place(lease.id, stored.id, part, CANONICAL))
        if kept is None or kept.until < time.monotonic():
            return None
        if not (start < end <= base + PART_BYTES and end - start <= _AT_ONCE_LONGEST):
            return None
        if view is not None and end > view.pieced_from:
            return None
        span = OURS.span(start - base, end - base, part_plaintext(stored.size, part))
        ciphertext = self._scratch[: span.cipher_end - span.cipher_start]
        if not self._parts.cached(kept.name, span.cipher_start, ciphertext):
            return None
        kept.cipher.decrypt_into(ciphertext, span, into)
        if view is not None:
            blocks = self._blocks.get((lease.id, stored.id), {})
            if view.lay(into, span.skip - start, start, end, blocks) >= 0:
                return None
        return span.skip

    async def _canonical(
        self, lease: Lease, stored: StoredObject, start: int, end: int
    ) -> memoryview:
        """Canonical bytes, in a buffer of their own."""
        part = start // PART_BYTES
        if start < end <= (part + 1) * PART_BYTES:  # the way of nearly every read
            base = part * PART_BYTES
            return await self._within(
                lease, stored, stored.size, CANONICAL, part, start - base, end - base
            )
        return await self._stretch(lease, stored, stored.size, CANONICAL, start, end)

    async def _pieces(
        self, lease: Lease, stored: StoredObject, start: int, end: int, view: View
    ) -> memoryview | bytes:
        found: list[memoryview | bytes] = []
        for piece in view.pieces(start, end):
            stop = piece.offset + piece.end - piece.start
            if piece.source == INLINE:
                found.append(memoryview(view.inline)[piece.offset : stop])
                continue
            size = view.variant_size if piece.source == VARIANT else stored.size
            found.append(await self._stretch(lease, stored, size, piece.source, piece.offset, stop))
        return found[0] if len(found) == 1 else b"".join(found)

    async def _block(
        self, lease: Lease, stored: StoredObject, number: int, view: View
    ) -> Mapping[int, memoryview]:
        """Fetch one block of the object's second forms; gives it with those that were there."""
        start = number * BLOCK_BYTES
        end = min(start + BLOCK_BYTES, view.variant_size)
        block = await self._stretch(lease, stored, view.variant_size, VARIANT, start, end)
        blocks = self._blocks.setdefault((lease.id, stored.id), {})
        self._kept_blocks += number not in blocks
        blocks[number] = block
        while self._kept_blocks > _KEPT_BLOCKS:
            self._forget_a_block()
        return blocks

    def _forget_a_block(self) -> None:
        """Of what was read longest ago."""
        oldest, blocks = next(iter(self._blocks.items()))
        del blocks[next(iter(blocks))]
        self._kept_blocks -= 1
        if not blocks:
            del self._blocks[oldest]

    async def _stretch(
        self, lease: Lease, stored: StoredObject, size: int, variant: int, start: int, end: int
    ) -> memoryview:
        """A stretch of one source; across parts it is put together."""
        part, last = start // PART_BYTES, max(start, end - 1) // PART_BYTES
        if part == last:
            base = part * PART_BYTES
            return await self._within(lease, stored, size, variant, part, start - base, end - base)
        joined = bytearray(end - start)
        for number in range(part, last + 1):
            base = number * PART_BYTES
            begin, stop = max(start, base), min(end, base + PART_BYTES)
            joined[begin - start : stop - start] = await self._within(
                lease, stored, size, variant, number, begin - base, stop - base
            )
        return memoryview(joined)

    async def _within(
        self,
        lease: Lease,
        stored: StoredObject,
        size: int,
        variant: int,
        part: int,
        start: int,
        end: int,
    ) -> memoryview:
        place = _Place(lease.id, stored.id, part, variant)
        kept = self._kept.get(place)
        if kept is None or kept.until < time.monotonic():
            await self._opened(lease, stored, place)
            kept = self._kept[place]
        span = OURS.span(start, end, part_plaintext(size, part))
        ciphertext = await self._parts.read(kept.name, span.cipher_start, span.cipher_end)
        return kept.cipher.decrypt_into(ciphertext, span, bytearray(span.buffer_bytes))


def _places(
    lease: Lease, stored: StoredObject, start: int, end: int, view: View | None
) -> Iterable[_Place]:
    """Every part that a range touches, once."""
    stretches = [(CANONICAL, start, end)]
    if view is not None:
        begin, stop = view.variant_span(start, end)
        if begin < stop:
            stretches.append((VARIANT, begin, stop))
    return dict.fromkeys(
        _Place(lease.id, stored.id, part, variant)
        for variant, begin, stop in stretches
        for part in range(begin // PART_BYTES, max(begin, stop - 1) // PART_BYTES + 1)
    )
