"""What the segment log keeps beside its segments to answer quickly; all of it can be made again.

`level-0` has the hash of every entry, `level-1` the root of every 256 of them, and so on: the rows
that C2SP tiles are cut from. `frames` has, for every entry, where its frame starts in its segment.
Written without sync after each commit, `frames` last, so its length says how far the rest is whole.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from pratique.ledger.merkle import HASH_BYTES, TILE_WIDTH, level_width
from pratique.store.log_disk import Disk, read_at

_OFFSET = struct.Struct(">Q")
_LEVELS = 8
"""256⁸ entries are more than a sequence number can count."""


class DerivedFiles:
    """Rows of hashes and frame positions. Readers may run beside the one writer."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._fds: dict[str, int] = {}

    def count(self) -> int:
        """Number of entries covered."""
        fd = self._open("frames", create=False)
        return 0 if fd is None else os.fstat(fd).st_size // _OFFSET.size

    def append(
        self,
        first: int,
        hashes: Sequence[bytes],
        completed: Mapping[int, Sequence[bytes]],
        *,
        frame: int,
    ) -> None:
        """Add one batch behind the first `first` entries.

        Raises: OSError; the caller may go on, since `count` then stays behind.
        """
        self._write_row(0, first, hashes)
        for level, roots in completed.items():
            self._write_row(level, level_width(first, level), roots)
        frames = _OFFSET.pack(frame) * len(hashes)
        self._disk.write(self._create("frames"), frames, first * _OFFSET.size)

    def _write_row(self, level: int, start: int, hashes: Sequence[bytes]) -> None:
        fd = self._create(f"level-{level}")
        self._disk.write(fd, b"".join(hashes), start * HASH_BYTES)

    def cut(self, size: int) -> None:
        """Forget everything behind the first `size` entries. Raises: OSError."""
        self._disk.truncate(self._create("frames"), size * _OFFSET.size)
        for level in range(_LEVELS):
            fd = self._open(f"level-{level}", create=False)
            if fd is not None:
                self._disk.truncate(fd, level_width(size, level) * HASH_BYTES)

    def tile(self, level: int, index: int, *, width: int) -> bytes:
        """The first `width` hashes of a tile; shorter when the file is."""
        return self.row(level, index * TILE_WIDTH, width)

    def row(self, level: int, start: int, count: int) -> bytes:
        """Hashes of a level; fewer when the file is shorter."""
        fd = self._open(f"level-{level}", create=False)
        return b"" if fd is None else read_at(fd, count * HASH_BYTES, start * HASH_BYTES)

    def sizes(self, size: int) -> list[tuple[str, int, int]]:
        """Of each file its name, its length and the length it has in a log of `size` entries."""
        expected = {"frames": size * _OFFSET.size} | {
            f"level-{level}": level_width(size, level) * HASH_BYTES for level in range(_LEVELS)
        }
        fds = {name: self._open(name, create=False) for name in self.names()}
        return [
            (name, 0 if fd is None else os.fstat(fd).st_size, expected[name])
            for name, fd in fds.items()
        ]

    def frame_of(self, sequence: int) -> int | None:
        """Where the frame with this entry starts in its segment; None when that is not known."""
        return self.frames_of(sequence, 1)[0]

    def frames_of(self, start: int, count: int) -> list[int | None]:
        """The same for neighbouring entries."""
        fd = self._open("frames", create=False)
        size = _OFFSET.size
        data = b"" if fd is None else read_at(fd, count * size, start * size)
        known: list[int | None] = [
            one for (one,) in _OFFSET.iter_unpack(data[: len(data) // size * size])
        ]
        return known + [None] * (count - len(known))

    def names(self) -> tuple[str, ...]:
        """All files that belong here."""
        return ("frames", *(f"level-{level}" for level in range(_LEVELS)))

    def close(self) -> None:
        """Close files."""
        fds, self._fds = self._fds, {}
        for fd in fds.values():
            os.close(fd)

    def _create(self, name: str) -> int:
        fd = self._open(name, create=True)
        if fd is None:
            raise FileNotFoundError(name)
        return fd

    def _open(self, name: str, *, create: bool) -> int | None:
        fd = self._fds.get(name)
        if fd is not None and os.fstat(fd).st_nlink > 0:
            return fd
        if fd is not None:
            # Someone removed the file; what we would write into it nobody could read.
            os.close(self._fds.pop(name))
        try:
            fd = self._fds[name] = self._disk.open(self._folder / name, create=create)
        except FileNotFoundError:
            return None
        return fd
