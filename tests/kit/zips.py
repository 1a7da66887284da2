"""Zip records made by hand, so that a test can make each of them lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable


def deflate(data: bytes, level: int = 6) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def pack(data: bytes, method: int) -> bytes:
    return deflate(data) if method == 8 else data


def local(
    name: bytes,
    data: bytes = b"",
    *,
    method: int = 8,
    flags: int = 0,
    crc: int | None = None,
    packed: int | None = None,
    size: int | None = None,
    extra: bytes = b"",
    raw: bytes | None = None,
) -> bytes:
    """A local header and its data; `raw` replaces the packed data."""
    body = pack(data, method) if raw is None else raw
    return (
        struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            20,
            flags,
            method,
            0,
            0x21,
            zlib.crc32(data) if crc is None else crc,
            len(body) if packed is None else packed,
            len(data) if size is None else size,
            len(name),
            len(extra),
        )
        + name
        + extra
        + body
    )


def central(
    name: bytes,
    data: bytes = b"",
    *,
    offset: int,
    method: int = 8,
    flags: int = 0,
    crc: int | None = None,
    packed: int | None = None,
    size: int | None = None,
    extra: bytes = b"",
    mode: int = 0o100644,
    comment: bytes = b"",
) -> bytes:
    """One row of the list at the end."""
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            (3 << 8) | 20,
            20,
            flags,
            method,
            0,
            0x21,
            zlib.crc32(data) if crc is None else crc,
            len(pack(data, method)) if packed is None else packed,
            len(data) if size is None else size,
            len(name),
            len(extra),
            len(comment),
            0,
            0,
            mode << 16,
            offset,
        )
        + name
        + extra
        + comment
    )


def end(entries: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    return (
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, size, offset, len(comment))
        + comment
    )


def end64(entries: int, size: int, offset: int) -> bytes:
    return struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset
    )


def locator(place: int) -> bytes:
    return struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)


def descriptor(data: bytes, packed: int, *, mark: bool = True, wide: bool = False) -> bytes:
    form = "<LQQ" if wide else "<LLL"
    return (b"PK\x07\x08" if mark else b"") + struct.pack(form, zlib.crc32(data), packed, len(data))


def zip_of(files: Iterable[tuple[bytes, bytes]], *, method: int = 8, comment: bytes = b"") -> bytes:
    """An honest zip."""
    body, rows = b"", b""
    count = 0
    for name, data in files:
        rows += central(name, data, offset=len(body), method=method)
        body += local(name, data, method=method)
        count += 1
    return body + rows + end(count, len(rows), len(body), comment)


def unicode_path(name: bytes, second: bytes) -> bytes:
    """The extra field with a second name."""
    body = struct.pack("<BL", 1, zlib.crc32(name)) + second
    return struct.pack("<HH", 0x7075, len(body)) + body


def zip64_sizes(*values: int) -> bytes:
    return struct.pack("<HH", 1, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)
