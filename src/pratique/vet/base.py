"""What a release is judged against, and how to read its old contents again when the archive is at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pratique.vet.model import ContentFacts, Language, ReleaseFacts

ContentKey: TypeAlias = "tuple[str, Language]"
"""sha256 in hex, and how the content is read."""
Known: TypeAlias = "Callable[[str, Language], ContentFacts | None]"
"""Asks the store for facts of a content that was analysed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An approved predecessor, or the project that a release copies."""

    release: ReleaseFacts
    contents: Mapping[ContentKey, ContentFacts]
    """Facts of its contents. Those that are missing are made from `read`, if something needs them."""
    read: Callable[[str], bytes | None] | None = None
    """Gives a member's bytes by path, when the archive is at hand (`old_files.open_old`): of changed
    sources only the added lines are then looked at."""
    clone: bool = False
    """Whether it is another project, which this one copies."""
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was worked out from the facts alone, and is the same for every release judged against them."""
