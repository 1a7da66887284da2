"""The graph that `reach` walks: identities, their values, and edges between values, as columns.

An identity has *values*: each rotation ends one and begins the next. Edges are cut so that each joins
two values and holds throughout `[low, high)`; walking then needs no rule about rotation. Columns are
whole numbers in a row, so that a file of them can be mapped instead of read (`store/reach_cache`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypeAlias

from pratique.exposure.ports import Edge
from pratique.values.spans import DAWN, OPEN

Column: TypeAlias = "array[int] | memoryview"
"""Whole numbers in a row, in memory or in a mapped file; slices of both are alike."""

PER_EDGE: Final = 3
"""Numbers of an edge in `ReachGraph.edges`: target, low, high. Side by side, because memory that is
far apart is what walking costs."""


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

    def listed(self) -> Sequence[str]:
        """All of them at once, for whoever wants many."""
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

    def listed(self) -> Sequence[str]:
        """All of them."""
        return self._names


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachGraph:
    """Identities that have edges or rotations; all others lead nowhere."""

    names: Names
    first_value: Column
    """Values of identity i: `first_value[i] .. first_value[i + 1]`."""
    owner: Column
    """Identity of a value."""
    value_start: Column
    value_end: Column
    ended_by: Column
    """Entry of the rotation that ended a value; -1: none did."""
    first_edge: Column
    """Edges out of value v: `edges[first_edge[v] : first_edge[v + 1]]`."""
    edges: Column
    """Target, low and high of each edge."""
    entry: Column
    """Ledger sequence of each edge."""


class _Value(NamedTuple):
    start: int
    end: int
    ended_by: int


class EdgeRow(NamedTuple):
    """An `assumes` fact between two identities, by number."""

    subject: int
    object: int
    low: int
    high: int
    """Possible span; one of zero length lives at its instant."""
    entry: int


class RotationRow(NamedTuple):
    """A `rotated` fact: it happened in [low, high]."""

    identity: int
    low: int
    high: int
    entry: int


_WHOLE: Final = (_Value(DAWN, OPEN, -1),)


def build_graph(assumes: Iterable[Edge], rotated: Iterable[Edge]) -> ReachGraph:
    """The graph of these facts; their order does not matter."""
    listed, ended = list(assumes), list(rotated)
    keys = {edge.subject for edge in ended}
    keys.update(key for edge in listed for key in (edge.subject, edge.object))
    names = ListedNames(sorted(keys))
    find = names.find
    return build_from_rows(
        names,
        [
            EdgeRow(find(e.subject), find(e.object), e.span.from_lo, e.span.to_hi, e.entry)
            for e in listed
        ],
        [RotationRow(find(e.subject), e.span.from_lo, e.span.from_hi, e.entry) for e in ended],
    )


def build_from_rows(
    names: Names, assumes: Iterable[EdgeRow], rotated: Iterable[RotationRow]
) -> ReachGraph:
    """The graph of facts between numbered identities."""
    values = _values_by_identity(rotated)
    first_value = array("q", [0])
    owner, start, end, ended_by = array("q"), array("q"), array("q"), array("q")
    for number in range(len(names)):
        for value in values.get(number, _WHOLE):
            owner.append(number)
            start.append(value.start)
            end.append(value.end)
            ended_by.append(value.ended_by)
        first_value.append(len(owner))
    first_edge, edges, entry = _edge_columns(assumes, values, first_value)
    return ReachGraph(
        names=names,
        first_value=first_value,
        owner=owner,
        value_start=start,
        value_end=end,
        ended_by=ended_by,
        first_edge=first_edge,
        edges=edges,
        entry=entry,
    )


def _values_by_identity(rotated: Iterable[RotationRow]) -> dict[int, tuple[_Value, ...]]:
    """The values of identities that were ever rotated.

    Of a rotation between two bounds the old value may work until the later one, and the new one may
    be there from the earlier one. Of several, the n-th happened between the n-th of either bounds.
    """
    moments: dict[int, dict[tuple[int, int], int]] = {}
    for identity, low, high, entry in rotated:
        spans = moments.setdefault(identity, {})
        spans[low, high] = min(entry, spans.get((low, high), entry))
    return {identity: _values(spans) for identity, spans in moments.items()}


def _values(spans: Mapping[tuple[int, int], int]) -> tuple[_Value, ...]:
    starts = [DAWN, *sorted(low for low, _ in spans)]
    ends = [*sorted((high, entry) for (_, high), entry in spans.items()), (OPEN, -1)]
    return tuple(
        _Value(start, end, entry)
        for start, (end, entry) in zip(starts, ends, strict=True)
        if start < end
    )


def _edge_columns(
    assumes: Iterable[EdgeRow],
    values: Mapping[int, tuple[_Value, ...]],
    first_value: Sequence[int],
) -> tuple[Column, Column, Column]:
    """Edges in order of the value they start from, those of one value in order of their targets."""
    edges, entry = array("q"), array("q")
    counts = array("q", bytes(8 * (first_value[-1] + 1)))
    for _, rows in groupby(sorted(assumes), key=itemgetter(0)):
        for source, *edge, number in sorted(_cut_edges(rows, values, first_value)):
            counts[source + 1] += PER_EDGE
            edges.extend(edge)
            entry.append(number)
    return array("q", accumulate(counts)), edges, entry


def _cut_edges(
    rows: Iterable[EdgeRow],
    values: Mapping[int, tuple[_Value, ...]],
    first_value: Sequence[int],
) -> Iterator[tuple[int, int, int, int, int]]:
    """Each edge once per pair of values that it can join, with when it does."""
    for subject, object_, low, possible, entry in rows:
        if subject == object_:
            continue
        high = max(possible, low + 1)
        source, target = first_value[subject], first_value[object_]
        if subject not in values and object_ not in values:
            yield source, target, low, high, entry
            continue
        for given, value in _live(values.get(subject, _WHOLE), low, high):
            since, until = max(low, value.start), min(high, value.end)
            for got, other in _live(values.get(object_, _WHOLE), since, until):
                yield (
                    source + given,
                    target + got,
                    max(since, other.start),
                    min(until, other.end),
                    entry,
                )


def _live(values: tuple[_Value, ...], since: int, until: int) -> Iterator[tuple[int, _Value]]:
    """The values that may be there in `[since, until)`, with their numbers; bounds are sorted."""
    first = bisect_right(values, since, key=lambda value: value.end)
    last = bisect_left(values, until, key=lambda value: value.start)
    for number in range(first, last):
        yield number, values[number]
