"""Landlock: this process may open no file, no TCP connection and no signal to others any more.

A domain that handles every right it knows and grants none. What is open already stays open.
Source: Linux, Documentation/userspace-api/landlock.rst; include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from pratique.edge.vetting.kernel import syscall

# The same numbers on every architecture (they were added after the tables were unified).
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_READ = 0b1100
"""Read files and list folders; not: run what is in them."""

_FS_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""Per ABI: 13 rights; with `refer`; with `truncate`; as before; with `ioctl_dev`. Later ones as 5."""
_NET_ABI, _NET_RIGHTS = 4, 0b11
"""TCP bind and connect."""
_SCOPE_ABI, _SCOPES = 6, 0b11
"""Abstract UNIX sockets, signals."""


def landlock_abi() -> int:
    """The kernel's version of Landlock; 0 when it has none or it is switched off."""
    try:
        return syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_int(_ASK_VERSION))
    except OSError:
        return 0


def handled_rights(abi: int) -> tuple[int, ...]:
    """The fields of `struct landlock_ruleset_attr` that this version knows, with every right set."""
    fields = [_FS_RIGHTS[min(abi, 5)]]
    if abi >= _NET_ABI:
        fields.append(_NET_RIGHTS)
    if abi >= _SCOPE_ABI:
        fields.append(_SCOPES)
    return tuple(fields)


def deny_everything(abi: int) -> None:
    """Enter a domain without a single rule. Needs no_new_privs. Raises: OSError."""
    deny_all_but(abi)


def deny_all_but(abi: int, *, own: Sequence[Path] = (), read: Sequence[Path] = ()) -> None:
    """Enter a domain in which all is allowed below `own`, and reading below `read`.

    Folders that do not exist are left out. Needs no_new_privs. Raises: OSError.
    """
    fields = handled_rights(abi)
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = syscall(
        _CREATE_RULESET,
        ctypes.cast(attributes, ctypes.c_void_p),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
        ctypes.c_int(0),
    )
    try:
        for folder in own:
            _allow(ruleset, folder, fields[0])
        for folder in read:
            _allow(ruleset, folder, _READ)
        syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_int(0))
    finally:
        os.close(ruleset)


class _Beneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(ruleset: int, folder: Path, rights: int) -> None:
    try:
        parent = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        rule = _Beneath(rights, parent)
        syscall(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.cast(ctypes.byref(rule), ctypes.c_void_p),
            ctypes.c_int(0),
        )
    finally:
        os.close(parent)
