"""Who required what: from entries that name each other to sightings with the way to them.

`parents` of a sighting is one shortest chain, nearest first, that ends at what was asked for by name:
the way in which pip says `(from dspy->app)`. All who require a package would be dozens for the common
ones, and would change with every update of something else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
_UNMADE: Final = Way(("",), None)
"""Stands for no way at all."""


def by_name(name: str, _entry: Listed, index: Index) -> Sequence[int]:
    """Every entry that is called so."""
    return index.get(name, ())


@dataclass(slots=True, eq=False)
class _Made:
    """What is known of one entry. Holds the entry, so that its id stays its own."""

    entry: Listed
    item: int
    """Entries with the same number name the same release."""
    shape: int
    """Entries with the same number have the same place in a graph."""
    way: Way
    sighting: Sighting | None
    """Made for `way`, the last one asked for; None for what is no release."""


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
        self._same_ways: dict[Way, Way] = {}

    def sightings(
        self, entries: Sequence[Listed], resolver: Resolver = by_name
    ) -> tuple[Sighting, ...]:
        """One sighting for each release or ref, in the order of the file.

        Shape: of entries that name the same release, the one that is nearest to what was asked for.
        """
        if len(self._made) > _MAX_REMEMBERED:
            self.forget()
        made = [self._made.get(id(entry)) or self._make(entry) for entry in entries]
        ways = self._ways_in(made, resolver)
        if len({one.item for one in made}) < len(made):
            made, ways = _one_each(made, ways)
        found = [
            one.sighting if one.way is way else _sighting(one, way)
            for one, way in zip(made, ways, strict=True)
        ]
        return tuple(one for one in found if one is not None)

    def forget(self) -> None:
        """Forget everything; it only costs time."""
        self._made.clear()
        self._numbers.clear()
        self._ways.clear()
        self._same_ways.clear()

    def _make(self, entry: Listed) -> _Made:
        name = entry.item.name if entry.item else None
        shape = (name, entry.names, entry.requires, entry.adds_to, entry.via, entry.direct)
        made = _Made(
            entry=entry,
            item=self._number((entry.item, entry.range)),
            shape=self._number(shape),
            way=_UNMADE,
            sighting=None,
        )
        self._made[id(entry)] = made
        return made

    def _number(self, value: object) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _ways_in(self, made: Sequence[_Made], resolver: Resolver) -> Sequence[Way]:
        shapes = (id(resolver), *[one.shape for one in made])
        ways = self._ways.get(shapes)
        if ways is None:
            if len(self._ways) >= _VERSIONS:
                self._ways.clear()
            # Equal ways are one object, so that a sighting is found again without comparing.
            new = ways_in([one.entry for one in made], resolver)
            ways = tuple(self._same_ways.setdefault(way, way) for way in new)
            self._ways[shapes] = ways
        return ways


def _sighting(made: _Made, way: Way) -> Sighting | None:
    entry = made.entry
    made.way = way
    if entry.item is not None:
        made.sighting = Sighting(
            item=entry.item,
            stage=Stage.LISTED,
            parents=way.parents,
            direct=way.direct,
            range=entry.range,
            note=entry.note,
        )
    return made.sighting


def _one_each(made: Sequence[_Made], ways: Sequence[Way]) -> tuple[list[_Made], list[Way]]:
    """Each release once, by its nearest entry."""
    best: dict[int, tuple[_Made, Way]] = {}
    for one, way in zip(made, ways, strict=True):
        old = best.get(one.item)
        if old is None or _nearer(way, old[1]):
            best[one.item] = one, way
    return [one for one, _way in best.values()], [way for _one, way in best.values()]


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
    ways: dict[int, Way] = {number: Way((), True) for number in sorted(asked)}  # noqa: FBT003 - asked for by name
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
