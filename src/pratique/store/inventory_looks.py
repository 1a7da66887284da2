"""A look becomes rows: what came, what is gone, what was not seen this time.

Looks mostly come in the order in which they happened; then only what changed is touched. One that
comes late, overlaps another or is retracted makes all of its place's runs be told again
(`inventory_rules.tell`); what differs then supersedes what was known. Both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pratique.inventory.observed.entries import LookBody
from pratique.inventory.observed.model import AssetKind, LookMode
from pratique.store.connect import Session
from pratique.store.inventory_contents import Change, Contents
from pratique.store.inventory_kept import CONTENT, ITEM, LIVE, Element, Kept, Seen
from pratique.store.inventory_lineages import Lineages
from pratique.store.inventory_names import Names
from pratique.store.inventory_open import OpenRows
from pratique.store.inventory_packed import PackedRuns
from pratique.store.inventory_places import Place, Places
from pratique.store.inventory_retold import retell
from pratique.store.inventory_rules import NOWHERE, LookMark, date_start, lower_start
from pratique.store.inventory_runs import Run, RunName, is_packable, run_name
from pratique.store.inventory_unpack import unpack
from pratique.values.spans import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """What a look changes at a place."""

    came: dict[Element, Seen]
    gone: list[Kept]
    back: list[Kept]
    resighted: list[tuple[Kept, int]]
    tangled: bool


class Looks:
    """Applies looks within one transaction."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.contents = Contents(session)
        self.names = Names(session)
        self.places = Places(session)
        self.lineages = Lineages(
            session, contents=self.contents, names=self.names, places=self.places
        )
        self.open = OpenRows(session)
        self.runs = PackedRuns(session)
        self._rows: list[dict[str, object]] = []

    def apply(self, asset: str, body: LookBody, mark: LookMark, *, key: str) -> tuple[int, int]:
        """Apply a look; gives how many facts and how many assets there are more.

        `key`: hash of its place. Order: `mark.content` is recorded completely; names are checked.
        """
        packed = self._pack(asset, body, mark)
        if packed is not None:
            return packed
        place, is_new = self.places.place(asset, body, key=key, entry=mark.entry)
        if is_new:
            self.open.begin(place.place)
        if place.lineage and mark.content != NOWHERE:
            lineage = self.places.lineage(body.lineage)
            self.lineages.ord_of(lineage, mark.content, entry=mark.entry)
        seen_before = place.seen
        if place.is_followed_by(mark):
            gained = self._follow(place, mark)
        else:
            self.flush()
            gained = retell(self, place, added=mark, entry=mark.entry)
        self.places.changed(place, entry=mark.entry, seen_before=seen_before)
        appeared = self.places.learn(
            place.asset, entry=mark.entry, since=mark.lo, kind=body.asset_kind.value
        )
        self._rows.append(_look_row(place, mark, body, gained=gained, appeared=appeared))
        return gained, int(appeared)

    # ── finished runs ────────────────────────────────────────────────────────────────────────

    def _pack(self, asset: str, body: LookBody, mark: LookMark) -> tuple[int, int] | None:
        """Pack the look of a finished run; None when it needs rows of its own."""
        name = run_name(asset)
        if name is None or self.places.assets.find(asset) is not None:
            return None
        there = self.runs.places_of(name)
        if is_packable(body):
            lineage = self.places.lineage(body.lineage)
            series = self.runs.series_for(name, body, lineage.lineage)
            if series is not None and series.series not in there:
                order = self.lineages.ord_of(lineage, mark.content, entry=mark.entry)
                run = Run(name.number, mark.entry, mark.lo, mark.hi, appeared=not there)
                self.runs.add(name, series, order, run)
                return 1, int(not there)
        if there:
            self._unpack(name)
        return None

    def unpack_asset(self, asset: str) -> None:
        """Something that does not fit a packed run becomes known of an asset."""
        name = run_name(asset)
        if name is None or self.places.assets.find(asset) is not None:
            return
        if self.runs.places_of(name):
            self._unpack(name)

    def unpack_entry(self, entry: int) -> None:
        """The look of a packed run is retracted. Order: everything is flushed."""
        name = self.runs.find_entry(entry)
        if name is not None:
            self._unpack(name)

    def _unpack(self, name: RunName) -> None:
        self.flush()
        unpack(self, name)

    # ── a look that follows all others ───────────────────────────────────────────────────────

    def _follow(self, place: Place, look: LookMark) -> int:
        difference = self._difference(place, look)
        entry, seen_before = look.entry, place.seen
        gone_by = look.misses_from
        for kept in difference.gone:
            if look.whole:
                if not kept.live:
                    place.unsure -= 1
                to_lo = kept.last_seen(seen_before)
                self.open.close(kept, entry=entry, to_lo=to_lo, to_hi=gone_by)
            elif kept.live:
                self.open.hold(kept, entry=entry, to_lo=kept.last_seen(seen_before))
                place.unsure += 1
        for kept in difference.back:
            self.open.hold(kept, entry=entry, to_lo=LIVE)
            place.unsure -= 1
        for kept, sighting in difference.resighted:
            self.open.resight(kept, sighting)
        for element, seen in difference.came.items():
            self.open.open(self._new(place, look, element, seen))
        place.tangled = int(difference.tangled)
        place.take(look, content=look.content)
        if look.ended:
            self._end(place, look)
        return len(difference.came)

    def _end(self, place: Place, look: LookMark) -> None:
        """The place is gone: everything in it ends."""
        for kept in list(self.open.of_place(place.place, place.asset).values()):
            to_lo = kept.last_seen(place.seen)
            self.open.close(kept, entry=look.entry, to_lo=to_lo, to_hi=look.hi)
        place.unsure, place.tangled = 0, 0

    def _new(self, place: Place, look: LookMark, element: Element, seen: Seen) -> Kept:
        from_lo, from_hi = date_start(
            lower_start(look, place.absent_since),
            look.sees_from,
            look.hi,
            seen.since_lo,
            seen.since_hi,
        )
        return Kept(
            element=element,
            place=place.place,
            asset=place.asset,
            lineage=place.lineage,
            entry=look.entry,
            evidence_class=look.evidence_class,
            from_lo=from_lo,
            from_hi=from_hi,
            to_lo=LIVE,
            to_hi=OPEN,
            tx_from=look.entry,
            detail=seen.detail,
            sighting=seen.sighting,
            latest=look.hi if element.sort == CONTENT else 0,
        )

    def _difference(self, place: Place, look: LookMark) -> _Difference:
        if not (place.lineage or place.tangled or place.unsure):
            if look.content == place.content:
                return _Difference(came={}, gone=[], back=[], resighted=[], tangled=False)
            change = self.contents.change(place.content, look.content)
            told = self._told_difference(place, change, look.entry)
            if told is not None:
                return told
        return self._whole_difference(place, look)

    def elements_of(self, place: Place, content: int, *, entry: int) -> dict[Element, Seen]:
        """What a content means at a place."""
        if place.lineage:
            if content == NOWHERE:
                return {}
            row = self.lineages.known_ord(place.lineage, content)
            return {Element(CONTENT, row): Seen()}
        held = self.contents.resolve(content)
        self.names.expect(held.sightings.values(), held.identities.values())
        return self.names.elements(held.sightings, held.identities, entry=entry)

    def is_tangled(self, place: Place, content: int, elements: Iterable[Element]) -> bool:
        """Whether an element lies in a content several times."""
        if place.lineage:
            return False
        items = sum(1 for element in elements if element.sort == ITEM)
        return items < len(self.contents.resolve(content).sightings)

    def _whole_difference(self, place: Place, look: LookMark) -> _Difference:
        """By comparing all that is open with all that was seen."""
        after = self.elements_of(place, look.content, entry=look.entry)
        rows = self.open.of_place(place.place, place.asset)
        both = [(kept, after[one]) for one, kept in rows.items() if one in after]
        return _Difference(
            came={one: seen for one, seen in after.items() if one not in rows},
            gone=[kept for one, kept in rows.items() if one not in after],
            back=[kept for kept, _ in both if not kept.live],
            resighted=[(k, seen.sighting) for k, seen in both if k.sighting != seen.sighting],
            tangled=self.is_tangled(place, look.content, after),
        )

    def _told_difference(self, place: Place, change: Change, entry: int) -> _Difference | None:
        """By what the change itself says; None when that is not enough.

        Order: each element lies in the old content once, and all of it is seen (not tangled, not
        unsure).
        """
        number = self.names.sighting_number
        removed = [number(key) for key in change.removed if key[0] != "i"]
        self.open.expect(((place.place, one) for one in removed), ())
        gone: dict[Element, Kept] = {}
        for sighting in removed:
            kept = self.open.of_sighting(place.place, sighting)
            if kept is None:
                return None  # told of something that was not there
            gone[kept.element] = kept
        came: dict[Element, Seen] = {}
        resighted: list[tuple[Kept, int]] = []
        tangled = False
        elements = self.names.elements(change.added, {}, entry=entry)
        tangled = len(elements) < len(change.added)
        known = [(place.place, n) for _, n, _ in elements if self.names.is_written(n)]
        self.open.expect((), known)
        for element, seen in elements.items():
            kept = self.open.of_item(place.place, element)
            if kept is None:
                came[element] = seen
            elif element in gone:
                resighted.append((gone.pop(element), seen.sighting))
            else:
                tangled = True
        if tangled and came.keys() != elements.keys():
            return None  # which sighting stands for an element, the change alone cannot tell
        lost = self._told_identities(place, change, entry, came)
        return _Difference(
            came=came, gone=[*gone.values(), *lost], back=[], resighted=resighted, tangled=tangled
        )

    def _told_identities(
        self, place: Place, change: Change, entry: int, came: dict[Element, Seen]
    ) -> list[Kept]:
        """Identities come and go like items; there are few, so all open ones are looked at."""
        removed = [key for key in change.removed if key[0] == "i"]
        if not (removed or change.identities):
            return []
        rows = self.open.identities_of(place.place, place.asset)
        told = self.names.elements({}, change.identities, entry=entry)
        came.update((element, seen) for element, seen in told.items() if element not in rows)
        numbers = {self.names.find_identity(key) for key in removed}
        return [kept for kept in rows.values() if kept.element.number in numbers]

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def flush(self) -> None:
        """Write everything that was collected."""
        self.contents.flush()
        self.names.flush()
        self.lineages.flush()
        self.places.flush()
        self.runs.flush()
        self.open.flush()
        self.session.run_many("add_look", self._rows)
        self._rows = []


def mark_of(body: LookBody, *, entry: int, content: int, lo: int, hi: int) -> LookMark:
    """What the rules need of a look."""
    event = body.mode is LookMode.EVENT
    # A CI run, and a content that an event put there, have no time before.
    begins = body.asset_kind is AssetKind.CI_RUN or (bool(body.lineage) and event)
    return LookMark(
        entry=entry,
        lo=lo,
        hi=hi,
        event=event,
        ended=body.ended,
        whole=body.whole,
        begins=begins,
        content=content,
        evidence_class=int(body.evidence_class),
    )


def _look_row(
    place: Place, mark: LookMark, body: LookBody, *, gained: int, appeared: bool
) -> dict[str, object]:
    return {
        "entry": mark.entry,
        "place": place.place,
        "at_lo": mark.lo,
        "at_hi": mark.hi,
        "event": int(mark.event),
        "ended": int(mark.ended),
        "whole": int(mark.whole),
        "begins": int(mark.begins),
        "gaps": body.gaps_total,
        "content": mark.content,
        "asset_kind": body.asset_kind.value,
        "class": mark.evidence_class,
        "gained": gained,
        "appeared": int(appeared),
    }
