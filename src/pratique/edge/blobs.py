"""Content-addressed files on disk, below a size cap.

    <folder>/sha256/ab/<64 hex>     published blobs, read-only, never changed
    <folder>/incoming/<random>      being written
    <folder>/quarantine/<64 hex>    found damaged by `verify`

A blob is visible only once its bytes are durable and have the hash of its name. Several processes
share a folder without locks: publishing is a rename, and the time of last use is the file's own
access time, set explicitly (mount options such as noatime do not matter for that).

Evicting a blob that is being sent is safe: POSIX keeps an unlinked file readable for whoever has
it open. `grace_seconds` covers the moment between `path()` and the opening of the file (X-Accel
included).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pratique.edge.errors import StorageError
from pratique.errors import IntegrityError
from pratique.values.digests import Sha256

_NAME = re.compile(r"[0-9a-f]{64}")
_LEFTOVER_SECONDS = 3600.0
_TOUCH_SECONDS = 20.0
"""Last use is noted at most this often; must stay below `grace_seconds`."""
_RESCAN_SECONDS = 600.0
"""Other processes' blobs are counted at least this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedBlob:
    """A blob whose bytes are no longer those of its name."""

    digest: Sha256
    found: str
    """SHA-256 of what is there now; empty when it cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobReport:
    """What `verify` found."""

    checked: int
    bytes_checked: int
    damaged: tuple[DamagedBlob, ...]
    strangers: tuple[str, ...]
    """Files in the store that are no blobs of ours, relative to its folder; left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    digest: Sha256
    size: int
    used_at: float


