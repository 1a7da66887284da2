"""Assets, places and lineages: who they are, and the working state of each.

State is loaded when a batch first needs it and written once at its end. All of it follows from the
entries applied so far, so cutting them into other batches gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import LookBody
from pratique.inventory.observed.model import AssetKind
from pratique.store.connect import Session
from pratique.store.inventory_numbers import MAX_TEXT, Numbers, storable, text_hash
from pratique.store.inventory_rules import NOWHERE, LookMark
from pratique.values.spans import DAWN, OPEN


@dataclass(slots=True, kw_only=True)
class Place:
    """A place, and what the newest look left there."""

    place: int
    asset: int
    lineage: int
    """0: contents are its own."""
    content: int
    """Of the newest look in time; none once the place is gone."""
    looks: int
    last_hi: int
    ends_in_point: int
    absent_since: int
    seen: int
    unsure: int
    """Open rows that the newest look did not see, because it was not whole."""
    tangled: int
    """Whether an item lies in the content more than once at one stage."""

    def is_followed_by(self, look: LookMark) -> bool:
        """Whether a look is later than all others, so that it changes nothing before it."""
        if self.looks == 0 or look.lo > self.last_hi:
            return True
        return look.lo == self.last_hi and not self.ends_in_point

    def take(self, look: LookMark, *, content: int) -> None:
        """Take in a look that follows."""
        self.looks += 1
        self.content = NOWHERE if look.ended else content
        self.last_hi = look.hi
        self.ends_in_point = int(look.ended or look.lo == look.hi)
        self.seen = max(self.seen, look.sees_until)
        if look.whole:
            self.absent_since = max(self.absent_since, look.misses_until)
        if look.ended:
            self.absent_since = max(self.absent_since, look.hi)


_STATE = tuple(f.name for f in fields(Place) if f.name not in ("place", "asset", "lineage"))


@dataclass(slots=True, kw_only=True)
class Lineage:
    """A history of contents that places share, numbered as they first came."""

    lineage: int
    content: int
    """The newest number's content."""
    last_ord: int


@dataclass(slots=True, kw_only=True)
class AssetState:
    """What is known of an asset as a whole."""

    kind: str = AssetKind.UNKNOWN.value
    since: int = OPEN
    """OPEN: nothing is known of it."""


