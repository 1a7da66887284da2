"""From source text to a syntax tree: as it is, repaired, or without the statements that no Python reads."""

from __future__ import annotations

import ast
import re
import warnings

import msgspec

from pratique.vet.python.limits import ReadLimits
from pratique.vet.python.repair import repaired, untabbed

_FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
_LEFT_OUT = 12
"""Statements that are left out before the whole source is left to the token reader; each costs one parse."""
_NODE_MARKS = ",(.=[:\n+"
"""Characters of which nearly every node of a syntax tree has one."""
_FIELDS = 3000
"""Fields of one f-string. CPython 3.11 looks at the whole string again for each."""
_FIELD_SCAN = 5000
_FORMATTED = re.compile(r"(?:\b[fF][rR]?|\b[rR][fF])(\"\"\"|'''|\"|')")


class Parsed(msgspec.Struct):
    """A syntax tree, and what is not in it."""

    tree: ast.Module
    left_out: tuple[tuple[int, int], ...] = ()
    """Lines (first, last; from 1) that the token reader has to look at."""


def too_large(text: str, limits: ReadLimits) -> bool:
    """Whether a syntax tree of this would cost too much memory or time."""
    if len(text) > limits.parse_bytes:
        return True
    if len(text) > limits.nodes and sum(map(text.count, _NODE_MARKS)) > limits.nodes:
        return True
    return text.count("{") > _FIELD_SCAN and _fields_at_most(text) > _FIELDS


def _fields_at_most(text: str) -> int:
    """The most fields any f-string may have; an upper bound."""
    most = 0
    for found in _FORMATTED.finditer(text):
        quote = found.group(1)
        end = text.find(quote if len(quote) > 1 else "\n", found.end())
        most = max(most, text.count("{", found.end(), end if end > 0 else len(text)))
        if most > _FIELDS:
            break
    return most


def parsed(text: str, *, salvage: bool = True) -> Parsed | None:
    """The syntax tree of a source, or None when nothing of it can be parsed."""
    tree, line = _attempt(text)
    if tree is not None:
        return Parsed(tree)
    if line == 0:
        return None
    mended = repaired(text)
    tree, line = _attempt(mended)
    if tree is None and "\t" in text:
        mended = untabbed(mended)
        tree, line = _attempt(mended)
    if tree is not None:
        return Parsed(tree)
    return _without_errors(mended, line) if salvage else None


def _attempt(text: str) -> tuple[ast.Module | None, int]:
    """A tree, or the line of the error; line 0 when it is not one of syntax."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text), 0
    except SyntaxError as error:
        return None, max(1, error.lineno or 1)
    except _FAILURES:
        return None, 0


def _without_errors(text: str, line: int) -> Parsed | None:
    """Leave out the top-level statement with the error, again and again."""
    lines = text.split("\n")
    left_out: list[tuple[int, int]] = []
    for _ in range(_LEFT_OUT):
        first, last = _statement_around(lines, min(line, len(lines)))
        if any(first <= end and last >= begin for begin, end in left_out):
            # The same lines again: the error begins further up.
            first = max(1, min(begin for begin, _ in left_out) - 1)
            first, _ = _statement_around(lines, first)
        left_out.append((first, last))
        lines[first - 1 : last] = [""] * (last - first + 1)
        tree, line = _attempt("\n".join(lines))
        if tree is not None:
            return Parsed(tree, tuple(left_out)) if tree.body else None
        if line == 0:
            return None
    return None


def _statement_around(lines: list[str], line: int) -> tuple[int, int]:
    """First and last line of what stands between two lines at column 0."""
    first = line
    while first > 1 and not _starts(lines[first - 1]):
        first -= 1
    last = line
    while last < len(lines) and not _starts(lines[last]):
        last += 1
    return first, last


def _starts(line: str) -> bool:
    return (
        bool(line)
        and line[0] not in " \t#)]}\"'"
        and not line.startswith(("else", "elif", "except", "finally"))
    )
