"""Reading a changed source by its changes: functions that are as they were are left out of parsing.

Owns: which functions can be left out, and putting old and new facts together. A function stays when its
text changed, when what it works with was set anew, or when code that stays names it: then what flows
through it may be news. Everything outside functions is always read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from pratique.vet.gate import names_in, scan
from pratique.vet.gate_words import Hit
from pratique.vet.model import ContentFacts, RegionKind

LEAST_BYTES = 3_000
"""Below this a source is parsed sooner than it is compared."""
ROUNDS = 4
"""Callers of callers that are kept; the reader itself follows three."""
ALIKE = 32
"""Equal first lines of functions that are tried: `def __init__(self):` is everywhere."""
GAP = 50
"""Blank lines and comments between functions that are looked through for where the next code stands."""
_DEF = re.compile(rb"[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)")
# Possessive, and begun at words only: linear, whatever the text.
_SET = re.compile(
    rb"\b([A-Za-z_]\w*+)(?:\[[^\]\n]{0,80}\])?[ \t]*+(?::[^=\n]{0,80})?(?:[-+*/|&%@]|\*\*|//)?=(?!=)"
    rb"|\b(?:def|class|as|for|global|nonlocal|del)[ \t]++([A-Za-z_]\w*+)"
)
_ATTRIBUTE = re.compile(rb"\.([A-Za-z_]\w*+)(?:\[[^\]\n]{0,80}\])?[ \t]*+[-+*/|&%@]?=(?!=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Function:
    """A function of the old source that the new one has in the same words."""

    region: int
    start: int
    """First line in the new source, from 0."""
    old_start: int
    lines: int
    name: bytes
    words: frozenset[bytes]


def examine_changes(
    old: bytes, old_facts: ContentFacts, new: bytes, examine: Callable[[bytes], ContentFacts]
) -> ContentFacts | None:
    """Facts of a changed source, made from the old ones and from what changed.

    Shape: None when that does not pay, or cannot be done: then the whole source is to be examined.
    """
    usable = old_facts.parsed and not old_facts.unfinished and b"\r" not in new and b"\r" not in old
    if not usable or len(new) < LEAST_BYTES:
        return None
    lines = new.split(b"\n")
    old_lines = old.split(b"\n")
    same = _unchanged(old_lines, old_facts, lines)
    changed = _changed_names(old_facts, same) | _set_in(frozenset(old_lines), lines)
    left_out = _without_needed(same, lines, changed)
    if sum(one.lines for one in left_out) * 4 < len(lines):
        return None
    for one in left_out:
        first = lines[one.start]
        indent = first[: len(first) - len(first.lstrip(b" \t"))]
        lines[one.start] = indent + b"def " + one.name + b"(*a, **k): pass"
        lines[one.start + 1 : one.start + one.lines] = [b""] * (one.lines - 1)
    facts = examine(b"\n".join(lines))
    starts = {region.line for region in facts.regions if region.kind is RegionKind.FUNCTION}
    if any(one.start + 1 not in starts for one in left_out):
        return None  # cut in a way that reads as something else
    return _joined(facts, old_facts, left_out, size=len(new))


def _unchanged(old: list[bytes], facts: ContentFacts, new: list[bytes]) -> list[_Function]:
    """Functions whose lines stand together in the new source as they did in the old."""
    places: dict[bytes, list[int]] = {}
    for number, line in enumerate(new):
        if b"def " in line:
            places.setdefault(line, []).append(number)
    found: list[_Function] = []
    taken = [False] * len(new)
    for index, region in enumerate(facts.regions):
        start, count = region.line - 1, region.end_line - region.line + 1
        if region.kind is not RegionKind.FUNCTION or count < 2 or not 0 <= start < len(old):  # noqa: PLR2004 - a line is its own stub
            continue
        header = _DEF.match(old[start])
        if header is None:
            continue
        body = old[start : start + count]
        indent = len(old[start]) - len(old[start].lstrip(b" \t"))
        for place in places.get(old[start], ())[:ALIKE]:
            if taken[place] or new[place : place + count] != body:
                continue
            if _has_ended(new, place + count, indent):
                taken[place : place + count] = [True] * count
                words = names_in(b"\n".join(body))
                found.append(
                    _Function(
                        region=index, start=place, old_start=start, lines=count, name=header[1], words=words
                    )
                )  # fmt: skip
                break
    return found


def _has_ended(lines: list[bytes], start: int, indent: int) -> bool:
    """Whether a function with that indentation ends before a line: what was added to its end is of it."""
    for line in lines[start : start + GAP]:
        bare = line.lstrip(b" \t")
        if bare and not bare.startswith(b"#"):
            return len(line) - len(bare) <= indent
    return start + GAP >= len(lines)


def _without_needed(
    same: list[_Function], lines: list[bytes], changed: frozenset[bytes]
) -> list[_Function]:
    """Those that nothing new can flow through: they do nothing, or nothing that stays names them."""
    acting = _acting(same, lines)
    left = [one for one in same if one.region not in acting or changed.isdisjoint(one.words)]
    out = set[int]()
    for one in left:
        out.update(range(one.start, one.start + one.lines))
    # What the kept text names is needed too, and what that names; outside functions nothing is left out.
    named = names_in(b"\n".join(line for number, line in enumerate(lines) if number not in out))
    for _ in range(ROUNDS):
        needed = [one for one in left if one.name in named and one.region in acting]
        if not needed:
            break
        left = [one for one in left if not (one.name in named and one.region in acting)]
        named = frozenset().union(*(one.words for one in needed))
    return left


def _acting(same: list[_Function], lines: list[bytes]) -> frozenset[int]:
    """Functions in which the gate finds anything, and those that name one of these."""
    found = {
        one.region
        for one in same
        if scan(b"\n".join(lines[one.start : one.start + one.lines])) & ~Hit.SECRET_WORD
    }
    for _ in range(ROUNDS):
        names = {one.name for one in same if one.region in found}
        more = {one.region for one in same if not names.isdisjoint(one.words)}
        if more <= found:
            break
        found |= more
    return frozenset(found)


def _changed_names(facts: ContentFacts, same: list[_Function]) -> frozenset[bytes]:
    """Names of functions that are not as they were: who calls them hands them something."""
    kept = {one.region for one in same}
    return frozenset(
        region.name.rpartition(".")[2].encode()
        for index, region in enumerate(facts.regions)
        if region.kind is RegionKind.FUNCTION and index not in kept
    ) - {b"__init__"}


def _set_in(had: frozenset[bytes], lines: list[bytes]) -> frozenset[bytes]:
    """Names that added lines give a value, define or import; of a function's own ones only attributes."""
    found: set[bytes] = set()
    around: list[
        tuple[int, bool]
    ] = []  # indentation of definitions, and whether they are functions
    for line in lines:
        bare = line.lstrip(b" \t")
        if not bare or bare.startswith(b"#"):
            continue
        indent = len(line) - len(bare)
        while around and around[-1][0] >= indent:
            around.pop()
        if line not in had:
            if around and around[-1][1]:
                found.update(_ATTRIBUTE.findall(bare))
            else:
                found |= _names_set(bare)
        if bare.startswith((b"def ", b"async ", b"class ")):
            around.append((indent, not bare.startswith(b"class ")))
    return frozenset(found) - {b"self", b"import", b"from", b"as", b""}


