"""RECORD of a wheel against what is in the wheel.

Who can change a wheel can change its RECORD, so nothing is believed because of it. But a wheel that
contradicts itself was put together by hand, or changed after it was built.

Source: the binary distribution format specification, "The .dist-info directory" (RECORD).
"""

from __future__ import annotations

import base64
import csv
import io

from pratique.vet.archives.members import Shelf
from pratique.vet.archives.model import MemberInfo, MemberKind
from pratique.vet.archives.names import read_name

_SIGNATURES = ("RECORD", "RECORD.jws", "RECORD.p7s")
"""Of these, RECORD need not say hashes."""
_FIELDS = 3


def check_record(shelf: Shelf, record: bytes | None, *, seen: bool) -> None:
    """Report each difference between RECORD and the wheel's members.

    Shape: `record` is None when there was none, or (`seen`) when it was too large to hold.
    """
    if record is None:
        if seen:
            shelf.problem("record-unreadable", detail="too large")
        else:
            shelf.problem("record-missing")
        return
    rows = _parse(shelf, record)
    if rows is None:
        return
    for path, info in shelf.by_path.items():
        told = rows.pop(path, None)
        if told is not None:
            if difference := _difference(told, info):
                shelf.problem("record-differs", path, detail=difference, offset=info.offset)
        elif info.kind is not MemberKind.DIRECTORY and not _is_signature(path):
            shelf.problem("record-unlisted", path, offset=info.offset)
    for path in rows:
        shelf.problem("record-absent", path)


def _is_signature(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder.endswith(".dist-info") and name in _SIGNATURES


def _parse(shelf: Shelf, record: bytes) -> dict[str, list[str]] | None:
    """Rows by path, made plain like the members' own."""
    rows: dict[str, list[str]] = {}
    try:
        text = record.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if not row:
                continue
            if len(row) != _FIELDS:
                shelf.problem("record-unreadable", detail=f"a row of {len(row)} fields")
                return None
            rows[read_name(row[0], shelf.limits).path] = row
    except (UnicodeDecodeError, csv.Error) as broken:
        shelf.problem("record-unreadable", detail=broken)
        return None
    return rows


def _difference(row: list[str], info: MemberInfo) -> str:
    """In what a row differs from the member; rows may leave hash and size empty."""
    if info.kind is MemberKind.DIRECTORY:
        return ""
    algorithm, _, told = row[1].partition("=")
    if algorithm == "sha256":
        digest = base64.urlsafe_b64encode(info.sha256).rstrip(b"=").decode()
        # Some projects write it in hexadecimal, against the specification but not against the truth.
        if told.rstrip("=") != digest and told.lower() != info.sha256.hex():
            return "another sha256"
    if row[2] and row[2] != str(info.size):
        return "another size"
    return ""
