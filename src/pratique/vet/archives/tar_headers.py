"""The blocks of a tar as values: member headers, extended headers.

Source: POSIX.1-2017 pax ("ustar Interchange Format", "pax Header Block"); GNU tar manual, "Basic Tar
Format". Where readers differ, CPython's tarfile counts, because pip and build unpack with it.
"""

from __future__ import annotations

import msgspec

BLOCK = 512
EMPTY = bytes(BLOCK)

FILES = frozenset({b"0", b"\0", b"7"})
HARDLINK, SYMLINK, DIRECTORY = b"1", b"2", b"5"
DEVICES = frozenset({b"3", b"4", b"6"})
PAX = frozenset({b"x", b"X"})
PAX_GLOBAL, LONG_NAME, LONG_LINK, SPARSE = b"g", b"L", b"K", b"S"
SIZELESS = frozenset({HARDLINK, SYMLINK, DIRECTORY}) | DEVICES
"""Types without content; a size on them is read differently by everybody."""

_GNU_TYPES = frozenset({LONG_NAME, LONG_LINK, SPARSE})
_OCTAL = frozenset(b"01234567")
_SUM_AT, _SUM_END = 148, 156


class TarHeader(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One header block."""

    name: bytes
    """Prefix included."""
    kind: bytes
    """Its type flag."""
    size: int
    mode: int
    link: bytes
    prefixed: bool
    """Whether a prefix was joined though the format has none there."""


class HeaderError(ValueError):
    """A block that is no header; its text says why."""


class NumberError(HeaderError):
    """A header with a right checksum and a number that readers take differently."""


def parse_header(block: bytes) -> TarHeader:
    """Read a header block.

    Raises: HeaderError when it is none; NumberError when a number in it is malformed or negative.
    """
    try:
        told = _number(block[_SUM_AT:_SUM_END])
    except NumberError as malformed:
        raise HeaderError("no checksum") from malformed
    if told not in _checksums(block):
        raise HeaderError("wrong checksum")
    kind = block[156:157]
    name = _text(block[:100])
    prefix = _text(block[345:500])
    if prefix and kind not in _GNU_TYPES:
        name = prefix + b"/" + name
    if kind == b"\0" and name.endswith(b"/"):
        kind = DIRECTORY
    return TarHeader(
        name=name,
        kind=kind,
        size=_number(block[124:136]),
        mode=_number(block[100:108]) & 0o7777,
        link=_text(block[157:257]),
        prefixed=bool(prefix) and block[257:263] != b"ustar\0" and kind not in _GNU_TYPES,
    )


def _checksums(block: bytes) -> tuple[int, int]:
    """The sum of the block with its checksum as blanks; and as old systems with signed bytes had it."""
    counted = block[:_SUM_AT] + block[_SUM_END:]
    total = sum(counted) + 8 * 0x20
    high = 0 if counted.isascii() else sum(1 for byte in counted if byte >= 0x80)  # noqa: PLR2004 - sign bit
    return total, total - 256 * high


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    """Octal digits, or base 256 when the first bit is set (GNU)."""
    if field[0] == 0x80:  # noqa: PLR2004 - base-256, positive
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if not _OCTAL.issuperset(digits):
        raise NumberError(f"{bytes(field)!r} is no octal number")
    return int(digits, 8)


def parse_pax(body: bytes) -> dict[bytes, bytes]:
    """Read the records of an extended header: `length keyword=value` and a newline each.

    Raises: HeaderError when one is malformed.
    """
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(body) and body[at]:
        space = body.find(b" ", at, at + 20)
        digits = body[at:space] if space > 0 else b""
        if not digits.isdigit():
            raise HeaderError("a record without length")
        end = at + int(digits)
        record = body[space + 1 : end]
        keyword, equals, value = record.partition(b"=")
        if end > len(body) or end <= space or not equals or not value.endswith(b"\n"):
            raise HeaderError("a record that does not end where it says")
        records[keyword] = value[:-1]
        at = end
    if body[at:].strip(b"\0"):
        raise HeaderError("data after the last record")
    return records


def parse_pax_size(value: bytes) -> int:
    """Read the `size` of an extended header.

    Raises: HeaderError when it is not a plain decimal number.
    """
    if not value.isdigit() or len(value) > 20:  # noqa: PLR2004 - 64 bits
        raise HeaderError("a size that is no number")
    return int(value)
