"""What could be reached from exposed assets: identities, datasets, clients, people, vendors.

Pure functions over the named questions. `find_thefts` says which identities lay where code of a bad
file may have run; `measure_blast` follows them: along `assumes` to further identities, along `opens`
to datasets, along `belongs-to` to whose they are; and along `operated-by` from the assets themselves and
from leases, to the vendor whose people hold them.
Each thing reached keeps its spans and one shortest proof. docs/explain/transitive-reach.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pratique.exposure.disclosure import LEASE
from pratique.exposure.ports import Edge, FactQueries, Held, Theft
from pratique.inventory.observed.model import Relation
from pratique.values.spans import Span


class Exposed(NamedTuple):
    """An asset on which code of a bad file may have run in `[start, end)`."""

    id: int
    """The store's number of it (`AssetRow.id`)."""
    asset: str
    """Entity key."""
    start: int
    end: int
    entry: int
    """Ledger sequence that says so."""


class Step(NamedTuple):
    """One step of a proof: who had `subject` thereby had `object`, from `at` on."""

    subject: str
    relation: str
    object: str
    at: int
    entries: tuple[int, ...]
    """Ledger sequences that say so."""


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """A proof as its last step and the trail before it: long chains share their beginnings."""

    before: Trail | None
    step: Step
    length: int

    def steps(self) -> tuple[Step, ...]:
        """All steps, from the asset on."""
        found: list[Step] = []
        here: Trail | None = self
        while here is not None:
            found.append(here.step)
            here = here.before
        return tuple(reversed(found))