class Places:
    """The assets, places and lineages that a batch touches."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.assets = Numbers(session, "asset", add="add_inventory_asset")
        self._places: dict[str, Place | None] = {}
        self._lineages: dict[str, Lineage | None] = {}
        self._last: dict[str, int] = {}
        self._states: dict[int, AssetState] = {}
        self._machines: dict[int, set[str]] = {}
        self._new_places: list[dict[str, object]] = []
        self._new_lineages: list[dict[str, object]] = []
        self._changed_places: dict[int, Place] = {}
        self._changed_lineages: dict[int, Lineage] = {}
        self._changed_states: dict[tuple[int, int], AssetState] = {}
        self._seen: dict[tuple[int, int], int] = {}
        self._conflicts: list[dict[str, object]] = []

    # ── places ───────────────────────────────────────────────────────────────────────────────

    def expect(self, looks: Iterable[tuple[str, LookBody, str]]) -> None:
        """Look up the assets, places and lineages of these looks (with the places' hashes)."""
        listed = list(looks)
        self.assets.expect(asset for asset, _, _ in listed)
        self._expect_places([key for _, _, key in listed])
        names = {body.lineage for _, body, _ in listed if body.lineage}
        self._expect_lineages([text_hash(name) for name in sorted(names)])
        self._expect_states(
            number for asset, _, _ in listed if (number := self.assets.find(asset)) is not None
        )

    def _expect_places(self, hashes: list[str]) -> None:
        wanted = [one for one in dict.fromkeys(hashes) if one not in self._places]
        if wanted:
            self._places.update(dict.fromkeys(wanted))
            for key, place, asset, lineage, *state in self._session.run("find_places", keys=wanted):
                self._places[key] = Place(
                    place=place,
                    asset=asset,
                    lineage=lineage,
                    **dict(zip(_STATE, state, strict=True)),
                )

    def known(self, key: str) -> Place | None:
        """The place with this hash, if there was a look at it before."""
        self._expect_places([key])
        return self._places[key]

    def by_hash(self, key: str) -> Place:
        """A place that is stored."""
        place = self.known(key)
        if place is None:
            raise KeyError(key)
        return place

    def place(self, asset: str, body: LookBody, *, key: str, entry: int) -> tuple[Place, bool]:
        """The place of a look, by its hash, and whether it is new."""
        known = self.known(key)
        if known is not None:
            return known, False
        number = self.assets.number(asset, {})
        lineage = self.lineage(body.lineage).lineage if body.lineage else 0
        place = Place(
            place=self._next("place"),
            asset=number,
            lineage=lineage,
            content=NOWHERE,
            looks=0,
            last_hi=DAWN,
            ends_in_point=0,
            absent_since=DAWN,
            seen=DAWN,
            unsure=0,
            tangled=0,
        )
        self._places[key] = place
        self._new_places.append(
            {
                "place": place.place,
                "hash": key,
                "asset": number,
                "kind": body.place_kind.value,
                "locator": storable(body.locator),
                "lineage": lineage,
                "machine": body.machine,
            }
        )
        self._note_machine(number, body.machine, entry)
        return place, True

    def _note_machine(self, asset: int, machine: str, entry: int) -> None:
        """Two machines under one name: looks stay apart by place, and answers can say so."""
        if not machine:
            return
        if asset not in self._machines:
            rows = self._session.run("list_machines", asset=asset)
            self._machines[asset] = {known for (known,) in rows}
        machines = self._machines[asset]
        if machines and machine not in machines:
            self._conflicts.append({"asset": asset, "entry": entry})
        machines.add(machine)

    def changed(self, place: Place, *, entry: int, seen_before: int) -> None:
        """Note that a place's state changed by this entry."""
        self._changed_places[place.place] = place
        if place.seen != seen_before:
            self._seen[place.place, entry] = place.seen

    # ── lineages ─────────────────────────────────────────────────────────────────────────────

    def _expect_lineages(self, hashes: list[str]) -> None:
        wanted = [one for one in dict.fromkeys(hashes) if one not in self._lineages]
        if wanted:
            self._lineages.update(dict.fromkeys(wanted))
            for key, lineage, content, last_ord in self._session.run("find_lineages", keys=wanted):
                self._lineages[key] = Lineage(lineage=lineage, content=content, last_ord=last_ord)

    def lineage(self, name: str) -> Lineage:
        """The lineage of this name, made if it is new."""
        key = text_hash(name)
        self._expect_lineages([key])
        known = self._lineages[key]
        if known is None:
            known = Lineage(lineage=self._next("lineage"), content=NOWHERE, last_ord=0)
            self._lineages[key] = known
            row = {"lineage": known.lineage, "hash": key, "name": storable(name)}
            self._new_lineages.append(row)
        return known

    def lineage_changed(self, lineage: Lineage) -> None:
        """Note that a lineage has a new content."""
        self._changed_lineages[lineage.lineage] = lineage

    def _next(self, table: str) -> int:
        if table not in self._last:
            self._last[table] = self._session.run(f"last_{table}")[0][0] or 0
        self._last[table] += 1
        return self._last[table]

    # ── assets ───────────────────────────────────────────────────────────────────────────────

    def _expect_states(self, assets: Iterable[int]) -> None:
        wanted = [one for one in dict.fromkeys(assets) if one not in self._states]
        if wanted:
            self._states.update((one, AssetState()) for one in wanted)
            keys = json.dumps(wanted)
            for asset, kind, since in self._session.run("find_asset_states", keys=keys):
                self._states[asset] = AssetState(kind=kind, since=since)

    def learn(self, asset: int, *, entry: int, since: int, kind: str) -> bool:
        """Something is known of an asset from `since` on; gives whether nothing was before."""
        old = self._states.get(asset)
        if old is None:
            self._expect_states([asset])
            old = self._states[asset]
        if old.since <= since and old.kind != AssetKind.UNKNOWN.value:
            return False
        known_kind = kind if old.kind == AssetKind.UNKNOWN.value else old.kind
        new = AssetState(kind=known_kind, since=min(old.since, since))
        self.state(asset, new, entry=entry)
        return old.since == OPEN

    def state(self, asset: int, state: AssetState, *, entry: int) -> None:
        """What is known of an asset from this entry on."""
        self._expect_states([asset])
        if self._states[asset] != state:
            self._states[asset] = state
            self._changed_states[asset, entry] = state

    def is_known(self, asset: int) -> bool:
        """Whether something is known of an asset."""
        self._expect_states([asset])
        return self._states[asset].since != OPEN

    # ── rows that others wrote ───────────────────────────────────────────────────────────────

    def forget_asset(self, name: str, asset: int) -> None:
        """An asset was written aside, with a number of its own."""
        self.assets.adopt(name, asset)
        self._states.pop(asset, None)

    def forget_place(self, key: str) -> None:
        """A place was written aside."""
        self._places.pop(key, None)

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def flush(self) -> None:
        """Write what was added and changed."""
        run_many = self._session.run_many
        self.assets.flush()
        run_many("add_place", self._new_places)
        run_many("add_lineage", self._new_lineages)
        run_many("add_name_conflict", self._conflicts)
        run_many("set_place", [state_of(place) for place in self._changed_places.values()])
        run_many(
            "set_lineage",
            [
                {"lineage": one.lineage, "content": one.content, "last_ord": one.last_ord}
                for one in self._changed_lineages.values()
            ],
        )
        run_many(
            "add_asset_state",
            [
                {"asset": asset, "tx_from": entry, "kind": state.kind, "since": state.since}
                for (asset, entry), state in self._changed_states.items()
            ],
        )
        run_many(
            "add_place_seen",
            [
                {"place": place, "tx_from": entry, "seen": seen}
                for (place, entry), seen in self._seen.items()
            ],
        )
        self._new_places, self._new_lineages, self._conflicts = [], [], []
        self._changed_places, self._changed_lineages = {}, {}
        self._changed_states, self._seen = {}, {}


def state_of(place: Place) -> dict[str, object]:
    """A place's state as the statement that writes it wants it."""
    return {name: getattr(place, name) for name in ("place", *_STATE)}


def place_hash(asset: str, body: LookBody) -> str:
    """What tells a place from all others; two machines with one name have different ones."""
    return _place_hash(asset, body.place_kind, body.locator, body.lineage, body.machine)


_place_hash = lru_cache(maxsize=8_192)(text_hash)
"""Kept, because a fleet's places are looked at every day."""


def check_names(asset: str, body: LookBody) -> None:
    """Raises: ValueFormatError when a name is too long or not one that every store can keep."""
    for what, text in (("asset", asset), ("machine", body.machine)):
        if len(text.encode(errors="replace")) > MAX_TEXT or "\x00" in text:
            raise ValueFormatError(
                f"the {what}'s name cannot be kept: {text[:80]!r}",
                expected=f"at most {MAX_TEXT} bytes, none of them NUL",
            )
