"""Two names for what the type checker cannot know: folded values, and nodes picked by type."""

from __future__ import annotations

from typing import Any, TypeAlias

Folded: TypeAlias = Any
"""A value of one of the types in `operations.PLAIN`; which one, only the source that is read knows."""
Node: TypeAlias = Any
"""A node of a syntax tree whose type was looked up in a table before."""
