"""A look becomes rows: what came, what is gone, what was not seen this time.

Looks mostly come in the order in which they happened; then only what changed is touched. One that
comes late, overlaps another or is retracted makes all of its place's runs be told again
(`inventory_rules.tell`); what differs then supersedes what was known. Both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pratique.inventory.observed.entries import LookBody
from pratique.inventory.observed.model import AssetKind, LookMode
from pratique.store.connect import Session
from pratique.store.inventory_contents import Change, Contents
from pratique.store.inventory_kept import CONTENT, ITEM, LIVE, Element, Kept, Seen
from pratique.store.inventory_lineages import Lineages
from pratique.store.inventory_lines import number_of_key
from pratique.store.inventory_names import Names
from pratique.store.inventory_open import OpenRows
from pratique.store.inventory_packed import PackedRuns
from pratique.store.inventory_places import Place, Places
from pratique.store.inventory_retold import retell
from pratique.store.inventory_rules import NOWHERE, LookMark, lower_start
from pratique.store.inventory_runs import Run, RunName, is_packable, run_name
from pratique.store.inventory_starts import date_start
from pratique.store.inventory_unpack import unpack
from pratique.values.spans import OPEN

_LOOK: Final = (
    "entry", "place", "at_lo", "at_hi", "event", "ended", "whole", "begins", "gaps", "content",
    "asset_kind", "class", "gained", "appeared",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
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
        self._rows: list[tuple[object, ...]] = []

    def apply(
        self, asset: str, body: LookBody, mark: LookMark, *, key: str, name: RunName | None
    ) -> tuple[int, int]:
        """Apply a look; gives how many facts and how many assets there are more.

        `key`: hash of its place; `name`: of its asset, when it can be packed. Order: `mark.content`
        is recorded completely; names are checked.
        """
        if name is not None:
            packed = self._pack(name, body, mark)
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

    def _pack(self, name: RunName, body: LookBody, mark: LookMark) -> tuple[int, int] | None:
        """Pack the look of a finished run; None when it needs rows of its own."""
        if self.places.assets.find(name.text) is not None:
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
        if look.whole:
            if place.unsure:
                place.unsure -= sum(1 for kept in difference.gone if not kept.live)
            gone_by = look.misses_from
            self.open.close(
                place.place, difference.gone, entry=entry, seen=seen_before, to_hi=gone_by
            )
        else:
            for kept in difference.gone:
                if kept.live:
                    self.open.hold(kept, entry=entry, to_lo=kept.last_seen(seen_before))
                    place.unsure += 1
        for kept in difference.back:
            self.open.hold(kept, entry=entry, to_lo=LIVE)
            place.unsure -= 1
        for kept, sighting in difference.resighted:
            self.open.resight(kept, sighting)
        self.open.open(place.place, self._new(place, look, difference.came))
        place.tangled = int(difference.tangled)
        place.take(look, content=look.content)
        if look.ended:
            self._end(place, look)
        return len(difference.came)

    def _end(self, place: Place, look: LookMark) -> None:
        """The place is gone: everything in it ends."""
        gone = list(self.open.of_place(place.place, place.asset).values())
        self.open.close(place.place, gone, entry=look.entry, seen=place.seen, to_hi=look.hi)
        place.unsure, place.tangled = 0, 0

    def _new(self, place: Place, look: LookMark, came: dict[Element, Seen]) -> list[Kept]:
        """The rows of what came."""
        at, asset, lineage, entry = place.place, place.asset, place.lineage, look.entry
        evidence, latest = look.evidence_class, look.hi if place.lineage else 0
        start, from_hi = lower_start(look, place.absent_since), look.sees_from
        new: list[Kept] = []
        for element, (sighting, detail, since_lo, since_hi) in came.items():
            low, high = start, from_hi
            if since_lo is not None or since_hi is not None:
                low, high = date_start(start, from_hi, look.hi, since_lo, since_hi)
            kept = Kept(
                element, at, asset, lineage, entry, evidence, low, high, LIVE, OPEN, entry, detail,
                sighting, latest,
            )  # fmt: skip
            new.append(kept)
        return new

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
        held = self.contents.held(content)
        self.names.expect(held.lines.values(), held.identities.values())
        return self.names.elements(held.lines, held.identities, entry=entry)

    def is_tangled(self, place: Place, content: int, elements: Iterable[Element]) -> bool:
        """Whether an element lies in a content several times."""
        if place.lineage:
            return False
        items = sum(1 for element in elements if element.sort == ITEM)
        return items < len(self.contents.held(content).lines)

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
        elements = self.names.elements(change.added, {}, entry=entry)
        tangled = len(elements) < len(change.added)
        here = place.place
        removed = [number_of_key(key) for key in change.removed if key[0] != "i"]
        gone: dict[Element, Kept] = {}
        came: dict[Element, Seen] = elements
        resighted: list[tuple[Kept, int]] = []
        if not self.open.is_bare(here):
            written = [one.number for one in elements if self.names.is_written(one.number)]
            self.open.expect({here: removed}, {here: written})
            by_sighting = self.open.of_sightings(here)
            for sighting in removed:
                kept = by_sighting.get(sighting)
                if kept is None:
                    return None  # told of something that was not there
                gone[kept.element] = kept
            came = {}
            rows = self.open.of_items(here)
            for element, seen in elements.items():
                kept = rows.get(element)
                if kept is None:
                    came[element] = seen
                elif element in gone:
                    resighted.append((gone.pop(element), seen.sighting))
                else:
                    tangled = True
        elif removed:
            return None
        if tangled and len(came) != len(elements):
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
        self.session.run_rows("add_look", _LOOK, self._rows)
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
) -> tuple[object, ...]:
    return (
        mark.entry, place.place, mark.lo, mark.hi, int(mark.event), int(mark.ended), int(mark.whole),
        int(mark.begins), body.gaps_total, mark.content, body.asset_kind.value, mark.evidence_class,
        gained, int(appeared),
    )  # fmt: skip
