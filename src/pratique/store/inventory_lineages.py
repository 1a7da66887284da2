"""Contents that many places share: which items lie in which of a lineage's contents.

A lineage's contents are numbered as they come. An item that stays from one to the next is one row
with a range of numbers; what a look at a place then adds is one row of `occupancy`.
"""

from __future__ import annotations

from typing import Final

from pratique.store.connect import Session
from pratique.store.inventory_contents import Contents
from pratique.store.inventory_lines import Line, number_of_key
from pratique.store.inventory_names import Names
from pratique.store.inventory_places import Lineage, Places

LAST_ORD: Final = 2**53 - 1
"""As `ord_to`: also in every content yet to come, until one comes without it."""


class Lineages:
    """The lineages that a batch touches."""

    def __init__(
        self, session: Session, *, contents: Contents, names: Names, places: Places
    ) -> None:
        self._session = session
        self._contents = contents
        self._names = names
        self._places = places
        self._ords: dict[tuple[int, int], int] = {}
        self._new_ords: list[dict[str, object]] = []
        self._items: dict[tuple[int, int], dict[str, object]] = {}
        self._identities: dict[tuple[int, int], dict[str, object]] = {}
        self._done_items: list[dict[str, object]] = []
        self._done_identities: list[dict[str, object]] = []
        self._ended_items: list[dict[str, object]] = []
        self._ended_identities: list[dict[str, object]] = []

    def ord_of(self, lineage: Lineage, content: int, *, entry: int) -> int:
        """The number of a content in its lineage; a new content gets the next one."""
        key = lineage.lineage, content
        if key not in self._ords:
            row = {"lineage": lineage.lineage, "content": content}
            found = self._session.run("find_ord", **row)
            if found:
                self._ords[key] = found[0][0]
            else:
                self._add(lineage, content, entry)
        return self._ords[key]

    def known_ord(self, lineage: int, content: int) -> int:
        """The number of a content that `ord_of` was asked for, now or in an earlier batch."""
        key = lineage, content
        if key not in self._ords:
            row = {"lineage": lineage, "content": content}
            self._ords[key] = self._session.run("find_ord", **row)[0][0]
        return self._ords[key]

    def _add(self, lineage: Lineage, content: int, entry: int) -> None:
        lineage.last_ord += 1
        number, name = lineage.last_ord, lineage.lineage
        change = self._contents.change(lineage.content, content)
        for key in change.removed:
            self._end(name, key, number - 1)
        # Sorted, so that numbers do not depend on how the change was told.
        for key in sorted(change.added):
            self._begin_item(name, change.added[key], number, entry)
        for key, identity in sorted(change.identities.items()):
            place = name, self._names.identity(key, identity)
            row: dict[str, object] = {"lineage": name, "identity": place[1]}
            self._identities.setdefault(place, {**row, "ord_from": number, "ord_to": LAST_ORD})
        lineage.content = content
        self._ords[name, content] = number
        self._new_ords.append({"lineage": name, "content": content, "ord": number})
        self._places.lineage_changed(lineage)

    def _begin_item(self, lineage: int, line: Line, number: int, entry: int) -> None:
        element, seen = self._names.placed(line, entry=entry)
        row: dict[str, object] = {
            "item": element.number,
            "lineage": lineage,
            "ord_from": number,
            "ord_to": LAST_ORD,
            "sighting": seen.sighting,
            "stage": element.stage,
            "since_lo": seen.since_lo,
            "since_hi": seen.since_hi,
            "detail": seen.detail,
        }
        self._items.setdefault((lineage, seen.sighting), row)

    def _end(self, lineage: int, key: str, last: int) -> None:
        """What a content lacks ends with the one before it."""
        ended: dict[str, object] = {"lineage": lineage, "ord_to": last}
        if key.startswith("i"):
            identity = self._names.find_identity(key)
            if identity is None:
                return
            held = self._identities.pop((lineage, identity), None)
            if held is None:
                self._ended_identities.append({**ended, "identity": identity})
            else:
                self._done_identities.append({**held, "ord_to": last})
            return
        sighting = number_of_key(key)
        row = self._items.pop((lineage, sighting), None)
        if row is None:
            self._ended_items.append({**ended, "sighting": sighting})
        else:
            self._done_items.append({**row, "ord_to": last})

    def flush(self) -> None:
        """Write what was added and ended."""
        run_many = self._session.run_many
        run_many("add_lineage_content", self._new_ords)
        run_many("end_lineage_item", self._ended_items)
        run_many("end_lineage_identity", self._ended_identities)
        run_many("add_lineage_item", [*self._done_items, *self._items.values()])
        run_many("add_lineage_identity", [*self._done_identities, *self._identities.values()])
        self._new_ords, self._done_items, self._done_identities = [], [], []
        self._ended_items, self._ended_identities = [], []
        self._items, self._identities = {}, {}
