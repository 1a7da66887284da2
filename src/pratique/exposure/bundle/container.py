"""A zip file in the one spelling that its members have.

Nothing in it depends on when or where it was made: members stand in the order of their names,
stored, with one fixed date. A verifier renders what it has read again and compares every byte, so
that nothing can hide between, before or behind the members, and nothing can unfold into more than
the file's own size.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from pratique.errors import InputError

MAX_MEMBERS: Final = 65_535
"""The end record of a zip file counts in 16 bits; the 64-bit extension is not used."""
MAX_BYTES: Final = 2_000_000_000
"""Of the whole file: offsets have 32 bits, and a verifier reads it into memory."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
"""Names of members: plain, and never outside of where they are unpacked."""
MAX_NAME: Final = 200
LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
"""The head before a member's bytes (APPNOTE.TXT 6.3.10, section 4.3.7)."""
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_VERSION: Final = 20
_MADE_BY_UNIX: Final = (3 << 8) | _VERSION
_DATE: Final = (1 << 5) | 1
"""1980-01-01, the first day a zip file can name."""
_MODE: Final = 0o100644 << 16


class Sink(Protocol):
    """Where a container is written."""

    def write(self, data: bytes, /) -> object:
        """Append."""
        ...


class Member(NamedTuple):
    """A member as it stands in the file."""

    name: str
    sha256: str
    size: int


class ContainerWriter:
    """Writes members one after the other."""

    def __init__(self, out: Sink, *, what: str, most_bytes: int, remedy: str) -> None:
        """`what` is made, for errors: `case`, `pack`; `remedy`: what makes a smaller one."""
        self._out = out
        self._what = what
        self._most_bytes = most_bytes
        self._remedy = remedy
        self._place = 0
        self._directory = bytearray()
        self.members: list[Member] = []

    def add(self, name: str, data: bytes) -> None:
        """Write a member. Raises: InputError when its name is not plain or there is too much."""
        if NAME.fullmatch(name) is None or len(name) > MAX_NAME:
            raise InputError(f"not a name for a file of a {self._what}: {name[:80]!r}")
        local, central = heads(name, binascii.crc32(data), len(data), self._place)
        self._directory += central
        self._write(local)
        self._write(data)
        self.members.append(Member(name, hashlib.sha256(data).hexdigest(), len(data)))

    def finish(self) -> int:
        """Write the directory; gives the size of the file. Order: last."""
        count, start = len(self.members), self._place
        if count > MAX_MEMBERS:
            raise InputError(
                f"the {self._what} would have {count} files", expected=f"at most {MAX_MEMBERS}"
            )
        self._write(bytes(self._directory))
        self._write(end_record(count, len(self._directory), start))
        return self._place

    def _write(self, data: bytes) -> None:
        self._place += len(data)
        if self._place > self._most_bytes:
            raise InputError(
                f"the {self._what} would have more than {self._most_bytes:,} bytes",
                remedy=self._remedy,
            )
        self._out.write(data)


def heads(name: str, check: int, size: int, place: int) -> tuple[bytes, bytes]:
    """The two heads of a member, before its bytes and in the directory. `check`: its CRC-32."""
    raw = name.encode("ascii")
    head = (_VERSION, 0, 0, 0, _DATE, check, size, size, len(raw), 0)
    local = LOCAL.pack(b"PK\x03\x04", *head) + raw
    central = _CENTRAL.pack(b"PK\x01\x02", _MADE_BY_UNIX, *head, 0, 0, 0, _MODE, place) + raw
    return local, central


def end_record(count: int, length: int, start: int) -> bytes:
    """What ends the file: how many members, how long their directory is, where it begins."""
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, length, start, 0)


def render_container(members: Mapping[str, bytes]) -> bytes:
    """A case as bytes, its members in the order of their names.

    Raises: InputError when a name is not plain or there is too much.
    """
    out = io.BytesIO()
    writer = ContainerWriter(
        out,
        what="case",
        most_bytes=MAX_BYTES,
        remedy="leave out --replay or --evidence, or make it for one client",
    )
    for name in sorted(members):
        writer.add(name, members[name])
    writer.finish()
    return out.getvalue()
