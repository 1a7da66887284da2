"""Reading a changed source by its changes: functions that are as they were are left out of parsing.

Owns: which functions can be left out, and putting old and new facts together. A function stays when its
text changed, when what it works with was set anew, or when code that stays names it: then what flows
through it may be news. Everything outside functions is always read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from pratique.vet.gate import names_in, scan
from pratique.vet.gate_words import Hit
from pratique.vet.model import ContentFacts, RegionKind
from pratique.vet.source_parts import Function, functions_of, is_whole

LEAST_BYTES = 3_000
"""Below this a source is parsed sooner than it is compared."""
ROUNDS = 4
"""Callers of callers that are kept; the reader itself follows three."""
PAYS = 8
"""One in so many lines has to be left out: functions without facts of their own are read again one day."""
_DEF = re.compile(rb"[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)")
# Possessive, and begun at words only: linear, whatever the text.
_SET = re.compile(
    rb"\b([A-Za-z_]\w*+)(?:\[[^\]\n]{0,80}\])?[ \t]*+(?::[^=\n]{0,80})?(?:[-+*/|&%@]|\*\*|//)?=(?!=)"
)
_BOUND = re.compile(rb"\b(?:def|class|as|for|global|nonlocal|del)[ \t]++([A-Za-z_]\w*+)")
_BINDERS = (
    b"def ", b"class ", b"async ", b"with ", b"except", b"global ", b"nonlocal ", b"del ", b"case ",
)  # fmt: skip
"""Statements that bind names without `=`; `for` is one when it has an `in`. In prose these words are rare."""
_GIVES = re.compile(rb"\b(?:return|yield)\b")
_ATTRIBUTE = re.compile(rb"\.([A-Za-z_]\w*+)(?:\[[^\]\n]{0,80}\])?[ \t]*+[-+*/|&%@]?=(?!=)")


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
    usable = old_facts.parsed and not old_facts.unfinished and b"\r" not in new and b"\r" not in old
    if not usable or len(new) < LEAST_BYTES:
        return None
    lines, old_lines = new.split(b"\n"), old.split(b"\n")
    functions = functions_of(lines)
    compared = _compared(functions, lines, old_lines, old_facts, is_news)
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
    return _joined(facts, old_facts, left_out, (old_lines, new.split(b"\n")))


def _compared(
    functions: list[Function],
    lines: list[bytes],
    old_lines: list[bytes],
    old_facts: ContentFacts,
    is_news: Callable[[bytes], bool],
) -> _Comparison:
    by_text, by_name, outside = _old_functions(old_lines, old_facts)
    kept: list[_Kept] = []
    changed: set[bytes] = set()
    named: set[bytes] = set()
    inside = bytearray(len(lines))
    for one in functions:
        inside[one.start : one.end] = b"\1" * (one.end - one.start)
        body = lines[one.start : one.end]
        if one.end - one.start > 1 and (same := by_text.get(b"\n".join(body))):
            region = same[0] if len(same) == 1 else same.pop()
            start = old_facts.regions[region].line - 1
            kept.append(_Kept(region=region, function=one, old_start=start, same=True))
            continue
        before = by_name.get(one.qualified, ())
        region = before[0] if before else -1
        had: frozenset[bytes] = frozenset()
        start = 0
        if region >= 0:
            start = old_facts.regions[region].line - 1
            had = frozenset(old_lines[start : old_facts.regions[region].end_line])
        added = [line for line in body if line not in had]
        single = len(before) == 1 and one.end - one.start > 1
        # With a word of the gate anywhere in it, what a plain line does may hang on the lines around it.
        # Nor may it name anything for the first time: the facts that are kept know only its old calls.
        text = b"\n".join(added)
        quiet = single and names_in(text) <= names_in(b"\n".join(had)) and not is_news(text)
        if quiet and not _found(one.text(lines)) and is_whole(one.text(lines)):
            kept.append(_Kept(region=region, function=one, old_start=start, same=False))
            if any(_GIVES.search(line) for line in added):
                changed.add(one.name)
        else:
            changed.add(one.name)
            named |= one.words
        changed |= _attributes_set(added)
    around = [line for number, line in enumerate(lines) if not inside[number]]
    added = [line for line in around if line not in outside]
    if is_news(b"\n".join(added)):
        named |= names_in(b"\n".join(added))
    for line in added:
        changed |= _names_set(line.lstrip(b" \t"))
    there = {one.qualified for one in functions}
    changed.update(name.rpartition(".")[2].encode() for name in by_name if name not in there)
    changed -= _NO_NAMES
    fresh = changed - {name.rpartition(".")[2].encode() for name in by_name}
    return _Comparison(
        kept=kept, changed=frozenset(changed), fresh=frozenset(fresh), named=frozenset(named)
    )


_NO_NAMES = frozenset({b"self", b"import", b"from", b"as", b"", b"__init__"})


def _old_functions(
    lines: list[bytes], facts: ContentFacts
) -> tuple[dict[bytes, list[int]], dict[str, list[int]], frozenset[bytes]]:
    """Old functions by their text and by their name, and the lines that stand around them."""
    by_text: dict[bytes, list[int]] = {}
    by_name: dict[str, list[int]] = {}
    inside = bytearray(len(lines))
    for index, region in enumerate(facts.regions):
        start = region.line - 1
        if region.kind is RegionKind.FUNCTION and 0 <= start < len(lines):
            if _DEF.match(lines[start]) is None:
                continue
            by_text.setdefault(b"\n".join(lines[start : region.end_line]), []).append(index)
            by_name.setdefault(region.name, []).append(index)
            inside[start : region.end_line] = b"\1" * (region.end_line - start)
    outside = frozenset(line for number, line in enumerate(lines) if not inside[number])
    return by_text, by_name, outside


def _without_needed(compared: _Comparison, lines: list[bytes]) -> list[_Kept]:
    """Those that nothing new can flow through: they do nothing, or no news names them."""
    acting = _acting(compared.kept, lines)
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


def _acting(kept: list[_Kept], lines: list[bytes]) -> set[int]:
    """Functions in which the gate finds anything, and those that name one of these."""
    found = {index for index, one in enumerate(kept) if _found(one.function.text(lines))}
    for _ in range(ROUNDS):
        names = {kept[index].function.name for index in found}
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


def _attributes_set(lines: list[bytes]) -> set[bytes]:
    """Attributes that lines of a function give a value: what it leaves behind."""
    return {word for line in lines for word in _ATTRIBUTE.findall(line)}


def _names_set(line: bytes) -> set[bytes]:
    if line.startswith((b"import", b"from")):
        return set(names_in(line))
    found = set(_SET.findall(line))
    if line.startswith(_BINDERS) or b";" in line or (b"for " in line and b" in " in line):
        found.update(_BOUND.findall(line))
    return found


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
