"""What instant it is for a lease: never earlier than what was seen, and unknown when a clock is wrong.

A wall clock that is set back would let leases live again that have ended. So whoever decides on
leases keeps the newest instant that it has seen: small steps back (NTP) are bridged, for as long as
they last, by that instant; beyond the tolerance nothing is decided at all.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pratique.ledger.entries import Draft
from pratique.values.instants import Instant, render_instant

CLOCK_KIND: Final = "clock"
CLOCK_SUBJECT: Final = "clock:custody"


class Timekeeper:
    """The newest instant that was seen. Threads may share it: what a race loses is a microsecond."""

    def __init__(self, *, tolerance: timedelta) -> None:
        self._tolerance = tolerance
        self.newest: Instant | None = None

    def learn(self, seen: Instant) -> None:
        """Something says that it was this late already."""
        if self.newest is None or seen > self.newest:
            self.newest = seen

    def at(self, wall: Instant) -> Instant:
        """The instant to decide by: `wall`, or what was seen where that is later."""
        newest = self.newest
        if newest is None or wall >= newest:
            self.newest = wall
            return wall
        return newest

    def behind(self, wall: Instant) -> bool:
        """Whether `wall` is so far behind what was seen that nothing may be decided."""
        newest = self.newest
        return newest is not None and wall < newest - self._tolerance

    def accept(self, now: Instant) -> None:
        """An operator says that what was seen was wrong, and that it is `now`."""
        self.newest = now

    def sentence(self, wall: Instant) -> str:
        """For an operator: what the clock says, and what speaks against it."""
        seen = render_instant(self.newest) if self.newest is not None else "nothing"
        return f"the clock says {render_instant(wall)}, but {seen} was seen already"


def clock_entry(*, was: str, reason: str, actor: str) -> Draft:
    """An operator says that instants before this entry, later than its own, were a clock's mistake."""
    return Draft(
        kind=CLOCK_KIND, subject=CLOCK_SUBJECT, actor=actor, body={"was": was, "reason": reason}
    )
