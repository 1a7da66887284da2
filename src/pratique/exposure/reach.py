"""Which identities can be had from stolen ones: earliest arrival over `assumes`, ended by rotation.

Whoever has a value of an identity keeps it until that value is rotated, so for each value only the
earliest instant of its theft matters: a later theft of the same value reaches nothing more. From a
stolen value every `assumes` edge can be taken while the edge lives and the value works; taking it
gives the value that the target has at that instant. After the target's own rotation the edge can be
taken again, so a rotation below a working stolen identity mends nothing. Where bounds are uncertain,
whatever may be so counts. docs/explain/transitive-reach.md; `reach_graph` makes the graph.
"""

from __future__ import annotations

from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from pratique.exposure.ports import Held, Theft
from pratique.exposure.reach_graph import PER_EDGE, Names, ReachGraph
from pratique.values.spans import OPEN

_NEVER: Final = OPEN + 1
_MANY: Final = 4_000
"""Values had, after which copying mapped columns costs less than reading them where they are."""


def close_reach(graph: ReachGraph, thefts: Iterable[Theft]) -> Reach:
    """Every value that can be had from these thefts, at its earliest instant.

    Of several ways that arrive at the same instant the one with the fewest edges is kept, among ways
    on which every value is had at its own earliest instant; ties fall the same way every time.
    """
    seeds, strangers = _seeds(graph, thefts)
    walk = _Walk(graph, seeds)
    walk.run()
    return Reach(graph, walk, strangers)


_Event: TypeAlias = tuple[int, int, int, int]
"""Instant, edges from a theft, value had, value that gave it or `~theft`."""


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
                earliest[value] = min((at, number), earliest.get(value, (_NEVER, 0)))
    return [(at, 0, value, ~number) for value, (at, number) in earliest.items()], strangers


class _Walk:
    """Has values in order of instant and, at one instant, of edges from a theft.

    Nearly all edges live already when their source is had: they give their target at the same
    instant, level by level, and only those that begin later wait in the heap.
    """

    __slots__ = (
        "_done",
        "_edges",
        "_first",
        "_pending",
        "_promised",
        "givers",
        "moments",
        "values",
    )

    def __init__(self, graph: ReachGraph, pending: list[_Event]) -> None:
        self._first, self._edges = graph.first_edge, graph.edges
        heapify(pending)
        self._pending = pending
        self._done = bytearray(len(graph.owner))
        self._promised: dict[int, int] = {}
        self.values: list[int] = []
        """What was had, in the order in which it was had."""
        self.givers: list[int] = []
        """The value that gave each of them, or `~theft`."""
        self.moments: list[tuple[int, int]] = []
        """(how many were had before, instant): those from there to the next, at that instant."""

    def run(self) -> None:
        """Have everything that can be had."""
        pending = self._pending
        while pending:
            now, hops, _, _ = pending[0]
            self.moments.append((len(self.values), now))
            level = self._due(now, hops)
            while level:
                self.values += level
                hops += 1
                level = self._expand(level, now, hops)
                if pending and pending[0][0] == now and pending[0][1] <= hops:
                    level += self._due(now, hops)
            if len(self.values) > _MANY:
                self._copy_columns()

    def _copy_columns(self) -> None:
        if isinstance(self._first, memoryview) and isinstance(self._edges, memoryview):
            self._first, self._edges = _copied(self._first), _copied(self._edges)

    def _due(self, now: int, hops: int) -> list[int]:
        """Values that waited for this instant and number of edges."""
        pending, done, givers = self._pending, self._done, self.givers
        level: list[int] = []
        while pending and pending[0][0] == now and pending[0][1] == hops:
            _, _, value, giver = heappop(pending)
            if not done[value]:
                done[value] = 1
                level.append(value)
                givers.append(giver)
        return level

    def _expand(self, level: list[int], now: int, hops: int) -> list[int]:
        """Take every edge out of these values: give what is had now, queue what is had later."""
        first, edges, done, givers = self._first, self._edges, self._done, self.givers
        following: list[int] = []
        for value in level:
            row = iter(edges[first[value] : first[value + 1]])
            for target, low, high in zip(row, row, row, strict=True):
                if done[target]:
                    continue
                if low > now:
                    if low <= self._promised.get(target, _NEVER):
                        self._promised[target] = low
                        heappush(self._pending, (low, hops, target, value))
                elif now < high:
                    done[target] = 1
                    following.append(target)
                    givers.append(value)
        return following


def _copied(column: memoryview) -> array[int]:
    copy = array("q")
    copy.frombytes(column.cast("B"))
    return copy


