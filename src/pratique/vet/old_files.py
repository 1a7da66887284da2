"""A base's contents by path, read from its archive's bytes when one is asked for."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import IO, Any

from isal import igzip

_MEMBER_BYTES = 8 << 20
"""Larger sources are not compared by line; `limits.source_bytes` is below."""
_HELD_BYTES = 64 << 20
"""All sources of a tar; more are not compared by line."""
_WALKED_BYTES = 1 << 30
"""Of a tar, whatever it holds."""
_SOURCES = (".py", ".pyw", ".pth", ".pyi")


def open_old(data: bytes | memoryview, filename: str) -> Callable[[str], bytes | None]:
    """Make `Base.read` for an approved archive.

    Whoever cannot be read is None: then whole contents are looked at instead of what was added to them.
    An approved archive is no more trusted than others; limits hold here too.
    """
    if filename.endswith((".whl", ".egg", ".zip")):
        return _FromZip(data)
    return _FromTar(data)


class _FromZip:
    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._archive: zipfile.ZipFile | None = None
        self._broken = False

    def __call__(self, path: str) -> bytes | None:
        if self._broken:
            return None
        try:
            if self._archive is None:
                self._archive = zipfile.ZipFile(io.BytesIO(self._data))
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
    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
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
        raw = io.BytesIO(self._data)
        packed = self._data[:2] == b"\x1f\x8b"
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
