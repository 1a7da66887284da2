"""Numbers of items, identities and details, and what a content says of each element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pratique.inventory.observed.entries import identity_key_of
from pratique.inventory.observed.model import Identity, Item, Sighting
from pratique.store.connect import Session
from pratique.store.inventory_kept import IDENTITY, ITEM, Element, Seen
from pratique.store.inventory_numbers import (
    Numbers,
    detail_text,
    identity_row,
    item_row,
    micros_of,
    storable,
    text_hash,
)


class Names:
    """What sightings and identities are called in the tables."""

    def __init__(self, session: Session) -> None:
        self._items = Numbers(session, "item")
        self._identities = Numbers(session, "identity")
        self._details = Numbers(session, "detail")
        self._item_hashes: dict[tuple[Item, str], str] = {}
        self._texts: dict[tuple[object, ...], tuple[str, str]] = {}
        self._placed: dict[str, tuple[Element, Seen]] = {}

    def expect(self, sightings: Iterable[Sighting], identities: Iterable[Identity]) -> None:
        """Look these up together."""
        listed = list(sightings)
        self._items.expect(self._item_hash(one) for one in listed)
        self._details.expect(self._detail(one)[0] for one in listed)
        self._identities.expect(identity_key_of(one) for one in identities)

    def _item_hash(self, sighting: Sighting) -> str:
        key = sighting.item, sighting.range
        found = self._item_hashes.get(key)
        if found is None:
            found = self._item_hashes[key] = text_hash(*key)
        return found

    def _detail(self, sighting: Sighting) -> tuple[str, str]:
        """Hash and text of what a sighting says beyond its item."""
        key = sighting.at, sighting.direct, sighting.note, sighting.parents
        found = self._texts.get(key)
        if found is None:
            text = detail_text(sighting)
            found = self._texts[key] = text_hash(text), text
        return found

    def find_item(self, sighting: Sighting) -> int | None:
        """Number of a sighting's item, if it has one."""
        return self._items.find(self._item_hash(sighting))

    def item(self, sighting: Sighting, *, entry: int) -> int:
        """Number of a sighting's item."""
        key = self._item_hash(sighting)
        known = self._items.find(key)
        if known is not None:
            return known
        return self._items.number(key, item_row(sighting.item, sighting.range, entry))

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

    def seen(self, key: str, sighting: Sighting) -> Seen:
        """What a sighting says beyond its item."""
        hashed, text = self._detail(sighting)
        detail = self._details.find(hashed)
        if detail is None:
            detail = self._details.number(hashed, {"body": storable(text)})
        return Seen(
            sighting=self.sighting_number(key),
            detail=detail,
            since_lo=micros_of(sighting.since_lo),
            since_hi=micros_of(sighting.since_hi),
        )

    @staticmethod
    def sighting_number(key: str) -> int:
        """A number for a sighting's key. 60 bits: only sightings of one place are told apart by it."""
        return int(key[1:16], 16)

    def elements(
        self, sightings: Mapping[str, Sighting], identities: Mapping[str, Identity], *, entry: int
    ) -> dict[Element, Seen]:
        """The elements of a content, items that are new to us numbered by this entry."""
        found: dict[Element, Seen] = {}
        for key in sorted(sightings):
            placed = self._placed.get(key)
            if placed is None:
                sighting = sightings[key]
                element = Element(ITEM, self.item(sighting, entry=entry), int(sighting.stage))
                placed = self._placed[key] = element, self.seen(key, sighting)
            found.setdefault(*placed)
        for key in sorted(identities):
            found[Element(IDENTITY, self.identity(key, identities[key]))] = Seen()
        return found

    def flush(self) -> None:
        """Write what was added."""
        self._items.flush()
        self._identities.flush()
        self._details.flush()
