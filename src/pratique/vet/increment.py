"""Reading a changed source by its changes: functions that are as they were are left out of parsing.

Owns: which functions can be left out, and putting old and new facts together. A function stays when its
text changed, when what it works with was set anew, or when code that stays names it: then what flows
through it may be news. Everything outside functions is always read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from pratique.vet.gate import names_in, scan
from pratique.vet.gate_words import Hit
from pratique.vet.line_changes import LineChanges, compare_lines
from pratique.vet.model import ContentFacts, RegionKind
from pratique.vet.names_bound import attributes_set, names_bound, names_imported
from pratique.vet.quiet_changes import keep_the_layout
from pratique.vet.source_parts import Function, functions_of, is_whole

LEAST_BYTES = 3_000
"""Below this a source is parsed sooner than it is compared."""
ROUNDS = 4
"""Callers of callers that are kept; the reader itself follows three."""
PAYS = 8
"""One in so many lines has to be left out: functions without facts of their own are read again one day."""
_DEF = re.compile(rb"[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)")
_GIVES = re.compile(rb"\b(?:return|yield)\b")
_TEXT = rb"'[^'\\\n()]*+'|\"[^\"\\\n()]*+\"(?!\")"
# A header in which nothing is called: what its defaults and notes do is done by what stands around it.
_PLAIN_HEADER = re.compile(
    rb"[ \t]*(?:async[ \t]+)?def[ \t]+\w+[ \t]*\((?:[^()'\"#]|" + _TEXT + rb")*+\)"
    rb"(?:[^(\n'\"#:]|" + _TEXT + rb")*+:[ \t]*(?:#[^\n]*)?\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A function that is as it was, but for lines that are no news."""

    region: int
    """Of the old facts."""
    function: Function
    old_start: int
    same: bool
    """Whether it is so to the letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """A new source beside the old one."""

    kept: list[_Kept]
    changed: frozenset[bytes]
    """Names that news give another meaning: of functions, of what is set in added lines."""
    fresh: frozenset[bytes]
    """Those of them that no function had: who names one now runs something else than before."""
    doing: frozenset[bytes]
    """Names of the functions that are news, and in which the gate finds anything."""
    named: frozenset[bytes]
    """Words of the functions that are news, and of all that stands outside of functions and is."""


def examine_changes(
    old: bytes,
    old_facts: ContentFacts,
    new: bytes,
    examine: Callable[[bytes], ContentFacts],
    *,
    is_news: Callable[[bytes], bool] = bool,
) -> ContentFacts | None:
    """Facts of a changed source, made from the old ones and from what changed.

    Shape: None when that does not pay, or cannot be done: then the whole source is to be examined.
    `is_news` says of added lines of one function, or of all that were added around them, whether anything
    could be seen in them.
    """
    usable = old_facts.parsed and not old_facts.unfinished
    # Python ends lines at a return, and begins to count blanks anew at a form feed.
    if (
        not usable
        or len(new) < LEAST_BYTES
        or any(end in text for end in (b"\r", b"\f") for text in (old, new))
    ):
        return None
    changes = compare_lines(old, new)
    if changes is None:
        return None
    lines, old_lines = list(changes.new), list(changes.old)
    compared = _compared(changes, old_facts, is_news)
    left_out = _without_needed(compared, lines)
    if sum(one.function.end - one.function.start for one in left_out) * PAYS < len(lines):
        return None
    for one in left_out:
        first = lines[one.function.start]
        indent = first[: len(first) - len(first.lstrip(b" \t"))]
        lines[one.function.start] = indent + b"def " + one.function.name + b"(*a, **k): pass"
        count = one.function.end - one.function.start
        lines[one.function.start + 1 : one.function.end] = [b""] * (count - 1)
    facts = examine(b"\n".join(lines))
    if _imports_change(facts, old_facts, left_out):
        return None
    return _joined(facts, old_facts, left_out, (old_lines, new.split(b"\n")))


def _has_other_ends(text: bytes) -> bool:
    """Whether Python may see lines or indentation that are not seen here."""
    return b"\r" in text or b"\f" in text


def _compared(
    changes: LineChanges, old_facts: ContentFacts, is_news: Callable[[bytes], bool]
) -> _Comparison:
    lines, old_lines = changes.new, changes.old
    functions = functions_of(lines)
    by_text, by_name = _old_functions(old_lines, old_facts)
    kept: list[_Kept] = []
    changed: set[bytes] = set()
    named: set[bytes] = set()
    doing: set[bytes] = set()
    inside = bytearray(len(lines))
    for one in functions:
        inside[one.start : one.end] = b"\1" * (one.end - one.start)
        text = one.text(lines)
        plain = _PLAIN_HEADER.match(text) is not None
        if plain and (same := by_text.get(text)):
            region = same[0] if len(same) == 1 else same.pop()
            start = old_facts.regions[region].line - 1
            kept.append(_Kept(region=region, function=one, old_start=start, same=True))
            continue
        before = by_name.get(one.qualified, ())
        had: Sequence[bytes] = ()
        if before:
            place = old_facts.regions[before[0]]
            had = old_lines[place.line - 1 : place.end_line]
        added = _lines_not_in(had, lines[one.start : one.end])
        # With a word of the gate anywhere in it, what a plain line does may hang on the lines around it.
        found = _found(text)
        if len(before) == 1 and plain and not found and _is_quiet(had, text, added, is_news):
            start = old_facts.regions[before[0]].line - 1
            kept.append(_Kept(region=before[0], function=one, old_start=start, same=False))
            if any(_GIVES.search(line) for line in added):
                changed.add(one.name)
        else:
            changed.add(one.name)
            named |= one.words
            doing |= {one.name} if found else set()
        changed |= attributes_set(added)
    outside = [n for n in changes.added if not inside[n]]
    text = b"\n".join(lines[n] for n in outside)
    if is_news(text):
        named |= names_in(text)
    named |= _names_set_off(changes, inside, old_facts)
    bound = _bound_outside(changes, outside)
    there = {one.qualified for one in functions}
    gone = {name.rpartition(".")[2].encode() for name in by_name if name not in there}
    changed = (changed | bound | gone) - _NO_NAMES
    fresh = changed - {name.rpartition(".")[2].encode() for name in by_name} | bound - _NO_NAMES
    return _Comparison(
        kept=kept,
        changed=frozenset(changed),
        fresh=frozenset(fresh),
        named=frozenset(named),
        doing=frozenset(doing),
    )


def _lines_not_in(old: Sequence[bytes], new: Sequence[bytes]) -> list[bytes]:
    had = frozenset(old)
    return [line for line in new if line not in had]


def _is_quiet(
    old: Sequence[bytes], text: bytes, added: list[bytes], is_news: Callable[[bytes], bool]
) -> bool:
    """Whether a changed function can do nothing that it did not, nor call anything else."""
    before, more = b"\n".join(old), b"\n".join(added)
    # It may name nothing for the first time: the facts that are kept know only its old calls.
    if not names_in(more) <= names_in(before) or is_news(more) or not is_whole(text):
        return False
    changes = compare_lines(before, text)
    return changes is not None and keep_the_layout(changes)


def _names_set_off(
    changes: LineChanges, inside: bytearray, old_facts: ContentFacts
) -> frozenset[bytes]:
    """Names around functions, if a line there may now be code that was none, or run that did not."""
    was_inside = bytearray(len(changes.old))
    for region in old_facts.regions:
        if region.kind is RegionKind.FUNCTION:
            start, end = region.line - 1, min(region.end_line, len(was_inside))
            was_inside[start:end] = b"\1" * max(0, end - start)
    old = b"\n".join(line for n, line in enumerate(changes.old) if not was_inside[n])
    new = b"\n".join(line for n, line in enumerate(changes.new) if not inside[n])
    around = compare_lines(old, new)
    return frozenset() if around is not None and keep_the_layout(around) else names_in(new)


def _bound_outside(changes: LineChanges, added: Sequence[int]) -> set[bytes]:
    """Names that mean something else since lines around functions came, went or moved."""
    found: set[bytes] = set()
    for lines, touched in ((changes.new, added), (changes.old, changes.removed)):
        for number in touched:
            if lines is changes.new or not lines[number][:1].isspace():
                found |= names_bound(lines[number])
            found |= names_imported(lines, number)
    return found


def _imports_change(
    facts: ContentFacts, old_facts: ContentFacts, left_out: Sequence[_Kept]
) -> bool:
    """Whether the module imports anything for the first time by a name that something left out names."""
    had = {(item.module, item.name) for item in old_facts.imports}
    names = {
        item.name or item.module.partition(".")[0]
        for item in facts.imports
        if (item.module, item.name) not in had
    }
    words = {name.encode() for name in names}
    return "*" in names or any(not words.isdisjoint(one.function.words) for one in left_out)


_NO_NAMES = frozenset({b"self", b"import", b"from", b"as", b"", b"__init__"})


def _old_functions(
    lines: Sequence[bytes], facts: ContentFacts
) -> tuple[dict[bytes, list[int]], dict[str, list[int]]]:
    """Old functions by their text and by their name."""
    by_text: dict[bytes, list[int]] = {}
    by_name: dict[str, list[int]] = {}
    for index, region in enumerate(facts.regions):
        start = region.line - 1
        if region.kind is RegionKind.FUNCTION and 0 <= start < len(lines):
            if _DEF.match(lines[start]) is None:
                continue
            by_text.setdefault(b"\n".join(lines[start : region.end_line]), []).append(index)
            by_name.setdefault(region.name, []).append(index)
    return by_text, by_name


def _without_needed(compared: _Comparison, lines: list[bytes]) -> list[_Kept]:
    """Those that nothing new can flow through: they do nothing, or no news names them."""
    acting = _acting(compared.kept, compared.doing, lines)
    needed = {
        index
        for index in acting
        if not compared.changed.isdisjoint(compared.kept[index].function.words)
    }
    needed |= {
        index
        for index, one in enumerate(compared.kept)
        if not compared.fresh.isdisjoint(one.function.words)
    }
    named = set(compared.named)
    for index in needed:
        named |= compared.kept[index].function.words
    for _ in range(ROUNDS):
        more = {
            index
            for index in acting
            if index not in needed and compared.kept[index].function.name in named
        }
        if not more:
            break
        needed |= more
        named = set().union(*(compared.kept[index].function.words for index in more))
    return [one for index, one in enumerate(compared.kept) if index not in needed]


def _acting(kept: list[_Kept], doing: frozenset[bytes], lines: list[bytes]) -> set[int]:
    """Functions in which the gate finds anything, and those that name one of these, or one that is news."""
    found = {index for index, one in enumerate(kept) if _found(one.function.text(lines))}
    for _ in range(ROUNDS):
        names = doing | {kept[index].function.name for index in found}
        more = {
            index
            for index, one in enumerate(kept)
            if index not in found and not names.isdisjoint(one.function.words - {one.function.name})
        }
        if not more:
            break
        found |= more
    return found


def _found(text: bytes) -> bool:
    """Whether the gate finds anything of weight."""
    return bool(int(scan(text)) & ~_LIGHT)


_LIGHT = int(Hit.SECRET_WORD | Hit.CALLS)


def _joined(
    facts: ContentFacts,
    old: ContentFacts,
    left_out: list[_Kept],
    both: tuple[list[bytes], list[bytes]],
) -> ContentFacts | None:
    """New facts, with what the old ones say of the functions that were left out.

    None when one that was left out is not where it should be: then lines were not what they looked like.
    """
    by_line = {
        region.line: index
        for index, region in enumerate(facts.regions)
        if region.kind is RegionKind.FUNCTION
    }
    regions = list(facts.regions)
    moved: dict[int, _Moved] = {}
    for one in left_out:
        index = by_line.get(one.function.start + 1)
        if index is None:
            return None
        place = moved[one.region] = _Moved.of(one, index, both)
        before = old.regions[one.region]
        regions[index] = replace(
            before,
            name=regions[index].name,
            line=place.line(before.line),
            end_line=one.function.end,
        )
    if regions and regions[0].kind is RegionKind.MODULE:
        last = max(region.end_line for region in regions)
        regions[0] = replace(regions[0], end_line=last)
    signs = [
        replace(sign, region=to.region, line=to.line(sign.line))
        for sign in old.signs
        if (to := moved.get(sign.region)) is not None
    ]
    signs = sorted(
        (*facts.signs, *signs), key=lambda s: (s.line, s.column, s.rule, s.trait, s.layer)
    )
    imports = [
        replace(item, region=to.region, line=to.line(item.line))
        for item in old.imports
        if (to := moved.get(item.region)) is not None
    ]
    uses = [
        replace(use, region=to.region, line=to.line(use.line))
        for use in old.uses
        if (to := moved.get(use.region)) is not None
    ]
    return replace(
        facts,
        size=sum(map(len, both[1])) + len(both[1]) - 1,
        regions=tuple(regions),
        signs=tuple(signs),
        imports=(*facts.imports, *imports),
        uses=(*facts.uses, *uses),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """Where a function of the old source is now."""

    region: int
    lines: Mapping[int, int]
    """Old line → new line, from 1."""
    shift: int

    @classmethod
    def of(cls, one: _Kept, region: int, both: tuple[list[bytes], list[bytes]]) -> _Moved:
        old, new = both
        shift = one.function.start - one.old_start
        lines: dict[int, int] = {}
        if not one.same:
            at: dict[bytes, list[int]] = {}
            for number in range(one.function.end - 1, one.function.start - 1, -1):
                at.setdefault(new[number], []).append(number + 1)
            count = one.function.end - one.function.start
            for number in range(one.old_start, min(one.old_start + 2 * count, len(old))):
                if places := at.get(old[number]):
                    lines[number + 1] = places.pop() if len(places) > 1 else places[0]
        return cls(region=region, lines=lines, shift=shift)

    def line(self, old: int) -> int:
        """The line that an old one has become; near it when it is gone."""
        return self.lines.get(old, old + self.shift)
