"""Which identities can be had from stolen ones: earliest arrival over `assumes`, ended by rotation.

An identity has *values*: each rotation ends one and begins the next. Whoever has a value keeps it
until it is rotated, so for each value only the earliest instant of its theft matters, and a later
theft of it can reach nothing more. From a stolen value every `assumes` edge can be taken while the
edge lives and the value works; taking it gives the value that the target has at that instant. After
the target's own rotation the edge can be taken again, so a rotation below a working stolen identity
mends nothing. Where bounds are uncertain, whatever may be so counts. docs/explain/reach.md.

`build_graph` cuts edges so that each joins two values and holds throughout `[low, high)`;
`close_reach` then needs no rule but "arrive at the later of theft and low, if before high".
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple, Protocol, TypeAlias

from pratique.exposure.ports import Edge, Held, Theft
from pratique.values.spans import DAWN, OPEN

NEVER: Final = OPEN + 1
"""Later than any instant."""
_MANY: Final = 20_000
"""Values settled after which columns are worth being turned into lists, which are read faster."""


class Names(Protocol):
    """The identities of a graph, numbered from 0."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, number: int, /) -> str:
        """Entity key of a number."""
        ...

    def find(self, name: str) -> int:
        """Number of an entity key, -1 when it is none of these."""
        ...


