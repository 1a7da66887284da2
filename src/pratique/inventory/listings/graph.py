"""Who required what: from entries that name each other to sightings with the way to them.

`parents` of a sighting is one shortest chain, nearest first, that ends at what was asked for by name:
the way in which pip says `(from dspy->app)`. All who require a package would be dozens for the common
ones, and would change with every update of something else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from pratique.inventory.listings.model import Listed
from pratique.inventory.observed.model import Sighting, Stage

MAX_PARENTS: Final = 8
_MAX_REMEMBERED: Final = 200_000
"""Entries whose sightings are kept for the next version of a file."""
_VERSIONS: Final = 32
"""Shapes of whole files that are kept; older ones rarely come back."""

Index: TypeAlias = dict[str, list[int]]
Resolver: TypeAlias = Callable[[str, Listed, Index], Sequence[int]]
"""Which entries a name means when this entry requires it."""


class Way(NamedTuple):
    """How an entry came in."""

    parents: tuple[str, ...]
    direct: bool | None


_UNTOLD: Final = Way((), None)


def by_name(name: str, _entry: Listed, index: Index) -> Sequence[int]:
    """Every entry that is called so."""
    return index.get(name, ())


class _Made(NamedTuple):
    """What is known of one entry. Holds the entry, so that its id stays its own."""

    entry: Listed
    item: int
    shape: int
    by_way: dict[Way, Sighting]


class Linker:
    """Makes sightings of entries; remembers what it made of the last versions of the same files.

    The same entry object gives the same sighting object, which is what makes histories cheap:
    hundreds of versions share nearly all of their sightings.
    """

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._made: dict[int, _Made] = {}
        self._numbers: dict[object, int] = {}
        self._ways: dict[tuple[int, ...], tuple[Way, ...]] = {}

    def sightings(
        self, entries: Sequence[Listed], resolver: Resolver = by_name
    ) -> tuple[Sighting, ...]:
        """One sighting for each release or ref, in the order of the file.

        Shape: of entries that name the same release, the one that is nearest to what was asked for.
        """
        if len(self._made) > _MAX_REMEMBERED:
            self.forget()
        made = [self._made.get(id(entry)) or self._make(entry) for entry in entries]
        best: dict[int, tuple[Way, _Made]] = {}
        for one, way in zip(made, self._ways_in(made, resolver), strict=True):
            old = best.get(one.item)
            if one.entry.item is not None and (old is None or _nearer(way, old[0])):
                best[one.item] = way, one
        return tuple(one.by_way.get(way) or _sighting(one, way) for way, one in best.values())

    def forget(self) -> None:
        """Forget everything; it only costs time."""
        self._made.clear()
        self._numbers.clear()
        self._ways.clear()

    def _make(self, entry: Listed) -> _Made:
        name = entry.item.name if entry.item else None
        shape = (name, entry.names, entry.requires, entry.adds_to, entry.via, entry.direct)
        made = _Made(
            entry=entry,
            item=self._number((entry.item, entry.range)),
            shape=self._number(shape),
            by_way={},
        )
        self._made[id(entry)] = made
        return made

    def _number(self, value: object) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _ways_in(self, made: Sequence[_Made], resolver: Resolver) -> tuple[Way, ...]:
        shapes = (id(resolver), *[one.shape for one in made])
        ways = self._ways.get(shapes)
        if ways is None:
            if len(self._ways) >= _VERSIONS:
                self._ways.clear()
            ways = self._ways[shapes] = tuple(ways_in([one.entry for one in made], resolver))
        return ways


def _sighting(made: _Made, way: Way) -> Sighting:
    assert made.entry.item is not None
    sighting = Sighting(
        item=made.entry.item,
        stage=Stage.LISTED,
        parents=way.parents,
        direct=way.direct,
        range=made.entry.range,
        note=made.entry.note,
    )
    made.by_way[way] = sighting
    return sighting


def _nearer(one: Way, other: Way) -> bool:
    return (one.direct is not True, len(one.parents)) < (
        other.direct is not True,
        len(other.parents),
    )


def ways_in(entries: Sequence[Listed], resolver: Resolver = by_name) -> list[Way]:
    """How each entry came in.

    Shape: without own projects in the file, what nobody requires was asked for by name, and of the
    rest nobody can tell; a file that names no requirement at all tells nothing.
    """
    index: Index = {}
    for number, entry in enumerate(entries):
        for name in entry.names:
            index.setdefault(name, []).append(number)
    wants = [_wanted(entry, index, resolver) for entry in entries]
    for number, entry in enumerate(entries):
        for owner in index.get(entry.adds_to, ()) if entry.adds_to else ():
            wants[owner] += wants[number]
        for name in entry.via:
            for parent in index.get(name, ()):
                wants[parent].append(number)
    roots = [n for n, entry in enumerate(entries) if entry.item is None and not entry.adds_to]
    asked = {number for number, entry in enumerate(entries) if entry.direct}
    asked.update(child for root in roots for child in wants[root] if entries[child].item)
    rooted = bool(asked)
    if not rooted:
        required = {child for listed in wants for child in listed}
        asked = {n for n, entry in enumerate(entries) if n not in required and entry.item}
        if not required:
            return [Way((), entry.direct) for entry in entries]
    return _walk(entries, wants, asked, rooted=rooted)


def _wanted(entry: Listed, index: Index, resolver: Resolver) -> list[int]:
    return [number for name in entry.requires for number in resolver(name, entry, index)]


def _walk(
    entries: Sequence[Listed], wants: list[list[int]], asked: set[int], *, rooted: bool
) -> list[Way]:
    """Breadth first, so that the first way to an entry is a shortest one."""
    ways: dict[int, Way] = {number: Way((), True) for number in sorted(asked)}  # noqa: FBT003
    queue = deque(ways)
    while queue:
        number = queue.popleft()
        item = entries[number].item
        parents = ways[number].parents
        if item is not None:
            parents = (item.name, *parents)[:MAX_PARENTS]
        for child in wants[number]:
            if child not in ways:
                ways[child] = Way(parents, False if rooted else None)
                queue.append(child)
    return [ways.get(number, _UNTOLD) for number in range(len(entries))]
