"""The ledger's entry about a key, as a draft."""

from __future__ import annotations

from typing import Literal

from pratique.ledger.entries import Draft


def key_entry(
    subject: str,
    action: Literal["made", "rotated", "destroyed"],
    *,
    generation: int,
    actor: str,
    objects: int = 0,
    reason: str = "",
) -> Draft:
    """What became of the key of `client:NAME` or `dataset:NAME`; `objects` that can no longer be read."""
    return Draft(
        kind="key",
        subject=subject,
        actor=actor,
        body={"action": action, "generation": generation, "objects": objects, "reason": reason},
    )
