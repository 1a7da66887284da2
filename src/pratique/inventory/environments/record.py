"""RECORD: what a distribution says it installed, with hashes.

Source: "Recording installed projects" and the binary distribution format, packaging.python.org.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import posixpath
from typing import Final

import msgspec

MAX_RECORD_BYTES: Final = 64 << 20
MAX_LINES: Final = 1_000_000
_SHA256_BYTES: Final = 32
_SHA256_DIGITS: Final = 64
_FIELDS: Final = 3


class RecordLine(msgspec.Struct, frozen=True, gc=False):
    """One file of a distribution."""

    path: str
    """Relative to the folder that holds the dist-info, `.` and `..` resolved; scripts begin with
    `../`."""
    sha256: str
    """64 hexadecimal digits; empty when RECORD says none or another algorithm."""
    size: int
    """-1 when RECORD says none."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A RECORD as read."""

    lines: tuple[RecordLine, ...]
    malformed: int
    """Rows that are not three fields, or whose numbers are none."""
    cut: bool = False
    """Whether there were more rows than are read."""


def parse_record(data: bytes) -> Record:
    """Read a RECORD; rows that make no sense are counted, not raised."""
    text = data.decode("utf-8", "surrogateescape").removeprefix("\N{BYTE ORDER MARK}")
    rows, broken = _rows(text)
    lines: list[RecordLine] = []
    for row in rows[:MAX_LINES]:
        if not row:
            continue
        line = _line(row)
        if line is None:
            broken += 1
        else:
            lines.append(line)
    return Record(lines=tuple(lines), malformed=broken, cut=len(rows) > MAX_LINES)


def _rows(text: str) -> tuple[list[list[str]], int]:
    if '"' not in text:
        # Nothing is quoted, as in nearly all: cutting is enough and ten times faster.
        return [line.rsplit(",", 2) for line in text.splitlines() if line], 0
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return rows, 1
    return rows, 0


def _line(row: list[str]) -> RecordLine | None:
    if len(row) != _FIELDS or not row[0]:
        return None
    path, hashed, size = row
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):  # noqa: PLR2004 - 64 bits
        return None
    digest = ""
    if hashed:
        algorithm, equals, told = hashed.partition("=")
        if not equals:
            return None
        digest = _hexadecimal(told) if algorithm == "sha256" else ""
        if algorithm == "sha256" and not digest:
            return None
    return RecordLine(
        path=_resolved(path.replace("\\", "/")), sha256=digest, size=int(size) if size else -1
    )


def _resolved(path: str) -> str:
    """Plain paths, which nearly all are, as they stand."""
    if "/." in path or "//" in path or path[0] == "." or path[-1] == "/":
        return posixpath.normpath(path)
    return path


def _hexadecimal(told: str) -> str:
    """Urlsafe base64 without padding as hexadecimal digits; some tools write these themselves."""
    if len(told) == _SHA256_DIGITS:
        lowered = told.lower()
        return lowered if set(lowered) <= set("0123456789abcdef") else ""
    try:
        raw = base64.urlsafe_b64decode(told.rstrip("=").encode("ascii") + b"=")
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _SHA256_BYTES else ""
