"""Writing packed runs, and taking them out again when more becomes known of one.

Taking out changes no answer: the rows that follow have the same numbers and say the same, at every
ledger size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pratique.inventory.observed.entries import LookBody
from pratique.store.connect import Session
from pratique.store.inventory_numbers import Numbers, storable, text_hash
from pratique.store.inventory_runs import (
    BLOCK_RUNS,
    MAX_SERIES,
    Run,
    RunName,
    asset_number,
    block_columns,
    decode_runs,
    place_number,
)


@dataclass(slots=True, kw_only=True)
class Series:
    """Places that differ in the run's number only."""

    series: int
    kind: str
    locator: str
    lineage: int
    last_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRun:
    """A run that is no longer packed."""

    asset: int
    place: int
    kind: str
    locator: str
    lineage: int
    ord: int
    run: Run


class PackedRuns:
    """The packed runs that a batch touches, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = Numbers(session, "run_asset")
        self._last_series: int | None = None
        self._series: dict[int, dict[tuple[str, str, int], Series]] = {}
        self._fresh: dict[tuple[int, int], set[int]] = {}
        self._pending: dict[tuple[int, int], list[Run]] = {}
        self._new_series: list[dict[str, object]] = []
        self._changed: dict[int, Series] = {}

    def expect(self, names: Iterable[RunName]) -> None:
        """Look these up together."""
        self._names.expect(text_hash(name.prefix) for name in names)

    def _known(self, name: RunName) -> dict[tuple[str, str, int], Series]:
        """The places' series of a name."""
        asset = self._names.find(text_hash(name.prefix))
        if asset is None:
            return {}
        if asset not in self._series:
            rows = self._session.run("list_run_places", run_asset=asset)
            self._series[asset] = {
                (kind, locator, lineage): Series(
                    series=series,
                    kind=kind,
                    locator=locator,
                    lineage=lineage,
                    last_number=last_number,
                )
                for series, kind, locator, lineage, last_number in rows
            }
        return self._series[asset]

    def places_of(self, name: RunName) -> set[int]:
        """Series of the places at which this run is packed."""
        known = self._known(name)
        if not known:
            return set()
        asset = self._names.find(text_hash(name.prefix))
        key = asset or 0, name.number
        found = set(self._fresh.get(key, ()))
        if any(name.number <= one.last_number for one in known.values()):
            found.update(series for series, _, _, _ in self._stored(key[0], name.number))
        return found

    def _stored(self, asset: int, number: int) -> list[tuple[int, int, int, list[Run]]]:
        """Series, ord, block and runs of the stored blocks that hold a run."""
        rows = self._session.run("find_run_blocks", run_asset=asset, number=number)
        blocks = [(series, order, block, decode_runs(body)) for series, order, block, body in rows]
        return [one for one in blocks if any(run.number == number for run in one[3])]

    # ── adding ───────────────────────────────────────────────────────────────────────────────

    def series_for(self, name: RunName, body: LookBody, lineage: int) -> Series | None:
        """The series of a look's place, made if it is new; None when there are too many."""
        asset = self._names.number(text_hash(name.prefix), {"prefix": name.prefix})
        known = self._known(name)
        key = body.place_kind.value, storable(body.locator), lineage
        if key not in known:
            if self._last_series is None:
                self._last_series = self._session.run("last_run_place")[0][0] or 0
            if max(asset, self._last_series) >= MAX_SERIES:
                return None
            self._last_series += 1
            kind, locator, _ = key
            row = {"series": self._last_series, "run_asset": asset, "kind": kind}
            self._new_series.append({**row, "locator": locator, "lineage": lineage})
            known[key] = Series(
                series=self._last_series,
                kind=kind,
                locator=locator,
                lineage=lineage,
                last_number=-1,
            )
        return known[key]

    def add(self, name: RunName, series: Series, order: int, run: Run) -> None:
        """Pack a run at one of its places. Order: `order` is its content's number in the lineage."""
        asset = self._names.find(text_hash(name.prefix)) or 0
        self._pending.setdefault((series.series, order), []).append(run)
        self._fresh.setdefault((asset, name.number), set()).add(series.series)
        series.last_number = max(series.last_number, name.number)
        self._changed[series.series] = series

    def flush(self) -> None:
        """Write what was added: the newest block of each content is filled, then others follow."""
        self._names.flush()
        self._session.run_many("add_run_place", self._new_series)
        self._session.run_many(
            "set_run_place",
            [{"series": s.series, "last_number": s.last_number} for s in self._changed.values()],
        )
        rows = [row for key, runs in self._pending.items() for row in self._blocks(*key, runs)]
        self._session.run_many("put_run_block", rows)
        self._new_series, self._changed = [], {}
        self._pending, self._fresh = {}, {}

    def _blocks(self, series: int, order: int, runs: list[Run]) -> Iterable[dict[str, object]]:
        rows = self._session.run("find_last_run_block", series=series, ord=order)
        block, kept = (rows[0][0], decode_runs(rows[0][1])) if rows else (0, [])
        runs = [*kept, *runs]
        for start in range(0, len(runs), BLOCK_RUNS):
            columns = block_columns(runs[start : start + BLOCK_RUNS])
            yield {"series": series, "ord": order, "block": block, **columns}
            block += 1

    # ── taking out ───────────────────────────────────────────────────────────────────────────

    def find_entry(self, entry: int) -> RunName | None:
        """The run whose look is this entry. Order: after `flush`."""
        for prefix, body in self._session.run("find_run_blocks_of_entry", entry=entry):
            for run in decode_runs(body):
                if run.entry == entry:
                    return RunName(prefix, run.number)
        return None

    def take_out(self, name: RunName) -> list[TakenRun]:
        """Remove a run from its blocks, at all its places. Order: after `flush`."""
        asset = self._names.find(text_hash(name.prefix))
        if asset is None:
            return []
        by_series = {one.series: one for one in self._known(name).values()}
        taken: list[TakenRun] = []
        for series, order, block, runs in self._stored(asset, name.number):
            place = by_series[series]
            taken += [
                TakenRun(
                    asset=asset_number(asset, name.number),
                    place=place_number(series, name.number),
                    kind=place.kind,
                    locator=place.locator,
                    lineage=place.lineage,
                    ord=order,
                    run=run,
                )
                for run in runs
                if run.number == name.number
            ]
            self._keep(series, order, block, [run for run in runs if run.number != name.number])
        return sorted(taken, key=lambda one: one.run.entry)

    def _keep(self, series: int, order: int, block: int, runs: list[Run]) -> None:
        key = {"series": series, "ord": order, "block": block}
        if runs:
            self._session.run("put_run_block", **key, **block_columns(runs))
        else:
            self._session.run("remove_run_block", **key)
