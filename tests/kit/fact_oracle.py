"""`OracleFacts`: the named questions answered by thinking each one through from all entries.

Nothing is kept up to date: every question looks at every known look again. Slow and meant to be
obviously right, so that stores can be compared with it. docs/explain/inventory-facts.md has the
rules in words; the comments here are the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from pratique.errors import ValueFormatError
from pratique.exposure.ports import (
    AssetRow,
    Conflict,
    Edge,
    Extent,
    Held,
    Hit,
    ItemRow,
    PlaceRow,
    Theft,
    Totals,
    Watched,
)
from pratique.exposure.reach import close_reach
from pratique.exposure.reach_graph import build_graph
from pratique.inventory.observed.entries import (
    EMPTY,
    Content,
    ContentBody,
    FactsBody,
    LookBody,
    RetractionBody,
    apply_content,
    parse_look,
)
from pratique.inventory.observed.model import (
    AssetKind,
    Fact,
    Identity,
    Item,
    LookMode,
    Sighting,
    identity_key,
)
from pratique.ledger.entries import Entry
from pratique.values.instants import parse_instant
from pratique.values.spans import DAWN, OPEN, Span, to_micros

MAX_PARTS = 10_000
MAX_NAME = 64

_NOTHING = Content(sightings={}, identities={})
_ItemKey = tuple[Item, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    entry: int
    asset: str
    body: LookBody
    lo: int
    hi: int
    content: Content
    is_end: bool = False
    """Whether this stands for "the place is gone now", which an ended look says besides."""

    @property
    def place(self) -> tuple[str, str, str, str, str]:
        body = self.body
        return self.asset, body.place_kind.value, body.locator, body.lineage, body.machine

    @property
    def event(self) -> bool:
        return self.is_end or self.body.mode is LookMode.EVENT

    @property
    def order(self) -> tuple[int, int, bool, int]:
        return self.lo, self.hi, self.is_end, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Looks that saw an element, with nothing between them that proves its absence."""

    first: _Look
    lo: int
    span: Span


def _touch(one: _Look, other: _Look) -> bool:
    """Whether two looks share an instant; half-open, a look of zero length is a point."""
    return one.lo < max(other.hi, other.lo + 1) and other.lo < max(one.hi, one.lo + 1)


def _micros(text: str, missing: int) -> int:
    return to_micros(parse_instant(text)) if text else missing


def _place_seen(looks: Iterable[_Look]) -> int:
    return max(look.hi if look.event else look.lo for look in looks)


