"""The few calls to the kernel that Python does not offer, through the C library that is loaded already."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import sys

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000

_CAPABILITY_VERSION_3 = 0x2008_0522

LINUX = sys.platform == "linux"


def architecture() -> str:
    """`x86_64`, `aarch64`, or whatever else the machine calls itself."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, value: int) -> None:
    """Set a property of this process. Raises: OSError."""
    zero = ctypes.c_ulong(0)
    _checked(_libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def syscall(
    number: int, *arguments: ctypes.c_void_p | ctypes.c_size_t | ctypes.c_int | None
) -> int:
    """A system call by its number. Raises: OSError."""
    if not LINUX:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return _checked(_libc().syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    """Leave namespaces that the parent shares. Raises: OSError."""
    _checked(_libc().unshare(ctypes.c_int(flags)))


def drop_capabilities() -> None:
    """Give up every capability in every set that survives without exec. Raises: OSError."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc().capset(ctypes.byref(header), ctypes.byref(nothing)))
