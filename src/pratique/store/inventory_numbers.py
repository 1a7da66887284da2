"""Numbers for names: one per item, identity, detail, entity …, given in the order of entries.

A number is given when an entry first needs it, so the same log gives the same numbers however it is
cut into batches. `expect` asks the database for many names at once; forgetting it costs time only.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pratique.inventory.observed.model import Identity, Item, Sighting
from pratique.store.connect import Session
from pratique.values.instants import parse_instant
from pratique.values.spans import to_micros

MAX_TEXT: Final = 600
"""Bytes of a text that is indexed: PostgreSQL refuses index rows above 2,700."""

_ENCODER = msgspec.json.Encoder()


class Numbers:
    """The numbered rows of one table."""

    def __init__(self, session: Session, table: str, *, add: str = "") -> None:
        """`table` has statements `find_TABLE`, `last_TABLE` and `add_TABLE` (or `add`)."""
        self._session = session
        self._table = table
        self._add = add or f"add_{table}"
        self._known: dict[str, int | None] = {}
        self._added: list[dict[str, object]] = []
        self._last: int | None = None
        self._first_added: int | None = None

    def expect(self, keys: Iterable[str]) -> None:
        """Look these up together."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._known]
        if wanted:
            self._known.update(dict.fromkeys(wanted))
            rows = self._session.run(f"find_{self._table}", keys=wanted)
            self._known.update((key, number) for key, number in rows)

    def find(self, key: str) -> int | None:
        """The number of a key, if it has one."""
        if key not in self._known:
            self.expect((key,))
        return self._known[key]

    def number(self, key: str, values: Mapping[str, object]) -> int:
        """The number of a key; a new one is added with these values."""
        found = self.find(key)
        if found is not None:
            return found
        if self._last is None:
            self._last = self._session.run(f"last_{self._table}")[0][0] or 0
        self._last += 1
        if self._first_added is None:
            self._first_added = self._last
        self._known[key] = self._last
        self._added.append({"number": self._last, "key": key, **values})
        return self._last

    def adopt(self, key: str, number: int) -> None:
        """Take note of a row that was written aside."""
        self._known[key] = number

    def is_written(self, number: int) -> bool:
        """Whether a number is in the database; no row there can name one that is not."""
        return self._first_added is None or number < self._first_added

    def flush(self) -> None:
        """Write what was added."""
        self._session.run_many(self._add, self._added)
        self._added, self._first_added = [], None


def text_hash(*parts: object) -> str:
    """A short name for a few texts and numbers: 128 bits, since nobody may find two that share it."""
    return hashlib.sha256(_ENCODER.encode(parts)).hexdigest()[:32]


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def indexable(text: str) -> str:
    """A text short enough for an index: the end of a longer one becomes its hash."""
    text = storable(text)
    if len(text) * 4 <= MAX_TEXT or len(raw := text.encode()) <= MAX_TEXT:
        return text
    digest = hashlib.sha256(raw).hexdigest()
    return raw[: MAX_TEXT - 70].decode(errors="ignore") + "…" + digest


def item_row(item: Item, admits: str, entry: int) -> dict[str, object]:
    """Columns of an item."""
    return {
        "type": indexable(item.type),
        "name": indexable(item.name),
        "version": indexable(item.version),
        "digest": indexable(item.digest),
        "filename": indexable(item.filename),
        "admits": indexable(admits),
        "entry": entry,
    }


def identity_row(identity: Identity) -> dict[str, object]:
    """Columns of an identity."""
    return {
        "kind": indexable(identity.kind),
        "name": indexable(identity.name),
        "locator": storable(identity.locator),
        "fingerprint": storable(identity.fingerprint),
        "local": int(identity.local),
    }


def detail_text(sighting: Sighting) -> str:
    """What a sighting says beyond its item, as JSON."""
    told: dict[str, Any] = {}
    if sighting.at:
        told["at"] = sighting.at
    if sighting.direct is not None:
        told["direct"] = sighting.direct
    if sighting.note:
        told["note"] = sighting.note
    if sighting.parents:
        told["parents"] = sighting.parents
    return _ENCODER.encode(told).decode()


@functools.lru_cache(maxsize=4096)
def micros_of(text: str) -> int | None:
    """Microseconds of an RFC 3339 text; None of an empty one. Raises: ValueFormatError."""
    return to_micros(parse_instant(text)) if text else None
