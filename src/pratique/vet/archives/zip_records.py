"""The records of a zip file as values: entry headers, list entries, end records.

Source: APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14-16 (ends),
4.5.3 (zip64), 4.6.9 (Unicode path).
"""

from __future__ import annotations

import struct

import msgspec

from pratique.vet.archives.unpackers import crc32

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR = b"PK\x06\x07"
DESCRIPTOR = b"PK\x07\x08"
SIGNATURES = frozenset({LOCAL, CENTRAL, END, END64, LOCATOR})

LOCAL_SIZE, CENTRAL_SIZE, END_SIZE, END64_SIZE, LOCATOR_SIZE = 30, 46, 22, 56, 20

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")

FULL32 = 0xFFFFFFFF
FULL16 = 0xFFFF
ENCRYPTED, DESCRIBED, STRONG, UTF8 = 0x1, 0x8, 0x40, 0x800
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
METHODS = frozenset({STORED, DEFLATED, BZIP2, LZMA})
"""Those that Python's zipfile can unpack, up to 3.13."""
_OTHER_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 93: "zstd", 95: "xz", 99: "aes"}


def method_name(method: int) -> str:
    """A method that is not unpacked, by its number and name."""
    name = _OTHER_METHODS.get(method)
    return f"{method} ({name})" if name else str(method)


_ZIP64_EXTRA = 0x0001
_UNICODE_PATH = 0x7075
_MOST_FIELDS = 64
"""Extra fields in one entry; honest ones have up to five."""


class LocalHeader(msgspec.Struct, kw_only=True, gc=False):
    """The header in front of an entry's data, and what was found behind it."""

    offset: int
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    """Bytes of its data, as it says; as found once the data was read."""
    size: int
    """Bytes unpacked, likewise."""
    second_name: bytes
    defect: str
    """What is wrong with its extra fields."""
    zip64: bool
    end: int = 0
    """Where the next record can begin."""
    read: bool = False
    """Whether its content was unpacked to the end."""


class CentralEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the list at the end."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    """Of its local header, counted from where the zip says that it begins."""
    mode: int
    """Unix mode with the file type; 0 when made elsewhere. Taken whatever system the entry names, as
    installers do."""
    second_name: bytes
    defect: str
    comment: int
    """Bytes of its comment."""
    disk: int


class EndRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record that says where the list is."""

    entries: int
    size: int
    offset: int
    disks: bool
    """Whether it speaks of several disks, or counts differently for this one."""
    comment: int


class Extra(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an entry's extra fields change."""

    packed: int
    size: int
    offset: int
    second_name: bytes = b""
    defect: str = ""
    zip64: bool = False


def parse_local(head: bytes, name: bytes, extra: bytes, offset: int) -> LocalHeader:
    """Read a local header of 30 bytes, its name and its extra fields."""
    _, _, flags, method, _, _, crc, packed, size, _, _ = _LOCAL.unpack(head)
    more = parse_extra(extra, packed=packed, size=size, offset=0, name=name)
    return LocalHeader(
        offset=offset, name=name, flags=flags, method=method, crc=crc, packed=more.packed,
        size=more.size, second_name=more.second_name, defect=more.defect, zip64=more.zip64,
    )  # fmt: skip


def lengths(head: bytes, *, central: bool) -> tuple[int, ...]:
    """Bytes of name and extra fields, and for a row of the list of its comment."""
    return struct.unpack_from("<3H", head, 28) if central else struct.unpack_from("<2H", head, 26)


def parse_central(head: bytes, name: bytes, extra: bytes) -> CentralEntry:
    """Read one row of the list: 46 bytes, its name and its extra fields."""
    fields = _CENTRAL.unpack(head)
    _, _, _, flags, method, _, _, crc, packed, size, _, _, comment, disk, _, mode, offset = fields
    more = parse_extra(extra, packed=packed, size=size, offset=offset, name=name)
    return CentralEntry(
        name=name, flags=flags, method=method, crc=crc, packed=more.packed, size=more.size,
        offset=more.offset, mode=mode >> 16,
        second_name=more.second_name, defect=more.defect, comment=comment, disk=disk,
    )  # fmt: skip


def parse_extra(extra: bytes, *, packed: int, size: int, offset: int, name: bytes) -> Extra:
    """Read the extra fields that change sizes, offset or name."""
    if not extra:
        return Extra(packed=packed, size=size, offset=offset)
    second_name, defect, zip64 = b"", "", False
    seen: set[int] = set()
    at = 0
    for _ in range(_MOST_FIELDS):
        if len(extra) - at < 4:  # noqa: PLR2004 - a field's own header
            break
        kind, count = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + count]
        at += 4 + count
        if len(body) < count:
            defect = "cut off"
        if kind in seen and kind in {_ZIP64_EXTRA, _UNICODE_PATH}:
            defect = "the same field twice"
        seen.add(kind)
        if kind == _ZIP64_EXTRA:
            zip64 = True
            values = struct.unpack_from(f"<{len(body) // 8}Q", body)
            taken, (size, packed, offset) = _widen((size, packed, offset), values)
            defect = "zip64 sizes missing" if taken > len(values) else defect
        elif kind == _UNICODE_PATH:
            second_name, wrong = _second_name(body, name)
            defect = wrong or defect
    # Some writers pad with zeros (Android's zipalign); readers ignore them.
    if extra[at:].strip(b"\0"):
        defect = defect or "cut off, or too many"
    return Extra(
        packed=packed, size=size, offset=offset, second_name=second_name, defect=defect, zip64=zip64
    )


def _widen(fields: tuple[int, ...], values: tuple[int, ...]) -> tuple[int, tuple[int, int, int]]:
    """Replace each field that is all ones by the next 64-bit value; how many were asked for."""
    taken = 0
    wide = []
    for field in fields:
        if field == FULL32:
            wide.append(values[taken] if taken < len(values) else field)
            taken += 1
        else:
            wide.append(field)
    return taken, (wide[0], wide[1], wide[2])


def _second_name(body: bytes, name: bytes) -> tuple[bytes, str]:
    """The Unicode path, if it is made for this name; what is wrong with it."""
    if len(body) < 5:  # noqa: PLR2004 - version and checksum
        return b"", "Unicode path cut off"
    version, checksum = struct.unpack_from("<BL", body)
    if version != 1 or checksum != crc32(name):
        return b"", ""
    return body[5:], ""


def parse_end(record: bytes) -> EndRecord:
    """Read an end record of 22 bytes."""
    _, disk, first, here, entries, size, offset, comment = _END.unpack(record)
    disks = bool(disk or first or here != entries)
    return EndRecord(entries=entries, size=size, offset=offset, disks=disks, comment=comment)


def parse_end64(record: bytes) -> tuple[EndRecord, int]:
    """Read a zip64 end record of 56 bytes; with the size that it claims for itself."""
    _, length, _, _, disk, first, here, entries, size, offset = _END64.unpack(record)
    disks = bool(disk or first or here != entries)
    return EndRecord(entries=entries, size=size, offset=offset, disks=disks, comment=0), length + 12


def parse_locator(record: bytes) -> int:
    """Where a zip64 locator says that the zip64 end record is."""
    place: int = _LOCATOR.unpack(record)[2]
    return place


def decode_name(raw: bytes, flags: int) -> str:
    """As Python's zipfile does: UTF-8 when marked so, else code page 437."""
    if raw.isascii() or flags & UTF8:
        return raw.decode("utf-8", "surrogateescape")
    return raw.decode("cp437")
