"""Questions of `exposure.ports`, answered by ClickHouse.

Each starts from a few rows put into the session's own tables, so that no statement grows with the
question. docs/operate/clickhouse.md says when that is worth it, and what is not answered here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from pratique.exposure.ports import (
    AssetRow,
    Conflict,
    Edge,
    Held,
    Hit,
    ItemRow,
    PlaceRow,
    Theft,
    Totals,
    Watched,
)
from pratique.exposure.reach import close_reach
from pratique.exposure.reach_graph import build_graph
from pratique.inventory.observed.model import Identity, LookMode, Relation, identity_key
from pratique.store.clickhouse import (
    ClickHouseSession,
    clickhouse_statements,
    create_tables,
    pick,
)
from pratique.store.connect import Row
from pratique.store.inventory_starts import date_start
from pratique.values.spans import Span

_HOLDS: Final = Relation.HOLDS.value
_ASSET: Final = "asset:"
_ALWAYS: Final = {"start": -(2**62), "until": 2**62}


class ClickHouseFacts:
    """Answers within one session; not safe to share between threads, as a session is not."""

    def __init__(self, session: ClickHouseSession) -> None:
        """Make what tables are missing."""
        self._session = session
        create_tables(session)

    def _run(self, name: str, **params: object) -> list[Row]:
        return self._session.run(clickhouse_statements()[name].sql, params)

    def _pick_texts(self, texts: Iterable[str]) -> None:
        pick(self._session, "picked_texts", ((text, "") for text in texts))

    def _pick_numbers(self, numbers: Iterable[int]) -> None:
        pick(self._session, "picked", ((number,) for number in numbers))

    # ── items and presence ───────────────────────────────────────────────────────────────────

    def items_named(self, names: Collection[tuple[str, str]], *, tx: int) -> Sequence[ItemRow]:
        """Every item of these (type, name) pairs."""
        pick(self._session, "picked_texts", names)
        return [ItemRow(*row) for row in self._run("list_items_named", tx=tx)]

    def items_with_digest(self, digests: Collection[str], *, tx: int) -> Sequence[ItemRow]:
        """Items with one of these digests."""
        self._pick_texts(digests)
        return [ItemRow(*row) for row in self._run("list_items_with_digest", tx=tx)]

    def hits(self, items: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Hit]:
        """Who may have had one of these in `[start, end)`."""
        self._pick_numbers(items)
        window = {"start": start, "until": max(end, start + 1), "tx": tx}
        found = self._picked(("pick_hits", "pick_lineage_hits"), **window)
        return [hit for hit in found if hit.span.may_overlap(start, end)]

    def _picked(self, statements: Iterable[str], *, tx: int, **params: int) -> list[Hit]:
        """What first steps find, completed by the second."""
        self._run("forget_picked_rows")
        for name in statements:
            self._run(name, tx=tx, **params)
        return [_hit(row) for row in self._run("list_picked_rows", tx=tx)]

    def contents_at(self, asset: int, moment: int, *, tx: int) -> Sequence[tuple[ItemRow, Hit]]:
        """What an asset may have held at an instant."""
        found = self._held_by(asset, start=moment, until=moment + 1, tx=tx)
        return [(item, hit) for item, hit in found if hit.span.may_overlap(moment, moment)]

    def hits_of_asset(
        self, asset: int, names: Collection[tuple[str, str]], *, tx: int
    ) -> Sequence[Hit]:
        """Everything that an asset ever had of these projects."""
        found = self._held_by(asset, **_ALWAYS, tx=tx)
        return [hit for item, hit in found if (item.type, item.name) in names]

    def _held_by(self, asset: int, *, tx: int, **window: int) -> list[tuple[ItemRow, Hit]]:
        statements = ("pick_contents", "pick_lineage_contents")
        found = self._picked(statements, asset=asset, tx=tx, **window)
        rows = self._run("list_picked_items") if found else []
        items = {row[0]: ItemRow(*row) for row in rows}
        return [(items[hit.item], hit) for hit in found]

    # ── assets and places ────────────────────────────────────────────────────────────────────

    def assets(self, *, tx: int) -> Iterable[AssetRow]:
        """Every asset."""
        return [AssetRow(*row) for row in self._run("list_assets", tx=tx)]

    def assets_by_name(self, names: Collection[str]) -> Sequence[AssetRow]:
        """Assets with these names."""
        self._pick_texts(names)
        return [AssetRow(*row) for row in self._run("find_assets_by_name")]

    def assets_by_id(self, ids: Collection[int]) -> Sequence[AssetRow]:
        """Assets with these ids."""
        self._pick_numbers(ids)
        return [AssetRow(*row) for row in self._run("find_assets_by_id")]

    def places(self, ids: Collection[int]) -> Sequence[PlaceRow]:
        """Places with these ids."""
        self._pick_numbers(ids)
        return [PlaceRow(*row) for row in self._run("find_places_by_id")]

    # ── coverage and sizes ───────────────────────────────────────────────────────────────────

    def watched(
        self, assets: Collection[int] | None, start: int, end: int, *, tx: int
    ) -> Sequence[Watched]:
        """Looks that bear on `[start, end)`."""
        window = {"start": start, "until": max(end, start + 1), "tx": tx}
        if assets is None:
            return [_watched(row) for row in self._run("list_all_watched", **window)]
        self._pick_numbers(assets)
        return [_watched(row) for row in self._run("list_watched", **window)]

    def conflicts(self, *, tx: int) -> Sequence[Conflict]:
        """Assets whose name several machines use."""
        found: dict[int, list[tuple[str, int]]] = {}
        for asset, machine, entry in self._run("list_conflicts", tx=tx):
            found.setdefault(asset, []).append((machine, entry))
        return [
            Conflict(asset, tuple(machine for machine, _ in seen), seen[1][1])
            for asset, seen in found.items()
            if len(seen) > 1
        ]

    def totals(self, *, tx: int) -> Totals:
        """Sizes: what was written down last, and what looks added since."""
        rows = self._run("find_tally", tx=tx)
        tallied, facts, assets = rows[0] if rows else (-1, 0, 0)
        gained, appeared = self._run("sum_looks", after=tallied, tx=tx)[0]
        applied, unreadable = self._run("find_sizes", tx=tx)[0]
        return Totals(
            facts=facts + gained,
            assets=assets + appeared,
            applied=min(tx, applied or 0),
            unreadable=unreadable,
        )

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        """Identities that these assets may have held in `[start, end)`."""
        self._pick_numbers(assets)
        window = {"start": start, "until": max(end, start + 1)}
        names = [f"{_ASSET}{name}" for (name,) in self._run("find_asset_names")]
        found = self._held(tx=tx, **window)
        told = self._edges_from(_HOLDS, names, tx=tx)
        return found + [edge for edge in told if edge.span.may_overlap(start, end)]

    def _held(self, **params: int) -> list[Edge]:
        rows = self._run("list_holds", **params) + self._run("list_holds_of_lineages", **params)
        return [_held_edge(row) for row in rows]

    def edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation with one of these subjects."""
        found = self._edges_from(relation, subjects, tx=tx)
        if relation == _HOLDS:
            assets = [name.removeprefix(_ASSET) for name in subjects if name.startswith(_ASSET)]
            self._pick_numbers([row.id for row in self.assets_by_name(assets)])
            found += self._held(tx=tx, **_ALWAYS)
        return found

    def _edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> list[Edge]:
        self._pick_texts(subjects)
        return [_edge(row) for row in self._run("list_edges_from", relation=relation, tx=tx)]

    def edges_to(self, relation: str, objects: Collection[str], *, tx: int) -> Sequence[Edge]:
        """Facts of a relation, other than `holds`, with one of these objects."""
        self._pick_texts(objects)
        return [_edge(row) for row in self._run("list_edges_to", relation=relation, tx=tx)]

    def edges_of(self, relation: str, *, tx: int) -> Iterable[Edge]:
        """Every fact of a relation, other than `holds`."""
        return [_edge(row) for row in self._run("list_edges_of", relation=relation, tx=tx)]

    def reach(self, thefts: Iterable[Theft], *, tx: int) -> Mapping[str, Sequence[Held]]:
        """Every identity that can be had from these thefts."""
        assumes = self.edges_of(Relation.ASSUMES, tx=tx)
        return close_reach(build_graph(assumes, self.edges_of(Relation.ROTATED, tx=tx)), thefts)


