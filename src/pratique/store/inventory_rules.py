"""From looks at a place to runs: how long each element was there, as far as these looks can tell.

An *element* is what comes and goes at a place: an item at a stage, an identity, or, where contents
are shared by a lineage, a whole content. Pure; docs/explain/inventory-facts.md says it in words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.store.inventory_kept import Element
from pratique.values.spans import DAWN, OPEN

NOWHERE: Final = 0
"""Number of the empty content."""


class LookMark(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules need of a look."""

    entry: int
    lo: int
    hi: int
    event: bool
    ended: bool
    whole: bool
    begins: bool
    """Whether nothing it saw can have been there before `lo`."""
    content: int
    evidence_class: int

    @property
    def sees_from(self) -> int:
        """From here on what it saw was surely there."""
        return self.lo if self.event else self.hi

    @property
    def sees_until(self) -> int:
        """Until here what it saw was surely there."""
        return self.hi if self.event else self.lo

    @property
    def misses_from(self) -> int:
        """From here on what it did not see was surely gone."""
        return self.lo if self.event else self.hi

    @property
    def misses_until(self) -> int:
        """Until here what it did not see had surely not come."""
        return self.hi if self.event else self.lo


@dataclass(slots=True, kw_only=True)
class Run:
    """Looks that saw an element, with nothing between them that proves its absence."""

    element: Element
    first: LookMark
    from_lo: int
    from_hi: int
    to_lo: int
    to_hi: int = OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all looks at a place tell together."""

    runs: Sequence[Run]
    newest: LookMark | None
    """The last look in time."""
    last_hi: int
    """Where the looks end; one that begins later, or here, changes nothing before."""
    ends_in_point: bool
    """Whether a look of zero length lies at `last_hi`: one that begins there is at the same time."""
    absent_since: int
    """Until here what is not there now had surely not come."""
    seen: int
    """Latest instant at which anything was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A look, or the end of the place that an ended look says besides."""

    look: LookMark
    is_end: bool
    proves_absence: bool
    lo: int
    hi: int


def lower_start(look: LookMark, absent_since: int) -> int:
    """Earliest instant at which what a look sees first can have come."""
    return max(absent_since, look.lo) if look.begins else absent_since


def tell(looks: Iterable[LookMark], elements_of: Callable[[int], Collection[Element]]) -> Told:
    """All runs at a place. `elements_of` gives the elements of a content.

    Cost: looks times the size of their contents.
    """
    moments = _moments(sorted(looks, key=lambda look: (look.lo, look.hi, look.entry)))
    runs: list[Run] = []
    present: dict[Element, Run] = {}
    absent_since = DAWN
    for moment in moments:
        look = moment.look
        seen: Collection[Element] = () if moment.is_end else elements_of(look.content)
        if moment.proves_absence:
            gone_by = look.hi if moment.is_end else look.misses_from
            for element in [one for one in present if one not in seen]:
                present.pop(element).to_hi = gone_by
        for element in seen:
            run = present.get(element)
            if run is None:
                run = Run(
                    element=element,
                    first=look,
                    from_lo=lower_start(look, absent_since),
                    from_hi=look.sees_from,
                    to_lo=look.sees_until,
                )
                present[element] = run
                runs.append(run)
            else:
                run.from_hi = min(run.from_hi, look.sees_from)
                run.to_lo = max(run.to_lo, look.sees_until)
        if moment.proves_absence:
            absent_since = max(absent_since, look.hi if moment.is_end else look.misses_until)
    real = [moment.look for moment in moments if not moment.is_end]
    last_hi = max((look.hi for look in real), default=DAWN)
    return Told(
        runs=runs,
        newest=real[-1] if real else None,
        last_hi=last_hi,
        ends_in_point=any(one.lo == one.hi == last_hi for one in moments),
        absent_since=absent_since,
        seen=max((look.sees_until for look in real), default=DAWN),
    )


def _moments(looks: Sequence[LookMark]) -> list[_Moment]:
    """Looks and ends in order of time, each with whether absence counts in it.

    It counts when the look was whole and no look at the same time saw something else.
    """
    plain = [(look.lo, look.hi, False, look, look.content) for look in looks]
    plain += [(look.hi, look.hi, True, look, NOWHERE) for look in looks if look.ended]
    plain.sort(key=lambda one: (*one[:3], one[3].entry))
    disputed = _disputed(plain)
    return [
        _Moment(
            look=look,
            is_end=is_end,
            proves_absence=(is_end or look.whole) and number not in disputed,
            lo=lo,
            hi=hi,
        )
        for number, (lo, hi, is_end, look, _) in enumerate(plain)
    ]


def _disputed(plain: Sequence[tuple[int, int, bool, LookMark, int]]) -> set[int]:
    """Numbers of moments that share an instant with another look's moment of other content.

    A moment of zero length is a point; others are half-open. `plain` is sorted by start.
    """
    found: set[int] = set()
    open_ones: list[int] = []
    for number, (lo, _, _, look, content) in enumerate(plain):
        open_ones = [n for n in open_ones if max(plain[n][1], plain[n][0] + 1) > lo]
        for other in open_ones:
            if plain[other][3] is not look and plain[other][4] != content:
                found.update((number, other))
        open_ones.append(number)
    return found
