"""From looks to ledger entries: a content is written once, as the difference to an earlier one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from pratique.inventory.observed.entries import Content, content_of, look_drafts
from pratique.inventory.observed.model import Look, PlaceKind
from pratique.ledger.entries import Draft

_REMEMBERED: Final = 64
"""Places and lineages whose last content is kept; readers go through one after the other."""
_REMEMBERED_SIGHTINGS: Final = 200_000

PlaceKey = tuple[str, str, str, str]


class KnownContents(Protocol):
    """What the ledger knows already."""

    def is_recorded(self, content_id: str) -> bool:
        """Whether this content is recorded."""
        ...

    def last_content(
        self, asset: str, place_kind: PlaceKind, locator: str, lineage: str
    ) -> tuple[str, Content] | None:
        """The last content of a place or lineage, with its id; None when there is none."""
        ...


class NothingKnown:
    """Of a ledger that cannot be asked: every content is told whole."""

    def is_recorded(self, content_id: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nothing is."""
        return False

    def last_content(
        self,
        asset: str,  # noqa: ARG002 - the protocol's signature
        place_kind: PlaceKind,  # noqa: ARG002 - as above
        locator: str,  # noqa: ARG002 - as above
        lineage: str,  # noqa: ARG002 - as above
    ) -> tuple[str, Content] | None:
        """There is none."""
        return None


class Drafting:
    """Makes entries of looks, in order; knows what the same sweep drafted before.

    Order: the drafts must be recorded in the order in which they were given, or `forget` be called.
    """

    def __init__(self, known: KnownContents) -> None:
        """`known` says what was recorded before this sweep."""
        self._known = known
        self._drafted: set[str] = set()
        self._last: OrderedDict[PlaceKey, tuple[str, Content]] = OrderedDict()
        self._sightings = 0
        self.new_contents = 0

    def forget(self) -> None:
        """What was drafted so far need not be recorded when the next drafts are read."""
        self._drafted.clear()
        self._last.clear()
        self._sightings = 0

    def drafts(self, look: Look) -> list[Draft]:
        """Entries of a look: its content if it is new, then the look."""
        content = content_of(look)
        key = _key(look)
        drafts = look_drafts(
            look,
            base=None if self._is_recorded(content.id) else self._base(key, look),
            is_recorded=self._is_recorded,
        )
        if len(drafts) > 1:
            self._drafted.add(content.id)
            self.new_contents += 1
        self._remember(key, content)
        return drafts

    def _is_recorded(self, content_id: str) -> bool:
        return content_id in self._drafted or self._known.is_recorded(content_id)

    def _base(self, key: PlaceKey, look: Look) -> tuple[str, Content] | None:
        found = self._last.get(key) or self._known.last_content(
            look.asset, look.place_kind, look.locator, look.lineage
        )
        # An empty content is never recorded, so nothing can rest on it.
        return found if found is not None and self._is_recorded(found[0]) else None

    def _remember(self, key: PlaceKey, content: Content) -> None:
        old = self._last.pop(key, None)
        self._sightings += len(content.sightings) - (len(old[1].sightings) if old else 0)
        self._last[key] = (content.id, content)
        while len(self._last) > _REMEMBERED or self._sightings > _REMEMBERED_SIGHTINGS:
            _, (_, dropped) = self._last.popitem(last=False)
            self._sightings -= len(dropped.sightings)


def _key(look: Look) -> PlaceKey:
    """A lineage is one history, whichever place shows it."""
    if look.lineage:
        return ("", "", "", look.lineage)
    return (look.asset, look.place_kind.value, look.locator, "")
