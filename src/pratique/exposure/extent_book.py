"""The book of extent: what lies one step from each asset, and from there, in columns.

Counting how far an incident goes needs thousands of small steps: from assets to the identities they
hold, to the datasets these open, to whose they are. In a database each is a search by name; here each is
a slice. `ExtentBook` holds the steps, `count_steps` takes them. Pure; `store/extent_cache` makes it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from pratique.exposure.ports import Extent
from pratique.exposure.reach_graph import Column, Names
from pratique.values.spans import OPEN

_NEVER: Final = OPEN + 1
_PER_STEP: Final = 3
PARTIES: Final = ("client", "people", "vendor")
"""Whose things are counted apart, in the order of `ExtentBook.kinds`, which begins at 1."""


StepRow: TypeAlias = tuple[int, int, int, int]
"""A step that may be taken in a span: source, target, begin, end. There are a million in a fleet."""


class Steps(NamedTuple):
    """Steps by where they begin: those of `n` are `rows[first[n] : first[n + 1]]`."""

    first: Column
    rows: Column
    """Target, low and high of each step, side by side: memory that is far apart is what it costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentBook:
    """What counts at one ledger size. Things are numbered: entities as the store does, then `names`."""

    assets: Column
    """Store's ids, ascending."""
    looks: Column
    """How many looks at an asset the book rests on; -1 of one that must be asked about elsewhere."""
    entity: Column
    """An asset as an entity; 0: no fact is about it."""
    held: Steps
    """From the place of an asset in `assets` to identities that looks saw there."""
    told: Steps
    """From an asset, as an entity, to identities that facts say it holds."""
    operated: Steps
    """From an asset, as an entity, to whoever operates it."""
    opened: Steps
    """From identities to datasets."""
    owned: Steps
    """From datasets to whose they are."""
    kinds: Sequence[int]
    """Per entity: 0, or its place in `PARTIES`, from 1."""
    names: Names
    """Identities that are held and of which no fact is known; the first has the number after the
    last entity's."""

    def number_of(self, name: str) -> int:
        """The number of one of `names`; 0: it is none of them."""
        found = self.names.find(name)
        return 0 if found < 0 else found + len(self.kinds)


class Taken(NamedTuple):
    """An identity that lay open, as told by somebody else than the book."""

    entity: int
    """0: no fact is about it. Numbers that came after the book count for nothing: they open nothing."""
    name: str
    at: int


class Beginnings(NamedTuple):
    """Where counting begins."""

    places: Sequence[tuple[int, int, int]]
    """Exposed assets that the book answers for: place, start, end."""
    taken: Iterable[Taken]
    """What others held."""
    operated: Iterable[tuple[int, int, int]]
    """The others themselves, as entities: number, start, end."""


class StepWriter:
    """Steps on their way into columns. Order: by where they begin."""

    def __init__(self, sources: int) -> None:
        """`sources`: how many numbers steps may begin at."""
        self._counts = array("i", bytes(4 * (sources + 1)))
        self._rows = array("q")

    def add(self, rows: Sequence[StepRow]) -> None:
        """Add steps that begin where the last one did, or later."""
        for source, number in Counter(map(itemgetter(0), rows)).items():
            self._counts[source + 1] += number * _PER_STEP
        self._rows.extend(chain.from_iterable(map(itemgetter(1, 2, 3), rows)))

    def steps(self) -> Steps:
        """All that were added."""
        return Steps(array("i", accumulate(self._counts)), self._rows)


def count_steps(book: ExtentBook, begin: Beginnings) -> list[Extent]:
    """How many things of each kind lie open, and since when; kinds without any are left out."""
    here = [(book.entity[place], start, end) for place, start, end in begin.places]
    stolen, strangers = _stolen(book, begin, here)
    opened = _follow(book.opened, stolen)
    parties = _follow(book.owned, opened)
    _take(book.operated, [*here, *begin.operated], parties)
    found = [("identity", [*stolen.values(), *strangers.values()]), ("dataset", opened.values())]
    of_kind: dict[int, list[int]] = {}
    kinds = book.kinds
    for party, at in parties.items():
        of_kind.setdefault(kinds[party], []).append(at)
    found += [(kind, of_kind.get(number, ())) for number, kind in enumerate(PARTIES, 1)]
    return [Extent(kind, len(moments), min(moments)) for kind, moments in found if moments]


def _stolen(
    book: ExtentBook, begin: Beginnings, here: Iterable[tuple[int, int, int]]
) -> tuple[dict[int, int], dict[str, int]]:
    """Identities with the earliest instant at which they lay open; those without a number apart."""
    stolen: dict[int, int] = {}
    _take(book.held, begin.places, stolen)
    _take(book.told, here, stolen)
    strangers: dict[str, int] = {}
    for entity, name, at in begin.taken:
        number = entity if 0 < entity < len(book.kinds) else book.number_of(name)
        if number:
            stolen[number] = min(at, stolen.get(number, _NEVER))
        else:
            strangers[name] = min(at, strangers.get(name, _NEVER))
    return stolen, strangers


def _take(steps: Steps, sources: Iterable[tuple[int, int, int]], found: dict[int, int]) -> None:
    """Steps that may be taken in the span of their source, each target at the earliest instant."""
    first, rows = steps
    last, known = len(first) - 1, found.get
    for source, start, end in sources:
        if source >= last:
            continue
        row = iter(rows[first[source] : first[source + 1]])
        for thing, low, high in zip(row, row, row, strict=True):
            if low < end and high > start:
                at = max(low, start)
                if at < known(thing, _NEVER):
                    found[thing] = at


def _follow(steps: Steps, sources: Mapping[int, int]) -> dict[int, int]:
    """Where one comes from these, each open from an instant on."""
    first, rows = steps
    last = len(first) - 1
    found: dict[int, int] = {}
    known = found.get
    for source, start in sources.items():
        if source >= last:
            continue
        # Most have one step or none: cheaper by number than as a slice.
        for number in range(first[source], first[source + 1], _PER_STEP):
            if rows[number + 2] > start:
                thing, low = rows[number], rows[number + 1]
                at = max(low, start)
                if at < known(thing, _NEVER):
                    found[thing] = at
    return found
