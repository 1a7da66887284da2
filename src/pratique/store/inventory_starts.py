"""When something may have come, where its own evidence dates it; every reader of lineages asks."""

from __future__ import annotations

from pratique.values.spans import DAWN


def date_start(
    from_lo: int, from_hi: int, latest: int, since_lo: int | None, since_hi: int | None
) -> tuple[int, int]:
    """The bounds of a start that the evidence itself dates; contradicting evidence widens them.

    `latest`: end of the first look that saw it; within an event look it may have come later than
    the look began.
    """
    if since_lo is None and since_hi is None:
        return from_lo, from_hi
    came_lo = DAWN if since_lo is None else since_lo
    came_hi = max(latest if since_hi is None else since_hi, came_lo)
    if came_lo > latest:
        return from_lo, from_hi  # later than it was seen: a clock is wrong
    if came_hi < from_lo:
        return came_lo, latest
    return max(from_lo, came_lo), min(latest, came_hi)
