"""Where an image's blobs lie: a folder in OCI layout, or a tar of one (`docker save`, `skopeo`).

A tar that is compressed as a whole can only be read forward: each blob of it is unpacked again from the
start. That costs time and no disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final, NamedTuple, Protocol

from pratique.edge.sweep.careful import UnreadableError, open_regular, why_unreadable
from pratique.inventory.environments.items import plain
from pratique.inventory.images.manifests import MAX_MANIFEST_BYTES
from pratique.inventory.images.tar_walk import Member, TarWalk
from pratique.inventory.images.unpacking import READ, Bytes, Unpacked, UnpackError, compression_of
from pratique.inventory.images.wanted import plain_path

_PIECE: Final = 1 << 20
_MAX_BLOBS: Final = 100_000
_LINKS: Final = frozenset({b"1", b"2"})
_MAX_LINKS: Final = 8


class Blob(NamedTuple):
    """One stored blob."""

    read_at: Bytes
    size: int


class Blobs(Protocol):
    """Blobs by their path in the archive. Use in a `with`."""

    def names(self) -> frozenset[str]:
        """Paths at the top, as far as they matter: `index.json`, `manifest.json`."""
        ...

    def open(self, path: str) -> Blob:
        """A blob, readable from its start, forward. Raises: UnreadableError."""
        ...

    def close(self) -> None:
        """Give descriptors back."""
        ...


class FolderBlobs:
    """A folder in OCI layout."""

    def __init__(self, folder: str) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._descriptors: list[int] = []

    def names(self) -> frozenset[str]:
        """What is there."""
        try:
            return frozenset(os.listdir(self._folder))  # noqa: PTH208 - names are enough
        except OSError as refused:
            raise UnreadableError(why_unreadable(refused)) from refused

    def open(self, path: str) -> Blob:
        """A file of the folder."""
        wanted = plain_path(path.encode())
        if wanted is None:
            raise UnreadableError("is a path that leaves the image")
        self.close()  # one at a time: blobs are read one after the other
        descriptor, size = open_regular(f"{self._folder}/{wanted}")
        self._descriptors.append(descriptor)
        return Blob(lambda offset, length: os.pread(descriptor, length, offset), size)

    def close(self) -> None:
        """Close what is open."""
        while self._descriptors:
            os.close(self._descriptors.pop())


class TarBlobs:
    """A tar, perhaps compressed as a whole. Raises when made: UnreadableError."""

    def __init__(
        self, path: str, *, max_bytes: int, max_members: int, stop: Callable[[], bool]
    ) -> None:
        """Finds all members; contents are read when asked for."""
        self._descriptor, self._size = open_regular(path)
        self._max_bytes = max_bytes
        self._members: dict[str, Member] = {}
        try:
            self._compression = self._told_compression()
            walk = TarWalk(
                self._fresh(),
                endings=(),
                containing=(b"", b""),
                max_members=min(max_members, _MAX_BLOBS),
                stop=stop,
            )
            for member in walk:
                name = plain_path(member.name)
                if name is not None:
                    self._members[name] = member
        except (UnpackError, OSError) as broken:
            self.close()
            raise UnreadableError(_sentence(broken)) from broken
        except UnreadableError:
            self.close()
            raise
        self.defects = walk.defects

    def _told_compression(self) -> str:
        compression = compression_of(os.pread(self._descriptor, 8, 0))
        if compression and compression not in READ:
            raise UnreadableError(
                f"is compressed with {compression}, which is not read: unpack it to a plain tar first"
            )
        return compression

    def _fresh(self) -> Bytes:
        """The tar from its start."""
        descriptor = self._descriptor

        def stored(offset: int, length: int, /) -> bytes:
            return os.pread(descriptor, length, offset)

        if not self._compression:
            return stored
        return Unpacked(stored, self._compression, most=self._max_bytes)

    def names(self) -> frozenset[str]:
        """All members."""
        return frozenset(self._members)

    def open(self, path: str) -> Blob:
        """A member; links within the archive are followed, as old `docker save` shares layers so."""
        member = self._find(path)
        source, start, size = self._fresh(), member.content_at, member.size

        def read_at(offset: int, length: int, /) -> bytes:
            left = size - offset
            return source(start + offset, min(length, left)) if left > 0 else b""

        return Blob(read_at, size)

    def _find(self, path: str) -> Member:
        for _step in range(_MAX_LINKS):
            member = self._members.get(path)
            if member is None:
                raise UnreadableError("is not in the archive", absent=True)
            if member.kind not in _LINKS:
                if member.sparse:
                    raise UnreadableError("is stored with holes")
                return member
            target = member.link.decode("utf-8", "surrogateescape")
            if member.kind == b"2":
                target = os.path.normpath(str(PurePosixPath(path).parent / target))
            path = target
        raise UnreadableError("is a link that leads nowhere")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_blob(blobs: Blobs, path: str) -> bytes:
    """A small blob as a whole: manifests and configurations. Raises: UnreadableError."""
    blob = blobs.open(path)
    if blob.size > MAX_MANIFEST_BYTES:
        raise UnreadableError(f"is larger than {MAX_MANIFEST_BYTES:,} bytes")
    try:
        return blob.read_at(0, blob.size)
    except (UnpackError, OSError) as broken:
        raise UnreadableError(_sentence(broken)) from broken


def digest_of(blobs: Blobs, path: str, stop: Callable[[], bool]) -> str:
    """SHA-256 of a blob as it is stored; empty when stopped. Raises: UnreadableError."""
    blob = blobs.open(path)
    digest = hashlib.sha256()
    at = 0
    try:
        while at < blob.size and (piece := blob.read_at(at, _PIECE)):
            if stop():
                return ""
            digest.update(piece)
            at += len(piece)
    except (UnpackError, OSError) as broken:
        raise UnreadableError(_sentence(broken)) from broken
    return digest.hexdigest()


def _sentence(broken: Exception) -> str:
    return why_unreadable(broken) if isinstance(broken, OSError) else plain(str(broken))
