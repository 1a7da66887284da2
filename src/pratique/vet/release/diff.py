"""What is news in a release against its base: signs that were not there, or that run earlier than before.

Code is matched by what it is, not by where it stands: an unchanged region is old wherever it moved. In a
changed region a sign is old when the same region, or a place that lost it, had its equal. Signs are
counted, so a second deed beside an old one is news.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pratique.vet.model import (
    Capability,
    CapabilityUse,
    Change,
    ContentFacts,
    FileEntry,
    PlacedSign,
    Reach,
    Sign,
)
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView, place_sign, region_of

_NUMBER = re.compile(r"\d+")
_ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")

SHORT = 200
"""Characters up to which numbers in a text are taken for versions and counts; longer ones are payloads."""

MAX_EQUAL = 500
"""Equal lost signs that are looked through for one new sign: generated code repeats itself."""

Key = tuple[str, str, str]
"""Rule, trait, and what it comes to without versions and blanks."""


def key_of(sign: Sign) -> Key:
    """What makes two signs equal although lines moved and versions were raised."""
    text = " ".join((sign.shown or sign.excerpt).split())
    if len(text) <= SHORT and _ADDRESS.search(text) is None:
        text = _NUMBER.sub("0", text)
    return (sign.rule, sign.trait, text)


@dataclass(slots=True, eq=False)
class _Old:
    """What the base had, by content, by place and by region digest."""

    view: ReleaseView
    by_hash: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_plain: dict[str, str] = field(default_factory=dict)
    by_base: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    told: dict[tuple[str, Key], Reach] = field(default_factory=dict)
    """(region digest, key) → the highest reach at which such code had such a sign. The key counts too: what
    a function sends where may be told by a constant outside of it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sign of the release whose code is not the base's; it may still be an old sign."""

    placed: PlacedSign
    key: Key
    origin: str
    """Path in the base of the file it came from, or ""."""


def new_signs(view: ReleaseView, base: ReleaseView) -> tuple[PlacedSign, ...]:
    """The signs of a release that are news against its base.

    Shape: ordered by path, then as in the content. A sign that was there keeps silent unless its place
    now runs earlier.
    """
    old = _index(base)
    risen: list[PlacedSign] = []
    changed: list[_Seen] = []
    for entry, facts in view.walk():
        if facts.signs:
            _sort_signs(view, entry, facts, old, risen, changed)
    fresh = _unmatched(changed, _lost(view, base)) if changed else []
    return tuple(sorted((*risen, *fresh), key=_by_place))


def _by_place(found: PlacedSign) -> tuple[str, int, int, str, str, str]:
    sign = found.sign
    return (found.path, sign.line, sign.column, sign.rule, sign.trait, sign.shown)


def _index(base: ReleaseView) -> _Old:
    old = _Old(view=base)
    for entry, facts in base.walk():
        path = entry.path
        old.by_hash[entry.sha256].append(path)
        old.by_plain[base.plain(path)] = path
        old.by_base[base_name(path)].append(path)
        for sign in facts.signs:
            region = region_of(facts, sign.region)
            if region is not None and region.digest:
                place = (region.digest, key_of(sign))
                reach = base.placement.reach(path, sign.region)
                old.told[place] = max(reach, old.told.get(place, Reach.NEVER))
    return old


def _sort_signs(
    view: ReleaseView,
    entry: FileEntry,
    facts: ContentFacts,
    old: _Old,
    risen: list[PlacedSign],
    changed: list[_Seen],
) -> None:
    """Signs in code that the base had are news only when it runs earlier; others must find their equal."""
    same = old.by_hash.get(entry.sha256)
    origin = "" if same else _origin(view, entry, facts, old)
    for sign in facts.signs:
        reach = view.placement.reach(entry.path, sign.region)
        region = region_of(facts, sign.region)
        before: Reach | None
        if same:
            before = max(old.view.placement.reach(path, sign.region) for path in same)
        else:
            before = old.told.get((region.digest, key_of(sign))) if region else None
        if before is None:
            placed = place_sign(view, entry.path, facts, sign)
            changed.append(_Seen(placed, key_of(sign), origin))
            continue
        # Old data that some code could load before is no news when earlier code may load it, too.
        guessed = bool(same) and (entry.path, sign.region) not in view.placement.placed
        if reach > before and not (guessed and before is not Reach.NEVER):
            risen.append(place_sign(view, entry.path, facts, sign))


