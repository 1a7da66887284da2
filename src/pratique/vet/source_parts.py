"""A Python source as functions and what stands around them, by its lines alone.

Owns: where functions begin and end by indentation, and whether a stretch of lines can be taken out without
turning text into code or code into text. Never parses; whoever takes lines out checks with the parser
that what it put there instead is where it should be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pratique.vet.gate import names_in

_DEF = re.compile(rb"[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)")
_CLASS = re.compile(rb"[ \t]*class[ \t]+(\w+)")
# Texts and comments one after the other; possessive, so that no text is looked at twice.
_TEXT = re.compile(
    rb"#[^\n]*+"
    rb"|(?P<long>'''(?:[^'\\]|\\[\s\S]|'(?!''))*+'''|\"\"\"(?:[^\"\\]|\\[\s\S]|\"(?!\"\"))*+\"\"\")"
    rb"|(?P<short>'(?:[^'\\\n]|\\[\s\S])*+'|\"(?:[^\"\\\n]|\\[\s\S])*+\")"
    rb"|(?P<open>['\"])"
)
_FORMATTED = frozenset(b"fFtT")
_RAW = frozenset(b"rR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that lies in no other, with its methods' or its own inner ones."""

    name: bytes
    qualified: str
    """With the classes around it."""
    start: int
    """First line, from 0."""
    end: int
    """Line after the last."""
    words: frozenset[bytes]

    def text(self, lines: Sequence[bytes]) -> bytes:
        """Its lines."""
        return b"\n".join(lines[self.start : self.end])


def functions_of(lines: Sequence[bytes]) -> list[Function]:
    """Functions by indentation; one that an odd layout hides is part of what stands around it."""
    found: list[Function] = []
    around: list[tuple[int, str]] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        bare = line.lstrip(b" \t")
        if not bare.startswith((b"def", b"async", b"class")):
            number += 1
            continue
        indent = len(line) - len(bare)
        while around and around[-1][0] >= indent:
            around.pop()
        if (header := _DEF.match(line)) is not None:
            end = _end_of(lines, number, indent)
            name = ".".join((*(name for _, name in around), header[1].decode("utf-8", "replace")))
            words = names_in(b"\n".join(lines[number:end]))
            found.append(
                Function(name=header[1], qualified=name, start=number, end=end, words=words)
            )
            number = end
            continue
        if (header := _CLASS.match(line)) is not None:
            around.append((indent, header[1].decode("utf-8", "replace")))
        number += 1
    return found


def _end_of(lines: Sequence[bytes], start: int, indent: int) -> int:
    """The line after the last that is indented further; blank lines and comments after it are not its."""
    end = number = start + 1
    while number < len(lines):
        line = lines[number]
        bare = line.lstrip(b" \t")
        if bare and not bare.startswith(b"#"):
            if len(line) - len(bare) <= indent and not bare.startswith((b")", b"]", b"}")):
                break
            end = number + 1
        number += 1
    return end


def is_whole(text: bytes) -> bool:
    """Whether every text that begins in these lines ends in them, on any version of Python.

    Since Python 3.12 texts may stand in the fields of others; where such a one could reach over lines, the
    answer is no.
    """
    for found in _TEXT.finditer(text):
        if found.lastgroup == "open":
            return False
        if found.lastgroup is None:
            continue
        start, end = found.span()
        before = text[max(start - 2, 0) : start]
        formatted = bool(before) and (
            before[-1] in _FORMATTED
            or (len(before) > 1 and before[-1] in _RAW and before[-2] in _FORMATTED)
        )
        if not formatted:
            continue
        if found.lastgroup == "long" or text[end : end + 1] in {b"'", b'"'}:
            return False
        if b"'''" in found[0] or b'"""' in found[0]:
            return False
    return not text.endswith(b"\\")
