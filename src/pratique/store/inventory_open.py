"""The rows that a batch has open, and the writing of what it changes.

A change never edits a row: it supersedes it (`tx_to`) and adds another. Rows that a batch makes and
supersedes again are written once, when it ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from pratique.store.connect import Session
from pratique.store.inventory_kept import (
    CONTENT,
    IDENTITY,
    ITEM,
    Element,
    Kept,
    Month,
    load_holdings,
    load_kept,
    month_of,
    presence_kept,
)

_TABLES: Final = {ITEM: "presence", IDENTITY: "holding", CONTENT: "occupancy"}

_PLACE_BITS: Final = 64
"""One number sorts faster than a pair."""
_IDENTITIES: Final = 0
"""Among what was asked of a place: all its identities."""


class OpenRows:
    """What has not ended at the places that a batch touches, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[int, dict[Element, Kept]] = {}
        self._by_sighting: dict[tuple[int, int], Kept] = {}
        self._complete: set[int] = set()
        self._asked: set[tuple[int, int]] = set()
        self._gone: set[tuple[int, Element, int, int]] = set()
        self._added: dict[int, list[dict[str, Any]]] = {sort: [] for sort in _TABLES}
        self._superseded: dict[int, list[dict[str, Any]]] = {sort: [] for sort in _TABLES}
        self._resighted: list[dict[str, object]] = []
        self._months: dict[Month, None] = {}
        self._month_lo = self._month_hi = 0
        self._unwritten: list[Kept] = []

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def is_complete(self, place: int) -> bool:
        """Whether all open rows of a place are known."""
        return place in self._complete

    def begin(self, place: int) -> None:
        """Note that a place is new and has no rows."""
        self._complete.add(place)
        self._rows[place] = {}

    def of_place(self, place: int, asset: int) -> dict[Element, Kept]:
        """Every open row of a place."""
        if place not in self._complete:
            self._learn(load_kept(self._session, place, asset, ended=False))
            self._complete.add(place)
        return self._rows.setdefault(place, {})

    def identities_of(self, place: int, asset: int) -> dict[Element, Kept]:
        """The open rows of identities at a place."""
        if self._unasked([(place, _IDENTITIES)]):
            self._learn(load_holdings(self._session, place, asset, ended=False))
        rows = self._rows.setdefault(place, {})
        return {one: kept for one, kept in rows.items() if one.sort == IDENTITY}

    def of_sighting(self, place: int, sighting: int) -> Kept | None:
        """The open row that stands for a sighting. Order: after `expect`."""
        return self._by_sighting.get((place, sighting))

    def of_item(self, place: int, element: Element) -> Kept | None:
        """The open row of an item at a stage. Order: after `expect`."""
        return self._rows.get(place, {}).get(element)

    def expect(
        self, sightings: Iterable[tuple[int, int]], items: Iterable[tuple[int, int]]
    ) -> None:
        """Look up the rows of these sightings and items, each with its place, together."""
        # Sightings and items share a set of what was asked: items are negative in it.
        wanted = self._unasked(sightings)
        if wanted:
            rows = self._session.run("find_open_sightings", pairs=json.dumps(wanted))
            self._learn(map(presence_kept, rows))
        wanted = self._unasked((place, -item) for place, item in items)
        if wanted:
            pairs = json.dumps([(place, -item) for place, item in wanted])
            self._learn(map(presence_kept, self._session.run("find_open_items", pairs=pairs)))

    def _unasked(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        complete, asked = self._complete, self._asked
        wanted = [p for p in dict.fromkeys(pairs) if p[0] not in complete and p not in asked]
        asked.update(wanted)
        return wanted

    def _learn(self, stored: Iterable[Kept]) -> None:
        """Take in stored rows; where memory knows of a change, memory is newer."""
        for kept in stored:
            rows = self._rows.setdefault(kept.place, {})
            name = kept.place, kept.element, kept.entry, kept.tx_from
            if kept.element not in rows and name not in self._gone:
                self._put(rows, kept)

    def _put(self, rows: dict[Element, Kept], kept: Kept) -> None:
        rows[kept.element] = kept
        if kept.element.sort == ITEM:
            self._by_sighting[kept.place, kept.sighting] = kept

    # ── changing ─────────────────────────────────────────────────────────────────────────────

    def open(self, kept: Kept) -> None:
        """Something is there from now on."""
        self._unwritten.append(kept)
        self._put(self._rows.setdefault(kept.place, {}), kept)

    def close(self, kept: Kept, *, entry: int, to_lo: int, to_hi: int) -> None:
        """It has ended."""
        self._supersede(kept, entry)
        self._rows[kept.place].pop(kept.element, None)
        if kept.element.sort == ITEM:
            self._by_sighting.pop((kept.place, kept.sighting), None)
        kept.tx_from, kept.to_lo, kept.to_hi, kept.stored = entry, to_lo, to_hi, False
        self.add(kept)

    def hold(self, kept: Kept, *, entry: int, to_lo: int) -> None:
        """It was last seen at `to_lo`, or (`LIVE`) is seen again; either way it has not ended."""
        self._supersede(kept, entry)
        kept.tx_from, kept.to_lo, kept.stored = entry, to_lo, False
        self._unwritten.append(kept)

    def resight(self, kept: Kept, sighting: int) -> None:
        """Another sighting stands for it: nothing that an answer shows."""
        self._by_sighting.pop((kept.place, kept.sighting), None)
        kept.sighting = sighting
        self._by_sighting[kept.place, sighting] = kept
        if kept.stored:
            self._resighted.append({**kept.key(), "sighting": sighting})

    def _supersede(self, kept: Kept, entry: int) -> None:
        if kept.stored:
            self.supersede(kept, entry=entry)
        elif kept.tx_from != entry:
            self._add_row(kept, tx_to=entry)
        # Otherwise nobody will ever have known it so.

    def supersede(self, kept: Kept, *, entry: int) -> None:
        """A stored row no longer counts from this entry on."""
        self._superseded[kept.element.sort].append({**kept.key(), "tx_to": entry})
        self._gone.add((kept.place, kept.element, kept.entry, kept.tx_from))

    def resight_stored(self, kept: Kept, sighting: int) -> None:
        """As `resight`, of a stored row that is not among the open ones here."""
        self._resighted.append({**kept.key(), "sighting": sighting})

    def add(self, kept: Kept) -> None:
        """Write a row that nothing has superseded."""
        self._added[kept.element.sort].append(kept.columns())
        self._note_month(kept)

    def _add_row(self, kept: Kept, *, tx_to: int) -> None:
        self._added[kept.element.sort].append(kept.columns(tx_to=tx_to))
        self._note_month(kept)

    def _note_month(self, kept: Kept) -> None:
        if kept.element.sort != ITEM or self._month_lo <= kept.to_hi < self._month_hi:
            return
        month = month_of(kept.to_hi)
        if month is not None:
            self._months[month] = None
            self._month_lo, self._month_hi = month.first, month.next

    def forget(self, place: int) -> None:
        """Forget a place whose stored rows are changed by other means. Order: after `flush`."""
        for kept in self._rows.pop(place, {}).values():
            self._by_sighting.pop((place, kept.sighting), None)
        self._complete.discard(place)
        self._asked = {pair for pair in self._asked if pair[0] != place}

    def flush(self) -> None:
        """Write all changes; what is open stays known."""
        for kept in self._unwritten:
            is_open = self._rows.get(kept.place, {}).get(kept.element) is kept
            if is_open and not kept.stored:
                self._added[kept.element.sort].append(kept.columns())
                kept.stored = True
        for month in self._months:
            self._session.run("ensure_presence_month", **month._asdict())
        for sort, table in _TABLES.items():
            self._session.run_many(f"supersede_{table}", _sorted_keys(self._superseded[sort]))
            self._session.run_many(f"add_{table}", _sorted_rows(sort, self._added[sort]))
        self._session.run_many("resight_presence", self._resighted)
        self._added = {sort: [] for sort in _TABLES}
        self._superseded = {sort: [] for sort in _TABLES}
        self._resighted, self._months, self._unwritten = [], {}, []
        self._month_lo = self._month_hi = 0
        self._gone.clear()


def _sorted_keys(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows.sort(key=lambda row: (row["number"] << _PLACE_BITS) + row["place"])
    return rows


def _sorted_rows(sort: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the table, so that its pages are visited once."""
    if sort == ITEM:
        rows.sort(key=lambda row: (row["item"] << _PLACE_BITS) + row["place"])
    return rows
