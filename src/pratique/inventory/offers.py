"""What a door says of a project: the files it offers and its decision on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pratique.policy.model import Outcome
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFile:
    """One file on the door's page, with the decision that its `_pratique` object carries."""

    filename: str
    sha256: Sha256 | None
    outcome: Outcome = Outcome.ALLOW
    rule: str = ""
    reason: str = ""
    until: str = ""
    """RFC 3339, as the door wrote it; empty when time alone will not change the decision."""
    block: str = ""
    """Id of the page that explains the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The door has a page for the project."""

    files: tuple[OfferedFile, ...]


@dataclass(frozen=True, slots=True)
class NoSuchProject:
    """The door answers definitely that it has no such project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The door could not be asked; nothing may be concluded."""

    reason: str


Answer: TypeAlias = Offer | NoSuchProject | Unanswered
Answers: TypeAlias = Mapping[ProjectName, Answer]
