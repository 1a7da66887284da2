"""Reading packed runs: the same questions, answered from blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from pratique.exposure.ports import AssetRow, Edge, Hit, ItemRow, PlaceRow, Watched
from pratique.inventory.observed.model import (
    AssetKind,
    Identity,
    LookMode,
    Relation,
    identity_key,
)
from pratique.store.connect import Row, Session
from pratique.store.inventory_numbers import text_hash
from pratique.store.inventory_runs import (
    EVIDENCE,
    PACKED,
    Run,
    asset_number,
    decode_columns,
    decode_runs,
    place_number,
    run_name,
    series_and_number,
)
from pratique.store.inventory_starts import date_start
from pratique.values.spans import Span

_KIND: Final = AssetKind.CI_RUN.value
_CLASS: Final = int(EVIDENCE)


class _Found(NamedTuple):
    """A run at one of its places."""

    run_asset: int
    series: int
    run: Run

    @property
    def asset(self) -> int:
        return asset_number(self.run_asset, self.run.number)

    @property
    def place(self) -> int:
        return place_number(self.series, self.run.number)


class RunReader:
    """Reads within one open transaction."""

    def __init__(self, session: Session, *, tx: int) -> None:
        """Count only runs whose look is below `tx`."""
        self._session = session
        self._tx = tx

    # ── presence ─────────────────────────────────────────────────────────────────────────────

    def hits(self, items: Collection[int], start: int, until: int) -> Iterator[Hit]:
        """Runs that may have had one of these."""
        values = {"items": list(items), "start": start, "until": until, "tx": self._tx}
        for row in self._session.run("list_run_hits", **values):
            if row[2] is None and row[3] is None:
                yield from self._plain_hits(row, start, until)
            else:
                dated = map(_hit_of, self._cut([row]))
                yield from (hit for hit in dated if hit.span.may_overlap(start, until))

    def _plain_hits(self, row: Row, start: int, until: int) -> list[Hit]:
        """As `_hit_of` each, within the window: thousands of runs may have had one release."""
        item, stage, _, _, detail, series, run_asset, body = row
        asset, place, tx = asset_number(run_asset, 0), place_number(series, 0), self._tx
        columns = zip(*decode_columns(body), strict=True)
        spans = ((number, entry, lo, lo + (length >> 1)) for number, entry, lo, length in columns)
        return [
            Hit(
                item, asset | number, place | number, Span(lo, lo, hi, hi), stage, _CLASS, entry,
                detail,
            )
            for number, entry, lo, hi in spans
            if entry < tx and lo < until and (hi > start or lo >= start)
        ]  # fmt: skip

    def hits_of_asset(self, asset: int, names: str) -> Iterator[Hit]:
        """What a run had of these projects (a JSON list of pairs)."""
        if asset < PACKED:
            return
        series, number = series_and_number(asset)
        values = {"run_asset": series, "number": number, "names": names, "tx": self._tx}
        rows = self._session.run("list_run_asset_hits", **values)
        yield from (_hit_of(one) for one in self._cut(rows) if one[1].run.number == number)

    def contents(self, asset: int) -> Iterator[tuple[ItemRow, Hit]]:
        """All that a run had."""
        if asset < PACKED:
            return
        series, number = series_and_number(asset)
        values = {"run_asset": series, "number": number, "tx": self._tx}
        for row, found in self._cut(self._session.run("list_run_contents", **values)):
            if found.run.number == number:
                yield ItemRow(*row[5:12]), _hit_of((row, found))

    def _cut(self, rows: Iterable[Row]) -> Iterator[tuple[Row, _Found]]:
        """Each row, which ends in series, number of the name and a block, with each run of that."""
        for row in rows:
            series, run_asset, body = row[-3:]
            for run in decode_runs(body):
                if run.entry < self._tx:
                    yield row, _Found(run_asset, series, run)

    # ── assets and places ────────────────────────────────────────────────────────────────────

    def assets(self) -> Iterator[AssetRow]:
        """Every packed run's asset."""
        yield from self._asset_rows(self._all())

    def assets_by_id(self, ids: Iterable[int]) -> Iterator[AssetRow]:
        """Assets with these numbers, of those that are packed."""
        yield from self._asset_rows(self._of(ids))

    def numbers_of(self, names: Iterable[str]) -> list[int]:
        """Numbers that these names have if they are packed."""
        split = [name for name in map(run_name, names) if name is not None]
        keys = {text_hash(name.prefix): name.prefix for name in split}
        rows = self._session.run("find_run_asset", keys=list(keys)) if keys else []
        series = {keys[key]: number for key, number in rows}
        return [
            asset_number(series[name.prefix], name.number)
            for name in split
            if name.prefix in series
        ]

    def _asset_rows(self, found: Iterable[_Found]) -> Iterator[AssetRow]:
        since: dict[int, int] = {}
        for one in found:
            asset = one.asset
            since[asset] = min(one.run.lo, since.get(asset, one.run.lo))
        series = {series_and_number(asset)[0] for asset in since}
        rows = self._session.run("find_run_prefixes", ids=list(series)) if series else []
        prefixes: dict[int, str] = dict(rows)
        for asset, first in since.items():
            run_asset, number = series_and_number(asset)
            yield AssetRow(asset, f"{prefixes[run_asset]}/{number}", _KIND, first)

    def places(self, ids: Iterable[int]) -> Iterator[PlaceRow]:
        """Places with these numbers, which must be packed."""
        wanted = list(ids)
        series = list({series_and_number(place)[0] for place in wanted})
        rows = self._session.run("find_run_places_by_id", ids=series) if series else []
        known = {one: rest for one, *rest in rows}
        for place in wanted:
            one, number = series_and_number(place)
            if one in known:
                run_asset, kind, locator, lineage = known[one]
                asset = asset_number(run_asset, number)
                yield PlaceRow(place, asset, kind, locator, lineage)

    def watched(self, assets: Iterable[int] | None) -> Iterator[Watched]:
        """The one look at each of these runs' places (None: of all)."""
        for one in self._all() if assets is None else self._of(assets):
            run = one.run
            mode = LookMode.EVENT.value
            yield Watched(
                one.asset, one.place, mode, run.lo, run.hi, ended=True, whole=True, gaps=0,
                entry=run.entry,
            )  # fmt: skip

    def _all(self) -> Iterator[_Found]:
        rows = self._session.run("list_all_run_blocks", tx=self._tx)
        yield from (found for _, found in self._cut(rows))

    def _of(self, ids: Iterable[int]) -> Iterator[_Found]:
        """The packed ones of these assets."""
        return (found for _, found in self._asked("list_run_blocks_of", ids))

    def _asked(self, statement: str, assets: Iterable[int]) -> Iterator[tuple[Row, _Found]]:
        """Rows of a statement, with those of their runs that are among these assets."""
        wanted: dict[int, set[int]] = {}
        for asset in assets:
            if asset >= PACKED:
                series, number = series_and_number(asset)
                wanted.setdefault(series, set()).add(number)
        for series, numbers in wanted.items():
            values = {"run_asset": series, "least": min(numbers), "most": max(numbers)}
            rows = self._session.run(statement, tx=self._tx, **values)
            yield from (one for one in self._cut(rows) if one[1].run.number in numbers)

    # ── identities ───────────────────────────────────────────────────────────────────────────

    def holds(self, assets: Iterable[int]) -> Iterator[Edge]:
        """Identities that these runs held."""
        for row, found in self._asked("list_run_holds", assets):
            yield _edge(row, found)

    def holders(self, identities: Collection[int]) -> Iterator[Edge]:
        """Runs that held one of these."""
        values = {"identities": list(identities), "tx": self._tx}
        rows = self._session.run("list_run_holders", **values)
        yield from (_edge(*one) for one in self._cut(rows))

    def all_holds(self) -> Iterator[Edge]:
        """Every identity that a run held."""
        rows = self._session.run("list_all_run_holds", tx=self._tx)
        yield from (_edge(*one) for one in self._cut(rows))

    # ── sizes ────────────────────────────────────────────────────────────────────────────────

    def totals(self, after: int) -> tuple[int, int]:
        """Facts and assets that runs with an entry above `after` added."""
        rows = self._session.run("list_run_blocks_since", after=after, tx=self._tx)
        runs = [found.run for _, found in self._cut(rows) if found.run.entry > after]
        return len(runs), sum(run.appeared for run in runs)


def _hit_of(found: tuple[Row, _Found]) -> Hit:
    row, one = found
    item, stage, since_lo, since_hi, detail = row[:5]
    run = one.run
    from_lo, from_hi = date_start(run.lo, run.lo, run.hi, since_lo, since_hi)
    span = Span(from_lo, from_hi, max(run.hi, from_hi), run.hi)
    return Hit(item, one.asset, one.place, span, stage, _CLASS, run.entry, detail)


def _edge(row: Row, one: _Found) -> Edge:
    prefix, kind, name, local, locator = row[:5]
    asset = f"{prefix}/{one.run.number}"
    key = identity_key(Identity(kind=kind, name=name, local=bool(local)), asset)
    subject = f"asset:{asset}"
    return Edge(Relation.HOLDS.value, subject, key, one.run.span, _CLASS, one.run.entry, locator)
