"""When a file came to its place: its birth, where the file system remembers it.

Package managers carry modification times over from archives and caches, and links share them: only
the birth of a file that the installer wrote itself is the instant of the install. Python does not
give births on Linux, so the system is asked (`statx`) in its own words.

Source: statx(2); docs/reference/sweep-machines.md, "When something came".
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from pratique.values.instants import Instant, render_instant
from pratique.values.spans import from_micros, to_micros

_AT_FDCWD: Final = -100
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_BASIC_AND_BIRTH: Final = 0xFFF
_HAS_BIRTH: Final = 0x800
_MICRO: Final = 1_000_000
_PLAUSIBLE: Final = 631_152_000_000_000
"""1990: what is older was set by a build tool (1970, 1980, 1985), not by a clock."""
_SKEW: Final = 120_000_000
"""Two minutes: so far may a clock of a file server be ahead without its dates being doubted."""


_ANSWER_BYTES: Final = 256
_MASK: Final = struct.Struct("=I")
_TIMES: Final = struct.Struct("=qI4xqI4xqI4x")
"""Birth, change and modification: seconds, nanoseconds, padding. They stand at byte 80."""
_TIMES_AT: Final = 80


class FileTimes(NamedTuple):
    """Times of a file in microseconds since 1970."""

    born: int | None
    """None: neither file system nor kernel tell."""
    modified: int
    changed: int


class Arrival(NamedTuple):
    """When something came to its place, as texts of a sighting, and what to know of it."""

    since_lo: str
    since_hi: str
    note: str

    @property
    def since(self) -> tuple[str, str]:
        """Both bounds."""
        return self.since_lo, self.since_hi


UNDATED: Final = Arrival("", "", "")


def file_times(path: str) -> FileTimes | None:
    """Times of the file itself, links not followed; None when there is none."""
    call = _statx_call()
    if call is None:
        return _by_stat(path)
    answer = ctypes.create_string_buffer(_ANSWER_BYTES)
    if call(_AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, _BASIC_AND_BIRTH, answer):
        return None
    born, born_ns, changed, changed_ns, modified, modified_ns = _TIMES.unpack_from(
        answer, _TIMES_AT
    )
    knows_birth = _MASK.unpack_from(answer)[0] & _HAS_BIRTH and born
    return FileTimes(
        born * _MICRO + born_ns // 1000 if knows_birth else None,
        modified * _MICRO + modified_ns // 1000,
        changed * _MICRO + changed_ns // 1000,
    )


def _by_stat(path: str) -> FileTimes | None:
    """Where Python itself knows births (macOS, Windows), or nobody does."""
    try:
        found = Path(path).stat(follow_symlinks=False)
    except (OSError, ValueError):
        return None
    born: float | None = getattr(found, "st_birthtime", None)
    return FileTimes(
        None if born is None else int(born * _MICRO),
        found.st_mtime_ns // 1000,
        found.st_ctime_ns // 1000,
    )


@cache
def _statx_call() -> Any | None:  # noqa: ANN401 - a function of the C library has no type of ours
    """The C library's `statx`; None where there is none (old libraries, other systems)."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return None
    call.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_char_p,
    )
    call.restype = ctypes.c_int
    return call


def arrival_of(path: str, now: Instant) -> Arrival:
    """When the file at `path` came to its place; undated when it is not there."""
    times = file_times(path)
    return UNDATED if times is None else arrival(times, to_micros(now))


def arrival(times: FileTimes, now: int) -> Arrival:
    """What the times of a file say of when it came.

    1. Born: exactly then, however it is dated inside.
    2. Without birth: it was written at its modification time at the earliest, unless somebody set
       that; and the last change of its inode is the latest, which nobody can set.
    3. Dates in the future, or from before 1990, date nothing.
    """
    latest = now + _SKEW
    if times.born is not None and _PLAUSIBLE <= times.born <= latest:
        born = _text(times.born)
        return Arrival(born, born, "")
    if times.changed > latest or times.changed < _PLAUSIBLE:
        return Arrival("", "", "its dates cannot be right")
    since_lo = _text(times.modified) if _PLAUSIBLE <= times.modified <= times.changed else ""
    return Arrival(since_lo, _text(times.changed), "dated by its modification, not its birth")


def _text(micros: int) -> str:
    return render_instant(from_micros(micros))
