"""Opening what a worker may read: regular files, for reading only, handed over as descriptors."""

from __future__ import annotations

import os
import stat
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
