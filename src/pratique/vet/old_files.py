"""A base's contents by path, read from its archive when one is asked for.

The archive is read by pieces, wherever it lies, so its size costs no memory.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from isal import igzip

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MEMBER_BYTES = 8 << 20
"""Larger sources are not compared by line; `limits.source_bytes` is below."""
_HELD_BYTES = 64 << 20
"""All sources of a tar; more are not compared by line."""
_WALKED_BYTES = 1 << 30
"""Of a tar, whatever it holds."""
_PIECE_BYTES = 64 << 10
_SOURCES = (".py", ".pyw", ".pth", ".pyi")


class Pieces(io.RawIOBase):
    """A file over bytes that lie somewhere: `read_at` gives up to so many bytes from an offset."""

    def __init__(self, size: int, read_at: Callable[[int, int], bytes | memoryview]) -> None:
        super().__init__()
        self._size = size
        self._read_at = read_at
        self._offset = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move. Raises: ValueError before the beginning."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(offset)
        self._offset = start + offset
        return self._offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as there is something."""
        into = memoryview(buffer).cast("B")
        found = self._read_at(self._offset, min(len(into), max(0, self._size - self._offset)))
        into[: len(found)] = found
        self._offset += len(found)
        return len(found)


def _opened(data: bytes | memoryview | Pieces) -> BinaryIO:
    if isinstance(data, bytes):
        return io.BytesIO(data)  # which copies nothing
    if isinstance(data, memoryview):
        view = data
        data = Pieces(len(view), lambda offset, count: view[offset : offset + count])
    return io.BufferedReader(data, _PIECE_BYTES)


def open_old(data: bytes | memoryview | Pieces, filename: str) -> Callable[[str], bytes | None]:
    """Make `Base.read` for an approved archive.

    Whoever cannot be read is None: then whole contents are looked at instead of what was added to them.
    An approved archive is no more trusted than others; limits hold here too.
    """
    if filename.endswith((".whl", ".egg", ".zip")):
        return _FromZip(_opened(data))
    return _FromTar(_opened(data))


class _FromZip:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._archive: zipfile.ZipFile | None = None
        self._broken = False

    def __call__(self, path: str) -> bytes | None:
        if self._broken:
            return None
        try:
            if self._archive is None:
                self._archive = zipfile.ZipFile(self._file)
            if self._archive.getinfo(path).file_size > _MEMBER_BYTES:
                return None
            with self._archive.open(path) as member:
                return _at_most(member)
        except KeyError:
            return None
        except Exception:  # noqa: BLE001 - whatever its readers trip over: it is not compared by line
            self._broken = True
            return None


class _FromTar:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: dict[str, bytes] | None = None

    def __call__(self, path: str) -> bytes | None:
        if self._members is None:
            self._members = {}
            try:
                self._read(self._members)
            except Exception:  # noqa: BLE001 - whatever its readers trip over: it is not compared by line
                self._members.clear()
        return self._members.get(path)

    def _read(self, members: dict[str, bytes]) -> None:
        """A tar has no index: all its sources are taken in one go, within the limit."""
        left, walked = _HELD_BYTES, 0
        raw = self._file
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        opened: Any = igzip.IGzipFile(fileobj=raw) if packed else raw  # type: ignore[no-untyped-call] # untyped stub
        with tarfile.open(fileobj=opened, mode="r|" if packed else "r|*") as archive:
            for info in archive:
                walked += info.size
                if walked > _WALKED_BYTES:
                    members.clear()
                    return
                if (
                    not info.isreg()
                    or info.size > _MEMBER_BYTES
                    or not info.name.endswith(_SOURCES)
                ):
                    continue
                left -= info.size
                if left < 0:
                    members.clear()
                    return
                if (found := archive.extractfile(info)) is not None:
                    members[info.name] = found.read()


def _at_most(member: IO[bytes]) -> bytes | None:
    content = member.read(_MEMBER_BYTES + 1)
    return content if len(content) <= _MEMBER_BYTES else None
