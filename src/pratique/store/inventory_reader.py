"""`InventoryStore`: the named questions of `exposure.ports`, answered from the projection's tables.

Every question says as of which ledger size (`tx`), and starts from the few rows that it names. What
changes with the dialect is in `sql/`; here rows become values.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pratique.exposure.ports import (
    NOW_TX,
    AssetRow,
    Conflict,
    Edge,
    Extent,
    Held,
    Hit,
    ItemRow,
    PlaceRow,
    Theft,
    Totals,
    Watched,
)
from pratique.inventory.observed.model import Identity, LookMode, PlaceKind, Relation, identity_key
from pratique.store.connect import Database, Row, Session
from pratique.store.extent_cache import EXTENT_FILE, ExtentCache
from pratique.store.inventory_numbers import text_hash
from pratique.store.inventory_run_reader import RunReader
from pratique.store.inventory_runs import PACKED
from pratique.store.inventory_starts import date_start
from pratique.values.spans import Span

if TYPE_CHECKING:
    from pratique.inventory.observed.entries import Content
    from pratique.store.inventory_contents import Contents
    from pratique.store.reach_cache import ReachCache

_T = TypeVar("_T")

_ALWAYS: Final = (-(2**62), 2**62)
_HOLDS: Final = Relation.HOLDS.value
_ASSET: Final = "asset:"
_HIT_COLUMNS: Final = 12
_LINEAGE_COLUMNS: Final = 15


class InventoryStore:
    """Reads what collectors saw. Safe to call from any thread; fulfils `FactQueries`."""

    def __init__(self, database: Database, *, reach_file: Path | None = None) -> None:
        """`reach_file`: where the graph of reach is kept between processes; other books beside it."""
        self._database = database
        self._reach_file = reach_file
        beside = None if reach_file is None else reach_file.with_name(EXTENT_FILE)
        self._extents = ExtentCache(beside)

    # What few questions need is loaded by those who ask them: here, and for contents below.

    @cached_property
    def _reach(self) -> ReachCache:
        from pratique.store.reach_cache import ReachCache  # noqa: PLC0415 - few questions need it

        return ReachCache(self._reach_file)

    def _contents(self, session: Session) -> Contents:
        from pratique.store.inventory_contents import Contents  # noqa: PLC0415 - few questions need it

        return Contents(session)

    # ── items ────────────────────────────────────────────────────────────────────────────────

    def items_named(self, names: Collection[tuple[str, str]], *, tx: int) -> Sequence[ItemRow]:
        """Every item of these (type, name) pairs."""
        rows = self._database.fetch("list_items_named", names=_pairs(names), tx=tx)
        return [ItemRow(*row) for row in rows]

    def items_with_digest(self, digests: Collection[str], *, tx: int) -> Sequence[ItemRow]:
        """Items with one of these digests."""
        rows = self._database.fetch("list_items_with_digest", digests=_each(digests), tx=tx)
        return [ItemRow(*row) for row in rows]

    # ── presence ─────────────────────────────────────────────────────────────────────────────

    def hits(self, items: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Hit]:
        """Who may have had one of these in `[start, end)`."""
        values = {"items": _each(items), **_window(start, end), "tx": tx}
        with self._database.snapshot() as session:
            found = [_flat_hit(row) for row in session.run("list_hits", **values)]
            rows = session.run("list_lineage_hits", **values)
            found += _overlapping(map(_lineage_hit, rows), start, end)
            found += RunReader(session, tx=tx).hits(_each(items), **_window(start, end))
        return found

    def hits_of_asset(
        self, asset: int, names: Collection[tuple[str, str]], *, tx: int
    ) -> Sequence[Hit]:
        """Everything that this asset ever had of these projects."""
        values = {"asset": asset, "names": _pairs(names), "tx": tx}
        with self._database.snapshot() as session:
            found = [_flat_hit(row) for row in session.run("list_asset_hits", **values)]
            rows = session.run("list_asset_lineage_hits", **values)
            found += map(_lineage_hit, rows)
            found += RunReader(session, tx=tx).hits_of_asset(asset, _pairs(names))
        return found

    def contents_at(self, asset: int, moment: int, *, tx: int) -> Sequence[tuple[ItemRow, Hit]]:
        """What an asset may have held at an instant."""
        values = {"asset": asset, **_window(moment, moment), "tx": tx}
        with self._database.snapshot() as session:
            flat = session.run("list_contents", **values)
            shared = session.run("list_lineage_contents", **values)
            runs = list(RunReader(session, tx=tx).contents(asset))
        found = [(ItemRow(*row[_HIT_COLUMNS:]), _flat_hit(row[:_HIT_COLUMNS])) for row in flat]
        runs += [
            (ItemRow(*row[_LINEAGE_COLUMNS:]), _lineage_hit(row[:_LINEAGE_COLUMNS]))
            for row in shared
        ]
        found += [(item, hit) for item, hit in runs if hit.span.may_overlap(moment, moment)]
        return found

    # ── assets and places ────────────────────────────────────────────────────────────────────

    def assets(self, *, tx: int) -> Iterable[AssetRow]:
        """Every asset."""
        with self._database.snapshot() as session:
            found = [AssetRow(*row) for row in session.run("list_inventory_assets", tx=tx)]
            found += RunReader(session, tx=tx).assets()
        return found

    def assets_by_name(self, names: Collection[str]) -> Sequence[AssetRow]:
        """Assets with these names."""
        with self._database.snapshot() as session:
            rows = session.run("find_assets_by_name", names=_each(names))
            found = [AssetRow(*row) for row in rows]
            runs = RunReader(session, tx=NOW_TX)
            found += runs.assets_by_id(runs.numbers_of(names))
        return found

    def assets_by_id(self, ids: Collection[int]) -> Sequence[AssetRow]:
        """Assets with these ids."""
        with self._database.snapshot() as session:
            rows = session.run("find_assets_by_id", ids=_each(ids))
            found = [AssetRow(*row) for row in rows]
            found += RunReader(session, tx=NOW_TX).assets_by_id(ids)
        return found

    def places(self, ids: Collection[int]) -> Sequence[PlaceRow]:
        """Places with these ids."""
        with self._database.snapshot() as session:
            rows = session.run("find_places_by_id", ids=_each(ids))
            found = [PlaceRow(*row) for row in rows]
            packed = {one for one in ids if one >= PACKED} - {row.id for row in found}
            found += RunReader(session, tx=NOW_TX).places(packed)
        return found

    def watched(
        self, assets: Collection[int] | None, start: int, end: int, *, tx: int
    ) -> Sequence[Watched]:
        """Looks that bear on `[start, end)`."""
        values = {**_window(start, end), "tx": tx}
        with self._database.snapshot() as session:
            if assets is None:
                rows = session.run("list_all_watched", **values)
            else:
                rows = session.run("list_watched", assets=_each(assets), **values)
            found = [_watched(row) for row in rows]
            found += RunReader(session, tx=tx).watched(assets)
        return found

    def conflicts(self, *, tx: int) -> Sequence[Conflict]:
        """Assets whose name several machines use."""
        found: dict[int, list[tuple[str, int]]] = {}
        for asset, machine, entry in self._database.fetch("list_conflicts", tx=tx):
            found.setdefault(asset, []).append((machine, entry))
        return [
            Conflict(asset, tuple(machine for machine, _ in seen), seen[1][1])
            for asset, seen in found.items()
            if len(seen) > 1
        ]

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        """Identities that these assets may have held in `[start, end)`."""
        with self._database.snapshot() as session:
            values = {"assets": _each(assets), **_window(start, end), "tx": tx}
            found = _held(session, "list_holds", values)
            rows = session.run("list_asset_names", ids=_each(assets))
            names = [f"{_ASSET}{name}" for (name,) in rows]
            told = session.run("list_edges_from", relation=_HOLDS, names=names, tx=tx)
            others = [*map(_edge, told), *RunReader(session, tx=tx).holds(assets)]
        found += [edge for edge in others if edge.span.may_overlap(start, end)]
        return found

    def edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation with one of these subjects."""
        with self._database.snapshot() as session:
            rows = session.run("list_edges_from", relation=relation, names=_each(subjects), tx=tx)
            found = [_edge(row) for row in rows]
            if relation == _HOLDS:
                names = [n.removeprefix(_ASSET) for n in subjects if n.startswith(_ASSET)]
                numbers = [asset for _, asset in session.run("find_asset", keys=names)]
                values = {"assets": numbers, **_window(*_ALWAYS), "tx": tx}
                found += _held(session, "list_holds", values)
                runs = RunReader(session, tx=tx)
                found += runs.holds(runs.numbers_of(names))
        return found

    def edges_to(self, relation: str, objects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation with one of these objects."""
        with self._database.snapshot() as session:
            rows = session.run("list_edges_to", relation=relation, names=_each(objects), tx=tx)
            found = [_edge(row) for row in rows]
            if relation == _HOLDS:
                pairs = {pair for name in objects for pair in _identity_names(name)}
                rows = session.run("find_identities_by_name", names=_pairs(pairs))
                identities = [row[0] for row in rows]
                values = {"identities": identities, **_window(*_ALWAYS), "tx": tx}
                held = _held(session, "list_holders", values)
                held += RunReader(session, tx=tx).holders(identities)
                found += [edge for edge in held if edge.object in objects]
        return found

    def edges_of(self, relation: str, *, tx: int) -> Iterable[Edge]:
        """Every fact of a relation."""
        with self._database.snapshot() as session:
            found = [_edge(row) for row in session.run("list_edges_of", relation=relation, tx=tx)]
            if relation == _HOLDS:
                found += _held(session, "list_all_holds", {**_window(*_ALWAYS), "tx": tx})
                found += RunReader(session, tx=tx).all_holds()
        return found

    def reach(self, thefts: Iterable[Theft], *, tx: int) -> Mapping[str, Sequence[Held]]:
        """Every identity that can be had from these thefts."""
        from pratique.exposure.reach import close_reach  # noqa: PLC0415 - as above

        with self._database.snapshot() as session:
            graph = self._reach.graph(session, tx=tx)
            self._extents.refresh(session, tx=tx)
        return close_reach(graph, thefts)

    def extent(self, exposed: Collection[tuple[int, int, int]], *, tx: int) -> Sequence[Extent]:
        """How far it goes from these assets, counted."""
        if not exposed:
            return []
        spans = [(asset, start, max(end, start + 1)) for asset, start, end in exposed]
        with self._database.snapshot() as session:
            told = _taken(RunReader(session, tx=tx), [one for one in spans if one[0] >= PACKED])
            packed = json.dumps(told)
            counted = self._extents.count(session, spans, packed, tx=tx)
            if counted is None:
                values = {"exposed": json.dumps(spans), "told": packed}
                rows = session.run("count_extent", tx=tx, **values)
                counted = [Extent(*row) for row in rows if row[1]]
        assets = len({asset for asset, _, _ in spans})
        first = min(start for _, start, _ in spans)
        return [Extent("asset", assets, first), *counted]

    def totals(self, *, tx: int) -> Totals:
        """Sizes: written down at times and added up from there, never counted."""
        with self._database.snapshot() as session:
            rows = session.run("find_tally", tx=tx)
            tallied, facts, assets = rows[0] if rows else (-1, 0, 0)
            gained, appeared = session.run("sum_looks", after=tallied, tx=tx)[0]
            runs, first = RunReader(session, tx=tx).totals(tallied)
            projection = session.run("read_projection")
            unreadable = session.run("count_unreadable_below", tx=tx)[0][0]
        return Totals(
            # PostgreSQL sums integers into decimals.
            facts=int(facts + gained + runs),
            assets=int(assets + appeared + first),
            applied=min(tx, projection[0][0] if projection else 0),
            unreadable=unreadable,
        )

    # ── for those who write looks ────────────────────────────────────────────────────────────

    def is_recorded(self, content_id: str) -> bool:
        """Whether a content is completely recorded, as far as applied."""
        with self._database.snapshot() as session:
            return self._contents(session).find(content_id) is not None

    def known_content(self, content_id: str) -> Content | None:
        """A recorded content; None when there is none."""
        with self._database.snapshot() as session:
            contents = self._contents(session)
            number = contents.find(content_id)
            return None if number is None else contents.resolve(number)

    def last_content(
        self, asset: str, place_kind: PlaceKind, locator: str, lineage: str = ""
    ) -> tuple[str, Content] | None:
        """The newest content of a place, or of a lineage: a good base for the next one."""
        place = {"asset": asset, "kind": place_kind.value, "locator": locator}
        with self._database.snapshot() as session:
            if lineage:
                rows = session.run("find_last_lineage_content", hash=text_hash(lineage))
            else:
                rows = session.run("find_last_content", **place)
            return (rows[0][1], self._contents(session).resolve(rows[0][0])) if rows else None


# ── rows and values ──────────────────────────────────────────────────────────────────────────


def _each(asked: Iterable[_T]) -> list[_T]:
    """Each once: a name asked for twice is answered once."""
    return list(dict.fromkeys(asked))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return json.dumps(_each(pairs))


def _window(start: int, end: int) -> dict[str, int]:
    """An empty window asks for its instant."""
    return {"start": start, "until": max(end, start + 1)}


def _overlapping(hits: Iterable[Hit], start: int, end: int) -> Iterator[Hit]:
    return (hit for hit in hits if hit.span.may_overlap(start, end))


def _flat_hit(row: Row) -> Hit:
    item, asset, place, from_lo, from_hi, to_lo, to_hi, seen, stage, quality, entry, detail = row
    if seen is not None:
        to_lo = max(from_hi, seen)
    span = Span(from_lo, from_hi, to_lo, to_hi)
    return Hit(item, asset, place, span, stage, quality, entry, detail)


def _lineage_hit(row: Row) -> Hit:
    item, asset, place, from_lo, from_hi, to_lo, to_hi, seen, stage, quality, entry, detail = row[
        :_HIT_COLUMNS
    ]
    latest, since_lo, since_hi = row[_HIT_COLUMNS:]
    from_lo, from_hi = date_start(from_lo, from_hi, latest, since_lo, since_hi)
    span = Span(from_lo, from_hi, max(from_hi, to_lo if seen is None else seen), to_hi)
    return Hit(item, asset, place, span, stage, quality, entry, detail)


def _watched(row: Row) -> Watched:
    asset, place, event, at_lo, at_hi, ended, whole, gaps, entry = row
    mode = LookMode.EVENT if event else LookMode.SAMPLED
    return Watched(asset, place, mode.value, at_lo, at_hi, bool(ended), bool(whole), gaps, entry)


def _edge(row: Row) -> Edge:
    relation, subject, object_, *bounds, quality, entry, note = row
    return Edge(relation, subject, object_, Span(*bounds), quality, entry, note)


def _held(session: Session, name: str, values: Mapping[str, object]) -> list[Edge]:
    rows = session.run(name, **values) + session.run(f"{name}_of_lineages", **values)
    return [_held_edge(row) for row in rows]


def _held_edge(row: Row) -> Edge:
    asset, kind, name, local, locator, from_lo, from_hi, to_lo, to_hi, seen, quality, entry = row
    key = identity_key(Identity(kind=kind, name=name, local=bool(local)), asset)
    span = Span(from_lo, from_hi, max(from_hi, to_lo if seen is None else seen), to_hi)
    return Edge(_HOLDS, f"{_ASSET}{asset}", key, span, quality, entry, locator)


def _taken(runs: RunReader, exposed: Collection[tuple[int, int, int]]) -> list[tuple[str, int]]:
    """Identities that packed runs held while exposed, with when at the earliest."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for asset, start, end in exposed:
        spans.setdefault(asset, []).append((start, end))
    names = {f"{_ASSET}{row.name}": row.id for row in runs.assets_by_id(spans)}
    return [
        (edge.object, max(start, edge.span.from_lo))
        for edge in runs.holds(spans)
        for start, end in spans[names[edge.subject]]
        if edge.span.may_overlap(start, end)
    ]


def _identity_names(key: str) -> Iterator[tuple[str, str]]:
    """The kind and the names that an entity key may stand for: an asset before it has slashes too."""
    kind, _, name = key.removeprefix("identity:").partition("/")
    while name:
        yield kind, name
        name = name.partition("/")[2]
