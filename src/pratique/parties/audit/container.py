"""The zip file of a pack, written as it comes and read without trust.

As the container of a case (`exposure.bundle.container`): stored members, one fixed date, no extra fields,
nothing before, between or behind. Members stand in the order in which the signed manifest names them,
which comes last: a pack is written in one pass. What is large is packed with gzip before.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from typing import Final

from pratique.exposure.bundle.container import (
    LOCAL,
    MAX_MEMBERS,
    MAX_NAME,
    NAME,
    ContainerWriter,
    Sink,
    end_record,
    heads,
)
from pratique.ledger.errors import BundleError

MANIFEST: Final = "MANIFEST"
MAGIC: Final = "pratique-pack"
"""Name of the first member: tells a pack from a case by its first bytes."""
MAX_BYTES: Final = (1 << 32) - 1
"""Offsets have 32 bits."""


def pack_writer(out: Sink) -> ContainerWriter:
    """Writes a pack; it ends with `finish`."""
    return ContainerWriter(
        out,
        what="pack",
        most_bytes=MAX_BYTES,
        remedy="make one for each year or quarter: --from and --to",
    )


def is_pack(start: bytes) -> bool:
    """Whether a file is a pack, by its first bytes."""
    name = MAGIC.encode()
    return start.startswith(b"PK\x03\x04") and start[LOCAL.size :].startswith(name)


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
        local, central = heads(name, actual, len(content), place)
        if bytes(data[place:start]) != local:
            raise BundleError(f"the head of {name} is not spelled as packs spell it")
        directory += central
        yield name, content
        place = end
    tail = bytes(directory) + end_record(len(seen), len(directory), place)
    if len(data) - place != len(tail) or bytes(data[place:]) != tail:
        raise BundleError("the directory of the file is not that of its members")


def _local(data: memoryview, place: int) -> tuple[str, int, int, int]:
    try:
        fields = LOCAL.unpack(data[place : place + LOCAL.size])
    except struct.error:
        raise BundleError("the file ends within a head") from None
    check, size, length = fields[6], fields[8], fields[9]
    start = place + LOCAL.size + length
    name = bytes(data[place + LOCAL.size : start]).decode("ascii", "replace")
    if length > MAX_NAME or NAME.fullmatch(name) is None or start + size > len(data):
        raise BundleError("a member of the file has no plain name, or is cut off")
    return name, start, start + size, check
