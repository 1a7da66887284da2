"""`METADATA` out of a wheel, with the few bytes that takes.

A wheel is a zip archive: its directory is at its end, and one member of it is what a resolver wants
to know. For a wheel that is still at the upstream, the last 64 KiB and one more range are usually
enough. The archive is hostile until proven otherwise: every size it claims is checked against a
limit before anything is read or unpacked.

`metadata_from_wheel` reads a local file, `read_remote_metadata` one behind range requests; both run
`_metadata` and so refuse the same archives.
"""

from __future__ import annotations

import asyncio
import os
import re
import zipfile
import zlib
from collections.abc import Awaitable, Callable
from email.parser import HeaderParser
from pathlib import Path
from typing import BinaryIO

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

MAX_METADATA = 8 * 1024 * 1024
"""The largest METADATA seen on the public index in 2026 is below 2 MiB."""
MAX_DIRECTORY = 4 * 1024 * 1024
"""Bytes of central directory: about 40,000 members; PyTorch's wheels have some 12,000."""
MAX_RATIO = 200
"""Unpacked over packed size; real descriptions stay below 20."""
_RATIO_FLOOR = 64 * 1024
TAIL = 64 * 1024
_BUDGET = TAIL + MAX_DIRECTORY + MAX_METADATA
_MAX_ROUNDS = 8
_LEAST = 16 * 1024
_LOCAL_HEADER = 30
_EXTRA_ROOM = 1024
"""Room for the extra field of a local header, which may differ from the directory's."""

_METADATA_PATH = re.compile(r"([^/]+)\.dist-info/METADATA", re.IGNORECASE)

FetchRange = Callable[[int, int], Awaitable[bytes]]
"""Gives the bytes [start, stop) of the remote file, exactly."""


class _UnreadableError(Exception):
    """The archive is no wheel that we would read; the caller turns this into None."""


class _MissingBytes(Exception):  # noqa: N818 - a signal to fetch more, not an error
    def __init__(self, start: int, stop: int) -> None:
        super().__init__(f"bytes {start}-{stop} are needed")
        self.start = start
        self.stop = stop


def metadata_from_wheel(path: Path, *, filename: str) -> bytes | None:
    """Read METADATA of a local wheel whose published name is `filename`.

    Shape: None when the archive has no readable METADATA of that project and version.
    """
    try:
        with path.open("rb") as file:
            return _metadata(_LocalBytes(file), filename)
    except _LOCALLY_UNREADABLE:
        return None


async def read_remote_metadata(
    fetch_range: FetchRange, *, size: int, filename: str
) -> bytes | None:
    """Read METADATA of a wheel of `size` bytes by ranges.

    Shape: None when the archive has no readable METADATA of that project and version.
    Units: at most TAIL + MAX_DIRECTORY + MAX_METADATA bytes in at most eight requests.
    Raises: whatever `fetch_range` raises.
    """
    known = _KnownBytes(size)
    start, stop = max(0, size - TAIL), size
    for _ in range(_MAX_ROUNDS):
        if known.total + stop - start > _BUDGET:
            return None
        known.add(start, await fetch_range(start, stop))
        try:
            # A thread, because a directory of many thousand members takes a while to read.
            return await asyncio.to_thread(_metadata, known, filename)
        except _MissingBytes as missing:
            start, stop = missing.start, missing.stop
        except _UNREADABLE:
            return None
    return None


def _metadata(source: _Bytes, filename: str) -> bytes:
    """Read METADATA of an archive at hand.

    Checklist:

    1. the file name is a wheel's; 2. the directory is within its limit (`_Bytes.read`);
    3. exactly one `*.dist-info/METADATA`, and it is that of the file name;
    4. not encrypted, stored or deflated, sizes and ratio within limits; 5. CRC agrees (zipfile);
    6. its Name and Version are those of the file name.
    """
    try:
        name, version, _build, _tags = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion):
        raise _UnreadableError("not a wheel's name") from None
    with zipfile.ZipFile(source) as archive:
        member = _metadata_member(archive, name, version)
        _check_member(member)
        room = _LOCAL_HEADER + len(member.orig_filename.encode()) + _EXTRA_ROOM
        source.limit = MAX_METADATA + _EXTRA_ROOM
        source.want(member.header_offset, member.header_offset + room + member.compress_size)
        with archive.open(member) as file:
            content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise _UnreadableError("METADATA is not as long as the directory says")
    headers = HeaderParser().parsestr(content.decode("utf-8"))
    if canonicalize_name(headers.get("Name", "")) != name:
        raise _UnreadableError("METADATA names another project")
    if Version(headers.get("Version", "")) != version:
        raise _UnreadableError("METADATA names another version")
    return content


