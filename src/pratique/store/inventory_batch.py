"""One batch of inventory entries: read and checked as they come, applied together.

`add` checks an entry by itself, `write` applies all of them in their order. What can be looked up for
all of them at once is, first; that saves time and changes nothing.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import (
    ContentBody,
    FactsBody,
    LookBody,
    RetractionBody,
    asset_of,
)
from pratique.ledger.entries import Entry, ReadEntry
from pratique.store.connect import Session
from pratique.store.custody_facts import KINDS as CUSTODY_KINDS
from pratique.store.custody_facts import CustodyFacts, CustodyOrder, read_order
from pratique.store.inventory_contents import check_part
from pratique.store.inventory_edges import Edges, check_facts
from pratique.store.inventory_lines import Part, number_of_key, part_of
from pratique.store.inventory_looks import Looks, mark_of
from pratique.store.inventory_numbers import micros_of
from pratique.store.inventory_places import check_names, place_hash
from pratique.store.inventory_run_reader import RunReader
from pratique.store.inventory_runs import RunName, run_name
from pratique.values.spans import to_micros

KINDS: Final = frozenset({"content", "look", "facts", "retraction"})

TALLY_SPAN: Final = 64
"""Entries after which totals are written down; between them looks are added up."""


class _LookOrder(msgspec.Struct, frozen=True, gc=False):
    asset: str
    body: LookBody
    place: str
    """Hash of its place."""
    lo: int
    hi: int
    run: RunName | None
    """Its asset's name, when it is one that can be packed."""


class _ContentOrder(msgspec.Struct, frozen=True, gc=False):
    name: str
    part: Part


_Order: TypeAlias = _LookOrder | _ContentOrder | FactsBody | RetractionBody | CustodyOrder
_Entry: TypeAlias = Entry | ReadEntry
Unreadable: TypeAlias = tuple[_Entry, ValueFormatError]


class InventoryBatch:
    """Takes in entries one by one, then writes; lives within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._orders: list[tuple[_Entry, _Order]] = []

    def add(self, entry: _Entry) -> None:
        """Take in an entry of one of `KINDS`, or of custody's.

        Raises: ValueFormatError, msgspec.ValidationError when it is not as documented.
        """
        self._orders.append((entry, _read(entry)))

    def write(self) -> list[Unreadable]:
        """Apply everything in order; gives what could not be, and why."""
        return _Writing(self._session).write(self._orders) if self._orders else []


class _Writing:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks = Looks(session)
        self._edges = Edges(session, self._looks)
        self._custody = CustodyFacts(session, self._edges)
        self._tallies: list[dict[str, object]] = []
        self._facts = self._assets = self._tallied = 0

    def write(self, orders: list[tuple[_Entry, _Order]]) -> list[Unreadable]:
        self._load_totals()
        self._expect(orders)
        unreadable: list[Unreadable] = []
        for entry, order in orders:
            try:
                gained, appeared = self._apply(entry, order)
            except ValueFormatError as error:
                unreadable.append((entry, error))
                continue
            self._facts += gained
            self._assets += appeared
            if gained or not isinstance(order, CustodyOrder):
                self._tally(entry.sequence, order)
        self._flush()
        return unreadable

    def _apply(self, entry: _Entry, order: _Order) -> tuple[int, int]:
        sequence = entry.sequence
        if isinstance(order, _ContentOrder):
            self._looks.contents.add(order.name, order.part)
            return 0, 0
        if isinstance(order, _LookOrder):
            content = self._looks.contents.find(order.body.content)
            if content is None:
                raise ValueFormatError(
                    f"saw a content that was not recorded: {order.body.content[:40]!r}",
                    expected="its content entries before the look",
                )
            mark = mark_of(order.body, entry=sequence, content=content, lo=order.lo, hi=order.hi)
            return self._looks.apply(order.asset, order.body, mark, key=order.place, name=order.run)
        if isinstance(order, CustodyOrder):
            return self._custody.apply(order), 0
        if isinstance(order, FactsBody):
            recorded = to_micros(entry.recorded_at)
            return self._edges.apply(order, entry=sequence, recorded=recorded)
        self._flush()
        return self._edges.retract(order, entry=sequence)

    def _flush(self) -> None:
        self._looks.flush()
        self._edges.flush()
        self._custody.flush()
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

    def _expect(self, orders: list[tuple[_Entry, _Order]]) -> None:
        contents = [order for _, order in orders if isinstance(order, _ContentOrder)]
        looks = [order for _, order in orders if isinstance(order, _LookOrder)]
        known = self._looks
        known.contents.expect(order.name for order in contents)
        known.contents.expect(order.part.base for order in contents if order.part.base)
        known.contents.expect(order.body.content for order in looks)
        known.places.expect((order.asset, order.body, order.place) for order in looks)
        known.runs.expect(order.run for order in looks if order.run is not None)
        known.names.expect(
            (one for order in contents for one in order.part.added),
            (one for order in contents for one in order.part.identities),
        )
        self._expect_rows(contents, looks)
        named = [f for _, order in orders if isinstance(order, FactsBody) for f in order.facts]
        self._edges.entities.expect(n for fact in named for n in (fact.subject, fact.object))

    def _expect_rows(self, contents: list[_ContentOrder], looks: list[_LookOrder]) -> None:
        """The rows that changes of contents are about."""
        told: dict[str, list[Part]] = {}
        for order in contents:
            told.setdefault(order.name, []).append(order.part)
        sightings: dict[int, list[int]] = {}
        items: dict[int, list[int]] = {}
        find_item = self._looks.names.find_item
        for look in looks:
            known = self._looks.places.known(look.place)
            if known is None or known.lineage:
                continue
            for part in told.get(look.body.content, ()):
                gone = sightings.setdefault(known.place, [])
                gone += [number_of_key(key) for key in part.removed if key[0] == "s"]
                found = [find_item(one) for one in part.added]
                items.setdefault(known.place, []).extend([n for n in found if n is not None])
        self._looks.open.expect(sightings, items)


def _read(entry: _Entry) -> _Order:
    if isinstance(entry, Entry) and entry.kind in CUSTODY_KINDS:
        return read_order(entry)
    body = entry.body
    match entry.kind:
        case "content":
            name = entry.subject.removeprefix("content:")
            if not isinstance(body, Part):
                content = msgspec.convert(body, ContentBody)
                check_part(name, content.part, content.parts, content.removed)
                return _ContentOrder(name, part_of(content))
            check_part(name, body.part, body.parts, body.removed)
            return _ContentOrder(name, body)
        case "look":
            look = body if isinstance(body, LookBody) else msgspec.convert(body, LookBody)
            return _read_look(entry.subject, look)
        case "facts":
            facts = body if isinstance(body, FactsBody) else msgspec.convert(body, FactsBody)
            check_facts(facts, recorded=to_micros(entry.recorded_at))
            return facts
        case _:
            return msgspec.convert(body, RetractionBody)


def _read_look(subject: str, body: LookBody) -> _LookOrder:
    asset = asset_of(subject)
    lo, hi = micros_of(body.at_lo), micros_of(body.at_hi)
    if lo is None or hi is None:
        raise ValueFormatError("a look at no time", expected="at_lo and at_hi, RFC 3339")
    if hi < lo:
        raise ValueFormatError("the look ends before it starts", expected="at_lo <= at_hi")
    check_names(asset, body)
    return _LookOrder(asset, body, place_hash(asset, body), lo, hi, run_name(asset))
