"""Files that must be there when we say so, and gone when we say so."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

KEY_MODE = 0o600
FOLDER_MODE = 0o700


def make_folder(folder: Path) -> None:
    """A folder for its owner only; one that others can enter is closed to them."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(FOLDER_MODE)


def write_durably(path: Path, data: bytes) -> None:
    """Whole or not at all, and on the disk when this returns. Raises: OSError."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEY_MODE)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    sync_folder(path.parent)


def shred(path: Path) -> None:
    """Overwrite, then remove, each durably. A file that is gone already is none. Raises: OSError.

    What a flash disk or a copying file system keeps elsewhere is not reached by this; it stays under
    the key above (docs/operate/broker.md).
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(fd).st_size
        for fill in (secrets.token_bytes(size), bytes(size)):
            os.pwrite(fd, fill, 0)
            os.fsync(fd)
    finally:
        os.close(fd)
    path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
