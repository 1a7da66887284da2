"""Bodies of inventory entries straight from their canonical bytes, and the lines of a content.

A fleet has few different sightings, each told thousands of times. So what follows from a sighting's
bytes alone (its key, the hashes that find its item and its detail) is worked out once per process
and found again by these bytes. Nothing here knows a database: it cannot go stale.

A reader of `READERS` gives a value only where writing it again gives the same bytes, which shows that
they are canonical; everything else is left to `parse_entry`, which reads slowly and says what is wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import ContentBody, FactsBody, LookBody, sighting_key_of
from pratique.inventory.observed.model import Identity, Sighting
from pratique.ledger.canonical import MAX_INTEGER
from pratique.store.inventory_numbers import detail_text, micros_of, text_hash

_ENCODE: Final = msgspec.json.Encoder(order="sorted").encode
_WORTH_COMPRESSING: Final = 2_000
_ZLIB: Final = 0x78
_JSON: Final = ord("[")


class Line(msgspec.Struct, frozen=True, gc=False):
    """A sighting and what follows from it."""

    key: str
    """As `sighting_key` names it."""
    number: int
    """Of its key. 60 bits: only sightings of one place are told apart by it."""
    sighting: Sighting
    stage: int
    item_hash: str
    detail_hash: str
    detail: str
    since_lo: int | None
    since_hi: int | None


class Part(msgspec.Struct, frozen=True, gc=False):
    """A `content` entry's body, read."""

    base: str
    part: int
    parts: int
    added: tuple[Line, ...]
    identities: tuple[Identity, ...]
    removed: tuple[str, ...]
    raw: bytes
    """As the ledger spells it."""


class _RawContent(msgspec.Struct, frozen=True, kw_only=True):
    base: str
    part: int
    parts: int
    added: tuple[msgspec.Raw, ...] = ()
    identities: tuple[Identity, ...] = ()
    removed: tuple[str, ...] = ()


_CONTENT: Final = msgspec.json.Decoder(_RawContent).decode
_WHOLE_CONTENT: Final = msgspec.json.Decoder(ContentBody).decode
_SIGHTING: Final = msgspec.json.Decoder(Sighting).decode
_LIST: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...]).decode
_OLD_PARTS: Final = msgspec.msgpack.Decoder(tuple[ContentBody, ...]).decode


def number_of_key(key: str) -> int:
    """The number of a sighting's key."""
    return int(key[1:16], 16)


# ── lines ────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=32_768)
def _line_of(raw: bytes) -> Line | None:
    """The line of a sighting's bytes; None when they are not as this version would write them."""
    try:
        sighting = _SIGHTING(raw)
        return line(sighting, raw) if _ENCODE(sighting) == raw else None
    except (msgspec.MsgspecError, ValueFormatError, ValueError):
        return None


def line(sighting: Sighting, raw: bytes) -> Line:
    """The line of a sighting, given its canonical bytes.

    Raises: ValueFormatError when its times are none.
    """
    key = sighting_key_of(raw)
    detail = detail_text(sighting)
    return Line(
        key=key,
        number=number_of_key(key),
        sighting=sighting,
        stage=int(sighting.stage),
        item_hash=text_hash(sighting.item, sighting.range),
        detail_hash=text_hash(detail),
        detail=detail,
        since_lo=micros_of(sighting.since_lo),
        since_hi=micros_of(sighting.since_hi),
    )


# ── contents ─────────────────────────────────────────────────────────────────────────────────


def read_part(raw: bytes) -> Part | None:
    """The body of a `content` entry; None when somebody else must judge it."""
    try:
        body = _CONTENT(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    added: list[Line] = []
    for one in body.added:
        known = _line_of(bytes(one))
        if known is None:
            return None
        added.append(known)
    if not _in_range(body.part, body.parts) or _ENCODE(body) != raw:
        return None
    return Part(
        base=body.base,
        part=body.part,
        parts=body.parts,
        added=tuple(added),
        identities=body.identities,
        removed=body.removed,
        raw=raw,
    )


def part_of(body: ContentBody) -> Part:
    """The same from a body that was read in another way.

    Raises: ValueFormatError when a sighting is dated by what is no time.
    """
    raws = [_ENCODE(one) for one in body.added]
    return Part(
        base=body.base,
        part=body.part,
        parts=body.parts,
        added=tuple(
            _line_of(raw) or line(one, raw) for one, raw in zip(body.added, raws, strict=True)
        ),
        identities=body.identities,
        removed=body.removed,
        raw=_ENCODE(body),
    )


def whole_part(lines: Iterable[Line], identities: Iterable[Identity]) -> Part:
    """A content told from nothing."""
    return part_of(
        ContentBody(
            base="",
            part=0,
            parts=1,
            added=tuple(one.sighting for one in lines),
            identities=tuple(identities),
        )
    )


def pack(parts: Iterable[Part]) -> bytes:
    """Parts as they are stored: as the ledger spells them, compressed where that is worth its time."""
    body = b"[%b]" % b",".join([one.raw for one in parts])
    return body if len(body) < _WORTH_COMPRESSING else zlib.compress(body, 1)


def unpack(body: bytes) -> tuple[Part, ...]:
    """Parts as they were stored, now (JSON) or by earlier versions (MessagePack)."""
    if body[0] == _ZLIB:
        body = zlib.decompress(body)
    if body[0] != _JSON:
        return tuple(map(part_of, _OLD_PARTS(body)))
    raws = map(bytes, _LIST(body))
    return tuple(read_part(raw) or part_of(_WHOLE_CONTENT(raw)) for raw in raws)


# ── other entries ────────────────────────────────────────────────────────────────────────────


def _read_look(raw: bytes) -> LookBody | None:
    try:
        body = _LOOK(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    sizes = (one.size for one in body.evidence)
    return body if _in_range(body.gaps_total, *sizes) and _ENCODE(body) == raw else None


def _read_facts(raw: bytes) -> FactsBody | None:
    try:
        body = _FACTS(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return body if _ENCODE(body) == raw else None


def _in_range(*numbers: int) -> bool:
    return all(-MAX_INTEGER <= number <= MAX_INTEGER for number in numbers)


_LOOK: Final = msgspec.json.Decoder(LookBody).decode
_FACTS: Final = msgspec.json.Decoder(FactsBody).decode

READERS: Final = MappingProxyType[str, Callable[[bytes], Any]](
    {"content": read_part, "look": _read_look, "facts": _read_facts}
)
"""By kind of entry, for `parse_entry_with`."""