class ListedNames:
    """Names in memory."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._numbers = {name: number for number, name in enumerate(self._names)}

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int, /) -> str:
        return self._names[number]

    def find(self, name: str) -> int:
        """Number of an entity key, or -1."""
        return self._numbers.get(name, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachGraph:
    """Identities with edges or rotations, their values, and the edges between values, as columns.

    Values of identity i: `first_value[i] .. first_value[i + 1]`; edges out of value v likewise.
    """

    names: Names
    first_value: Sequence[int]
    owner: Sequence[int]
    """Identity of a value."""
    value_start: Sequence[int]
    value_end: Sequence[int]
    ended_by: Sequence[int]
    """Entry of the rotation that ended a value; -1: none did."""
    first_edge: array[int]
    target: array[int]
    """Value that an edge gives."""
    low: array[int]
    high: array[int]
    entry: Sequence[int]


class _Value(NamedTuple):
    start: int
    end: int
    ended_by: int


_WHOLE: Final = (_Value(DAWN, OPEN, -1),)


def build_graph(assumes: Iterable[Edge], rotated: Iterable[Edge]) -> ReachGraph:
    """The graph of these facts; their order does not matter."""
    values = _values_by_identity(rotated)
    edges = sorted(
        (edge.subject, edge.object, edge.span.from_lo, _end(edge), edge.entry)
        for edge in assumes
        if edge.subject != edge.object
    )
    names = sorted({*values, *(e[0] for e in edges), *(e[1] for e in edges)})
    first_value, owner = array("q", [0]), array("q")
    start, end, ended_by = array("q"), array("q"), array("q")
    for number, name in enumerate(names):
        for value in values.get(name, _WHOLE):
            owner.append(number)
            start.append(value.start)
            end.append(value.end)
            ended_by.append(value.ended_by)
        first_value.append(len(owner))
    found = ListedNames(names)
    cut = list(_cut_edges(edges, found, values, first_value))
    # Stable: edges of one value stay in the order of their targets, so that ties are settled alike.
    cut.sort(key=lambda one: one.source)
    return ReachGraph(
        names=found,
        first_value=first_value,
        owner=owner,
        value_start=start,
        value_end=end,
        ended_by=ended_by,
        first_edge=_firsts((one.source for one in cut), len(owner)),
        target=array("q", (one.target for one in cut)),
        low=array("q", (one.low for one in cut)),
        high=array("q", (one.high for one in cut)),
        entry=array("q", (one.entry for one in cut)),
    )


def _end(edge: Edge) -> int:
    """Possible end; an edge of zero length lives at its instant."""
    return max(edge.span.to_hi, edge.span.from_lo + 1)


def _values_by_identity(rotated: Iterable[Edge]) -> dict[str, tuple[_Value, ...]]:
    """The values of identities that were ever rotated.

    A rotation happened in [from_lo, from_hi]: the old value may work until from_hi, the new one may
    be there from from_lo. Of several the n-th happened between the n-th of either bounds.
    """
    moments: dict[str, dict[tuple[int, int], int]] = {}
    for edge in rotated:
        spans = moments.setdefault(edge.subject, {})
        span = edge.span.from_lo, edge.span.from_hi
        spans[span] = min(edge.entry, spans.get(span, edge.entry))
    return {name: _values(spans) for name, spans in moments.items()}


def _values(spans: Mapping[tuple[int, int], int]) -> tuple[_Value, ...]:
    starts = [DAWN, *sorted(lo for lo, _ in spans)]
    ends = [*sorted((hi, entry) for (_, hi), entry in spans.items()), (OPEN, -1)]
    return tuple(
        _Value(start, end, entry)
        for start, (end, entry) in zip(starts, ends, strict=True)
        if start < end
    )


class _CutEdge(NamedTuple):
    source: int
    target: int
    low: int
    high: int
    entry: int


def _cut_edges(
    edges: Iterable[tuple[str, str, int, int, int]],
    names: ListedNames,
    values: Mapping[str, tuple[_Value, ...]],
    first_value: Sequence[int],
) -> Iterator[_CutEdge]:
    """Each edge once per pair of values that it can join, with when it does."""
    for subject, object_, low, high, entry in edges:
        source, target = first_value[names.find(subject)], first_value[names.find(object_)]
        for given, value in enumerate(values.get(subject, _WHOLE), source):
            since, until = max(low, value.start), min(high, value.end)
            if since >= until:
                continue
            for got, other in _live(values.get(object_, _WHOLE), since, until):
                yield _CutEdge(
                    given, target + got, max(since, other.start), min(until, other.end), entry
                )


def _live(values: tuple[_Value, ...], since: int, until: int) -> Iterator[tuple[int, _Value]]:
    """The values that may be there in `[since, until)`, with their numbers; bounds are sorted."""
    first = bisect_right(values, since, key=lambda value: value.end)
    last = bisect_left(values, until, key=lambda value: value.start)
    for number in range(first, last):
        yield number, values[number]


def _firsts(sources: Iterable[int], count: int) -> array[int]:
    """Where the edges of each value begin."""
    firsts = array("q", bytes(8 * (count + 1)))
    for source in sources:
        firsts[source + 1] += 1
    for value in range(count):
        firsts[value + 1] += firsts[value]
    return firsts


# ── the closure ──────────────────────────────────────────────────────────────────────────────


class Reach(Mapping[str, Sequence[Held]]):
    """Identities in foreign hands, by entity key; made into values only where one looks."""

    def __init__(
        self,
        graph: ReachGraph,
        *,
        at: Sequence[int],
        via: Sequence[int],
        order: Sequence[int],
        strangers: Mapping[str, Held],
    ) -> None:
        """Keep what `close_reach` found.

        `at`, `via`: per value the instant and the edge (or `~theft`) that gave it. `order`: the
        values had, earliest first. `strangers`: stolen identities that the graph does not know.
        """
        self._graph = graph
        self._at = at
        self._via = via
        self._order = order
        self._strangers = strangers

    @cached_property
    def _owned(self) -> dict[int, list[int]]:
        owned: dict[int, list[int]] = {}
        owner = self._graph.owner
        for value in self._order:
            owned.setdefault(owner[value], []).append(value)
        return owned

    def __len__(self) -> int:
        return len(self._owned) + len(self._strangers)

    def __iter__(self) -> Iterator[str]:
        names = self._graph.names
        yield from (names[number] for number in self._owned)
        yield from self._strangers

    def __getitem__(self, name: str, /) -> Sequence[Held]:
        number = self._graph.names.find(name)
        if number < 0:
            return (self._strangers[name],)
        if number not in self._owned:
            raise KeyError(name)
        return tuple(self._held(value) for value in self._owned[number])

    def items(self) -> ItemsView[str, Sequence[Held]]:
        """As of any mapping, without looking up each name."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[str, Sequence[Held]]]:
        """Every identity with its spans."""
        names = self._graph.names
        for number, values in self._owned.items():
            yield names[number], tuple(self._held(value) for value in values)
        yield from ((name, (held,)) for name, held in self._strangers.items())

    def _held(self, value: int) -> Held:
        graph, via = self._graph, self._via[value]
        start, end = self._at[value], graph.value_end[value]
        if via < 0:
            return Held(start, end, "", start, ~via, graph.ended_by[value])
        giver = bisect_right(graph.first_edge, via) - 1
        return Held(
            start,
            end,
            graph.names[graph.owner[giver]],
            self._at[giver],
            graph.entry[via],
            graph.ended_by[value],
        )


