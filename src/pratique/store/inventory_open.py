"""The rows that a batch has open, and the writing of what it changes.

A change never edits a row: it supersedes it (`tx_to`) and adds another. Rows that a batch makes and
supersedes again are written once, when it ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pratique.exposure.ports import NOW_TX
from pratique.store.connect import Session
from pratique.store.inventory_kept import (
    CONTENT,
    IDENTITY,
    ITEM,
    PRESENCE,
    PRESENCE_KEY,
    RESIGHTED,
    Element,
    Kept,
    Month,
    load_holdings,
    load_kept,
    month_of,
    presence_kept,
)
from pratique.values.spans import OPEN

_OTHERS: Final = {IDENTITY: "holding", CONTENT: "occupancy"}


class _AtPlace:
    """The open rows of a place, as far as they are known."""

    __slots__ = ("asked", "complete", "rows", "sightings", "with_identities")

    def __init__(self, *, complete: bool = False) -> None:
        self.rows: dict[Element, Kept] = {}
        self.sightings: dict[int, Kept] = {}
        self.complete = complete
        self.with_identities = complete
        self.asked: set[int] = set()
        """Sightings, and items as negative numbers."""

    def put(self, kept: Kept) -> None:
        self.rows[kept.element] = kept
        if kept.element.sort == ITEM:
            self.sightings[kept.sighting] = kept

    def unasked(self, numbers: Sequence[int]) -> list[int]:
        if self.complete or self.asked.issuperset(numbers):
            return []
        wanted = [one for one in dict.fromkeys(numbers) if one not in self.asked]
        self.asked.update(wanted)
        return wanted


class OpenRows:
    """What has not ended at the places that a batch touches, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._places: dict[int, _AtPlace] = {}
        self._gone: set[tuple[int, Element, int, int]] = set()
        self._added: list[tuple[int, ...]] = []
        self._superseded: list[tuple[int, ...]] = []
        self._resighted: list[tuple[int, ...]] = []
        self._others_added: dict[int, list[dict[str, Any]]] = {sort: [] for sort in _OTHERS}
        self._others_superseded: dict[int, list[dict[str, Any]]] = {sort: [] for sort in _OTHERS}
        self._months: dict[Month, None] = {}
        self._month_lo = self._month_hi = 0
        self._unwritten: list[Kept] = []

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def _at(self, place: int) -> _AtPlace:
        found = self._places.get(place)
        if found is None:
            found = self._places[place] = _AtPlace()
        return found

    def begin(self, place: int) -> None:
        """Note that a place is new and has no rows."""
        self._places[place] = _AtPlace(complete=True)

    def is_bare(self, place: int) -> bool:
        """Whether a place surely has no open rows."""
        at = self._at(place)
        return at.complete and not at.rows

    def of_place(self, place: int, asset: int) -> dict[Element, Kept]:
        """Every open row of a place."""
        at = self._at(place)
        if not at.complete:
            self._learn(load_kept(self._session, place, asset, ended=False))
            at.complete = at.with_identities = True
        return at.rows

    def identities_of(self, place: int, asset: int) -> dict[Element, Kept]:
        """The open rows of identities at a place."""
        at = self._at(place)
        if not at.with_identities:
            self._learn(load_holdings(self._session, place, asset, ended=False))
            at.with_identities = True
        return {one: kept for one, kept in at.rows.items() if one.sort == IDENTITY}

    def of_sightings(self, place: int) -> Mapping[int, Kept]:
        """Open rows at a place by the sightings that stand for them. Order: after `expect`."""
        return self._at(place).sightings

    def of_items(self, place: int) -> Mapping[Element, Kept]:
        """Open rows of items at a place, as far as they are known. Order: after `expect`."""
        return self._at(place).rows

    def expect(
        self, sightings: Mapping[int, Sequence[int]], items: Mapping[int, Sequence[int]]
    ) -> None:
        """Look up the rows of these sightings and items, by place, together."""
        wanted: dict[int, list[int]] = {}
        for place, some in sightings.items():
            if unasked := self._at(place).unasked(some):
                wanted[place] = unasked
        self._find("find_open_sightings", wanted)
        wanted = {}
        for place, some in items.items():
            if unasked := self._at(place).unasked([-one for one in some]):
                wanted[place] = [-one for one in unasked]
        self._find("find_open_items", wanted)

    def _find(self, statement: str, wanted: Mapping[int, list[int]]) -> None:
        if wanted:
            rows = self._session.run(statement, wanted=json.dumps(wanted))
            self._learn(map(presence_kept, rows))

    def _learn(self, stored: Iterable[Kept]) -> None:
        """Take in stored rows; where memory knows of a change, memory is newer."""
        gone = self._gone
        for kept in stored:
            at = self._at(kept.place)
            if kept.element not in at.rows and (
                not gone or (kept.place, kept.element, kept.entry, kept.tx_from) not in gone
            ):
                at.put(kept)

    # ── changing ─────────────────────────────────────────────────────────────────────────────

    def open(self, place: int, came: list[Kept]) -> None:
        """These are there from now on."""
        self._unwritten += came
        at = self._at(place)
        for kept in came:
            at.put(kept)

    def close(self, place: int, gone: Iterable[Kept], *, entry: int, seen: int, to_hi: int) -> None:
        """These have ended; the place was seen until `seen`."""
        at = self._at(place)
        rows, sightings = at.rows, at.sightings
        for kept in gone:
            to_lo = kept.last_seen(seen)
            self._supersede(kept, entry)
            rows.pop(kept.element, None)
            if kept.element.sort == ITEM:
                sightings.pop(kept.sighting, None)
            kept.tx_from, kept.to_lo, kept.to_hi, kept.stored = entry, to_lo, to_hi, False
            self._add(kept, NOW_TX)

    def hold(self, kept: Kept, *, entry: int, to_lo: int) -> None:
        """It was last seen at `to_lo`, or (`LIVE`) is seen again; either way it has not ended."""
        self._supersede(kept, entry)
        kept.tx_from, kept.to_lo, kept.stored = entry, to_lo, False
        self._unwritten.append(kept)

    def resight(self, kept: Kept, sighting: int) -> None:
        """Another sighting stands for it: nothing that an answer shows."""
        at = self._places[kept.place]
        at.sightings.pop(kept.sighting, None)
        kept.sighting = sighting
        at.sightings[sighting] = kept
        if kept.stored:
            self.resight_stored(kept, sighting)

    def _supersede(self, kept: Kept, entry: int) -> None:
        if kept.stored:
            self.supersede(kept, entry=entry)
        elif kept.tx_from != entry:
            self._add(kept, entry)
        # Otherwise nobody will ever have known it so.

    def supersede(self, kept: Kept, *, entry: int) -> None:
        """A stored row no longer counts from this entry on."""
        if kept.element.sort == ITEM:
            self._superseded.append(kept.presence_key(entry))
        else:
            row = {**kept.key(), "tx_to": entry}
            self._others_superseded[kept.element.sort].append(row)
        self._gone.add((kept.place, kept.element, kept.entry, kept.tx_from))

    def resight_stored(self, kept: Kept, sighting: int) -> None:
        """As `resight`, of a stored row that is not among the open ones here."""
        self._resighted.append(kept.presence_key(sighting))

    def add(self, kept: Kept) -> None:
        """Write a row that nothing has superseded."""
        self._add(kept, NOW_TX)

    def _add(self, kept: Kept, tx_to: int) -> None:
        if kept.element.sort == ITEM:
            self._added.append(kept.presence(tx_to))
            if kept.to_hi != OPEN and not self._month_lo <= kept.to_hi < self._month_hi:
                self._note_month(kept.to_hi)
        else:
            self._others_added[kept.element.sort].append(kept.columns(tx_to=tx_to))

    def _note_month(self, to_hi: int) -> None:
        month = month_of(to_hi)
        if month is not None:
            self._months[month] = None
            self._month_lo, self._month_hi = month.first, month.next

    def forget(self, place: int) -> None:
        """Forget a place whose stored rows are changed by other means. Order: after `flush`."""
        self._places.pop(place, None)

    def flush(self) -> None:
        """Write all changes; what is open stays known."""
        for kept in self._unwritten:
            if not kept.stored and self._places[kept.place].rows.get(kept.element) is kept:
                self._add(kept, NOW_TX)
                kept.stored = True
        session = self._session
        for month in self._months:
            session.run("ensure_presence_month", **month._asdict())
        # In the order of the table, so that its pages are visited once.
        session.run_rows("supersede_presence", PRESENCE_KEY, sorted(self._superseded))
        session.run_rows("add_presence", PRESENCE, sorted(self._added))
        session.run_rows("resight_presence", RESIGHTED, self._resighted)
        for sort, table in _OTHERS.items():
            session.run_many(f"supersede_{table}", self._others_superseded[sort])
            session.run_many(f"add_{table}", self._others_added[sort])
        self._added, self._superseded, self._resighted = [], [], []
        self._others_added = {sort: [] for sort in _OTHERS}
        self._others_superseded = {sort: [] for sort in _OTHERS}
        self._months, self._unwritten = {}, []
        self._month_lo = self._month_hi = 0
        self._gone.clear()
