"""Plaintext of stored objects: keys from the broker, ciphertext from where parts lie."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PartCipher,
    parse_header,
    part_name,
    part_plaintext,
)
from pratique.custody.model import PART_BYTES, Lease, LeaseId, ObjectId, StoredObject
from pratique.custody.ports import KeyBroker, PartAsk, PartStore
from pratique.custody.views import CANONICAL, INLINE, VARIANT, View

_KEPT_CIPHERS: Final = 4096
_KEPT_SECONDS: Final = 600.0
"""How long a part's key stays in memory; an owned process has what was used in the last ten minutes."""


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


class Plaintext:
    """Reads ranges of objects. Shared state: belongs to the event loop's thread."""

    def __init__(self, parts: PartStore, broker: KeyBroker) -> None:
        self._parts = parts
        self._broker = broker
        self._kept: OrderedDict[_Place, _Kept] = OrderedDict()

    def forget(self, lease: LeaseId) -> None:
        """Drop what is kept for a lease that may not read any more."""
        for place in [place for place in self._kept if place.lease == lease]:
            del self._kept[place]

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
        for place, (name, head), key in zip(missing, heads, keys, strict=True):
            self._kept[place] = _Kept(PartCipher(key, head.prefix), name, now + _KEPT_SECONDS)
        while len(self._kept) > _KEPT_CIPHERS:
            self._kept.popitem(last=False)

    async def read(
        self, lease: Lease, stored: StoredObject, start: int, end: int, view: View | None
    ) -> memoryview | bytes:
        """Plaintext `[start, end)` as the lease sees it; keys that `unlock` did not fetch are fetched.

        Raises: as `unlock`.
        """
        if view is None:
            part = start // PART_BYTES
            if start < end <= (part + 1) * PART_BYTES:  # the way of nearly every read
                base = part * PART_BYTES
                return await self._within(
                    lease, stored, stored.size, CANONICAL, part, start - base, end - base
                )
            return await self._stretch(lease, stored, stored.size, CANONICAL, start, end)
        found = []
        for piece in view.pieces(start, end):
            stop = piece.offset + piece.end - piece.start
            if piece.source == INLINE:
                found.append(memoryview(view.inline)[piece.offset : stop])
                continue
            size = view.variant_size if piece.source == VARIANT else stored.size
            found.append(await self._stretch(lease, stored, size, piece.source, piece.offset, stop))
        return found[0] if len(found) == 1 else b"".join(found)

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
            await self._ask(lease, stored, [place])
            kept = self._kept[place]
        span = OURS.span(start, end, part_plaintext(size, part))
        ciphertext = await self._parts.read(kept.name, span.cipher_start, span.cipher_end)
        return kept.cipher.decrypt_into(ciphertext, span, bytearray(span.buffer_bytes))


def _places(
    lease: Lease, stored: StoredObject, start: int, end: int, view: View | None
) -> Iterable[_Place]:
    """Every part that a range touches, once."""
    if view is None:
        stretches: Sequence[tuple[int, int, int]] = [(CANONICAL, start, end)]
    else:
        stretches = [
            (piece.source, piece.offset, piece.offset + piece.end - piece.start)
            for piece in view.pieces(start, end)
            if piece.source != INLINE
        ]
    return dict.fromkeys(
        _Place(lease.id, stored.id, part, variant)
        for variant, begin, stop in stretches
        for part in range(begin // PART_BYTES, max(begin, stop - 1) // PART_BYTES + 1)
    )
