"""How every asset of a fleet was watched, in columns: 100,000 of them are judged by searching.

Most assets are watched in one of a few ways, of which at most two instants decide about any question.
`mark_of` says which way; `WatchBook` holds the marks in blocks of equal kind and way, so that counting
those that a question clears is a binary search. What fits no way is judged one by one. The outcomes
are those of `absence.judge_absence`, which a test holds them to.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from pratique.exposure.absence import WITNESSES, Absence, Watch, unknown_because
from pratique.exposure.certainty import Certainty
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind
from pratique.values.spans import DAWN


class Way(IntEnum):
    """How an asset was watched."""

    FIXED = 0
    """Whatever is asked, the same rule decides."""
    RUN = 1
    """A run that was not read whole: it lived in [low, high]."""
    HISTORY = 2
    """A repository whose history was read whole, last at `high`."""
    SPAN = 3
    """Watched in [low, high) without a gap, and not at other times."""
    SAMPLED = 4
    """Looked at now and then; the newest look that could not read everything was in [low, high],
    or both are DAWN."""
    ODD = 5
    """None of these: judged one by one."""


class Mark(NamedTuple):
    """How one asset was watched."""

    way: Way
    rule: str = ""
    """Of a fixed way."""
    low: int = 0
    high: int = 0


_ODD: Final = Mark(Way.ODD)


def mark_of(kind: str, name: str, watches: Sequence[Watch]) -> Mark:
    """The way in which an asset was watched, from every look at it."""
    witnesses = WITNESSES.get(kind, frozenset({PlaceKind.ASSET}))
    counted = [one for one in watches if one.place_kind in witnesses]
    if not counted:
        return Mark(Way.FIXED, "not-witnessed" if watches else "never-looked")
    places = {one.look.place for one in counted}
    if kind == AssetKind.CI_RUN:
        return _mark_of_run(counted, places)
    if kind == AssetKind.IMAGE and "sha256:" in name:
        if len(places) < len(counted):
            return _ODD
        whole = all(one.look.whole for one in counted)
        return Mark(Way.FIXED, "immutable" if whole else "unreadable")
    if kind == AssetKind.REPOSITORY:
        return _mark_of_history(counted)
    return _mark_of_places(counted, places)


def _mark_of_run(watches: Sequence[Watch], places: Collection[int]) -> Mark:
    looks = [one.look for one in watches]
    if len(places) < len(looks) or not all(look.ended for look in looks):
        return _ODD
    if all(look.whole for look in looks):
        return Mark(Way.FIXED, "whole-life")
    if any(look.mode != LookMode.EVENT for look in looks):
        return Mark(Way.FIXED, "unreadable")
    return Mark(Way.RUN, "", min(look.at_lo for look in looks), max(look.at_hi for look in looks))


def _mark_of_history(watches: Sequence[Watch]) -> Mark:
    if any(not one.look.whole for one in watches):
        return _ODD
    whole = [one.look.at_lo for one in watches if one.place_kind == PlaceKind.ASSET]
    modes: dict[int, set[str]] = {}
    for one in watches:
        if one.place_kind != PlaceKind.ASSET:
            modes.setdefault(one.look.place, set()).add(one.look.mode)
    if not whole or all(LookMode.EVENT not in some for some in modes.values()):
        return Mark(Way.FIXED, "sampled-only")
    if {LookMode.EVENT.value} not in modes.values():
        return _ODD  # a question may not be told of the only look that was event-driven
    return Mark(Way.HISTORY, "", 0, max(whole))


def _mark_of_places(watches: Sequence[Watch], places: Collection[int]) -> Mark:
    looks = [one.look for one in watches]
    told = sorted(
        (look for look in looks if look.mode == LookMode.EVENT), key=lambda look: look.at_lo
    )
    if not told:
        unread = [look for look in looks if not look.whole]
        newest = max(unread, key=lambda look: look.at_hi, default=None)
        if newest is None:
            return Mark(Way.SAMPLED, "", DAWN, DAWN)
        return Mark(Way.SAMPLED, "", newest.at_lo, newest.at_hi)
    if len(places) > 1 or len(told) < len(looks) or any(not look.whole for look in looks):
        return _ODD
    reached = told[0].at_hi
    for look in told[1:]:
        if look.at_lo > reached:
            return _ODD
        reached = max(reached, look.at_hi)
    return Mark(Way.SPAN, "", told[0].at_lo, reached)


# ── what a way says to a question ────────────────────────────────────────────────────────────


class Asked(NamedTuple):
    """The time over which absence must be shown, which is not empty."""

    start: int
    end: int
    patience: int


def rule_of(way: int, low: int, high: int, asked: Asked) -> str:
    """The rule that decides about one asset; empty where it must be judged by itself."""
    start, end, patience = asked
    match way:
        case Way.RUN:
            return "outside-life" if high <= start or low >= end else "unreadable"
        case Way.HISTORY:
            return "whole-history" if high + patience >= end else "not-since"
        case Way.SAMPLED:
            if low >= end:
                return ""  # an older look may not have read everything either
            return "unreadable" if high >= start and high > DAWN else "sampled-only"
        case _:
            if low > start or high <= start:
                return "not-covered"
            return "watched" if high + patience >= end else "not-since"


CLEARS: Final = frozenset(
    {"whole-life", "outside-life", "immutable", "whole-history", "watched", "other-release"}
)
"""Rules that clear."""


def absence_of(kind: str, rule: str) -> Absence:
    """What a rule says of an asset of a kind."""
    if rule in CLEARS:
        return Absence(Certainty.CLEARED, rule)
    return unknown_because(kind, rule)


class Block(NamedTuple):
    """Assets of one kind and way: the places [begin, end) of the columns."""

    kind: str
    way: int
    rule: str
    begin: int
    end: int
    latest: int
    """The greatest of `lows`."""


class Columns(NamedTuple):
    """One number per asset in each, block by block and in a block by name."""

    ids: Sequence[int]
    lows: Sequence[int]
    highs: Sequence[int]
    sorted_highs: Sequence[int]
    """Within each block."""
    by_id: Sequence[int]
    """All ids in their order …"""
    place_by_id: Sequence[int]
    """… and where each stands in the columns."""


class Told(NamedTuple):
    """Assets of one kind about which one rule decides."""

    kind: str
    rule: str
    number: int
    first: tuple[int, ...]
    """Ids of the first of them, in the order of their names."""


class Runs(Protocol):
    """Finished CI runs that are kept apart, millions of them: all were read whole, to their end."""

    number: int

    def first(self, wanted: int, *, without: Collection[int]) -> Sequence[int]:
        """Ids of the first by name, as many as are wanted, but none of these."""
        ...

    def holds(self, asset: int) -> bool:
        """Whether an id may be one of these."""
        ...


class WatchBook:
    """All assets of a fleet, as they were watched until one ledger size."""

    def __init__(
        self,
        blocks: Sequence[Block],
        columns: Columns,
        *,
        door_only: bool,
        runs: Runs | None = None,
    ) -> None:
        """`door_only`: nothing but our door ever looked at anything."""
        self.blocks = blocks
        self.columns = columns
        self.door_only = door_only
        self.runs = runs

    def odd(self, end: int) -> Iterator[int]:
        """Assets that must be judged one by one when a question ends at `end`."""
        ids, lows = self.columns.ids, self.columns.lows
        for block in self.blocks:
            if block.way == Way.ODD:
                yield from (ids[place] for place in range(block.begin, block.end))
            elif block.way == Way.SAMPLED and block.latest >= end:
                some = range(block.begin, block.end)
                yield from (ids[place] for place in some if lows[place] >= end)

    def tell(self, asked: Asked, *, without: Collection[int], names: int | None) -> Iterator[Told]:
        """What is said of all others but `without`, among which are all the odd ones.

        `names`: of how many of each the ids are given; None: all.
        """
        gone = sorted(self._places(without))
        yield from self._tell_runs(without, names)
        for block in self.blocks:
            if block.way == Way.ODD:
                continue
            counts = self._counts(block, asked)
            apart = gone[bisect_left(gone, block.begin) : bisect_left(gone, block.end)]
            for place in apart:
                rule = self._rule(block, place, asked)
                if rule:
                    counts[rule] -= 1
            for rule, number in counts.items():
                if number > 0:
                    wanted = number if names is None else min(names, number)
                    first = self._first(block, rule, asked, frozenset(apart), wanted)
                    yield Told(block.kind, rule, number, tuple(first))

    def _tell_runs(self, without: Collection[int], names: int | None) -> Iterator[Told]:
        if self.runs is None or not self.runs.number:
            return
        apart = {one for one in without if self.runs.holds(one)}
        apart -= {self.columns.ids[place] for place in self._places(apart)}
        left = self.runs.number - len(apart)
        if left > 0:
            wanted = left if names is None else min(names, left)
            first = tuple(self.runs.first(wanted, without=apart))
            yield Told(AssetKind.CI_RUN.value, "whole-life", left, first)

    def _places(self, ids: Iterable[int]) -> Iterator[int]:
        by_id, places = self.columns.by_id, self.columns.place_by_id
        for number in ids:
            at = bisect_left(by_id, number)
            if at < len(by_id) and by_id[at] == number:
                yield places[at]

    def _rule(self, block: Block, place: int, asked: Asked) -> str:
        if block.rule:
            return block.rule
        return rule_of(block.way, self.columns.lows[place], self.columns.highs[place], asked)

    def _counts(self, block: Block, asked: Asked) -> Counter[str]:
        """How many of a block each rule decides about, by searching where one number decides."""
        size = block.end - block.begin
        if block.rule:
            return Counter({block.rule: size})
        start, end, patience = asked
        if block.latest > start if block.way == Way.SPAN else block.latest >= end:
            told = Counter(
                self._rule(block, place, asked) for place in range(block.begin, block.end)
            )
            del told[""]
            return told
        early, late = self._upto(block, start), self._below(block, end - patience)
        match block.way:
            case Way.RUN:
                return Counter({"outside-life": early, "unreadable": size - early})
            case Way.HISTORY:
                return Counter({"not-since": late, "whole-history": size - late})
            case Way.SAMPLED:
                read = self._below(block, max(start, DAWN + 1))
                return Counter({"sampled-only": read, "unreadable": size - read})
        # Patience may reach back beyond the start: who was heard last before it watched nothing.
        late = max(early, late)
        return Counter({"not-covered": early, "not-since": late - early, "watched": size - late})

    def _upto(self, block: Block, moment: int) -> int:
        """How many highs of a block are no later."""
        highs = self.columns.sorted_highs
        return bisect_right(highs, moment, block.begin, block.end) - block.begin

    def _below(self, block: Block, moment: int) -> int:
        """How many highs of a block are earlier."""
        highs = self.columns.sorted_highs
        return bisect_left(highs, moment, block.begin, block.end) - block.begin

    def _first(
        self, block: Block, rule: str, asked: Asked, apart: Collection[int], wanted: int
    ) -> Iterator[int]:
        for place in range(block.begin, block.end):
            if not wanted:
                return
            if place not in apart and self._rule(block, place, asked) == rule:
                wanted -= 1
                yield self.columns.ids[place]


def make_book(marks: Iterable[tuple[int, str, str, Mark]], *, door_only: bool) -> WatchBook:
    """A book of these assets: (id, name, kind, mark), in any order."""
    listed = sorted(marks, key=lambda one: (one[2], one[3].way, one[3].rule, one[1]))
    ids = array("q", (one[0] for one in listed))
    lows = array("q", (one[3].low for one in listed))
    highs = array("q", (one[3].high for one in listed))
    sorted_highs = array("q", highs)
    blocks: list[Block] = []
    begin = 0
    for (kind, way, rule), some in groupby(
        listed, key=lambda one: (one[2], one[3].way, one[3].rule)
    ):
        end = begin + sum(1 for _ in some)
        sorted_highs[begin:end] = array("q", sorted(highs[begin:end]))
        blocks.append(Block(kind, int(way), rule, begin, end, max(lows[begin:end])))
        begin = end
    order = sorted(range(len(ids)), key=ids.__getitem__)
    columns = Columns(
        ids,
        lows,
        highs,
        sorted_highs,
        array("q", (ids[place] for place in order)),
        array("q", order),
    )
    return WatchBook(blocks, columns, door_only=door_only)
