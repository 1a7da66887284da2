"""What a worker may read, as descriptors: regular files for reading only, bytes held in memory."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from pratique.errors import InputError


def open_for_worker(path: Path) -> tuple[int, int]:
    """A descriptor and the file's size; the caller closes it. Raises: InputError.

    Never waits: a pipe or device with this name is refused, not opened and read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", expected="a file that can be read"
        ) from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise InputError(f"{path} is not a file", expected="a wheel, sdist, egg or npm tarball")
    return descriptor, about.st_size


def hold_in_memory(data: bytes | memoryview) -> int | None:
    """A file that is nowhere but in memory; the caller closes it. None where there is no such thing."""
    if not hasattr(os, "memfd_create"):
        return None
    with suppress(OSError):
        descriptor = os.memfd_create("archive")
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    return None
