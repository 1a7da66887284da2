"""Raw bytes that answers rest on, in home/evidence, named by their SHA-256.

    <folder>/ab/<64 hex>     evidence, readable by its owner only, never changed
    <folder>/.new-<random>   being written

Evidence is only ever added. When the cap is reached nothing more is stored: old evidence belongs to
old answers and is worth more than new one, and hashes are in the ledger all the same.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from pratique.edge.errors import StorageError
from pratique.errors import IntegrityError, ValueFormatError
from pratique.inventory.observed.model import Evidence

EVIDENCE_FOLDER: Final = "evidence"
BLOB_BYTES: Final = 32 << 20
"""One piece: lock files, SBOMs, advisories and job logs are smaller; images are named by hash."""
CAP_BYTES: Final = 4 << 30
_NAME = re.compile(r"[0-9a-f]{64}")
_MIN_FREE = 64 << 20
"""Stays free on the disk, because the ledger may live there too."""


class EvidenceStore:
    """Evidence in a folder. Safe for several processes: publishing is a link."""

    def __init__(
        self, folder: Path, *, blob_bytes: int = BLOB_BYTES, cap_bytes: int = CAP_BYTES
    ) -> None:
        """Name the folder; it is made when the first evidence comes."""
        self._folder = folder
        self._blob_bytes = blob_bytes
        self._cap = cap_bytes
        self._used: int | None = None

    def put(self, content: bytes) -> str:
        """Keep these bytes; gives their SHA-256.

        Raises: StorageError when they do not fit, or the disk is full or does not work.
        """
        digest = hashlib.sha256(content).hexdigest()
        place = self._place(digest)
        try:
            if not place.exists():
                self._check_room(len(content))
                self._publish(content, place)
        except OSError as error:
            raise StorageError(
                f"cannot keep evidence: {error.strerror}",
                remedy="free some disk space; what was recorded before is kept",
            ) from error
        return digest

    def keep(self, content: bytes, *, media_type: str, locator: str) -> Evidence:
        """Keep these bytes if they fit; name them by their hash all the same."""
        try:
            digest = self.put(content)
        except StorageError:
            digest = hashlib.sha256(content).hexdigest()
        return Evidence(sha256=digest, media_type=media_type, locator=locator, size=len(content))

    def get(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256; None when they were never kept.

        Raises: ValueFormatError for what is no digest; IntegrityError when they were changed.
        """
        if _NAME.fullmatch(digest) is None:
            raise ValueFormatError(
                f"not a digest: {digest[:80]!r}", expected="64 hexadecimal digits in lower case"
            )
        try:
            content = self._place(digest).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read evidence {digest}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(
                f"evidence {digest} was changed on disk",
                remedy="restore it from a copy; the ledger has the hash that it must have",
            )
        return content

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _check_room(self, size: int) -> None:
        if size > self._blob_bytes:
            raise OSError(errno.EFBIG, f"one piece of evidence may have {self._blob_bytes} bytes")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = os.statvfs(self._folder)
        if free.f_bavail * free.f_frsize < _MIN_FREE + size:
            raise OSError(errno.ENOSPC, "the disk is full")
        if self._used is None:
            self._used = sum(one.stat().st_size for one in self._folder.glob("??/*"))
        if self._used + size > self._cap:
            raise OSError(errno.EDQUOT, f"the evidence folder has its {self._cap} bytes")
        self._used += size

    def _publish(self, content: bytes, place: Path) -> None:
        place.parent.mkdir(exist_ok=True, mode=0o700)
        aside = self._folder / f".new-{secrets.token_hex(8)}"
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            aside.chmod(0o400)
            os.link(aside, place)
        except FileExistsError:  # another process kept the same in the meantime
            pass
        finally:
            aside.unlink()
