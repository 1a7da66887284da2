"""Looks at files that list releases: what they share, wherever the bytes came from."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from pratique.edge.sweep.context import SweepContext
from pratique.inventory.errors import LockError
from pratique.inventory.listings.kinds import ListingKind
from pratique.inventory.observed.model import Evidence, Gap
from pratique.inventory.text import MAX_LOCK_BYTES

_PASSWORD: Final = re.compile(rb"://[^/\s\"'@]{1,200}@|_authToken|[?&](?:token|sig|signature|key)=")


def read_regular(path: Path, *, max_bytes: int = MAX_LOCK_BYTES) -> bytes:
    """The bytes of a regular file. Raises: LockError, also for links, pipes and devices."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        # Without waiting: a named pipe would block until somebody writes to it.
        with os.fdopen(os.open(path, flags), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise LockError("is not a regular file", path=path.as_posix())
            if status.st_size > max_bytes:
                raise LockError(
                    f"is {status.st_size:,} bytes long, more than the {max_bytes:,} that are read",
                    path=path.as_posix(),
                )
            data = stream.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LockError(f"cannot be read: {reason}", path=path.as_posix()) from None
    if len(data) > max_bytes:
        raise LockError(f"grows beyond {max_bytes:,} bytes", path=path.as_posix())
    return data


def evidence_of(ctx: SweepContext, kind: ListingKind, data: bytes, locator: str) -> Evidence:
    """How a look names the bytes; they are kept where that is wanted, unless they hold a password."""
    if ctx.evidence is not None and _PASSWORD.search(data) is None:
        return ctx.evidence.keep(data, media_type=kind.media_type, locator=locator)
    return Evidence(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=kind.media_type,
        locator=locator,
        size=len(data),
    )


def gap_of(error: LockError) -> Gap:
    """What could not be read, as a gap."""
    place = f", line {error.line}" if error.line else ""
    return Gap(what=error.path, why=f"{error.reason}{place}")
