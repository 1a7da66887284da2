"""Rows of `presence`, `holdings` and `occupancy`, as the projection works with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from pratique.exposure.ports import NOW_TX
from pratique.store.connect import Row, Session
from pratique.values.spans import DAWN, OPEN, from_micros, to_micros

LIVE: Final = OPEN
"""As `to_lo`: seen by the newest look of its place, whichever that is when one asks."""

_FIRST_MONTH: Final = to_micros(datetime(2020, 1, 1, tzinfo=UTC))
_AFTER_LAST_MONTH: Final = to_micros(datetime(2040, 1, 1, tzinfo=UTC))


ITEM: Final = 0
IDENTITY: Final = 1
CONTENT: Final = 2
"""Sorts of elements; plain numbers, since they are hashed for every row."""


PRESENCE: Final = (
    "item", "place", "tx_from", "stage", "entry", "asset", "class", "from_lo", "from_hi", "to_lo",
    "to_hi", "tx_to", "detail", "sighting",
)  # fmt: skip
"""Columns of `presence`, its key first: rows sort as the table does."""
PRESENCE_KEY: Final = ("number", "place", "tx_from", "stage", "entry", "ended_at", "tx_to")
RESIGHTED: Final = ("number", "place", "tx_from", "stage", "entry", "ended_at", "sighting")


class Element(NamedTuple):
    """An item at a stage, an identity, or a content of a lineage by its ordinal."""

    sort: int
    number: int
    stage: int = 0


class Seen(NamedTuple):
    """What a content says of an element."""

    sighting: int = 0
    """Number of the sighting that stands for it, of several the one with the smallest key."""
    detail: int = 0
    since_lo: int | None = None
    since_hi: int | None = None


class Kept(msgspec.Struct, gc=False):
    """A row that nothing has superseded. A Struct, because there are many and it is made fastest."""

    element: Element
    place: int
    asset: int
    lineage: int
    entry: int
    evidence_class: int
    from_lo: int
    from_hi: int
    to_lo: int
    to_hi: int
    tx_from: int
    detail: int = 0
    sighting: int = 0
    latest: int = 0
    """Of an occupancy: the end of its first look, for items that the evidence dates."""
    stored: bool = False

    @property
    def live(self) -> bool:
        """Whether the newest look saw it."""
        return self.to_lo == LIVE

    @property
    def says(self) -> tuple[int, ...]:
        """Everything that an answer could show of it."""
        bounds = self.from_lo, self.from_hi, self.to_lo, self.to_hi
        return (*bounds, self.evidence_class, self.detail, self.latest)

    def last_seen(self, seen: int) -> int:
        """Lower bound of its end when the newest look of the place saw until `seen`.

        Of an occupancy the look alone: its items may have come earlier than the content was seen.
        """
        if not self.live:
            return self.to_lo
        return seen if self.element.sort == CONTENT else max(self.from_hi, seen)

    def presence(self, tx_to: int = NOW_TX) -> tuple[int, ...]:
        """An item's row, as `PRESENCE` names its columns."""
        _, item, stage = self.element
        return (
            item, self.place, self.tx_from, stage, self.entry, self.asset, self.evidence_class,
            self.from_lo, self.from_hi, self.to_lo, self.to_hi, tx_to, self.detail, self.sighting,
        )  # fmt: skip

    def presence_key(self, tx_to: int) -> tuple[int, ...]:
        """What supersedes an item's row, as `PRESENCE_KEY` names it; its end finds its partition."""
        _, item, stage = self.element
        return item, self.place, self.tx_from, stage, self.entry, self.to_hi, tx_to

    def columns(self, *, tx_to: int = NOW_TX) -> dict[str, object]:
        """As the statement that adds it wants them; of what is no item."""
        row: dict[str, object] = {
            "place": self.place,
            "tx_from": self.tx_from,
            "entry": self.entry,
            "asset": self.asset,
            "class": self.evidence_class,
            "from_lo": self.from_lo,
            "from_hi": self.from_hi,
            "to_lo": self.to_lo,
            "to_hi": self.to_hi,
            "tx_to": tx_to,
        }
        sort, number, _ = self.element
        if sort == IDENTITY:
            row["identity"] = number
        else:
            row["lineage"], row["ord"], row["latest"] = self.lineage, number, self.latest
        return row

    def key(self) -> dict[str, object]:
        """As the statement that supersedes it wants it; of what is no item."""
        row: dict[str, object] = {
            "number": self.element.number,
            "place": self.place,
            "tx_from": self.tx_from,
            "entry": self.entry,
        }
        if self.element.sort == IDENTITY:
            row["asset"] = self.asset
        else:
            row["lineage"] = self.lineage
        return row


def presence_kept(row: Row) -> Kept:
    """A row of `presence` that is stored."""
    (
        item, place, tx_from, stage, entry, asset, evidence, from_lo, from_hi, to_lo, to_hi, detail,
        sighting,
    ) = row  # fmt: skip
    return Kept(
        Element(ITEM, item, stage), place, asset, 0, entry, evidence, from_lo, from_hi, to_lo, to_hi,
        tx_from, detail, sighting, stored=True,
    )  # fmt: skip


def _other_kept(sort: int, row: Row) -> Kept:
    number, place, tx_from, entry, asset, evidence_class, *bounds, lineage, latest = row
    from_lo, from_hi, to_lo, to_hi = bounds
    return Kept(
        element=Element(sort, number),
        place=place,
        asset=asset,
        lineage=lineage,
        entry=entry,
        evidence_class=evidence_class,
        from_lo=from_lo,
        from_hi=from_hi,
        to_lo=to_lo,
        to_hi=to_hi,
        tx_from=tx_from,
        latest=latest,
        stored=True,
    )


def load_kept(session: Session, place: int, asset: int, *, ended: bool) -> Iterator[Kept]:
    """The rows of a place that nothing has superseded; with `ended`, those that have ended too."""
    values = {"place": place, "earliest": DAWN if ended else OPEN}
    for row in session.run("list_place_presence", **values):
        yield presence_kept(row)
    yield from load_holdings(session, place, asset, ended=ended)
    for row in session.run("list_place_occupancy", **values):
        yield _other_kept(CONTENT, row)


def load_holdings(session: Session, place: int, asset: int, *, ended: bool) -> Iterator[Kept]:
    """As `load_kept`, identities only."""
    values = {"place": place, "asset": asset, "earliest": DAWN if ended else OPEN}
    for row in session.run("list_place_holdings", **values):
        yield _other_kept(IDENTITY, row)


class Month(NamedTuple):
    """The partition that a row with this end belongs to."""

    name: str
    first: int
    next: int


def month_of(to_hi: int) -> Month | None:
    """The month of an end; None when it has no partition of its own."""
    if not _FIRST_MONTH <= to_hi < _AFTER_LAST_MONTH:
        return None
    at = from_micros(to_hi)
    first = datetime(at.year, at.month, 1, tzinfo=UTC)
    following = datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)
    return Month(f"presence_{first:%Y_%m}", to_micros(first), to_micros(following))
