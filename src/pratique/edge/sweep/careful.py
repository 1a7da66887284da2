"""Reading files that somebody else arranged: only regular ones, only so much, never through a link.

A FIFO would block, a device would answer for ever, a link would lead elsewhere. So files are opened
without following and without waiting, and looked at before the first byte is read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import Final

from pratique.errors import UnavailableError

PIECE: Final = 1 << 20
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_SENTENCES: Final = {
    errno.ELOOP: "is a symbolic link, which is not followed",
    errno.EACCES: "may not be read by this user",
    errno.EPERM: "may not be read by this user",
    errno.ENOENT: "is gone",
    errno.ENOTDIR: "is no folder",
    errno.EISDIR: "is a folder",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ENXIO: "is a socket or a device",
}


class UnreadableError(UnavailableError):
    """A file that cannot be read; its message is the sentence of a gap."""

    def __init__(self, why: str, *, absent: bool = False) -> None:
        super().__init__(why)
        self.absent = absent
        """Whether there is nothing at all: often no gap."""


def why_unreadable(error: OSError) -> str:
    """A sentence for what the operating system said."""
    said = _SENTENCES.get(error.errno or 0)
    return said or f"cannot be read ({error.strerror or type(error).__name__})"


def open_regular(path: str) -> tuple[int, int]:
    """A descriptor to read a regular file from, and its size. Raises: UnreadableError."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as refused:
        absent = refused.errno in {errno.ENOENT, errno.ENOTDIR}
        raise UnreadableError(why_unreadable(refused), absent=absent) from refused
    except ValueError as odd:  # a NUL in the name
        raise UnreadableError("has a name that no file can have", absent=True) from odd
    try:
        found = os.fstat(descriptor)
    except OSError as refused:
        os.close(descriptor)
        raise UnreadableError(why_unreadable(refused)) from refused
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise UnreadableError(f"is no regular file but {_kind(found.st_mode)}")
    return descriptor, found.st_size


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device"
    return "something else"


def read_whole(path: str, most: int) -> bytes:
    """All bytes of a regular file of at most `most`. Raises: UnreadableError."""
    data = read_head(path, most + 1)
    if len(data) > most:
        raise UnreadableError(f"is larger than {most:,} bytes")
    return data


def read_head(path: str, most: int) -> bytes:
    """The first bytes of a regular file, at most `most`. Raises: UnreadableError."""
    descriptor, size = open_regular(path)
    try:
        # One call for nearly all; the size may be a lie (procfs), so a short answer is asked again.
        data = os.read(descriptor, min(most, size + 1))
        if len(data) < most and len(data) != size:
            data = _rest(descriptor, data, most)
    except OSError as failed:
        raise UnreadableError(why_unreadable(failed)) from failed
    finally:
        os.close(descriptor)
    return data


def _rest(descriptor: int, data: bytes, most: int) -> bytes:
    pieces = [data]
    left = most - len(data)
    while left and (piece := os.read(descriptor, min(left, PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def hash_file(path: str, most: int, *, algorithm: str = "sha256") -> tuple[str, int]:
    """Hexadecimal digest and length of a regular file of at most `most` bytes.

    Raises: UnreadableError.
    """
    descriptor, size = open_regular(path)
    try:
        if size > most:
            raise UnreadableError(f"is larger than {most:,} bytes")
        digest = hashlib.new(algorithm, usedforsecurity=False)
        length = 0
        while length <= most and (piece := os.read(descriptor, PIECE)):
            digest.update(piece)
            length += len(piece)
    except OSError as failed:
        raise UnreadableError(why_unreadable(failed)) from failed
    finally:
        os.close(descriptor)
    if length > most:
        raise UnreadableError(f"grew beyond {most:,} bytes while it was read")
    return digest.hexdigest(), length
