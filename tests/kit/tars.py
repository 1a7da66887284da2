"""Tar blocks made by hand, so that a test can make each of them lie."""

from __future__ import annotations

END = bytes(1024)


def header(
    name: bytes,
    size: int = 0,
    *,
    kind: bytes = b"0",
    mode: int = 0o644,
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    size_field: bytes | None = None,
    checksum: int | None = None,
) -> bytes:
    """One header block with a right checksum, unless another is given."""
    block = bytearray(512)

    def put(at: int, field: bytes) -> None:
        block[at : at + len(field)] = field

    put(0, name[:100])
    put(100, b"%07o\0" % mode)
    put(108, b"0000000\0" * 2)
    put(124, b"%011o\0" % size if size_field is None else size_field)
    put(136, b"00000000000\0")
    put(148, b"        ")
    put(156, kind)
    put(157, link[:100])
    put(257, magic)
    put(345, prefix)
    put(148, b"%06o\0 " % (sum(block) if checksum is None else checksum))
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def member(name: bytes, data: bytes = b"", **fields: object) -> bytes:
    return header(name, len(data), **fields) + padded(data)  # type: ignore[arg-type] # header fields by name


def record(keyword: bytes, value: bytes) -> bytes:
    """One pax record, its length counting itself."""
    rest = b" " + keyword + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    body = b"".join(record(*r) for r in records)
    return member(b"PaxHeader", body, kind=kind)


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    return member(b"././@LongLink", name + b"\0", kind=kind, magic=b"ustar  \0")
