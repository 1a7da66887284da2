"""What is known of an asset: its places, when they were looked at, what it held, what is doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from pratique.exposure.absence import WITNESSES
from pratique.exposure.incident import Times
from pratique.exposure.lines import instant_or_none, times_of
from pratique.inventory.observed.model import LookMode, PlaceKind
from pratique.values.spans import DAWN, from_micros

if TYPE_CHECKING:
    from pratique.exposure.ports import AssetRow, FactQueries, PlaceRow, Watched
    from pratique.values.instants import Instant


class PlaceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A place of an asset, and the newest look at it."""

    kind: str
    locator: str
    lineage: str
    looks: int
    last_look: Instant | None
    mode: str
    whole: bool
    ended: bool
    gaps: int
    """Things that the newest look could not read."""
    entry: int


class Unwatched(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which nothing watched the asset as a whole."""

    start: Instant | None
    end: Instant | None


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A credential that the asset may hold now."""

    identity: str
    times: Times
    locator: str
    entry: int


class AssetView(msgspec.Struct, frozen=True, kw_only=True):
    """An asset."""

    asset: str
    kind: str
    since: Instant | None
    """Earliest instant at which anything is known of it."""
    last_look: Instant | None
    places: tuple[PlaceLine, ...]
    unwatched: tuple[Unwatched, ...]
    """Between event-driven looks that could show what it did not have; all time without any."""
    identities: tuple[HeldLine, ...]
    machines: tuple[str, ...]
    """Keyed fingerprints of machines that used this name: more than one is a conflict."""


class AssetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An asset in a list."""

    asset: str
    kind: str
    last_look: Instant | None
    looks: int
    unreadable: int
    """Newest looks at a place that could not read everything."""
    machines: int
    """Machines that used its name; 0: it is no machine."""


def list_assets(queries: FactQueries, *, now: int, tx: int) -> tuple[AssetSummary, ...]:
    """Every asset known, by name."""
    looks: dict[int, list[Watched]] = {}
    for look in queries.watched(None, now, now, tx=tx):
        looks.setdefault(look.asset, []).append(look)
    machines = {one.asset: len(one.machines) for one in queries.conflicts(tx=tx)}
    found = [
        AssetSummary(
            asset=f"asset:{row.name}",
            kind=row.kind,
            last_look=_last(looks.get(row.id, ())),
            looks=len(looks.get(row.id, ())),
            unreadable=sum(not look.whole for look in looks.get(row.id, ())),
            machines=machines.get(row.id, 0),
        )
        for row in queries.assets(tx=tx)
    ]
    return tuple(sorted(found, key=lambda one: one.asset))


def view_asset(row: AssetRow, queries: FactQueries, *, now: int, tx: int) -> AssetView:
    """Everything about one asset."""
    looks = queries.watched({row.id}, DAWN, now, tx=tx)
    places = {one.id: one for one in queries.places({look.place for look in looks})}
    by_place: dict[int, list[Watched]] = {}
    for look in looks:
        by_place.setdefault(look.place, []).append(look)
    conflict = next((one for one in queries.conflicts(tx=tx) if one.asset == row.id), None)
    return AssetView(
        asset=f"asset:{row.name}",
        kind=row.kind,
        since=instant_or_none(row.since),
        last_look=_last(looks),
        places=tuple(
            sorted(
                (_place(places[number], some) for number, some in by_place.items()),
                key=lambda one: (one.kind, one.locator),
            )
        ),
        unwatched=tuple(_unwatched(row.kind, looks, places, now)),
        identities=tuple(
            HeldLine(
                identity=edge.object,
                times=times_of(edge.span),
                locator=edge.note,
                entry=edge.entry,
            )
            for edge in sorted(queries.holds({row.id}, now, now, tx=tx), key=lambda e: e.object)
        ),
        machines=conflict.machines if conflict is not None else (),
    )


def _last(looks: Iterable[Watched]) -> Instant | None:
    moments = [look.at_hi for look in looks]
    return from_micros(max(moments)) if moments else None


def _place(place: PlaceRow, looks: Sequence[Watched]) -> PlaceLine:
    newest = max(looks, key=lambda look: (look.at_hi, look.entry))
    return PlaceLine(
        kind=place.kind,
        locator=place.locator,
        lineage=place.lineage,
        looks=len(looks),
        last_look=from_micros(newest.at_hi),
        mode=newest.mode,
        whole=newest.whole,
        ended=newest.ended,
        gaps=newest.gaps,
        entry=newest.entry,
    )


def _unwatched(
    kind: str, looks: Iterable[Watched], places: dict[int, PlaceRow], now: int
) -> Iterable[Unwatched]:
    witnesses = WITNESSES.get(kind, frozenset({PlaceKind.ASSET}))
    told = sorted(
        (look.at_lo, look.at_hi)
        for look in looks
        if look.whole and look.mode == LookMode.EVENT and places[look.place].kind in witnesses
    )
    reached = DAWN
    for start, end in told:
        if start > reached:
            yield Unwatched(start=instant_or_none(reached), end=from_micros(start))
        reached = max(reached, end)
    if reached < now:
        yield Unwatched(start=instant_or_none(reached), end=None)
