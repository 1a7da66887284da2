"""What the response to the incident works with: the ground it walks on, and the checks it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from pratique.drill.commands import Operator
from pratique.drill.releases import Archive

INCIDENT: Final = "litellm-drill"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the response showed."""

    command: str
    """What a person would type, without `--home`."""
    told: str
    holds: bool
    """Whether it is as it must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the day left behind."""

    scratch: Path
    home: Path
    unprotected: Path
    """Folder of the machine that installed straight from the index."""
    protected: Sequence[Path]
    """Folders of the clients that installed through the door."""
    releases: Mapping[str, Sequence[Archive]]
    """By version: the wheel, then the source archive."""


@dataclass(slots=True, kw_only=True)
class Response:
    """Who works, where, and what came of it so far."""

    ground: Ground
    operator: Operator
    progress: Callable[[str], None]
    checks: list[Check] = field(default_factory=list)
    has_repository: bool = False
    """Whether git was there to make one."""

    def note(self, command: str, told: str, *, holds: bool) -> None:
        """Keep what a command showed."""
        self.progress(f"pratique {command}")
        self.checks.append(Check(command=f"pratique {command}", told=told, holds=holds))

    async def answer(self) -> dict[str, Any]:
        """The incident's answer as of now. Raises: UnavailableError when there is none."""
        found: dict[str, Any] = await self.operator.ask("incident", "show", INCIDENT)
        return found
