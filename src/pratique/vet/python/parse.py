"""From source text to a syntax tree, or None when no known Python reads it or it would cost too much."""

from __future__ import annotations

import ast
import warnings

from pratique.vet.python.limits import ReadLimits


def parsed(text: str, limits: ReadLimits) -> ast.Module | None:
    """The syntax tree of a source."""
    if len(text) > limits.parse_bytes:
        return None
    return _tree(text)


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
