"""Every touch of the disk that the segment log makes, one method each.

The fault tests replace this class by one that fails or kills the process at a chosen touch; there
is no other way in which the log reaches the disk.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pratique.ledger.errors import LedgerUnavailableError

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_POLL_SECONDS = 0.002


class Disk:
    """Plain system calls. Raises: OSError, always; the caller knows what a failure means."""

    def open(self, path: Path, *, create: bool = False) -> int:
        """Open for reading and writing."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        return os.open(path, flags, FILE_MODE)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Write all bytes at an offset; not durable yet."""
        view = memoryview(data)
        while view:
            done = os.pwrite(fd, view, offset)
            view = view[done:]
            offset += done

    def sync(self, fd: int) -> None:
        """When this returns, the file's bytes and its length are durable."""
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(fd, size)

    def sync_folder(self, path: Path) -> None:
        """When this returns, the folder's names are durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def replace(self, source: Path, target: Path) -> None:
        """Give a file its final name, atomically."""
        source.replace(target)


def write_new_file(disk: Disk, path: Path, data: bytes) -> None:
    """Create a whole, durable file or none: written aside, synced, renamed, name synced."""
    aside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        disk.unlink(aside)
    fd = disk.open(aside, create=True)
    try:
        disk.write(fd, data, 0)
        disk.sync(fd)
    finally:
        os.close(fd)
    disk.replace(aside, path)
    disk.sync_folder(path.parent)


@contextmanager
def exclusive(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock file; the kernel gives it back when the process ends, however it ends.

    Raises: LedgerUnavailableError when another process keeps it for longer.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerUnavailableError(
                        f"another process holds {path} for more than {seconds:g} s",
                        remedy="find out what it does (`fuser` names it)",
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(fd)


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Read up to `size` bytes; fewer only at the file's end."""
    parts = []
    while size > 0:
        part = os.pread(fd, size, offset)
        if not part:
            break
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)
