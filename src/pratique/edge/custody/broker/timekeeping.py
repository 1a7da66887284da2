"""The broker's clock: it never goes back, and what it has seen outlives the process.

The file `clock` holds the newest instant that was seen, written at most every ten seconds and before
anything is answered by a later one; so a broker that is started again, under a clock that was set
back, knows.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.custody.timekeeping import Timekeeper
from pratique.edge.custody.broker.key_files import write_durably
from pratique.errors import ValueFormatError
from pratique.values.instants import Clock, Instant, parse_instant, render_instant

TOLERANCE: Final = timedelta(seconds=60)
_WRITTEN_EVERY: Final = timedelta(seconds=10)


class BrokerClock:
    """A `Clock` that raises BrokerRefusedError while the wall clock is behind what was seen."""

    def __init__(self, folder: Path, wall: Clock) -> None:
        """Read what was seen. Raises: KeyBrokenError, OSError."""
        self._path = folder / "clock"
        self._wall = wall
        self._keeper = Timekeeper(tolerance=TOLERANCE)
        self._written: Instant | None = None
        try:
            self._written = parse_instant(self._path.read_text("ascii"))
        except FileNotFoundError:
            return
        except (ValueFormatError, UnicodeDecodeError):
            raise KeyBrokenError(
                f"{self._path} is damaged",
                remedy="write the present instant into it, as 2026-03-24T10:39:00Z",
            ) from None
        self._keeper.learn(self._written)

    def __call__(self) -> Instant:
        """Raises: BrokerRefusedError; OSError when what is seen cannot be written down."""
        wall = self._wall()
        if self._keeper.behind(wall):
            raise BrokerRefusedError(
                f"the key broker's clock is wrong: {self._keeper.sentence(wall)}",
                reason="clock",
                remedy="set the clock; if it was ahead before: pratique broker accept-clock",
            )
        now = self._keeper.at(wall)
        if self._written is None or now >= self._written + _WRITTEN_EVERY:
            self._write(now)
        return now

    def accept(self) -> Instant | None:
        """An operator says that the clock is right now; gives what was seen before. Raises: OSError."""
        was, now = self._keeper.newest, self._wall()
        self._write(now)
        self._keeper.accept(now)
        return was

    def _write(self, now: Instant) -> None:
        write_durably(self._path, render_instant(now).encode())
        self._written = now
