"""One batch of inventory entries: read and checked as they come, applied together.

`add` checks an entry by itself, `write` applies all of them in their order. What can be looked up for
all of them at once is, first; that saves time and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import (
    ContentBody,
    FactsBody,
    LookBody,
    RetractionBody,
    parse_look,
)
from pratique.ledger.entries import Entry
from pratique.store.connect import Session
from pratique.store.inventory_contents import check_content
from pratique.store.inventory_edges import Edges, check_facts
from pratique.store.inventory_looks import Looks, mark_of
from pratique.store.inventory_places import check_names, place_hash
from pratique.store.inventory_run_reader import RunReader
from pratique.store.inventory_runs import run_name
from pratique.values.instants import parse_instant
from pratique.values.spans import to_micros

KINDS: Final = frozenset({"content", "look", "facts", "retraction"})

TALLY_SPAN: Final = 64
"""Entries after which totals are written down; between them looks are added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookOrder:
    asset: str
    body: LookBody
    place: str
    """Hash of its place."""
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ContentOrder:
    name: str
    body: ContentBody


_Order: TypeAlias = _LookOrder | _ContentOrder | FactsBody | RetractionBody
Unreadable: TypeAlias = Callable[[Entry, Exception], None]


class InventoryBatch:
    """Takes in entries one by one, then writes; lives within one transaction."""

    def __init__(self, session: Session, *, unreadable: Unreadable) -> None:
        self._session = session
        self._unreadable = unreadable
        self._orders: list[tuple[Entry, _Order]] = []

    def add(self, entry: Entry) -> None:
        """Take in an entry of one of `KINDS`.

        Raises: ValueFormatError, msgspec.ValidationError when it is not as documented.
        """
        self._orders.append((entry, _read(entry)))

    def write(self) -> None:
        """Apply everything in order."""
        if self._orders:
            _Writing(self._session, self._unreadable).write(self._orders)


class _Writing:
    def __init__(self, session: Session, unreadable: Unreadable) -> None:
        self._session = session
        self._unreadable = unreadable
        self._looks = Looks(session)
        self._edges = Edges(session, self._looks)
        self._tallies: list[dict[str, object]] = []
        self._facts = self._assets = self._tallied = 0

    def write(self, orders: list[tuple[Entry, _Order]]) -> None:
        self._load_totals()
        self._expect(orders)
        for entry, order in orders:
            try:
                gained, appeared = self._apply(entry, order)
            except ValueFormatError as error:
                self._unreadable(entry, error)
                continue
            self._facts += gained
            self._assets += appeared
            self._tally(entry.sequence, order)
        self._flush()

    def _apply(self, entry: Entry, order: _Order) -> tuple[int, int]:
        sequence = entry.sequence
        match order:
            case _ContentOrder():
                self._looks.contents.add(order.name, order.body)
                return 0, 0
            case _LookOrder():
                content = self._looks.contents.find(order.body.content)
                if content is None:
                    raise ValueFormatError(
                        f"saw a content that was not recorded: {order.body.content[:40]!r}",
                        expected="its content entries before the look",
                    )
                mark = mark_of(
                    order.body, entry=sequence, content=content, lo=order.lo, hi=order.hi
                )
                return self._looks.apply(order.asset, order.body, mark, key=order.place)
            case FactsBody():
                recorded = to_micros(entry.recorded_at)
                return self._edges.apply(order, entry=sequence, recorded=recorded)
            case RetractionBody():
                self._flush()
                return self._edges.retract(order, entry=sequence)

    def _flush(self) -> None:
        self._looks.flush()
        self._edges.flush()
        self._session.run_many("add_tally", self._tallies)
        self._tallies = []

    # ── totals ───────────────────────────────────────────────────────────────────────────────

    def _load_totals(self) -> None:
        rows = self._session.run("find_tally", tx=2**53)
        self._tallied, self._facts, self._assets = rows[0] if rows else (-1, 0, 0)
        row = {"after": self._tallied, "tx": 2**53}
        gained, appeared = self._session.run("sum_looks", **row)[0]
        runs, first = RunReader(self._session, tx=2**53).totals(self._tallied)
        self._facts += gained + runs
        self._assets += appeared + first

    def _tally(self, sequence: int, order: _Order) -> None:
        if isinstance(order, _ContentOrder):
            return
        is_look = isinstance(order, _LookOrder)
        if is_look and sequence // TALLY_SPAN == self._tallied // TALLY_SPAN:
            return
        self._tallied = sequence
        row: dict[str, object] = {"entry": sequence, "facts": self._facts, "assets": self._assets}
        self._tallies.append(row)

    # ── looking up together ──────────────────────────────────────────────────────────────────

    def _expect(self, orders: list[tuple[Entry, _Order]]) -> None:
        contents = [order for _, order in orders if isinstance(order, _ContentOrder)]
        looks = [order for _, order in orders if isinstance(order, _LookOrder)]
        known = self._looks
        known.contents.expect(order.name for order in contents)
        known.contents.expect(order.body.base for order in contents if order.body.base)
        known.contents.expect(order.body.content for order in looks)
        known.places.expect((order.asset, order.body, order.place) for order in looks)
        names = (run_name(order.asset) for order in looks)
        known.runs.expect(name for name in names if name is not None)
        known.names.expect(
            (one for order in contents for one in order.body.added),
            (one for order in contents for one in order.body.identities),
        )
        self._expect_rows(contents, looks)
        named = [f for _, order in orders if isinstance(order, FactsBody) for f in order.facts]
        self._edges.entities.expect(n for fact in named for n in (fact.subject, fact.object))

    def _expect_rows(self, contents: list[_ContentOrder], looks: list[_LookOrder]) -> None:
        """The rows that changes of contents are about."""
        bodies: dict[str, list[ContentBody]] = {}
        for order in contents:
            bodies.setdefault(order.name, []).append(order.body)
        sightings: list[tuple[int, int]] = []
        items: list[tuple[int, int]] = []
        names = self._looks.names
        for look in looks:
            known = self._looks.places.known(look.place)
            if known is None or known.lineage:
                continue
            place = known.place
            for body in bodies.get(look.body.content, ()):
                numbers = (names.sighting_number(key) for key in body.removed if key[:1] == "s")
                sightings += [(place, number) for number in numbers]
                found = (names.find_item(one) for one in body.added)
                items += [(place, item) for item in found if item is not None]
        self._looks.open.expect(sightings, items)


def _read(entry: Entry) -> _Order:
    match entry.kind:
        case "content":
            content = msgspec.convert(entry.body, ContentBody)
            name = entry.subject.removeprefix("content:")
            check_content(name, content)
            return _ContentOrder(name=name, body=content)
        case "look":
            asset, body = parse_look(entry.subject, entry.body)
            check_names(asset, body)
            lo, hi = (to_micros(parse_instant(text)) for text in (body.at_lo, body.at_hi))
            return _LookOrder(asset=asset, body=body, place=place_hash(asset, body), lo=lo, hi=hi)
        case "facts":
            facts = msgspec.convert(entry.body, FactsBody)
            check_facts(facts, recorded=to_micros(entry.recorded_at))
            return facts
        case _:
            return msgspec.convert(entry.body, RetractionBody)