def _origin(view: ReleaseView, entry: FileEntry, facts: ContentFacts, old: _Old) -> str:
    """The path of the base that this file came from: same path, else same name and shared code."""
    found = old.by_plain.get(view.plain(entry.path))
    if found is not None:
        return found
    mine = {region.digest for region in facts.regions}
    best, shared = "", 0
    for path in old.by_base.get(base_name(entry.path), ())[
        :64
    ]:  # of a common name, the first are tried
        theirs = {region.digest for region in old.view.facts(path).regions}
        if len(mine & theirs) > shared:
            best, shared = path, len(mine & theirs)
    return best


def _lost(view: ReleaseView, base: ReleaseView) -> list[tuple[str, str, Key, Reach]]:
    """(path, region, key, reach) of the base's signs whose code is no longer in the release."""
    hashes = {entry.sha256 for entry in view.release.files}
    kept = {
        (region.digest, key_of(sign))
        for _, facts in view.walk()
        for sign in facts.signs
        if (region := region_of(facts, sign.region)) is not None
    }
    lost = []
    for entry, facts in base.walk():
        if not facts.signs or entry.sha256 in hashes:
            continue
        for sign in facts.signs:
            region = region_of(facts, sign.region)
            if region is not None and (region.digest, key_of(sign)) in kept:
                continue
            reach = base.placement.reach(entry.path, sign.region)
            lost.append((entry.path, region.name if region else "", key_of(sign), reach))
    return lost


def _unmatched(changed: list[_Seen], lost: list[tuple[str, str, Key, Reach]]) -> list[PlacedSign]:
    """What is left when each lost sign has taken one equal new one: of its region, its file, any file."""
    stock: dict[Key, list[tuple[str, str, Reach]]] = defaultdict(list)
    for path, region, key, reach in lost:
        stock[key].append((path, region, reach))
    for closeness in range(3):
        left: list[_Seen] = []
        for seen in changed:
            places = stock.get(seen.key)
            found = _closest(seen, places, closeness) if places else None
            if places and found is not None:
                places.pop(found)
            else:
                left.append(seen)
        changed = left
    return [seen.placed for seen in changed]


def _closest(seen: _Seen, places: list[tuple[str, str, Reach]], closeness: int) -> int | None:
    """Index of a lost sign that this one continues, which ran at least as early; the tightest fits best."""
    best: int | None = None
    for index, (path, region, reach) in enumerate(places[:MAX_EQUAL]):
        if reach < seen.placed.reach:
            continue
        if closeness < 2 and path != seen.origin:  # noqa: PLR2004 - third pass: anywhere
            continue
        if closeness == 0 and region != seen.placed.region:
            continue
        if best is None or reach < places[best][2]:
            best = index
    return best


# ── capabilities ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One capability of a release, at the earliest place that uses it."""

    capability: Capability
    reach: Reach
    path: str
    line: int
    name: str


def capabilities(view: ReleaseView) -> tuple[Held, ...]:
    """Each capability that some code of the release has, at the highest reach it has it."""
    best: dict[Capability, Held] = {}
    for entry, facts in view.walk():
        for use in facts.uses:
            held = _held(view, entry.path, use)
            known = best.get(use.capability)
            if held.reach is not Reach.NEVER and (known is None or held.reach > known.reach):
                best[use.capability] = held
    return tuple(best[name] for name in sorted(best))


def _held(view: ReleaseView, path: str, use: CapabilityUse) -> Held:
    return Held(
        capability=use.capability,
        reach=view.placement.reach(path, use.region),
        path=path,
        line=use.line,
        name=use.name,
    )


def new_capabilities(view: ReleaseView, base: ReleaseView) -> tuple[Change, ...]:
    """Capabilities that the release gained, uses earlier than before, or lost."""
    now = {held.capability: held for held in capabilities(view)}
    then = {held.capability: held for held in capabilities(base)}
    gained = [
        held
        for name, held in now.items()
        if name not in then or _class_of(held.reach) > _class_of(then[name].reach)
    ]
    lost = [held for name, held in then.items() if name not in now]
    return (*_changes(gained, gained=True), *_changes(lost, gained=False))


def _class_of(reach: Reach) -> int:
    """Asked for, imported, unasked: within one of these a change is not a gain of capability."""
    return sum(reach >= step for step in (Reach.SUBMODULE, Reach.BUILD, Reach.STARTUP))


def _changes(held: Iterable[Held], *, gained: bool) -> Iterator[Change]:
    for item in held:
        yield Change(
            capability=item.capability,
            gained=gained,
            path=item.path,
            line=item.line,
            name=item.name,
            reach=item.reach.word,
        )
