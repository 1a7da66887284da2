"""The garbage collector, at rest while trees are made: a million new objects, and hardly a cycle among them.

Left on, it looks at all of them again and again, for a fifth of the whole time.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWEEP_BYTES = 4 << 20
"""Source after whose parsing cycles are collected although at rest: they come to a hundred times as much."""


MOST_BLOCKS = 1_000_000
"""Blocks of memory, about 80 MB, that may come to be before cycles are looked for among them."""
_blocks = 0


@contextmanager
def at_rest() -> Iterator[None]:
    """Switch collection off for a while; nests.

    What was made meanwhile is facts and reports, which stay, or is free already. So it counts as old at
    once: looking through all of it for cycles would cost a fifth of the whole time again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            _settle()
            gc.enable()


def _settle() -> None:
    global _blocks  # noqa: PLW0603 - the collector is one for the process, and so is the count
    if sys.getallocatedblocks() - _blocks > MOST_BLOCKS:
        gc.collect()
        _blocks = sys.getallocatedblocks()
    # Both only hang lists into each other: the young become the oldest without being looked at.
    gc.freeze()
    gc.unfreeze()


def forget_startup() -> None:
    """Put everything that lives now out of the collector's sight: tables and modules stay for good."""
    gc.collect()
    gc.freeze()


def sweep() -> None:
    """Collect now."""
    gc.collect()
