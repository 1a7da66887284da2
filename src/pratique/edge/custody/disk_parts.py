"""Encrypted parts as files of a folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from pratique.custody.envelope import Bytes
from pratique.custody.errors import PartMissingError
from pratique.edge.custody.direct_files import can_sync_all, sync_all, write_durably
from pratique.edge.custody.part_listing import KeptPart
from pratique.errors import UnavailableError
from pratique.values.spans import from_micros

_OPEN_FILES: Final = 256
"""Descriptors kept open; opening one costs ten times a read."""
_LISTED_TOGETHER: Final = 1000
_WORTH_A_SYNC: Final = 16
"""Fewer parts are synced by themselves: syncing all of a file system waits for what others wrote."""
_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)


class DiskParts:
    """A `PartStore` in a folder. What is in memory already is read at once, the rest in a thread.

    Shared state: belongs to the event loop's thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()

    async def read(self, name: str, start: int, end: int) -> bytes | bytearray:
        """Ciphertext `[start, end)`. Raises: PartMissingError, UnavailableError."""
        descriptor = self._descriptor(name)
        length = end - start
        data = bytearray(length)
        if _read_cached(descriptor, start, data):
            return data
        # A descriptor that is pushed out while the thread reads would be another file's.
        own = os.dup(descriptor)
        try:
            return await asyncio.to_thread(_read_all, own, start, length, name)
        finally:
            os.close(own)

    def cached(self, name: str, start: int, into: memoryview) -> bool:
        """Fill `into` with what is in memory. Raises: PartMissingError, UnavailableError."""
        return _read_cached(self._descriptor(name), start, into)

    async def write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """Keep a part: once this returns it survives a power failure. Raises: UnavailableError."""
        await asyncio.to_thread(self._write, name, data)

    async def write_many(self, parts: Sequence[tuple[str, Bytes]]) -> None:
        """Keep small parts: the file system is synced once for all. Raises: UnavailableError."""
        await asyncio.to_thread(self._write_many, parts)

    async def delete(self, name: str) -> None:
        """Forget a part."""
        descriptor = self._open.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)
        await asyncio.to_thread(self._delete, name)

    async def listed(self) -> AsyncIterator[KeptPart]:
        """Everything in the folder, ordered. Raises: UnavailableError."""
        walk = _walk(self._folder)
        while batch := await asyncio.to_thread(lambda: list(islice(walk, _LISTED_TOGETHER))):
            for part in batch:
                yield part

    def close(self) -> None:
        """Close descriptors."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _descriptor(self, name: str) -> int:
        descriptor = self._open.get(name)
        if descriptor is not None:
            self._open.move_to_end(name)
            return descriptor
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise PartMissingError(
                "a part of this object is missing where parts are kept",
                remedy="restore it from a backup; what is damaged is told by: pratique dataset check",
            ) from None
        except OSError as error:
            raise _failed("read", error) from error
        self._open[name] = descriptor
        if len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def _write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """1. The bytes are durable under a name of their own. 2. The rename is. 3. It can be told.

        A crash before 2 leaves a file that `pratique dataset check` names and removes.
        """
        path = self._folder / name
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            _make_folders(path.parent)
            try:
                write_durably(partial, memoryview(data))
                partial.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    partial.unlink()
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise _failed("written", error) from error

    def _write_many(self, parts: Sequence[tuple[str, Bytes]]) -> None:
        if len(parts) < _WORTH_A_SYNC or not can_sync_all():
            for name, data in parts:
                self._write(name, data)
            return
        try:
            for name, data in parts:
                # No name of its own first: nobody knows the part before all of them are durable.
                path = self._folder / name
                try:
                    path.parent.mkdir(mode=0o700)
                except FileNotFoundError:
                    path.parent.mkdir(mode=0o700, parents=True)
                with path.open("xb", buffering=0) as file:
                    left = memoryview(data)
                    while left:
                        left = left[file.write(left) or 0 :]
            sync_all(self._folder)
        except OSError as error:
            raise _failed("written", error) from error

    def _delete(self, name: str) -> None:
        path = self._folder / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed("deleted", error) from error
        with contextlib.suppress(OSError):  # a folder with other parts stays
            path.parent.rmdir()


def _walk(root: Path, relative: str = "") -> Iterator[KeptPart]:
    try:
        with os.scandir(root / relative) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # nothing was ever written here, or it was removed meanwhile
    except OSError as error:
        raise _failed("listed", error) from error
    for entry in found:
        path = f"{relative}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{path}/")
            continue
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat(follow_symlinks=False)
            at = from_micros(status.st_mtime_ns // 1000)
            yield KeptPart(name=path, size=status.st_size, changed_at=at)


def _read_cached(descriptor: int, start: int, buffer: bytearray | memoryview) -> bool:
    """Whether the page cache had all of it; False when the kernel would have to wait for the disk."""
    if not _NOWAIT:
        return False
    try:
        found = os.preadv(descriptor, [buffer], start, _NOWAIT)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
            return False
        raise _failed("read", error) from error
    return found == len(buffer)  # a short read asks again, in a thread


def _read_all(descriptor: int, start: int, length: int, name: str) -> bytes:
    pieces = []
    while length:
        try:
            piece = os.pread(descriptor, length, start)
        except OSError as error:
            raise _failed("read", error) from error
        if not piece:
            raise PartMissingError(f"the part {name} ends before its bytes do")
        pieces.append(piece)
        start, length = start + len(piece), length - len(piece)
    return b"".join(pieces)


def _make_folders(folder: Path) -> None:
    """Make a folder so that it survives: its name is in its parent's, which is synced too."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(what: str, error: OSError) -> UnavailableError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return UnavailableError(
        f"a part cannot be {what}: {error.strerror or error}",
        remedy="make room on the disk that keeps parts; nothing stored is lost" if full else "",
    )