def _metadata_member(archive: zipfile.ZipFile, name: str, version: Version) -> zipfile.ZipInfo:
    found = [m for m in archive.infolist() if _METADATA_PATH.fullmatch(m.filename)]
    if len(found) != 1:
        raise _UnreadableError(f"{len(found)} members are called METADATA")
    stem = found[0].filename.removesuffix(".dist-info/METADATA")
    folder_name, _, folder_version = stem.partition("-")
    if canonicalize_name(folder_name) != name or Version(folder_version) != version:
        raise _UnreadableError("the metadata folder belongs to another release")
    return found[0]


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 0x1:
        raise _UnreadableError("METADATA is encrypted")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _UnreadableError("METADATA is packed in an unusual way")
    if max(member.file_size, member.compress_size) > MAX_METADATA:
        raise _UnreadableError("METADATA is too large")
    packed = max(1, member.compress_size)
    if member.file_size > _RATIO_FLOOR and member.file_size // packed > MAX_RATIO:
        raise _UnreadableError("METADATA unpacks to far more than it is")


_UNREADABLE: tuple[type[Exception], ...] = (
    _UnreadableError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    InvalidVersion,
    NotImplementedError,  # zipfile, for versions and flags it does not know
    RuntimeError,  # zipfile, for encryption
    UnicodeDecodeError,
    ValueError,  # zipfile and struct, for offsets that make no sense
    OverflowError,
)
_LOCALLY_UNREADABLE: tuple[type[Exception], ...] = (OSError, *_UNREADABLE)


class _Bytes:
    """A seekable file for zipfile whose single reads are bounded by `limit`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.limit = MAX_DIRECTORY
        self._position = 0

    def want(self, start: int, stop: int) -> None:
        """Make sure that these bytes are at hand."""

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start of the archive")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        stop = self.size if size < 0 else min(self.size, self._position + size)
        if stop - self._position > self.limit:
            raise _UnreadableError("the archive's directory is too large")
        if stop <= self._position:
            return b""
        piece = self._piece(self._position, stop)
        self._position += len(piece)
        return piece

    def _piece(self, start: int, stop: int) -> bytes:
        raise NotImplementedError


class _LocalBytes(_Bytes):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(os.fstat(file.fileno()).st_size)
        self._file = file

    def _piece(self, start: int, stop: int) -> bytes:
        self._file.seek(start)
        return self._file.read(stop - start)


class _KnownBytes(_Bytes):
    """The parts of a remote file that were fetched so far; asks for others by raising."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.total = 0
        self._spans: list[tuple[int, bytes]] = []

    def add(self, start: int, content: bytes) -> None:
        """One more part; touching parts become one."""
        self.total += len(content)
        joined: list[tuple[int, bytes]] = []
        for at, part in sorted([*self._spans, (start, content)], key=lambda span: span[0]):
            if joined and joined[-1][0] + len(joined[-1][1]) == at:
                joined[-1] = (joined[-1][0], joined[-1][1] + part)
            else:
                joined.append((at, part))
        self._spans = joined

    def want(self, start: int, stop: int) -> None:
        """Raises _MissingBytes for the first gap in [start, stop)."""
        if start < 0:
            raise _UnreadableError("the archive points outside itself")
        stop = min(stop, self.size)
        cursor = start
        for at, part in self._spans:
            if at > cursor:
                break
            cursor = max(cursor, at + len(part))
        if cursor < stop:
            stop = min([stop, *(at for at, _ in self._spans if at > cursor)])
            before = max([0, *(e for at, p in self._spans if (e := at + len(p)) <= cursor)])
            # zipfile reads backwards in small steps; a request is worth more than that.
            raise _MissingBytes(max(before, min(cursor, stop - _LEAST)), stop)

    def _piece(self, start: int, stop: int) -> bytes:
        self.want(start, stop)
        for at, part in self._spans:
            if at <= start < at + len(part):
                return part[start - at : stop - at]
        raise _UnreadableError("the archive points outside itself")
