"""The zip file of a pack, written as it comes and read without trust.

As the container of a case (`exposure.bundle.container`): stored members, one fixed date, no extra fields,
nothing before, between or behind. Members stand in the order in which the signed manifest names them,
which comes last: a pack is written in one pass. What is large is packed with gzip before.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from pratique.errors import InputError
from pratique.ledger.errors import BundleError

MANIFEST: Final = "MANIFEST"
MAGIC: Final = "pratique-pack"
"""Name of the first member: tells a pack from a case by its first bytes."""
MAX_MEMBERS: Final = 65_535
MAX_BYTES: Final = (1 << 32) - 1
"""Offsets have 32 bits."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_MAX_NAME: Final = 200
_LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_VERSION: Final = 20
_MADE_BY_UNIX: Final = (3 << 8) | _VERSION
_DATE: Final = (1 << 5) | 1
"""1980-01-01, the first day a zip file can name."""
_MODE: Final = 0o100644 << 16


class Sink(Protocol):
    """Where a pack is written."""

    def write(self, data: bytes, /) -> object:
        """Append."""
        ...


class Member(NamedTuple):
    """A member as it stands in the file."""

    name: str
    sha256: str
    size: int


class PackWriter:
    """Writes members one after the other."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._place = 0
        self._directory = bytearray()
        self.members: list[Member] = []

    def add(self, name: str, data: bytes) -> None:
        """Write a member. Raises: InputError when there is too much."""
        if _NAME.fullmatch(name) is None or len(name) > _MAX_NAME:
            raise InputError(f"not a name for a file of a pack: {name[:80]!r}")
        local, central = _heads(name, binascii.crc32(data), len(data), self._place)
        self._directory += central
        self._write(local)
        self._write(data)
        self.members.append(Member(name, hashlib.sha256(data).hexdigest(), len(data)))

    def finish(self) -> int:
        """Write the directory; gives the size of the file. Order: last."""
        count, start = len(self.members), self._place
        if count > MAX_MEMBERS:
            raise InputError(
                f"the pack would have {count} files", expected=f"at most {MAX_MEMBERS}"
            )
        self._write(bytes(self._directory))
        self._write(_end(count, len(self._directory), start))
        return self._place

    def _write(self, data: bytes) -> None:
        self._place += len(data)
        if self._place > MAX_BYTES:
            raise InputError(
                f"the pack would have more than {MAX_BYTES:,} bytes",
                remedy="make one for each year or quarter: --from and --to",
            )
        self._out.write(data)


def _heads(name: str, check: int, size: int, place: int) -> tuple[bytes, bytes]:
    raw = name.encode("ascii")
    head = (_VERSION, 0, 0, 0, _DATE, check, size, size, len(raw), 0)
    local = _LOCAL.pack(b"PK\x03\x04", *head) + raw
    central = _CENTRAL.pack(b"PK\x01\x02", _MADE_BY_UNIX, *head, 0, 0, 0, _MODE, place) + raw
    return local, central


def _end(count: int, length: int, start: int) -> bytes:
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, length, start, 0)


def is_pack(start: bytes) -> bool:
    """Whether a file is a pack, by its first bytes."""
    name = MAGIC.encode()
    return start.startswith(b"PK\x03\x04") and start[_LOCAL.size :].startswith(name)


def read_members(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Every member in order; nothing of the file is anything else.

    Raises: BundleError, at the latest at the end.
    """
    place, directory, seen = 0, bytearray(), set[str]()
    while bytes(data[place : place + 4]) == b"PK\x03\x04":
        name, start, end, check = _local(data, place)
        if name in seen or len(seen) >= MAX_MEMBERS:
            raise BundleError(f"{name[:80]!r} stands in the file twice")
        seen.add(name)
        content = data[start:end]
        actual = binascii.crc32(content)
        if check != actual:
            raise BundleError(f"{name} was changed: it does not have its checksum")
        local, central = _heads(name, actual, len(content), place)
        if bytes(data[place:start]) != local:
            raise BundleError(f"the head of {name} is not spelled as packs spell it")
        directory += central
        yield name, content
        place = end
    tail = bytes(directory) + _end(len(seen), len(directory), place)
    if len(data) - place != len(tail) or bytes(data[place:]) != tail:
        raise BundleError("the directory of the file is not that of its members")


def _local(data: memoryview, place: int) -> tuple[str, int, int, int]:
    try:
        fields = _LOCAL.unpack(data[place : place + _LOCAL.size])
    except struct.error:
        raise BundleError("the file ends within a head") from None
    check, size, length = fields[6], fields[8], fields[9]
    start = place + _LOCAL.size + length
    name = bytes(data[place + _LOCAL.size : start]).decode("ascii", "replace")
    if length > _MAX_NAME or _NAME.fullmatch(name) is None or start + size > len(data):
        raise BundleError("a member of the file has no plain name, or is cut off")
    return name, start, start + size, check
