"""A packed run becomes ordinary rows, with the numbers that it had.

Answers do not change by it, at no ledger size: the rows say what the run's looks said, each since its
own entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pratique.inventory.observed.model import AssetKind
from pratique.store.inventory_kept import CONTENT, Element, Kept
from pratique.store.inventory_numbers import text_hash
from pratique.store.inventory_packed import TakenRun
from pratique.store.inventory_places import Place, state_of
from pratique.store.inventory_rules import NOWHERE, LookMark
from pratique.store.inventory_runs import EVIDENCE, RunName
from pratique.values.spans import DAWN, OPEN

if TYPE_CHECKING:
    from pratique.store.inventory_looks import Looks


def unpack(looks: Looks, name: RunName) -> None:
    """Give a packed run rows of its own. Order: everything collected before is flushed."""
    taken = looks.runs.take_out(name)
    if not taken:
        return
    session = looks.session
    asset = taken[0].asset
    session.run("add_inventory_asset", number=asset, key=name.text)
    since = OPEN
    for one in taken:
        if one.run.lo < since:
            since = one.run.lo
            row = {"asset": asset, "tx_from": one.run.entry, "since": since}
            session.run("add_asset_state", kind=AssetKind.CI_RUN.value, **row)
        _add_look(looks, name.text, one)
    looks.places.forget_asset(name.text, asset)


def _add_look(looks: Looks, asset: str, taken: TakenRun) -> None:
    session, run = looks.session, taken.run
    lineage_name = session.run("find_lineage_name", lineage=taken.lineage)[0][0]
    lineage = {"lineage": taken.lineage, "ord": taken.ord}
    content = session.run("find_content_of_ord", **lineage)[0][0]
    key = text_hash(asset, taken.kind, taken.locator, lineage_name, "")
    mark = _mark(taken, content)
    place = _place(taken, mark)
    session.run(
        "add_place",
        place=taken.place,
        hash=key,
        asset=taken.asset,
        kind=taken.kind,
        locator=taken.locator,
        lineage=taken.lineage,
        machine="",
    )
    session.run("set_place", **state_of(place))
    session.run("add_place_seen", place=taken.place, tx_from=run.entry, seen=place.seen)
    session.run("add_occupancy", **_kept(taken, mark).columns())
    session.run(
        "add_look",
        entry=run.entry,
        place=taken.place,
        at_lo=run.lo,
        at_hi=run.hi,
        event=1,
        ended=1,
        whole=1,
        begins=1,
        gaps=0,
        content=content,
        asset_kind=AssetKind.CI_RUN.value,
        **{"class": int(EVIDENCE)},
        gained=1,
        appeared=int(run.appeared),
    )
    looks.places.forget_place(key)


def _mark(taken: TakenRun, content: int) -> LookMark:
    return LookMark(
        entry=taken.run.entry,
        lo=taken.run.lo,
        hi=taken.run.hi,
        event=True,
        ended=True,
        whole=True,
        begins=True,
        content=content,
        evidence_class=int(EVIDENCE),
    )


def _place(taken: TakenRun, mark: LookMark) -> Place:
    place = Place(
        place=taken.place,
        asset=taken.asset,
        lineage=taken.lineage,
        content=NOWHERE,
        looks=0,
        last_hi=DAWN,
        ends_in_point=0,
        absent_since=DAWN,
        seen=DAWN,
        unsure=0,
        tangled=0,
    )
    place.take(mark, content=mark.content)
    return place


def _kept(taken: TakenRun, mark: LookMark) -> Kept:
    return Kept(
        element=Element(CONTENT, taken.ord),
        place=taken.place,
        asset=taken.asset,
        lineage=taken.lineage,
        entry=mark.entry,
        evidence_class=mark.evidence_class,
        from_lo=mark.lo,
        from_hi=mark.lo,
        to_lo=mark.hi,
        to_hi=mark.hi,
        tx_from=mark.entry,
        latest=mark.hi,
    )
