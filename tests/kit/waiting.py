"""Waiting for what must come to be. A machine that stands still meanwhile makes nobody late."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_SECONDS: Final = 20.0
"""For what is under no promise: long enough for any machine, and a failure still ends."""
_TURN_SECONDS: Final = 0.01


async def comes(fact: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> bool:
    """Whether it comes to be within so many seconds in which this loop had its turns.

    Turns are counted, not the wall's time: one in which nothing ran at all is one turn, however long.
    """
    for _ in range(_turns(within)):
        if fact():
            return True
        await asyncio.sleep(_TURN_SECONDS)
    return bool(fact())


def happens(fact: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> bool:
    """As `comes`, where there is no loop."""
    for _ in range(_turns(within)):
        if fact():
            return True
        time.sleep(_TURN_SECONDS)
    return bool(fact())


def _turns(seconds: float) -> int:
    return round(seconds / _TURN_SECONDS)


@contextmanager
def running_clock() -> Iterator[Callable[[], float]]:
    """Seconds in which this process ran, for bounds that a machine which stands still must not break."""
    ran, ended = [0.0], threading.Event()

    def tick() -> None:
        before = time.monotonic()
        while not ended.wait(_TURN_SECONDS):
            now = time.monotonic()
            ran[0] += min(now - before, 3 * _TURN_SECONDS)
            before = now

    ticking = threading.Thread(target=tick, name="running clock", daemon=True)
    ticking.start()
    try:
        yield lambda: ran[0]
    finally:
        ended.set()
        ticking.join()
