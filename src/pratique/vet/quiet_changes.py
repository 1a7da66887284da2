"""Whether the lines that a source gained, lost or moved leave what its other lines do as it was.

Owns: the answer for lines in which the gate sees nothing. A `no` costs parsing; a `yes` that is wrong
hides a deed whose words were there before. So whatever is not surely quiet is a `no`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from pratique.vet.gate import names_in
from pratique.vet.limits import DEFAULT
from pratique.vet.line_changes import LineChanges
from pratique.vet.model import ContentFacts, RegionKind
from pratique.vet.names_bound import names_bound

_DOCSTRING = re.compile(rb'[rR]?(?:"""[^\\]*"""|\'\'\'[^\\]*\'\'\')[,)]?')
_SHORT_TEXT = re.compile(rb"'[^'\\\n]*+'|\"[^\"\\\n]*+\"")
_HEADER = re.compile(rb"(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_BLOCK = re.compile(rb"(?:async[ \t]+)?(\w+)")
_LITERAL = re.compile(rb"[\[({ \t]*(?:'[^'\\\n]*+'|\"[^\"\\\n]*+\"|[\d._]+)[\])}, \t]*")
_CONTINUES = (b"(", b"[", b".", b",", b"=")
"""What a line begins with that only goes on with the one before it."""
_LEAVES_OPEN = (b"(", b"[", b"{", b",", b"=", b"+", b"%")


def leave_rest_as_it_was(
    changes: LineChanges, facts: ContentFacts, acting: AbstractSet[bytes]
) -> bool:
    """Whether nothing that stayed can mean anything else than before.

    Shape: `facts` are of the old text; `acting` names functions of the release that do something.
    """
    if not changes.added and not changes.removed:
        return True
    return _keep_the_layout(changes) and _far_from_deeds(changes, facts, acting)


def _keep_the_layout(changes: LineChanges) -> bool:
    """Whether every line that stayed is code, or text, as before, and in the block that it was in."""
    return (
        all(_is_neutral(line) for line in changes.touched())
        and _hang_together(changes)
        and _stand_where_they_stood(changes)
    )


def _is_neutral(line: bytes) -> bool:
    """Whether what follows a line is code, or text, with and without it."""
    bare = line.strip()
    if bare.endswith(b"\\") or b"\f" in line or b"\r" in line.removesuffix(b"\r"):
        return False
    for quote in (b'"""', b"'''"):
        if quote in bare and not (_DOCSTRING.fullmatch(bare) and bare.count(quote) == 2):  # noqa: PLR2004 - begin and end
            return False
    # Its names may stand in lines that stayed.
    code = bare.partition(b"#")[0]
    return not (bare.startswith((b"from", b"import")) and b"(" in code and b")" not in code)


def _hang_together(changes: LineChanges) -> bool:
    """Whether no line that stayed goes on with another one than before, and every bracket closes."""
    marks = (*changes.kept, (len(changes.old), len(changes.new)))
    a = b = -1
    removed, added = set(changes.removed), set(changes.added)
    for c, d in marks:
        gone = [changes.old[n] for n in range(a + 1, c) if n in removed]
        come = [changes.new[n] for n in range(b + 1, d) if n in added]
        if gone or come:
            before = changes.new[b].rstrip() if b >= 0 else b""
            after = changes.new[d].lstrip() if d < len(changes.new) else b""
            first = come[0].lstrip() if come else after
            if (
                before.endswith(b"\\")
                or first.startswith(_CONTINUES)
                or after.startswith(_CONTINUES)
            ):
                return False
            if not (_is_closed(gone) and _is_closed(come)):
                return False
        a, b = c, d
    return True


_OPEN, _CLOSE = frozenset(b"([{"), frozenset(b")]}")


def _is_closed(lines: Sequence[bytes]) -> bool:
    depth = 0
    for line in lines:
        bare = _SHORT_TEXT.sub(b"", line)
        if _DOCSTRING.fullmatch(line.strip()):
            continue
        if (b"'" in bare or b'"' in bare) and any(byte in _OPEN or byte in _CLOSE for byte in line):
            return False  # which brackets are in texts is not sure
        for byte in bare:
            depth += (byte in _OPEN) - (byte in _CLOSE)
            if depth < 0:
                return False
    return depth == 0


