"""Contents as the ledger tells them: each a change of an earlier one, in chains of bounded length.

A content is kept as the change that its entries tell. After `MAX_DEPTH` changes in a row it is kept
whole, so that reading one never takes more than that many rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import EMPTY, Content, identity_key_of
from pratique.inventory.observed.model import Identity
from pratique.store.connect import Session
from pratique.store.inventory_lines import Line, Part, pack, unpack, whole_part
from pratique.store.inventory_rules import NOWHERE

MAX_DEPTH: Final = 64
MAX_PARTS: Final = 10_000
MAX_NAME: Final = 64
_KEPT_SIGHTINGS: Final = 300_000
"""Of resolved contents, in memory: some hundred megabytes at most."""

_KEY = re.compile(r"[si][0-9a-f]{23}")
_COLUMNS: Final = ("content", "name", "base", "depth", "body")


class Held(NamedTuple):
    """What a content holds, by key."""

    lines: dict[str, Line]
    identities: dict[str, Identity]


_NOTHING = Held({}, {})


@dataclass(slots=True, kw_only=True)
class Change:
    """What leads from one content to another."""

    added: dict[str, Line] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)


class _Stored(NamedTuple):
    base: int
    parts: tuple[Part, ...]


class Contents:
    """The contents known to a projection, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._numbers: dict[str, int | None] = {EMPTY: NOWHERE}
        self._depths: dict[int, int] = {NOWHERE: -1}
        self._last: int | None = None
        self._stored: dict[int, _Stored] = {}
        self._parts: dict[tuple[str, str, int], dict[int, Part]] = {}
        self._resolved: dict[int, Held] = {NOWHERE: _NOTHING}
        self._weight = 0
        self._told: dict[int, _Stored] = {}
        self._rows: list[tuple[object, ...]] = []
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
        """What a content holds, as those who write looks know it."""
        held = self.held(number)
        return Content(
            sightings={key: line.sighting for key, line in held.lines.items()},
            identities=dict(held.identities),
        )

    def held(self, number: int) -> Held:
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
        held = self._resolved[at]
        for stored in reversed(chain):
            held = apply_parts(held, stored.parts)
        self._keep(number, held)
        return held

    def _keep(self, number: int, held: Held) -> None:
        """Remember a content; the oldest are forgotten when there are too many sightings."""
        self._resolved[number] = held
        self._weight += len(held.lines) + len(held.identities)
        while self._weight > _KEPT_SIGHTINGS and len(self._resolved) > 1:
            oldest = next(one for one in self._resolved if one != NOWHERE)
            gone = self._resolved.pop(oldest)
            self._weight -= len(gone.lines) + len(gone.identities)

    def _load(self, number: int) -> _Stored:
        found = self._stored.get(number)
        if found is None:
            base, body = self._session.run("load_content", content=number)[0]
            found = _Stored(base, unpack(body))
        return found

    def change(self, old: int, new: int) -> Change:
        """What must be added to and removed from one content to get the other.

        Told directly by the entries when the new one was recorded as a change of the old one.
        Then `added` may name what the old one has, and `removed` what it has not.
        """
        told = self._told.get(new)
        if told is not None and told.base == old:
            return told_change(told.parts)
        before, after = self.held(old), self.held(new)
        gone = before.lines.keys() - after.lines.keys()
        return Change(
            added={k: line for k, line in after.lines.items() if k not in before.lines},
            identities={k: i for k, i in after.identities.items() if k not in before.identities},
            removed=gone | (before.identities.keys() - after.identities.keys()),
        )

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, part: Part) -> None:
        """Take in a `content` entry; the one that brings the last part completes the content.

        Raises: ValueFormatError when it cannot be one.
        """
        if self.find(name) is not None:
            return
        base = self.find(part.base) if part.base else NOWHERE
        if base is None:
            raise ValueFormatError(
                f"changes a content that was never recorded: {part.base[:40]!r}",
                expected="a base that is recorded earlier",
            )
        if part.parts == 1:
            self._complete(name, base, (part,))
            return
        parts = self._known_parts(name, part)
        parts.setdefault(part.part, part)
        if len(parts) == part.parts:
            self._complete(name, base, tuple(parts[number] for number in range(part.parts)))

    def _known_parts(self, name: str, part: Part) -> dict[int, Part]:
        """Parts recorded so far that cut this content in the same way."""
        row = {"name": name, "base": part.base, "parts": part.parts}
        key = name, part.base, part.parts
        if key not in self._parts:
            rows = self._session.run("list_content_parts", **row)
            self._parts[key] = {number: unpack(packed)[0] for number, packed in rows}
        if part.part not in self._parts[key]:
            self._part_rows.append({**row, "part": part.part, "body": pack((part,))})
        return self._parts[key]

    def _complete(self, name: str, base: int, parts: tuple[Part, ...]) -> None:
        if self._last is None:
            self._last = self._session.run("last_content")[0][0] or NOWHERE
        self._last += 1
        number = self._numbers[name] = self._last
        self._told[number] = _Stored(base, parts)
        depth = self._depths[base] + 1
        if depth > MAX_DEPTH:
            whole = apply_parts(self.held(base), parts)
            self._keep(number, whole)
            parts = (whole_part(whole.lines.values(), whole.identities.values()),)
            base, depth = NOWHERE, 0
        self._depths[number] = depth
        self._stored[number] = _Stored(base, parts)
        self._rows.append((number, name, base, depth, pack(parts)))

    def flush(self) -> None:
        """Write what was added."""
        self._session.run_many("add_content_part", self._part_rows)
        self._session.run_rows("add_content", _COLUMNS, self._rows)
        self._part_rows, self._rows = [], []


def check_part(name: str, part: int, parts: int, removed: Sequence[str]) -> None:
    """Raises: ValueFormatError when a `content` entry is not as documented."""
    if not 0 <= part < parts <= MAX_PARTS or not 0 < len(name) <= MAX_NAME:
        raise ValueFormatError(
            f"part {part} of {parts} of content {name[:80]!r}",
            expected=f"0 <= part < parts <= {MAX_PARTS}, and a name of at most {MAX_NAME} characters",
        )
    if not all(map(_KEY.fullmatch, removed)):
        wrong = next(key for key in removed if not _KEY.fullmatch(key))
        raise ValueFormatError(
            f"not a key of a sighting: {wrong[:40]!r}", expected="s or i and hex"
        )


def apply_parts(base: Held, parts: Iterable[Part]) -> Held:
    """A content from its base and all its parts."""
    lines, identities = dict(base.lines), dict(base.identities)
    for part in parts:
        for key in part.removed:
            lines.pop(key, None)
            identities.pop(key, None)
        lines.update((line.key, line) for line in part.added)
        identities.update((identity_key_of(one), one) for one in part.identities)
    return Held(lines, identities)


def told_change(parts: Iterable[Part]) -> Change:
    """All parts of a content as one change of its base."""
    change = Change()
    for part in parts:
        for key in part.removed:
            change.added.pop(key, None)
            change.identities.pop(key, None)
        change.removed.update(part.removed)
        added = {line.key: line for line in part.added}
        change.added.update(added)
        for identity in part.identities:
            key = identity_key_of(identity)
            change.identities[key] = identity
            change.removed.discard(key)
        change.removed.difference_update(added)
    return change