class Reach(Mapping[str, Sequence[Held]]):
    """Identities in foreign hands, by entity key; made into values only where one looks."""

    def __init__(self, graph: ReachGraph, walk: _Walk, strangers: Mapping[str, Held]) -> None:
        """Keep a walk, and the stolen identities that its graph does not know."""
        self._graph = graph
        self._walk = walk
        self._strangers = strangers

    def __len__(self) -> int:
        return len(self._first_had) + len(self._strangers)

    def __iter__(self) -> Iterator[str]:
        names = self._names
        yield from (names[number] for number in self._first_had)
        yield from self._strangers

    def __getitem__(self, name: str, /) -> Sequence[Held]:
        number = self._graph.names.find(name)
        if number < 0:
            return (self._strangers[name],)
        if number not in self._first_had:
            raise KeyError(name)
        return self._spans(number, self._first_had[number])

    def items(self) -> ItemsView[str, Sequence[Held]]:
        """As of any mapping, without looking up each name."""
        return _Items(self)

    def pairs(self) -> Iterator[tuple[str, Sequence[Held]]]:
        """Every identity with its spans."""
        names = self._names
        for number, had in self._first_had.items():
            yield names[number], self._spans(number, had)
        yield from ((name, (held,)) for name, held in self._strangers.items())

    def earliest(self) -> dict[str, int]:
        """Every identity with the earliest instant at which it was had."""
        names = map(self._names.__getitem__, reversed(self._owners))
        # From the end, so that of an identity's values the first is what stays.
        found = dict(zip(names, reversed(self._at), strict=True))
        found.update((name, held.start) for name, held in self._strangers.items())
        return found

    def _spans(self, number: int, first: int) -> tuple[Held, ...]:
        further = self._further.get(number, ())
        return (self._held(first), *(self._held(had) for had in further))

    @cached_property
    def _names(self) -> Names | Sequence[str]:
        """What identities are called; one by one where few are wanted."""
        names = self._graph.names
        return names.listed() if len(self._walk.values) > _MANY else names

    @cached_property
    def _owners(self) -> list[int]:
        """Identity of each place in the walk."""
        values, owner = self._walk.values, self._graph.owner
        if len(values) > _MANY and isinstance(owner, memoryview):
            owner = _copied(owner)
        return list(map(owner.__getitem__, values))

    @cached_property
    def _first_had(self) -> dict[int, int]:
        """Per identity: the first place of one of its values in the walk."""
        owners = self._owners
        # From the end, so that the first is what stays.
        return dict(zip(reversed(owners), range(len(owners) - 1, -1, -1), strict=True))

    @cached_property
    def _further(self) -> dict[int, list[int]]:
        """Per identity with several values in the walk: all places but the first."""
        first, further = self._first_had, dict[int, list[int]]()
        if len(first) < len(self._owners):
            for had, number in enumerate(self._owners):
                if first[number] != had:
                    further.setdefault(number, []).append(had)
        return further

    @cached_property
    def _at(self) -> list[int]:
        """Instant of each place in the walk."""
        moments, at = self._walk.moments, list[int]()
        ends = [*(begin for begin, _ in moments), len(self._walk.values)]
        for (begin, moment), end in zip(moments, ends[1:], strict=True):
            at += [moment] * (end - begin)
        return at

    @cached_property
    def _place(self) -> dict[int, int]:
        """Place in the walk of each value."""
        return {value: had for had, value in enumerate(self._walk.values)}

    def _held(self, had: int) -> Held:
        graph, at = self._graph, self._at
        value, giver = self._walk.values[had], self._walk.givers[had]
        start, end, ended_by = at[had], graph.value_end[value], graph.ended_by[value]
        if giver < 0:
            return Held(start, end, "", start, ~giver, ended_by)
        came_at = at[self._place[giver]]
        entry = self._entry(giver, value, came_at, start)
        return Held(start, end, self._names[graph.owner[giver]], came_at, entry, ended_by)

    def _entry(self, giver: int, value: int, came_at: int, start: int) -> int:
        """Entry of the edge along which a value was had: the first that gives it at that instant."""
        graph = self._graph
        begin, end = graph.first_edge[giver], graph.first_edge[giver + 1]
        row = iter(graph.edges[begin:end])
        for number, (target, low, high) in enumerate(zip(row, row, row, strict=True)):
            if target == value and start < high and max(low, came_at) == start:
                return int(graph.entry[begin // PER_EDGE + number])
        raise AssertionError("a value was had along no edge")


class _Items(ItemsView[str, Sequence[Held]]):
    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._reach = reach

    def __iter__(self) -> Iterator[tuple[str, Sequence[Held]]]:
        return self._reach.pairs()