class OracleFacts:
    """Feed it entries in order with `add`, then ask."""

    def __init__(self) -> None:
        self._looks: list[_Look] = []
        self._facts: list[tuple[int, int, int, Fact]] = []
        self._gone: dict[tuple[int, int | None], int] = {}
        self._parts: dict[tuple[str, str, int], dict[int, ContentBody]] = {}
        self._contents: dict[str, Content] = {EMPTY: _NOTHING}
        self._items: dict[_ItemKey, tuple[int, int]] = {}
        self._assets: dict[str, int] = {}
        self._places: dict[tuple[str, str, str, str, str], int] = {}
        self._unreadable: list[int] = []
        self._applied = 0

    # ── entries ──────────────────────────────────────────────────────────────────────────────

    def add(self, entry: Entry) -> None:
        """Take in the next entry."""
        self._applied = entry.sequence + 1
        try:
            match entry.kind:
                case "content":
                    self._add_content(entry)
                case "look":
                    self._add_look(entry)
                case "facts":
                    self._add_facts(entry)
                case "retraction":
                    self._add_retraction(entry)
        except (msgspec.ValidationError, ValueFormatError):
            self._unreadable.append(entry.sequence)

    def _add_content(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, ContentBody)
        name = entry.subject.removeprefix("content:")
        if not 0 <= body.part < body.parts <= MAX_PARTS or not 0 < len(name) <= MAX_NAME:
            raise ValueFormatError("a part beyond the last one", expected="0 <= part < parts")
        if not all(re.fullmatch("[si][0-9a-f]{23}", key) for key in body.removed):
            raise ValueFormatError("not a key", expected="a key of a sighting or an identity")
        for sighting in body.added:
            _micros(sighting.since_lo, 0)
            _micros(sighting.since_hi, 0)
        if name in self._contents:
            return
        if body.base and body.base not in self._contents:
            raise ValueFormatError("unknown base", expected="a recorded content")
        parts = {} if body.parts == 1 else self._parts.setdefault((name, body.base, body.parts), {})
        parts.setdefault(body.part, body)
        if len(parts) == body.parts:
            ordered = [parts[number] for number in range(body.parts)]
            self._contents[name] = apply_content(self._contents.get(body.base, _NOTHING), ordered)

    def _add_look(self, entry: Entry) -> None:
        asset, body = parse_look(entry.subject, entry.body)
        if body.content not in self._contents:
            raise ValueFormatError("a content that was never recorded", expected="a content")
        content = self._contents[body.content]
        look = _Look(
            entry=entry.sequence,
            asset=asset,
            body=body,
            lo=_micros(body.at_lo, 0),
            hi=_micros(body.at_hi, 0),
            content=content,
        )
        self._looks.append(look)
        self._assets.setdefault(asset, len(self._assets) + 1)
        self._places.setdefault(look.place, len(self._places) + 1)
        for _, sighting in sorted(content.sightings.items()):
            key = sighting.item, sighting.range
            self._items.setdefault(key, (len(self._items) + 1, entry.sequence))

    def _add_facts(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, FactsBody)
        recorded = to_micros(entry.recorded_at)
        for fact in body.facts:
            _fact_span(fact, recorded)
        for number, fact in enumerate(body.facts):
            self._facts.append((entry.sequence, number, recorded, fact))
            for key in (fact.subject, fact.object):
                if key.startswith("asset:"):
                    self._assets.setdefault(key.removeprefix("asset:"), len(self._assets) + 1)

    def _add_retraction(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, RetractionBody)
        looks = {look.entry for look in self._looks}
        facts = {(sequence, number) for sequence, number, _, _ in self._facts}
        if body.fact is None and body.entry not in looks | {sequence for sequence, _ in facts}:
            raise ValueFormatError("nothing to retract", expected="a look or facts entry")
        if body.fact is not None and (body.entry, body.fact) not in facts:
            raise ValueFormatError("nothing to retract", expected="a fact")
        self._gone.setdefault((body.entry, body.fact), entry.sequence)

    # ── what counts at a ledger size ─────────────────────────────────────────────────────────

    def _counts(self, entry: int, fact: int | None, tx: int) -> bool:
        gone = min(self._gone.get((entry, None), tx), self._gone.get((entry, fact), tx))
        return entry < tx <= gone

    def _known(self, tx: int) -> list[_Look]:
        return [look for look in self._looks if self._counts(look.entry, None, tx)]

    def _by_place(self, tx: int) -> Iterator[list[_Look]]:
        found: dict[object, list[_Look]] = {}
        for look in self._known(tx):
            found.setdefault(look.place, []).append(look)
        yield from found.values()

    # ── the rules ────────────────────────────────────────────────────────────────────────────

    def _runs(self, looks: list[_Look], sees: Mapping[int, bool]) -> Iterator[_Run]:
        """How long an element was at a place. `sees`: by entry, whether the look saw it."""
        ends = [
            replace(look, lo=look.hi, content=_NOTHING, is_end=True)
            for look in looks
            if look.body.ended
        ]
        every = sorted([*looks, *ends], key=lambda look: look.order)
        run: list[_Look] = []
        absent_since = DAWN
        for look in every:
            if not look.is_end and sees[look.entry]:
                run.append(look)
            elif self._proves_absence(look, every):
                if run:
                    to_hi = look.lo if look.event else look.hi
                    yield self._run(run, absent_since, to_hi)
                    run = []
                # Absent at some instant of a sampled look, throughout an event look.
                absent_since = max(absent_since, look.hi if look.event else look.lo)
        if run:
            yield self._run(run, absent_since, OPEN)

    def _proves_absence(self, look: _Look, every: list[_Look]) -> bool:
        """Whole, or the place was gone; and no look at the same time says otherwise."""
        return (look.is_end or look.body.whole) and not any(
            _touch(look, other) and other.content.id != look.content.id
            for other in every
            if other.entry != look.entry
        )

    def _run(self, run: list[_Look], absent_since: int, to_hi: int) -> _Run:
        first = run[0]
        lo = absent_since
        if first.body.asset_kind is AssetKind.CI_RUN or (first.body.lineage and first.event):
            # A CI run, and a content that an event put there, have no time before.
            lo = max(lo, first.lo)
        from_hi = min(look.lo if look.event else look.hi for look in run)
        return _Run(first=first, lo=lo, span=Span(lo, from_hi, _place_seen(run), to_hi))

    def _dated(self, run: _Run, since_lo: str, since_hi: str) -> Span:
        """A run whose item the evidence itself dates; contradicting evidence widens."""
        lo, hi, to_lo, to_hi = run.span
        if since_lo or since_hi:
            latest = run.first.hi
            came_lo = _micros(since_lo, DAWN)
            came_hi = max(_micros(since_hi, latest), came_lo)
            if came_lo > latest:
                pass  # later than it was seen: a clock is wrong
            elif came_hi < run.lo:
                lo, hi = came_lo, latest
            else:
                lo, hi = max(run.lo, came_lo), min(latest, came_hi)
        return Span(lo, hi, max(to_lo, hi), to_hi)

    def _all_hits(self, tx: int) -> Iterator[tuple[_ItemKey, Hit]]:
        for looks in self._by_place(tx):
            if looks[0].body.lineage:
                yield from self._lineage_hits(looks)
            else:
                yield from self._flat_hits(looks)

    def _flat_hits(self, looks: list[_Look]) -> Iterator[tuple[_ItemKey, Hit]]:
        """An element is an item at a stage; the run's first look has the details."""
        elements = {(s.item, s.range, s.stage) for k in looks for s in k.content.sightings.values()}
        for item, admits, stage in sorted(elements):
            seen = {
                look.entry: [
                    sighting
                    for _, sighting in sorted(look.content.sightings.items())
                    if (sighting.item, sighting.range, sighting.stage) == (item, admits, stage)
                ]
                for look in looks
            }
            for run in self._runs(looks, {entry: bool(found) for entry, found in seen.items()}):
                sighting = seen[run.first.entry][0]
                span = self._dated(run, sighting.since_lo, sighting.since_hi)
                yield (item, admits), self._hit(run, sighting, span)

    def _lineage_hits(self, looks: list[_Look]) -> Iterator[tuple[_ItemKey, Hit]]:
        """An element is a content; each of its sightings was there as long as it was."""
        for content in {look.body.content: look.content for look in looks}.values():
            sees = {look.entry: look.content.id == content.id for look in looks}
            if content.id == EMPTY:
                continue
            for run in self._runs(looks, sees):
                for sighting in content.sightings.values():
                    span = self._dated(run, sighting.since_lo, sighting.since_hi)
                    yield (sighting.item, sighting.range), self._hit(run, sighting, span)

    def _hit(self, run: _Run, sighting: Sighting, span: Span) -> Hit:
        return Hit(
            item=self._items[sighting.item, sighting.range][0],
            asset=self._assets[run.first.asset],
            place=self._places[run.first.place],
            span=span,
            stage=int(sighting.stage),
            evidence_class=int(run.first.body.evidence_class),
            entry=run.first.entry,
            detail=_detail(sighting),
        )

    # ── the questions ────────────────────────────────────────────────────────────────────────

    def _row(self, key: _ItemKey) -> ItemRow:
        item, admits = key
        number = self._items[key][0]
        return ItemRow(
            number, item.type, item.name, item.version, item.digest, item.filename, admits
        )

    def _items_where(self, wanted: Collection[_ItemKey], tx: int) -> Sequence[ItemRow]:
        return [self._row(key) for key in wanted if self._items[key][1] < tx]

    def items_named(self, names: Collection[tuple[str, str]], *, tx: int) -> Sequence[ItemRow]:
        wanted = [key for key in self._items if (key[0].type, key[0].name) in names]
        return self._items_where(wanted, tx)

    def items_with_digest(self, digests: Collection[str], *, tx: int) -> Sequence[ItemRow]:
        wanted = [key for key in self._items if key[0].digest and key[0].digest in digests]
        return self._items_where(wanted, tx)

    def hits(self, items: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Hit]:
        return [
            hit
            for _, hit in self._all_hits(tx)
            if hit.item in items and hit.span.may_overlap(start, end)
        ]

    def hits_of_asset(
        self, asset: int, names: Collection[tuple[str, str]], *, tx: int
    ) -> Sequence[Hit]:
        return [
            hit
            for (item, _), hit in self._all_hits(tx)
            if hit.asset == asset and (item.type, item.name) in names
        ]

    def contents_at(self, asset: int, moment: int, *, tx: int) -> Sequence[tuple[ItemRow, Hit]]:
        return [
            (self._row(key), hit)
            for key, hit in self._all_hits(tx)
            if hit.asset == asset and hit.span.may_overlap(moment, moment)
        ]

    def assets(self, *, tx: int) -> Iterable[AssetRow]:
        """Known by a look, or by a fact."""
        since: dict[str, int] = {}
        kinds: dict[str, str] = {}
        for look in self._known(tx):
            since[look.asset] = min(since.get(look.asset, OPEN), look.lo)
            kind = look.body.asset_kind
            if kind is not AssetKind.UNKNOWN:
                kinds.setdefault(look.asset, kind.value)
        for edge in self._fact_edges(tx):
            for key in (edge.subject, edge.object):
                if key.startswith("asset:"):
                    name = key.removeprefix("asset:")
                    told = edge.span.from_hi if edge.span.from_lo == DAWN else edge.span.from_lo
                    since[name] = min(since.get(name, OPEN), told)
        return [
            AssetRow(self._assets[name], name, kinds.get(name, "unknown"), since[name])
            for name in since
        ]

    def assets_by_name(self, names: Collection[str]) -> Sequence[AssetRow]:
        return [row for name in set(names) for row in self._last_known(name)]

    def assets_by_id(self, ids: Collection[int]) -> Sequence[AssetRow]:
        wanted = [name for name, number in self._assets.items() if number in ids]
        return [row for name in wanted for row in self._last_known(name)]

    def _last_known(self, name: str) -> list[AssetRow]:
        """As of the last ledger size at which anything was known of it."""
        for tx in range(self._applied, 0, -1) if name in self._assets else ():
            found = [row for row in self.assets(tx=tx) if row.name == name]
            if found:
                return found
        return []

    def places(self, ids: Collection[int]) -> Sequence[PlaceRow]:
        return [
            PlaceRow(number, self._assets[asset], kind, locator, lineage)
            for (asset, kind, locator, lineage, _), number in self._places.items()
            if number in ids
        ]

    def watched(
        self, assets: Collection[int] | None, start: int, end: int, *, tx: int
    ) -> Sequence[Watched]:
        found: list[_Look] = []
        for looks in self._by_place(tx):
            if assets is not None and self._assets[looks[0].asset] not in assets:
                continue
            during = [k for k in looks if Span(k.lo, k.lo, k.hi, k.hi).may_overlap(start, end)]
            before = [k for k in looks if k not in during and k.lo < start]
            after = [k for k in looks if k not in during and k.lo >= start]
            found += during
            found += [max(before, key=lambda k: (k.hi, k.lo, k.entry))] if before else []
            found += [min(after, key=lambda k: (k.lo, k.hi, k.entry))] if after else []
        return [self._watched(look) for look in found]

    def _watched(self, look: _Look) -> Watched:
        body = look.body
        return Watched(
            asset=self._assets[look.asset],
            place=self._places[look.place],
            mode=body.mode.value,
            at_lo=look.lo,
            at_hi=look.hi,
            ended=body.ended,
            whole=body.whole,
            gaps=body.gaps_total,
            entry=look.entry,
        )

    def conflicts(self, *, tx: int) -> Sequence[Conflict]:
        machines: dict[str, dict[str, int]] = {}
        for look in self._known(tx):
            if look.body.machine:
                machines.setdefault(look.asset, {}).setdefault(look.body.machine, look.entry)
        return [
            Conflict(self._assets[asset], tuple(seen), sorted(seen.values())[1])
            for asset, seen in machines.items()
            if len(seen) > 1
        ]

    def _fact_edges(self, tx: int) -> Iterator[Edge]:
        for sequence, number, recorded, fact in self._facts:
            if self._counts(sequence, number, tx):
                yield Edge(
                    relation=fact.relation.value,
                    subject=fact.subject,
                    object=fact.object,
                    span=_fact_span(fact, recorded),
                    evidence_class=int(fact.evidence_class),
                    entry=sequence,
                    note=fact.note,
                )

    def _held_edges(self, tx: int) -> Iterator[Edge]:
        """Identities are elements of flat places like items, and lie in contents like items."""
        for looks in self._by_place(tx):
            lineage = looks[0].body.lineage
            for identity in {one for k in looks for one in k.content.identities.values()}:
                contents = {k.body.content for k in looks if identity in _identities(k)}
                if not lineage:
                    sees = {k.entry: identity in _identities(k) for k in looks}
                    yield from self._held(looks, identity, sees)
                    continue
                for content in contents:
                    sees = {k.entry: k.body.content == content for k in looks}
                    yield from self._held(looks, identity, sees)

    def _held(
        self, looks: list[_Look], identity: Identity, sees: Mapping[int, bool]
    ) -> Iterator[Edge]:
        for run in self._runs(looks, sees):
            asset = run.first.asset
            yield Edge(
                relation="holds",
                subject=f"asset:{asset}",
                object=identity_key(identity, asset),
                span=self._dated(run, "", ""),
                evidence_class=int(run.first.body.evidence_class),
                entry=run.first.entry,
                note=identity.locator,
            )

    def _edges(self, tx: int) -> Iterator[Edge]:
        yield from self._fact_edges(tx)
        yield from self._held_edges(tx)

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        names = {f"asset:{name}" for name, number in self._assets.items() if number in assets}
        return [
            edge
            for edge in self._edges(tx)
            if edge.relation == "holds"
            and edge.subject in names
            and edge.span.may_overlap(start, end)
        ]

    def edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> Sequence[Edge]:
        return [e for e in self._edges(tx) if e.relation == relation and e.subject in subjects]

    def edges_to(self, relation: str, objects: Collection[str], *, tx: int) -> Sequence[Edge]:
        return [e for e in self._edges(tx) if e.relation == relation and e.object in objects]

    def edges_of(self, relation: str, *, tx: int) -> Iterable[Edge]:
        return [e for e in self._edges(tx) if e.relation == relation]

    def reach(self, thefts: Iterable[Theft], *, tx: int) -> Mapping[str, Sequence[Held]]:
        graph = build_graph(self.edges_of("assumes", tx=tx), self.edges_of("rotated", tx=tx))
        return close_reach(graph, thefts)

    def extent(self, exposed: Collection[tuple[int, int, int]], *, tx: int) -> Sequence[Extent]:
        """Step by step, each thing with the earliest instant at which it is reached."""
        spans = [(number, start, max(end, start + 1)) for number, start, end in exposed]
        names = {number: f"asset:{name}" for name, number in self._assets.items()}
        here = [(names[number], start, end) for number, start, end in spans]
        held = self._step(here, "holds", tx)
        opened = self._step([(name, at, OPEN) for name, at in held.items()], "opens", tx)
        owners = self._step([(name, at, OPEN) for name, at in opened.items()], "belongs-to", tx)
        parties = dict(owners)
        for name, at in self._step(here, "operated-by", tx).items():
            parties[name] = min(at, parties.get(name, OPEN))
        first = {names[number]: start for number, start, _ in sorted(spans, key=lambda s: -s[1])}
        found = [("asset", first), ("identity", held), ("dataset", opened)]
        for kind in ("client", "people", "vendor"):
            found.append((kind, {n: at for n, at in parties.items() if n.startswith(f"{kind}:")}))
        return [Extent(kind, len(all_), min(all_.values())) for kind, all_ in found if all_]

    def _step(
        self, sources: Iterable[tuple[str, int, int]], relation: str, tx: int
    ) -> dict[str, int]:
        """What facts of a relation lead to while source and fact both last: its earliest instant."""
        found: dict[str, int] = {}
        for name, start, end in sources:
            for edge in self.edges_from(relation, [name], tx=tx):
                at = max(start, edge.span.from_lo)
                if at < min(end, max(edge.span.to_hi, edge.span.from_lo + 1)):
                    found[edge.object] = min(at, found.get(edge.object, OPEN))
        return found

    def totals(self, *, tx: int) -> Totals:
        facts = sum(1 for _ in self._all_runs(tx)) + sum(1 for _ in self._fact_edges(tx))
        return Totals(
            facts=facts,
            assets=len(list(self.assets(tx=tx))),
            applied=min(tx, self._applied),
            unreadable=sum(1 for entry in self._unreadable if entry < tx),
        )

    def _all_runs(self, tx: int) -> Iterator[object]:
        """One per run; a content of a lineage is one element."""
        for looks in self._by_place(tx):
            if looks[0].body.lineage:
                for content in {k.body.content for k in looks if k.body.content != EMPTY}:
                    yield from self._runs(
                        looks, {k.entry: k.body.content == content for k in looks}
                    )
            else:
                yield from self._flat_hits(looks)
                for identity in {one for k in looks for one in k.content.identities.values()}:
                    sees = {k.entry: identity in _identities(k) for k in looks}
                    yield from self._runs(looks, sees)


def _identities(look: _Look) -> Collection[Identity]:
    return look.content.identities.values()


def _detail(sighting: Sighting) -> str:
    told = {
        "at": sighting.at,
        "direct": sighting.direct,
        "note": sighting.note,
        "parents": list(sighting.parents),
    }
    kept = {name: value for name, value in told.items() if value not in ("", None, [])}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _fact_span(fact: Fact, recorded: int) -> Span:
    """Missing starts: always, until it was recorded. Missing ends: seen when recorded, not ended."""
    to_hi = _micros(fact.to_hi, OPEN)
    from_lo = _micros(fact.from_lo, DAWN)
    from_hi = _micros(fact.from_hi, max(from_lo, min(recorded, to_hi)))
    to_lo = _micros(fact.to_lo, max(from_lo, min(recorded, to_hi)))
    if not (from_lo <= from_hi and to_lo <= to_hi and from_lo <= to_hi):
        raise ValueFormatError("bounds in the wrong order", expected="from_lo <= from_hi …")
    return Span(from_lo, from_hi, to_lo, to_hi)