class Reached(NamedTuple):
    """One thing within reach."""

    key: str
    """Entity key."""
    spans: tuple[tuple[int, int], ...]
    """When it lay open: disjoint, earliest first; an end is OPEN while nothing ended it."""
    trail: Trail
    """One shortest proof of the earliest instant."""
    ended_by: int = -1
    """Of an identity: entry of the rotation that ended the last span; -1 while it works."""

    @property
    def start(self) -> int:
        """Earliest instant at which it may have been had."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """When it ended; OPEN while it did not."""
        return self.spans[-1][1]

    @property
    def proof(self) -> tuple[Step, ...]:
        """From an asset down to this."""
        return self.trail.steps()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """Everything within reach, each list with the earliest first."""

    identities: tuple[Reached, ...]
    datasets: tuple[Reached, ...]
    clients: tuple[Reached, ...]
    people: tuple[Reached, ...]
    vendors: tuple[Reached, ...]


def find_thefts(queries: FactQueries, exposed: Iterable[Exposed], *, tx: int) -> list[Theft]:
    """What could be taken from these assets: each identity held while bad code may have run."""
    by_asset: dict[str, list[Exposed]] = {}
    for one in exposed:
        by_asset.setdefault(one.asset, []).append(one)
    if not by_asset:
        return []
    every = [one for group in by_asset.values() for one in group]
    start, end = min(one.start for one in every), max(_after(one.start, one.end) for one in every)
    thefts = []
    for edge in queries.holds({one.id for one in every}, start, end, tx=tx):
        for one in by_asset.get(edge.subject, ()):
            shared = _shared(one.start, one.end, edge.span)
            if shared is not None:
                entries = (one.entry, edge.entry)
                thefts.append(Theft(edge.object, *shared, one.asset, entries))
    return thefts


def measure_blast(
    queries: FactQueries, thefts: Iterable[Theft], *, exposed: Iterable[Exposed] = (), tx: int
) -> Blast:
    """What these thefts lay open, and who operates the exposed assets or is served by them."""
    listed = list(thefts)
    held = dict(queries.reach(listed, tx=tx).items()) if listed else {}
    identities = _trace(held, listed)
    datasets = _follow(queries, Relation.OPENS, identities, tx=tx)
    owners = _follow(queries, Relation.BELONGS_TO, datasets, tx=tx)
    operators = _follow(queries, Relation.OPERATED_BY, _assets(exposed), tx=tx)
    leases = {name: ways for name, ways in identities.items() if name.startswith(LEASE)}
    granted = _follow(queries, Relation.OPERATED_BY, leases, tx=tx)
    everybody = _join(_join(owners, operators), granted)
    last = {name: max(some, key=lambda one: one.end) for name, some in held.items()}
    return Blast(
        identities=tuple(
            one._replace(ended_by=last[one.key].ended_by) for one in _listed(identities)
        ),
        datasets=_listed(datasets),
        clients=_listed(_of_kind(everybody, "client")),
        people=_listed(_of_kind(everybody, "people")),
        vendors=_listed(_of_kind(everybody, "vendor")),
    )


# ── ways: a span and how one came to it ──────────────────────────────────────────────────────


class _Way(NamedTuple):
    start: int
    end: int
    trail: Trail

    @property
    def rank(self) -> tuple[int, int, Step]:
        """The earliest first, then the shortest, then always the same one."""
        return self.start, self.trail.length, self.trail.step


_Ways = Mapping[str, Sequence[_Way]]
"""Per entity: ways that together cover when it lay open, by rank, each ending later than the last."""


def _after(start: int, end: int) -> int:
    """An empty span counts at its instant."""
    return max(end, start + 1)


def _shared(start: int, end: int, span: Span) -> tuple[int, int] | None:
    """What `[start, end)` and the possible part of a span share."""
    since = max(start, span.from_lo)
    until = min(_after(start, end), _after(span.from_lo, span.to_hi))
    return (since, until) if since < until else None


def _trace(held: Mapping[str, Sequence[Held]], thefts: Sequence[Theft]) -> _Ways:
    """The ways to every identity; a trail is made once and shared by all that it leads to.

    Two values of one identity may be had at one instant; the first is the nearer one, and only along
    it every trail is sure to end.
    """
    spans: dict[tuple[str, int], Held] = {}
    for name, some in held.items():
        for one in some:
            spans.setdefault((name, one.start), one)
    trails: dict[tuple[str, int], Trail] = {}
    for goal in spans:
        missing = []
        here = goal
        while here not in trails and spans[here].came_from:
            missing.append(here)
            here = spans[here].came_from, spans[here].came_at
        if here not in trails:
            trails[here] = _root(here[0], spans[here], thefts[spans[here].entry])
        for name, start in reversed(missing):
            before, one = trails[here], spans[name, start]
            step = Step(one.came_from, Relation.ASSUMES, name, start, (one.entry,))
            trails[name, start] = Trail(before, step, before.length + 1)
            here = name, start
    return {
        name: _cover(_Way(one.start, one.end, trails[name, one.start]) for one in some)
        for name, some in held.items()
    }


def _root(identity: str, held: Held, theft: Theft) -> Trail:
    step = Step(theft.asset, Relation.HOLDS, identity, held.start, theft.entries)
    return Trail(None, step, 1)


def _assets(exposed: Iterable[Exposed]) -> _Ways:
    """Exposed assets as the beginnings of ways."""
    ways: dict[str, list[_Way]] = {}
    for one in exposed:
        step = Step(one.asset, "exposed", one.asset, one.start, (one.entry,))
        way = _Way(one.start, _after(one.start, one.end), Trail(None, step, 1))
        ways.setdefault(one.asset, []).append(way)
    return {asset: _cover(some) for asset, some in ways.items()}


def _follow(queries: FactQueries, relation: Relation, sources: _Ways, *, tx: int) -> _Ways:
    """Where the facts of a relation lead from these, while both hold."""
    found: dict[str, list[_Way]] = {}
    if not sources:
        return found
    for edge in queries.edges_from(relation, sources.keys(), tx=tx):
        found.setdefault(edge.object, []).extend(_along(edge, sources[edge.subject]))
    return {key: _cover(ways) for key, ways in found.items() if ways}


def _along(edge: Edge, ways: Iterable[_Way]) -> Iterator[_Way]:
    for way in ways:
        shared = _shared(way.start, way.end, edge.span)
        if shared is not None:
            step = Step(edge.subject, edge.relation, edge.object, shared[0], (edge.entry,))
            yield _Way(*shared, Trail(way.trail, step, way.trail.length + 1))


def _cover(ways: Iterable[_Way]) -> list[_Way]:
    """The ways that are needed to cover what all of them cover."""
    listed = list(ways)
    if len(listed) < 2:  # noqa: PLR2004 - nothing to compare
        return listed
    kept: list[_Way] = []
    for way in sorted(listed, key=lambda way: way.rank):
        if not kept or way.end > kept[-1].end:
            kept.append(way)
    return kept


def _join(left: _Ways, right: _Ways) -> _Ways:
    joined = dict(left)
    for key, ways in right.items():
        joined[key] = _cover([*joined.get(key, ()), *ways])
    return joined


def _of_kind(ways: _Ways, kind: str) -> _Ways:
    return {key: some for key, some in ways.items() if key.startswith(f"{kind}:")}


def _listed(ways: _Ways) -> tuple[Reached, ...]:
    reached = [Reached(key, _spans(some), some[0].trail) for key, some in ways.items()]
    return tuple(sorted(reached, key=lambda one: (one.start, one.key)))


def _spans(ways: Collection[_Way]) -> tuple[tuple[int, int], ...]:
    """Covered time; spans that touch are one."""
    spans: list[tuple[int, int]] = []
    for way in ways:
        if spans and way.start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], way.end)
        else:
            spans.append((way.start, way.end))
    return tuple(spans)
