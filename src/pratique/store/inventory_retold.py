"""All runs of a place told again, when a look came late, overlapped another or was retracted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pratique.store.inventory_kept import CONTENT, LIVE, Element, Kept, Seen, load_kept
from pratique.store.inventory_places import Place
from pratique.store.inventory_rules import NOWHERE, LookMark, Run, Told, tell
from pratique.store.inventory_starts import date_start
from pratique.values.spans import DAWN, OPEN

if TYPE_CHECKING:
    from pratique.store.inventory_looks import Looks


def retell(looks: Looks, place: Place, *, added: LookMark | None, entry: int) -> int:
    """Compare what all known looks tell with the rows that there are, and supersede what differs.

    Order: everything collected before is flushed. Gives how many facts there are more.
    """
    marks = _load_marks(looks, place)
    if added is not None:
        marks.append(added)
    contents: dict[int, dict[Element, Seen]] = {}

    def elements(content: int) -> dict[Element, Seen]:
        if content not in contents:
            contents[content] = looks.elements_of(place, content, entry=entry)
        return contents[content]

    told = tell(marks, elements)
    _set_state(looks, place, told, elements(told.newest.content) if told.newest else {}, len(marks))
    newest = elements(place.content)
    wanted = {
        (kept.element, kept.entry): kept
        for kept in (_kept(place, told, run, elements, newest, entry) for run in told.runs)
    }
    place.unsure = sum(1 for kept in wanted.values() if kept.to_hi == OPEN and not kept.live)
    stored = list(load_kept(looks.session, place.place, place.asset, ended=True))
    before = {(kept.element, kept.entry): kept for kept in stored}
    for key, kept in before.items():
        new = wanted.get(key)
        if new is None or new.says != kept.says:
            looks.open.supersede(kept, entry=entry)
        elif new.sighting != kept.sighting:
            looks.open.resight_stored(kept, new.sighting)
    for key, kept in wanted.items():
        if key not in before or before[key].says != kept.says:
            looks.open.add(kept)
    looks.flush()
    looks.open.forget(place.place)
    return len(wanted) - len(before)


def _load_marks(looks: Looks, place: Place) -> list[LookMark]:
    return [
        LookMark(
            entry=entry,
            lo=lo,
            hi=hi,
            event=bool(event),
            ended=bool(ended),
            whole=bool(whole),
            begins=bool(begins),
            content=content,
            evidence_class=evidence_class,
        )
        for entry, lo, hi, event, ended, whole, begins, content, evidence_class in (
            looks.session.run("list_place_looks", place=place.place)
        )
    ]


def _set_state(
    looks: Looks, place: Place, told: Told, newest: dict[Element, Seen], count: int
) -> None:
    """What the looks leave at the place."""
    still_there = {run.element for run in told.runs if run.to_hi == OPEN}
    place.content = NOWHERE
    if told.newest is not None and newest and newest.keys() <= still_there:
        # Otherwise the place is gone: then nothing of what the newest look saw is left.
        place.content = told.newest.content
    place.looks = count
    place.last_hi = told.last_hi
    place.ends_in_point = int(told.ends_in_point)
    place.absent_since = told.absent_since
    place.seen = told.seen
    place.tangled = int(place.content != NOWHERE and looks.is_tangled(place, place.content, newest))


def _kept(
    place: Place,
    told: Told,
    run: Run,
    elements: Callable[[int], dict[Element, Seen]],
    newest: dict[Element, Seen],
    entry: int,
) -> Kept:
    element = run.element
    seen = elements(run.first.content)[element]
    from_lo, from_hi = date_start(
        run.from_lo, run.from_hi, run.first.hi, seen.since_lo, seen.since_hi
    )
    earliest = DAWN if element.sort == CONTENT else from_hi
    to_lo = max(run.to_lo, earliest)
    standing = newest.get(element) if run.to_hi == OPEN else None
    if standing is not None and to_lo == max(told.seen, earliest):
        to_lo = LIVE
    return Kept(
        element=element,
        place=place.place,
        asset=place.asset,
        lineage=place.lineage,
        entry=run.first.entry,
        evidence_class=run.first.evidence_class,
        from_lo=from_lo,
        from_hi=from_hi,
        to_lo=to_lo,
        to_hi=run.to_hi,
        tx_from=entry,
        detail=seen.detail,
        sighting=(seen if standing is None else standing).sighting,
        latest=run.first.hi if element.sort == CONTENT else 0,
    )
