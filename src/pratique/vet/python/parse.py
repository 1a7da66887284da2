"""From source text to a syntax tree, or None when no known Python reads it or it would cost too much."""

from __future__ import annotations

import ast
import warnings

from pratique.vet.python.limits import ReadLimits


def parsed(text: str, limits: ReadLimits) -> ast.Module | None:
    """The syntax tree of a source."""
    if len(text) > limits.parse_bytes or too_deep(text, limits.nesting):
        return None
    return _tree(text)


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def too_deep(text: str, most: int) -> bool:
    """Whether brackets nest deeper than allowed, counted without regard to strings: an upper bound."""
    if max(text.count("("), text.count("["), text.count("{")) <= most:
        return False
    depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            if depth > most:
                return True
        elif character in ")]}":
            depth = max(0, depth - 1)
    return False
