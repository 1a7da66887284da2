"""Contents as the ledger tells them: each a change of an earlier one, in chains of bounded length.

A content is kept as the change that its entries tell. After `MAX_DEPTH` changes in a row it is kept
whole, so that reading one never takes more than that many rows.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import (
    EMPTY,
    Content,
    ContentBody,
    apply_content,
    identity_key_of,
    sighting_key,
)
from pratique.inventory.observed.model import Identity, Sighting
from pratique.store.connect import Session
from pratique.store.inventory_numbers import micros_of
from pratique.store.inventory_rules import NOWHERE

MAX_DEPTH: Final = 64
MAX_PARTS: Final = 10_000
MAX_NAME: Final = 64
_KEPT_SIGHTINGS: Final = 300_000
"""Of resolved contents, in memory: some hundred megabytes at most."""

_KEY = re.compile(r"[si][0-9a-f]{23}")
_WORTH_COMPRESSING: Final = 2_000
_ZLIB: Final = 0x78
_NOTHING = Content(sightings={}, identities={})
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(tuple[ContentBody, ...]).decode


@dataclass(slots=True, kw_only=True)
class Change:
    """What leads from one content to another."""

    added: dict[str, Sighting] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    base: int
    parts: tuple[ContentBody, ...]


class Contents:
    """The contents known to a projection, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._numbers: dict[str, int | None] = {EMPTY: NOWHERE}
        self._depths: dict[int, int] = {NOWHERE: -1}
        self._last: int | None = None
        self._stored: dict[int, _Stored] = {}
        self._parts: dict[tuple[str, str, int], dict[int, ContentBody]] = {}
        self._resolved: dict[int, Content] = {NOWHERE: _NOTHING}
        self._weight = 0
        self._told: dict[int, _Stored] = {}
        self._rows: list[dict[str, object]] = []
        self._part_rows: list[dict[str, object]] = []

    # ── what is known ────────────────────────────────────────────────────────────────────────

    def expect(self, names: Iterable[str]) -> None:
        """Look these names up together."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._numbers]
        if wanted:
            self._numbers.update(dict.fromkeys(wanted))
            for name, number, depth in self._session.run("find_contents", keys=wanted):
                self._numbers[name] = number
                self._depths[number] = depth

    def find(self, name: str) -> int | None:
        """Number of a content that is completely recorded."""
        if name not in self._numbers:
            self.expect((name,))
        return self._numbers[name]

    def resolve(self, number: int) -> Content:
        """What a content holds."""
        found = self._resolved.get(number)
        if found is not None:
            return found
        chain: list[_Stored] = []
        at = number
        while at not in self._resolved:
            stored = self._load(at)
            chain.append(stored)
            at = stored.base
        sightings = dict(self._resolved[at].sightings)
        identities = dict(self._resolved[at].identities)
        for stored in reversed(chain):
            for body in stored.parts:
                for key in body.removed:
                    sightings.pop(key, None)
                    identities.pop(key, None)
                sightings.update((sighting_key(one), one) for one in body.added)
                identities.update((identity_key_of(one), one) for one in body.identities)
        content = Content(sightings=sightings, identities=identities)
        self._keep(number, content)
        return content

    def _keep(self, number: int, content: Content) -> None:
        """Remember a content; the oldest are forgotten when there are too many sightings."""
        self._resolved[number] = content
        self._weight += len(content.sightings) + len(content.identities)
        while self._weight > _KEPT_SIGHTINGS and len(self._resolved) > 1:
            oldest = next(one for one in self._resolved if one != NOWHERE)
            gone = self._resolved.pop(oldest)
            self._weight -= len(gone.sightings) + len(gone.identities)

    def _load(self, number: int) -> _Stored:
        found = self._stored.get(number)
        if found is None:
            base, body = self._session.run("load_content", content=number)[0]
            found = _Stored(base=base, parts=unpack(body))
        return found

    def change(self, old: int, new: int) -> Change:
        """What must be added to and removed from one content to get the other.

        Told directly by the entries when the new one was recorded as a change of the old one.
        Then `added` may name what the old one has, and `removed` what it has not.
        """
        told = self._told.get(new)
        if told is not None and told.base == old:
            return told_change(told.parts)
        before, after = self.resolve(old), self.resolve(new)
        gone = before.sightings.keys() - after.sightings.keys()
        return Change(
            added={k: s for k, s in after.sightings.items() if k not in before.sightings},
            identities={k: i for k, i in after.identities.items() if k not in before.identities},
            removed=gone | (before.identities.keys() - after.identities.keys()),
        )

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, body: ContentBody) -> None:
        """Take in a `content` entry; the one that brings the last part completes the content.

        Raises: ValueFormatError when it cannot be one.
        """
        if self.find(name) is not None:
            return
        base = self.find(body.base) if body.base else NOWHERE
        if base is None:
            raise ValueFormatError(
                f"changes a content that was never recorded: {body.base[:40]!r}",
                expected="a base that is recorded earlier",
            )
        parts = self._known_parts(name, body)
        parts.setdefault(body.part, body)
        if len(parts) == body.parts:
            self._complete(name, base, tuple(parts[number] for number in range(body.parts)))

    def _known_parts(self, name: str, body: ContentBody) -> dict[int, ContentBody]:
        """Parts recorded so far that cut this content in the same way; a single part needs none."""
        if body.parts == 1:
            return {}
        row = {"name": name, "base": body.base, "parts": body.parts}
        key = name, body.base, body.parts
        if key not in self._parts:
            rows = self._session.run("list_content_parts", **row)
            self._parts[key] = {part: unpack(packed)[0] for part, packed in rows}
        if body.part not in self._parts[key]:
            self._part_rows.append({**row, "part": body.part, "body": pack((body,))})
        return self._parts[key]

    def _complete(self, name: str, base: int, parts: tuple[ContentBody, ...]) -> None:
        if self._last is None:
            self._last = self._session.run("last_content")[0][0] or NOWHERE
        self._last += 1
        number = self._numbers[name] = self._last
        self._told[number] = _Stored(base=base, parts=parts)
        depth = self._depths[base] + 1
        if depth > MAX_DEPTH:
            whole = apply_content(self.resolve(base), parts)
            self._keep(number, whole)
            parts = (_whole_body(whole),)
            base, depth = NOWHERE, 0
        self._depths[number] = depth
        self._stored[number] = _Stored(base=base, parts=parts)
        row = {"content": number, "name": name, "base": base, "depth": depth}
        self._rows.append({**row, "body": pack(parts)})

    def flush(self) -> None:
        """Write what was added."""
        self._session.run_many("add_content_part", self._part_rows)
        self._session.run_many("add_content", self._rows)
        self._part_rows, self._rows = [], []


def check_content(name: str, body: ContentBody) -> None:
    """Raises: ValueFormatError when a `content` entry is not as documented."""
    if not 0 <= body.part < body.parts <= MAX_PARTS or not 0 < len(name) <= MAX_NAME:
        raise ValueFormatError(
            f"part {body.part} of {body.parts} of content {name[:80]!r}",
            expected=f"0 <= part < parts <= {MAX_PARTS}, and a name of at most {MAX_NAME} characters",
        )
    for key in body.removed:
        if not _KEY.fullmatch(key):
            raise ValueFormatError(
                f"not a key of a sighting: {key[:40]!r}", expected="s or i and hex"
            )
    for sighting in body.added:
        micros_of(sighting.since_lo)
        micros_of(sighting.since_hi)


def told_change(parts: Iterable[ContentBody]) -> Change:
    """All parts of a content as one change of its base."""
    change = Change()
    for body in parts:
        for key in body.removed:
            change.added.pop(key, None)
            change.identities.pop(key, None)
            change.removed.add(key)
        for sighting in body.added:
            key = sighting_key(sighting)
            change.added[key] = sighting
            change.removed.discard(key)
        for identity in body.identities:
            key = identity_key_of(identity)
            change.identities[key] = identity
            change.removed.discard(key)
    return change


def _whole_body(content: Content) -> ContentBody:
    return ContentBody(
        base="",
        part=0,
        parts=1,
        added=tuple(content.sightings.values()),
        identities=tuple(content.identities.values()),
    )


def pack(parts: tuple[ContentBody, ...]) -> bytes:
    """Parts as they are stored: compressed where that is worth its time."""
    body = _ENCODE(parts)
    return body if len(body) < _WORTH_COMPRESSING else zlib.compress(body, 1)


def unpack(body: bytes) -> tuple[ContentBody, ...]:
    """Parts as they were stored; a MessagePack list never begins as a zlib stream does."""
    return _DECODE(zlib.decompress(body) if body[0] == _ZLIB else body)
