"""The garbage collector, at rest while trees are made: a million new objects, and hardly a cycle among them.

Left on, it looks at all of them again and again, for a fifth of the whole time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SWEEP_BYTES = 4 << 20
"""Source after whose parsing cycles are collected although at rest: they come to a hundred times as much."""


@contextmanager
def at_rest() -> Iterator[None]:
    """Switch collection off for a while; nests."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def forget_startup() -> None:
    """Put everything that lives now out of the collector's sight: tables and modules stay for good."""
    gc.collect()
    gc.freeze()


def sweep() -> None:
    """Collect now."""
    gc.collect()
