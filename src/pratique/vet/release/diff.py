"""What is news in a release against its base: signs that were not there, or that run earlier than before.

Code is matched by what it is, not by where it stands: an unchanged region is old wherever it moved. In a
changed region a sign is old when the same region, or a place that lost it, had its equal. Signs are
counted, so a second deed beside an old one is news.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
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
from pratique.vet.release.view import ReleaseView, region_of

_NUMBER = re.compile(r"\d+")
_ADDRESS = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")

SHORT = 200
"""Characters up to which numbers in a text are taken for versions and counts; longer ones are payloads."""

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
    """What the base had, by content, by region digest and by region."""

    view: ReleaseView
    by_hash: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_plain: dict[str, str] = field(default_factory=dict)
    by_base: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[str, Reach] = field(default_factory=dict)
    """Region digest → the highest reach any such region had."""


def new_signs(view: ReleaseView, base: ReleaseView) -> tuple[PlacedSign, ...]:
    """The signs of a release that are news against its base.

    Shape: ordered by path, then as in the content. A sign that was there keeps silent unless its place
    now runs earlier.
    """
    old = _index(base)
    spare = _spares(view, base)
    found: list[PlacedSign] = []
    for entry, facts in view.walk():
        if facts.signs:
            found += _news_of_file(view, entry, facts, old, spare)
    return tuple(found)


def _index(base: ReleaseView) -> _Old:
    old = _Old(view=base)
    for entry, facts in base.walk():
        path = entry.path
        old.by_hash[entry.sha256].append(path)
        old.by_plain[base.plain(path)] = path
        old.by_base[base_name(path)].append(path)
        for index, region in enumerate(facts.regions):
            reach = base.placement.reach(path, index)
            if reach >= old.digests.get(region.digest, Reach.NEVER):
                old.digests[region.digest] = reach
    return old


def _spares(view: ReleaseView, base: ReleaseView) -> dict[Key, Counter[Reach]]:
    """Signs that the base had and the release lost where they stood: what moved finds its equal here."""
    kept: Counter[tuple[str, Key]] = Counter()
    for entry, facts in view.walk():
        for sign in facts.signs:
            kept[view.plain(entry.path), key_of(sign)] += 1
    spare: dict[Key, Counter[Reach]] = defaultdict(Counter)
    for entry, facts in base.walk():
        plain = base.plain(entry.path)
        for sign in facts.signs:
            key = key_of(sign)
            if kept[plain, key] > 0:
                kept[plain, key] -= 1
            else:
                spare[key][base.placement.reach(entry.path, sign.region)] += 1
    return spare


def _news_of_file(
    view: ReleaseView,
    entry: FileEntry,
    facts: ContentFacts,
    old: _Old,
    spare: dict[Key, Counter[Reach]],
) -> Iterator[PlacedSign]:
    same = old.by_hash.get(entry.sha256)
    if same:
        yield from _risen(view, entry, facts, old.view, same)
        return
    before = _counterpart(view, entry, facts, old)
    counted = _counted(old.view, before) if before else {}
    for index, sign in enumerate(facts.signs):
        reach = view.placement.reach(entry.path, sign.region)
        region = region_of(facts, sign.region)
        if region is not None and region.digest in old.digests:
            if reach <= old.digests[region.digest]:
                continue
        elif _was_there(sign, region.name if region else "", reach, counted, spare):
            continue
        yield _placed(view, entry.path, facts, facts.signs[index])


def _risen(
    view: ReleaseView, entry: FileEntry, facts: ContentFacts, base: ReleaseView, same: list[str]
) -> Iterator[PlacedSign]:
    """Signs of an unchanged content at places that now run earlier."""
    for sign in facts.signs:
        before = max(base.placement.reach(path, sign.region) for path in same)
        if view.placement.reach(entry.path, sign.region) > before:
            yield _placed(view, entry.path, facts, sign)


def _counterpart(view: ReleaseView, entry: FileEntry, facts: ContentFacts, old: _Old) -> str | None:
    """The path of the base that this file came from: same path, else same name and shared code."""
    found = old.by_plain.get(view.plain(entry.path))
    if found is not None:
        return found
    mine = {region.digest for region in facts.regions}
    best, shared = None, 0
    for path in old.by_base.get(base_name(entry.path), ())[
        :64
    ]:  # of a common name, the first are tried
        theirs = {region.digest for region in old.view.facts(path).regions}
        if len(mine & theirs) > shared:
            best, shared = path, len(mine & theirs)
    return best


def _counted(base: ReleaseView, path: str) -> dict[tuple[str, Key], Counter[Reach]]:
    """(region name, key) → how often the base's file had it, by reach."""
    facts = base.facts(path)
    counted: dict[tuple[str, Key], Counter[Reach]] = defaultdict(Counter)
    for sign in facts.signs:
        region = region_of(facts, sign.region)
        name = region.name if region else ""
        counted[name, key_of(sign)][base.placement.reach(path, sign.region)] += 1
    return counted


def _was_there(
    sign: Sign,
    region: str,
    reach: Reach,
    counted: dict[tuple[str, Key], Counter[Reach]],
    spare: dict[Key, Counter[Reach]],
) -> bool:
    key = key_of(sign)
    return _take(counted.get((region, key)), reach) or _take(spare.get(key), reach)


def _take(stock: Counter[Reach] | None, reach: Reach) -> bool:
    """Use up one equal sign that ran at least as early."""
    if not stock:
        return False
    for had in sorted(stock):
        if had >= reach and stock[had] > 0:
            stock[had] -= 1
            return True
    return False


def _placed(view: ReleaseView, path: str, facts: ContentFacts, sign: Sign) -> PlacedSign:
    region = region_of(facts, sign.region)
    return PlacedSign(
        sign=sign,
        path=path,
        region=region.name if region else "",
        reach=view.placement.reach(path, sign.region),
        how=view.placement.how(path, sign.region),
    )


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
