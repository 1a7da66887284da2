"""From placed signs to features: yes/no facts that the score weighs.

A feature is `rule:trait@level`, or `rule@level` for the rule whatever its variant. Levels are steps: what
runs at import also has the features of what runs when called, so that running earlier never weighs less.
Nothing here counts, divides or says that something is absent: more code can only add features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pratique.vet.model import PlacedSign, Reach

STEPS: Final = {
    Reach.NEVER: ("never",),
    Reach.CALLED: ("called",),
    Reach.ENTRY: ("called", "entry"),
    Reach.SUBMODULE: ("called", "entry", "submodule"),
    Reach.IMPORT: ("called", "entry", "submodule", "import"),
    Reach.BUILD: ("called", "entry", "build"),
    Reach.STARTUP: ("called", "entry", "submodule", "import", "startup"),
}
"""The levels that a reach has taken. Building is a branch of its own: much honest code starts processes
there that it would not start at import. What runs at both has both branches."""


def features_of(placed: PlacedSign) -> Iterator[str]:
    """All features that one placed sign gives."""
    sign = placed.sign
    steps = STEPS[placed.reach]
    if placed.besides is not Reach.NEVER:
        steps = tuple(dict.fromkeys((*steps, *STEPS[placed.besides])))
    for step in steps:
        yield f"{sign.rule}@{step}"
        yield f"{sign.rule}:{sign.trait}@{step}"


def features_of_all(signs: Iterable[PlacedSign]) -> dict[str, PlacedSign]:
    """Every feature, with the first sign that gives it; signs are asked in the order given."""
    found: dict[str, PlacedSign] = {}
    for placed in signs:
        for feature in features_of(placed):
            found.setdefault(feature, placed)
    return found
