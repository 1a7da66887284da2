"""How a serving process holds memory: what the C allocator keeps, when the collector looks."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BYTES = 1024 * 1024
"""Above every cooked page: sending one copies it, and a block mapped and unmapped for each answer
costs four times the answer itself (0.34 ms of CPU against 0.09)."""


def settle_allocator() -> None:
    """Keep freed large blocks from staying with the process (glibc only, elsewhere nothing).

    glibc raises its own thresholds when it sees large blocks come and go, and keeps an arena per
    thread; a door that parses pages of megabytes then holds several times what it uses. Must run
    before threads start. Source: mallopt(3).
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_M_ARENA_MAX, 2)


def settle_collector() -> None:
    """Take what start-up made out of the garbage collector's sight.

    It all stays for as long as the process does, and each look at it walks through a hundred
    thousand objects: a fifth of the CPU of an answered page, and pauses of tens of milliseconds.
    Must run once the doors are open.
    """
    gc.collect()
    gc.freeze()
