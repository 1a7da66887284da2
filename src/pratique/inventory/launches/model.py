"""Commands that install or run packages, as found in configuration files."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.inventory.model import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command with its words, as a shell or a program would receive them."""

    words: tuple[str, ...]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpinned:
    """One package of a command that no version is named for."""

    spec: str
    why: str
    mild: bool = False
    """Something else bounds the choice, or the package is pip itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a command that installs or runs packages leaves open."""

    tool: str
    excerpt: str
    """The command up to its last package; what follows may be private."""
    unpinned: tuple[Unpinned, ...] = ()
    indexes: tuple[str, ...] = ()
    """Index URLs that the command names."""
    location: Location