def _names_set(line: bytes) -> set[bytes]:
    if line.startswith((b"import", b"from")):
        return set(names_in(line))
    return {word for pair in _SET.findall(line) for word in pair}


def _joined(
    facts: ContentFacts, old: ContentFacts, left_out: list[_Function], *, size: int
) -> ContentFacts:
    """New facts, with what the old ones say of the functions that were left out."""
    by_line = {
        region.line: index
        for index, region in enumerate(facts.regions)
        if region.kind is RegionKind.FUNCTION
    }
    regions = list(facts.regions)
    moved: dict[int, tuple[int, int]] = {}
    for one in left_out:
        index = by_line.get(one.start + 1)
        if index is None:
            continue
        before = old.regions[one.region]
        shift = one.start - one.old_start
        moved[one.region] = (index, shift)
        regions[index] = replace(
            before,
            name=regions[index].name,
            line=before.line + shift,
            end_line=before.end_line + shift,
        )
    if regions and regions[0].kind is RegionKind.MODULE:
        last = max(region.end_line for region in regions)
        regions[0] = replace(regions[0], end_line=last)
    signs = [
        replace(sign, region=moved[sign.region][0], line=sign.line + moved[sign.region][1])
        for sign in old.signs
        if sign.region in moved
    ]
    signs = sorted(
        (*facts.signs, *signs), key=lambda s: (s.line, s.column, s.rule, s.trait, s.layer)
    )
    return replace(
        facts,
        size=size,
        regions=tuple(regions),
        signs=tuple(signs),
        imports=(
            *facts.imports,
            *(replace(i, region=moved[i.region][0]) for i in old.imports if i.region in moved),
        ),
        uses=(
            *facts.uses,
            *(replace(u, region=moved[u.region][0]) for u in old.uses if u.region in moved),
        ),
    )