class _Items(ItemsView[str, Sequence[Held]]):
    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._reach = reach

    def __iter__(self) -> Iterator[tuple[str, Sequence[Held]]]:
        return self._reach.pairs()


def close_reach(graph: ReachGraph, thefts: Iterable[Theft]) -> Reach:
    """Every value that can be had from these thefts, at its earliest instant.

    Of several ways that arrive at the same instant the one with the fewest edges is kept, among ways
    on which every value is had at its own earliest instant; of those the first in order of theft and
    entity key.
    """
    seeds, strangers = _seeds(graph, thefts)
    at = [NEVER] * len(graph.owner)
    via = [0] * len(graph.owner)
    order = _settle(graph, seeds, at, via)
    return Reach(graph, at=at, via=via, order=order, strangers=strangers)


_Event: TypeAlias = tuple[int, int, int, int]
"""Instant, edges from a theft, value, edge or `~theft`."""


def _seeds(graph: ReachGraph, thefts: Iterable[Theft]) -> tuple[list[_Event], dict[str, Held]]:
    """Thefts as values stolen; those of unknown identities apart, since they lead nowhere."""
    earliest: dict[int, tuple[int, int]] = {}
    strangers: dict[str, Held] = {}
    for number, theft in enumerate(thefts):
        identity = graph.names.find(theft.identity)
        if identity < 0:
            known = strangers.get(theft.identity)
            if known is None or theft.start < known.start:
                strangers[theft.identity] = Held(theft.start, OPEN, "", theft.start, number, -1)
            continue
        end = max(theft.end, theft.start + 1)
        for value in range(graph.first_value[identity], graph.first_value[identity + 1]):
            at = max(theft.start, graph.value_start[value])
            if at < min(end, graph.value_end[value]):
                earliest[value] = min((at, number), earliest.get(value, (NEVER, 0)))
    return [(at, 0, value, ~number) for value, (at, number) in earliest.items()], strangers


def _settle(graph: ReachGraph, pending: list[_Event], at: list[int], via: list[int]) -> list[int]:
    """Settle values in order of instant and number of edges; gives them in that order.

    Nearly all edges live already when their source is stolen: they give their target at the same
    instant, level by level, and only those that begin later wait in the heap.
    """
    first, target = graph.first_edge, graph.target
    lows, highs = graph.low, graph.high
    # Bound late, because the columns change their kind when many values are settled.
    columns: tuple[Sequence[int], ...] = (first, target, lows, highs)
    heapify(pending)
    done = [False] * len(at)
    order: list[int] = []
    while pending:
        now, hops = pending[0][:2]
        level: list[int] = []
        while level or (pending and pending[0][:2] == (now, hops)):
            while pending and pending[0][:2] == (now, hops):
                _, _, value, how = heappop(pending)
                if not done[value]:
                    done[value] = True
                    at[value], via[value] = now, how
                    level.append(value)
            order += level
            if len(order) > _MANY and columns[0] is first:
                columns = tuple(column.tolist() for column in (first, target, lows, highs))
            hops += 1
            level = _expand(level, now, hops, columns, at, via, done, pending)
    return order


def _expand(
    level: list[int], now: int, hops: int, columns: tuple[Sequence[int], ...], at: list[int],
    via: list[int], done: list[bool], pending: list[_Event],
) -> list[int]:  # fmt: skip
    """Take every edge out of these values: give what is had now, queue what is had later."""
    first, target, lows, highs = columns
    following: list[int] = []
    for value in level:
        for edge in range(first[value], first[value + 1]):
            other = target[edge]
            if done[other]:
                continue
            low = lows[edge]
            if low > now:
                if low <= at[other]:
                    at[other] = low
                    heappush(pending, (low, hops, other, edge))
            elif now < highs[edge]:
                done[other] = True
                at[other], via[other] = now, edge
                following.append(other)
    return following
