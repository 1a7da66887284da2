"""The five words for how sure an answer is, and their order.

docs/explain/certainty.md has the rules; `verdicts` applies them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Certainty(StrEnum):
    """How sure an answer is (DESIGN words). Declared from surest presence to surest absence."""

    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"
    CLEARED = "cleared"

    @property
    def rank(self) -> int:
        """0 for the surest presence."""
        return _RANKS[self]

    @property
    def exposed(self) -> bool:
        """Whether it is about presence, not about its absence or about missing evidence."""
        return _RANKS[self] <= _RANKS[Certainty.POSSIBLE]


_RANKS: Final = {certainty: rank for rank, certainty in enumerate(Certainty)}


def surest(certainties: list[Certainty]) -> Certainty:
    """The surest presence of several; of none at all, unknown."""
    return min(certainties, key=lambda one: one.rank, default=Certainty.UNKNOWN)
