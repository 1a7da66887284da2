"""Large files onto the disk past the page cache: a thirtieth of the CPU, a fifth of the time.

Parts are written once and rarely read soon; copying them into the cache costs more than encrypting them.
Where the file system or the buffer does not allow it, they are written the ordinary way, in pieces that
stay in the processor's cache.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

_ALIGNED: Final = 4096
"""What addresses and lengths must be multiples of, on every disk."""
_DIRECT_FROM: Final = 1 << 20
_PIECE: Final = 1 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_DIRECT: Final = getattr(os, "O_DIRECT", 0)
_MODE: Final = 0o600
_TELLS_FAILURE: Final = (5, 8)
_NOT_HERE: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY})


def aligned_buffer(size: int) -> memoryview:
    """Zeroed memory of its own, at an address as disks want it; in huge pages if there are any."""
    pages = mmap.mmap(-1, max(1, size))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # small pages are as right
            pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)[:size]


def write_durably(path: Path, data: memoryview) -> None:
    """Make a new file whose bytes are on the disk when this returns. Raises: OSError."""
    descriptor = _opened_direct(path) if _suits(data) else None
    try:
        written = 0
        if descriptor is None:
            descriptor = os.open(path, _NEW, _MODE)
        else:
            written = _write_direct(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written : written + _PIECE])
        os.fsync(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _suits(data: memoryview) -> bool:
    """Whether a disk can read it from where it lies."""
    if not _DIRECT or data.readonly or not data.c_contiguous or len(data) < _DIRECT_FROM:
        return False
    return ctypes.addressof(ctypes.c_char.from_buffer(data)) % _ALIGNED == 0


def _opened_direct(path: Path) -> int | None:
    """None where the file system does not know it."""
    try:
        return os.open(path, _NEW | _DIRECT, _MODE)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        path.unlink(missing_ok=True)  # some make the file before they refuse
        return None


def _write_direct(descriptor: int, data: memoryview) -> int:
    """Write what is aligned; gives how much. What follows is written through the cache."""
    import fcntl  # noqa: PLC0415 - where O_DIRECT is, it is

    whole, written = len(data) // _ALIGNED * _ALIGNED, 0
    try:
        while written < whole and written % _ALIGNED == 0:
            written += os.write(descriptor, data[written:whole])
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~_DIRECT)
    return written


@cache
def can_sync_all() -> bool:
    """Whether this system syncs a whole file system and tells when that failed (Linux 5.8)."""
    if sys.platform != "linux":
        return False
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (
        found is not None
        and (int(found[1]), int(found[2])) >= _TELLS_FAILURE
        and _syncfs() is not None
    )


def sync_all(folder: Path) -> None:
    """All that was written to the folder's file system is on the disk when this returns. Raises: OSError."""
    sync = _syncfs()
    if sync is None:
        raise OSError(errno.ENOSYS, "this system cannot sync a file system")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if sync(descriptor):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)


@cache
def _syncfs() -> Callable[[int], int] | None:
    """The system's call, which Python has no name for."""
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
