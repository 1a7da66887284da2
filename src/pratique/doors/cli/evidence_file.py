"""Writing evidence to a file: whole or not at all, for its owner's eyes, never over something else."""

from __future__ import annotations

import os
from pathlib import Path

from pratique.errors import InputError

EVIDENCE_MODE = 0o600


def write_new(path: Path, data: bytes) -> None:
    """Write evidence whole or not at all, and never over something else."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, EVIDENCE_MODE)
        try:
            with os.fdopen(fd, "wb") as out:
                out.write(data)
            os.link(aside, path)
        finally:
            aside.unlink()
    except FileExistsError:
        raise InputError(f"{path} exists already", remedy="choose another name") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
