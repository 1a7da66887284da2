"""Walking a cache, and telling what a cached body is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pratique.edge.sweep.births import arrival_of
from pratique.edge.sweep.careful import (
    UnreadableError,
    hash_file,
    open_regular,
    read_head,
    read_whole,
    why_unreadable,
)
from pratique.edge.sweep.context import STOPPED, SweepContext
from pratique.inventory.caches.entries import Release, dist_info_in, fetched_python, read_filename
from pratique.inventory.environments.items import plain
from pratique.inventory.images.unpacking import GZIP, Unpacked, UnpackError
from pratique.inventory.observed.model import EvidenceClass, Gap, Look, PlaceKind, Sighting
from pratique.vet.archives.tar_headers import HeaderError, parse_header

_ZIP: Final = b"PK\x03\x04"
_TAILS: Final = (1 << 17, 1 << 24)
"""How much of a wheel's end is searched for its directory: most are small, the largest are not."""
_HEAD_BYTES: Final = 1 << 16
_BLOCK: Final = 512


class CacheWalk:
    """One walk through one cache, and the look that it gives."""

    def __init__(self, root: Path, ctx: SweepContext, *, collector: str) -> None:
        """Begin now."""
        self.ctx = ctx
        self.started = ctx.now()
        self.sightings: list[Sighting] = []
        self.gaps: list[Gap] = []
        self._root = str(root)
        self._collector = collector
        ctx.progress(self._root, 0, 0)

    def gap(self, path: str, why: str) -> None:
        """Tell what could not be read."""
        self.gaps.append(Gap(what=plain(path), why=why))

    def relative(self, path: str) -> str:
        """Where in the cache."""
        return plain(path.removeprefix(self._root).lstrip("/"))

    def files(self, *, depth: int, below: str = "") -> Iterator[str]:
        """Regular files at most `depth` folders down, in order; links are left."""
        pending = [(f"{self._root}/{below}" if below else self._root, 0)]
        seen = 0
        while pending:
            folder, at_depth = pending.pop()
            inner: list[tuple[str, int]] = []
            for entry in self._entries(folder):
                seen += 1
                if seen > self.ctx.limits.members:
                    self.gap(folder, f"more than {self.ctx.limits.members:,} entries")
                    return
                if self.ctx.stop():
                    self.gap(folder, STOPPED)
                    return
                if entry.is_dir(follow_symlinks=False):
                    if at_depth < depth:
                        inner.append((entry.path, at_depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path
            pending += reversed(inner)

    def folders(self) -> Iterator[str]:
        """Folders directly in the cache."""
        for entry in self._entries(self._root):
            if self.ctx.stop():
                self.gap(self._root, STOPPED)
                return
            if entry.is_dir(follow_symlinks=False):
                yield entry.path

    def names(self, folder: str) -> list[str]:
        """Names in a folder."""
        return [entry.name for entry in self._entries(folder)]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as listing:
                return sorted(listing, key=lambda one: one.name)
        except OSError as refused:
            self.gap(folder, why_unreadable(refused))
            return []

    def read(self, path: str, most: int) -> bytes | None:
        """A file as a whole; None after telling the gap."""
        try:
            return read_whole(path, most)
        except UnreadableError as refused:
            self.gap(path, refused.message)
            return None

    def hashed(
        self, path: str, release: Release, filename: str, *, note: str = "", built: bool = False
    ) -> None:
        """A file that lies in the cache under its own name."""
        try:
            sha256, _length = hash_file(path, self.ctx.limits.stream_bytes)
        except UnreadableError as refused:
            self.gap(path, refused.message)
            sha256 = ""
        came = arrival_of(path, self.started)
        self.sightings.append(
            fetched_python(
                release,
                at=self.relative(path),
                since=came.since,
                sha256=sha256,
                filename=filename,
                note="; ".join(one for one in (note, came.note) if one),
                built=built,
            )
        )

    def look(self) -> Look:
        """What was found."""
        return Look(
            asset=self.ctx.asset,
            asset_kind=self.ctx.asset_kind,
            place_kind=PlaceKind.CACHE,
            locator=plain(self._root),
            at_lo=self.started,
            at_hi=max(self.started, self.ctx.now()),
            whole=not self.gaps,
            sightings=tuple(self.sightings),
            gaps=tuple(self.gaps),
            evidence_class=EvidenceClass.OBSERVED,
            collector=f"sweep/{self._collector}",
            machine=self.ctx.machine,
        )


def wheel_release(path: str, body: bytes) -> tuple[Release | None, str, str]:
    """What a cached body is, its SHA-256 and its file name as far as it can be told.

    The body is a file (`path`), or was within its entry. Neither URL nor name is kept by the cache, so
    the archive itself is asked. Raises: UnreadableError.
    """
    head = read_head(path, _HEAD_BYTES) if path else body[:_HEAD_BYTES]
    if head.startswith(_ZIP):
        release = _of_zip(path, body)
        filename = ""
    elif head.startswith(GZIP):
        release, filename = _of_tar(head)
    else:
        return None, "", ""
    if release is None:
        return None, "", ""
    if path:
        return release, hash_file(path, 1 << 40)[0], filename
    return release, hashlib.sha256(body).hexdigest(), filename


def _of_zip(path: str, body: bytes) -> Release | None:
    for length in _TAILS:
        tail = _tail(path, length) if path else body[-length:]
        release = dist_info_in(tail)
        if release is not None or len(tail) < length:
            return release
    return None


def _tail(path: str, length: int) -> bytes:
    descriptor, size = open_regular(path)
    try:
        return os.pread(descriptor, length, max(0, size - length))
    except OSError as failed:
        raise UnreadableError(why_unreadable(failed)) from failed
    finally:
        os.close(descriptor)


def _of_tar(head: bytes) -> tuple[Release | None, str]:
    """A source archive says its name in its first member: `NAME-VERSION/…`."""
    try:
        block = Unpacked(lambda at, length: head[at : at + length], most=1 << 20)(0, _BLOCK)
        name = parse_header(block).name.decode("utf-8", "replace").removeprefix("./")
    except (UnpackError, HeaderError, IndexError):
        return None, ""
    filename = f"{name.partition('/')[0]}.tar.gz"
    return read_filename(filename), filename