class DiskBlobStore:
    """Blobs in a folder. Fulfils `index.ports.BlobStore`."""

    def __init__(
        self,
        folder: Path,
        *,
        cap_bytes: int,
        low_water: float = 0.9,
        grace_seconds: float = 60.0,
        min_free_bytes: int = 64 * 1024 * 1024,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the folder and remove what crashed downloads left behind.

        Units: eviction goes down to `low_water` × `cap_bytes`; `min_free_bytes` of the disk stay
        free, because the ledger may live on it too.
        Raises: StorageError when the folder cannot be used.
        """
        self._blobs = folder / "sha256"
        self._incoming = folder / "incoming"
        self._quarantine = folder / "quarantine"
        self._cap = cap_bytes
        self._low = int(cap_bytes * low_water)
        self._grace = grace_seconds
        self._min_free = min_free_bytes
        self._now = now
        self._estimate = 0
        self._scanned_at: float | None = None
        try:
            for part in (self._blobs, self._incoming, self._quarantine):
                part.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._remove_leftovers()
        except OSError as error:
            raise storage_error("cannot use the blob folder", error) from error

    def path(self, digest: Sha256) -> Path | None:
        """Where the blob is, or None. Marks it as used."""
        target = self._place(digest)
        try:
            found = os.lstat(target)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        now = self._now()
        if abs(now - found.st_atime) >= _TOUCH_SECONDS:
            try:
                os.utime(target, ns=(int(now * 1e9), found.st_mtime_ns))
            except FileNotFoundError:  # evicted by another process in between
                return None
            except OSError:  # e.g. a read-only copy of the store; serving matters more
                pass
        return target

    def begin(self) -> DiskBlobWriter:
        """Start a new blob.

        Raises: StorageError when the disk is full or does not work.
        """
        try:
            self._check_free()
            return DiskBlobWriter(
                path=self._incoming / secrets.token_hex(16),
                place=self._place,
                published=self._published,
            )
        except OSError as error:
            raise storage_error("cannot start a download", error) from error

    def _check_free(self) -> None:
        free = os.statvfs(self._incoming)
        if free.f_bavail * free.f_frsize < self._min_free:
            raise OSError(errno.ENOSPC, "less free than is kept in reserve")

    def evict(self, *, protected: frozenset[Sha256]) -> Sequence[Sha256]:
        """Remove least recently used blobs once the cap is exceeded, down to the low-water mark.

        Shape: what was removed, oldest use first. Never touches protected blobs, nor blobs used
        within the last `grace_seconds`; so the cap may be exceeded by these.
        """
        now = self._now()
        stale = self._scanned_at is None or now - self._scanned_at > _RESCAN_SECONDS
        if not stale and self._estimate <= self._cap:
            return ()
        kept = sorted(self._kept(), key=lambda blob: (blob.used_at, blob.digest))
        total = sum(blob.size for blob in kept)
        removed: list[Sha256] = []
        if total > self._cap:
            for blob in kept:
                if total <= self._low:
                    break
                if blob.digest in protected or now - blob.used_at < self._grace:
                    continue
                self._place(blob.digest).unlink(missing_ok=True)
                total -= blob.size
                removed.append(blob.digest)
        self._estimate, self._scanned_at = total, now
        return tuple(removed)

    def used_bytes(self) -> int:
        """Bytes of all blobs, counted now."""
        return sum(blob.size for blob in self._kept())

    def verify(self, progress: Callable[[int, int], None] | None = None) -> BlobReport:
        """Hash every blob again; move damaged ones to the quarantine folder.

        `progress` is told blobs and bytes done so far. May take minutes: call it from a thread.
        """
        damaged: list[DamagedBlob] = []
        checked = done = 0
        for blob in self._kept():
            found = self._hash(self._place(blob.digest))
            if found is None:  # evicted while we were on the way to it
                continue
            if found != blob.digest:
                damaged.append(DamagedBlob(digest=blob.digest, found=found))
                self._place(blob.digest).replace(self._quarantine / blob.digest)
            checked += 1
            done += blob.size
            if progress is not None:
                progress(checked, done)
        return BlobReport(
            checked=checked,
            bytes_checked=done,
            damaged=tuple(damaged),
            strangers=tuple(self._strangers()),
        )

    def _place(self, digest: Sha256) -> Path:
        if _NAME.fullmatch(digest) is None:
            raise ValueError(f"not a parsed digest: {digest[:80]!r}")
        return self._blobs / digest[:2] / digest

    def _published(self, size: int) -> None:
        self._estimate += size

    def _kept(self) -> Iterator[_Kept]:
        for folder in sorted(self._blobs.iterdir()):
            if not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _NAME.fullmatch(entry.name) is None or entry.name[:2] != folder.name:
                        continue
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # another process evicted it
                        continue
                    yield _Kept(
                        digest=Sha256(entry.name), size=found.st_size, used_at=found.st_atime
                    )

    def _strangers(self) -> Iterator[str]:
        for path in sorted(self._blobs.rglob("*")):
            is_shard = path.is_dir() and re.fullmatch(r"[0-9a-f]{2}", path.name)
            is_blob = _NAME.fullmatch(path.name) and path.parent.name == path.name[:2]
            if not is_shard and not is_blob:
                yield str(path.relative_to(self._blobs.parent))

    def _hash(self, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError:
            return ""

    def _remove_leftovers(self) -> None:
        """Only files nobody wrote to for an hour: other processes may be downloading."""
        for path in self._incoming.iterdir():
            try:
                if self._now() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    path.unlink()
            except FileNotFoundError:  # another process was quicker
                continue


class DiskBlobWriter:
    """A blob being written. Fulfils `index.ports.BlobWriter`; owned by one task."""

    def __init__(
        self,
        *,
        path: Path,
        place: Callable[[Sha256], Path],
        published: Callable[[int], None],
    ) -> None:
        self.path = path
        self.written = 0
        self._place = place
        self._published = published
        self._hash = hashlib.sha256()
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        self._file: int | None = os.open(path, flags, 0o600)

    def write(self, chunk: bytes) -> None:
        """Append and hash.

        Raises: StorageError when the disk is full or does not work; the writer is abandoned then.
        """
        if self._file is None:
            raise ValueError("the blob was committed or abandoned already")
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            self.abandon()
            raise storage_error("cannot write a download", error) from error
        self._hash.update(chunk)
        self.written += len(chunk)

    def commit(self, expected: Sha256 | None) -> Sha256:
        """Check the hash, make durable, publish under its digest.

        Commit sequence (a crash after each step leaves):
        1. data synced     an unnamed file in incoming/, removed an hour later
        2. renamed         the blob, or (power loss) still the file in incoming/
        3. folder synced   the blob
        Waits for the disk: call it from a thread.
        Raises: IntegrityError when the hash differs, StorageError; nothing is published then.
        """
        if self._file is None:
            raise ValueError("the blob was committed or abandoned already")
        digest = Sha256(self._hash.hexdigest())
        if expected is not None and digest != expected:
            self.abandon()
            raise IntegrityError(
                f"received bytes have SHA-256 {digest}", expected=f"SHA-256 {expected}"
            )
        target = self._place(digest)
        try:
            os.fchmod(self._file, 0o440)
            os.fsync(self._file)
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True, mode=0o750)
                sync_folder(target.parent.parent)
            self.path.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            self.abandon()
            raise storage_error("cannot keep a download", error) from error
        self._close()
        self._published(self.written)
        return digest

    def abandon(self) -> None:
        """Remove the temporary file; a second call, or one after `commit`, changes nothing."""
        if self._file is not None:
            self._close()
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def storage_error(what: str, error: OSError) -> StorageError:
    """Translate an OSError of the local disk into words and a remedy."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    remedy = (
        "free space on the disk of the home folder, or lower storage.blob_cap_gib"
        if full
        else "check the disk and the permissions of the home folder"
    )
    cause = "the disk is full" if full else error.strerror or type(error).__name__
    return StorageError(f"{what}: {cause}", remedy=remedy)
