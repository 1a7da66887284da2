"""Numbers of items, identities and details, and what a content says of each element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pratique.inventory.observed.entries import identity_key_of
from pratique.inventory.observed.model import Identity
from pratique.store.connect import Session
from pratique.store.inventory_kept import IDENTITY, ITEM, Element, Seen
from pratique.store.inventory_lines import Line
from pratique.store.inventory_numbers import Numbers, identity_row, item_row, storable


class Names:
    """What sightings and identities are called in the tables."""

    def __init__(self, session: Session) -> None:
        self._items = Numbers(session, "item")
        self._identities = Numbers(session, "identity")
        self._details = Numbers(session, "detail")
        self._placed: dict[str, tuple[Element, Seen]] = {}

    def expect(self, lines: Iterable[Line], identities: Iterable[Identity]) -> None:
        """Look these up together."""
        placed = self._placed
        listed = {line.key: line for line in lines if line.key not in placed}.values()
        self._items.expect([line.item_hash for line in listed])
        self._details.expect([line.detail_hash for line in listed])
        self._identities.expect([identity_key_of(one) for one in identities])

    def find_item(self, line: Line) -> int | None:
        """Number of a sighting's item, if it has one."""
        return self._items.find(line.item_hash)

    def is_written(self, item: int) -> bool:
        """Whether rows in the database may name an item."""
        return self._items.is_written(item)

    def find_identity(self, key: str) -> int | None:
        """Number of an identity, by its key in a content, if it has one."""
        return self._identities.find(key)

    def identity(self, key: str, identity: Identity) -> int:
        """Number of an identity."""
        known = self._identities.find(key)
        if known is not None:
            return known
        return self._identities.number(key, identity_row(identity))

    def placed(self, line: Line, *, entry: int) -> tuple[Element, Seen]:
        """Which element a sighting is, and what it says beyond that; numbered if it is new."""
        found = self._placed.get(line.key)
        if found is None:
            sighting = line.sighting
            item = self._items.find(line.item_hash)
            if item is None:
                row = item_row(sighting.item, sighting.range, entry)
                item = self._items.number(line.item_hash, row)
            detail = self._details.find(line.detail_hash)
            if detail is None:
                detail = self._details.number(line.detail_hash, {"body": storable(line.detail)})
            seen = Seen(line.number, detail, line.since_lo, line.since_hi)
            found = self._placed[line.key] = Element(ITEM, item, line.stage), seen
        return found

    def elements(
        self, lines: Mapping[str, Line], identities: Mapping[str, Identity], *, entry: int
    ) -> dict[Element, Seen]:
        """The elements of a content, items that are new to us numbered by this entry."""
        found: dict[Element, Seen] = {}
        known = self._placed
        for key in sorted(lines):
            placed = known.get(key) or self.placed(lines[key], entry=entry)
            found.setdefault(*placed)
        for key in sorted(identities):
            found[Element(IDENTITY, self.identity(key, identities[key]))] = Seen()
        return found

    def flush(self) -> None:
        """Write what was added."""
        self._items.flush()
        self._identities.flush()
        self._details.flush()