def _hit(row: Row) -> Hit:
    item, asset, place, from_lo, from_hi, to_lo, to_hi, seen, stage, quality, entry, detail = row[
        :12
    ]
    from_lo, from_hi = date_start(from_lo, from_hi, *row[12:])
    span = Span(from_lo, from_hi, max(from_hi, to_lo if seen is None else seen), to_hi)
    return Hit(item, asset, place, span, stage, quality, entry, detail)


def _watched(row: Row) -> Watched:
    asset, place, event, at_lo, at_hi, ended, whole, gaps, entry = row
    mode = (LookMode.EVENT if event else LookMode.SAMPLED).value
    return Watched(
        asset,
        place,
        mode,
        at_lo,
        at_hi,
        ended=bool(ended),
        whole=bool(whole),
        gaps=gaps,
        entry=entry,
    )


def _edge(row: Row) -> Edge:
    relation, subject, object_, *bounds, quality, entry, note = row
    return Edge(relation, subject, object_, Span(*bounds), quality, entry, note)


def _held_edge(row: Row) -> Edge:
    asset, kind, name, local, locator, from_lo, from_hi, to_lo, to_hi, seen, quality, entry = row
    key = identity_key(Identity(kind=kind, name=name, local=bool(local)), asset)
    span = Span(from_lo, from_hi, max(from_hi, to_lo if seen is None else seen), to_hi)
    return Edge(_HOLDS, f"{_ASSET}{asset}", key, span, quality, entry, locator)