def _stand_where_they_stood(changes: LineChanges) -> bool:
    """Whether every line that stayed is in the same block as before."""
    above_old = _parents(changes.old, [a for a, _ in changes.kept], changes.removed)
    above_new = _parents(changes.new, [b for _, b in changes.kept], changes.added)
    now = dict(changes.kept)
    for a, b in changes.kept:
        was, is_ = above_old[a], above_new[b]
        if (was < 0) != (is_ < 0):
            return False
        if was >= 0 and now.get(was) != is_ and not _alike(changes.old[was], changes.new[is_]):
            return False
    return True


def _parents(lines: Sequence[bytes], kept: list[int], others: Sequence[int]) -> dict[int, int]:
    """Line → the one before it that is indented less; -1 for none."""
    above: dict[int, int] = {}
    stack: list[tuple[int, int]] = []
    for number in sorted((*kept, *others)):
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        while stack and stack[-1][0] >= indent:
            stack.pop()
        above[number] = stack[-1][1] if stack else -1
        stack.append((indent, number))
    return above


def _alike(old: bytes, new: bytes) -> bool:
    """Whether two lines open the same block: of one function or class, or under a condition inside one."""
    indents = [len(line) - len(line.lstrip()) for line in (old, new)]
    if indents[0] != indents[1]:
        return False
    one, other = _HEADER.match(old.lstrip()), _HEADER.match(new.lstrip())
    if one is not None or other is not None:
        return one is not None and other is not None and one.groups() == other.groups()
    if not indents[0]:
        return False
    here, there = _BLOCK.match(old.lstrip()), _BLOCK.match(new.lstrip())
    return here is not None and there is not None and here[1] == there[1]


def _far_from_deeds(changes: LineChanges, facts: ContentFacts, acting: AbstractSet[bytes]) -> bool:
    """Whether no line was touched in code that does something, and none gives its names a meaning."""
    spans, module = _acting_spans(facts, acting)
    inside = bytearray(len(changes.old) + 1)
    functions = bytearray(len(changes.old) + 1)
    for region in facts.regions:
        if region.kind is RegionKind.FUNCTION:
            start, end = region.line - 1, min(region.end_line, len(changes.old))
            functions[start:end] = b"\1" * max(0, end - start)
    for start, end in spans:
        inside[start:end] = b"\1" * max(0, min(end, len(changes.old)) - start)
    if any(inside[number] for number in changes.removed):
        return False
    if any(above >= 0 and inside[above] for above in _lines_above(changes)):
        return False
    if module and not all(map(_is_statement, _around(changes, functions))):
        return False
    named = names_in(
        b"\n".join(
            line
            for number, line in enumerate(changes.old)
            if inside[number] or (module and not functions[number])
        )
    )
    return all(names_bound(line).isdisjoint(named) for line in changes.touched())


def _acting_spans(
    facts: ContentFacts, acting: AbstractSet[bytes]
) -> tuple[list[tuple[int, int]], bool]:
    """Lines of the functions that do something or call what does, and whether the module itself does."""
    if not facts.parsed or facts.unfinished or len(facts.uses) >= DEFAULT.uses_per_content:
        return [(0, 1 << 31)], True
    does = {use.region for use in facts.uses} | {sign.region for sign in facts.signs}
    for index, region in enumerate(facts.regions):
        if any(name.rpartition(".")[2].encode() in acting for name in region.calls):
            does.add(index)
    found = [
        (region.line - 1, region.end_line)
        for index, region in enumerate(facts.regions)
        if index in does and region.kind is RegionKind.FUNCTION
    ]
    return found, 0 in does


def _lines_above(changes: LineChanges) -> Iterator[int]:
    """Of every added line the old line that it comes after; -1 for none."""
    kept = iter((*changes.kept, (0, len(changes.new))))
    above, following = -1, next(kept)
    for number in changes.added:
        while following[1] < number:
            above, following = following[0], next(kept)
        yield above


def _around(changes: LineChanges, functions: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Added lines outside of functions, each with the line before it."""
    said = sorted((*(b for _, b in changes.kept), *changes.added))
    before = dict(zip(said[1:], said, strict=False))
    for number, above in zip(changes.added, _lines_above(changes), strict=True):
        if above < 0 or not functions[above]:
            yield changes.new[before[number]] if number in before else b"", changes.new[number]


def _is_statement(pair: tuple[bytes, bytes]) -> bool:
    """Whether a line is no argument of a call that began before it, unless it is a plain value."""
    above, line = (one.strip() for one in pair)
    return not above.endswith(_LEAVES_OPEN) or bool(_LITERAL.fullmatch(line))
