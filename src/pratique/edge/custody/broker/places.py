"""Where the broker's sockets are, and who is at the other end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BROKER_FOLDER = "broker"
GATEWAY_SOCKET = "gateway.sock"
ADMIN_SOCKET = "admin.sock"
LOCK_FILE = "lock"

_LONGEST = 100
"""A socket's address has 108 bytes."""
_CREDENTIALS = struct.Struct("3i")


def broker_folder(home: Path) -> Path:
    """The broker's folder in home."""
    return home.absolute() / BROKER_FOLDER


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name for a socket that is short enough, while the block runs."""
    name = str(path)
    if len(os.fsencode(name)) <= _LONGEST:
        yield name
        return
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


def listen(path: Path, *, mode: int) -> socket.socket:
    """A listening socket with exactly this mode; a stale one is replaced. The lock must be held."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o777 & ~mode)
    try:
        with reachable(path) as name:
            listening.bind(name)
    finally:
        os.umask(before)
    listening.listen(64)
    listening.settimeout(0)
    return listening


def peer_uid(connected: socket.socket) -> int | None:
    """The user at the other end, as the kernel says; None where it cannot."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    data = connected.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(data)[1]
    return uid
