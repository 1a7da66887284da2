"""Reading a leaked sample, whatever it was made into: JSON Lines, JSON, CSV, Parquet, text, pictures."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from pratique.custody.marks.index import Reading, read_record
from pratique.custody.marks.media import content_digests
from pratique.edge.custody.parquet_files import parquet_rows
from pratique.errors import InputError

_MOST_BYTES: Final = 4 << 30
_TABLES: Final = {".csv": ",", ".tsv": "\t"}
_PARQUET: Final = b"PAR1"
_BLOCK: Final = 1 << 20
_OTHER: Final = {
    b"\x1f\x8b": "compressed (gzip)",
    b"BZh": "compressed (bzip2)",
    b"\xfd7zXZ": "compressed (xz)",
    b"\x28\xb5\x2f\xfd": "compressed (zstd)",
    b"PK\x03\x04": "an archive (zip), or an office document",
    b"7z\xbc\xaf": "an archive (7z)",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
    codecs.BOM_UTF16_LE: "text in UTF-16",
    codecs.BOM_UTF16_BE: "text in UTF-16",
}
"""What begins so holds text that is not seen as it lies there."""
_REMEDY: Final = (
    "unpack it, or export it as JSON Lines, CSV, Parquet or text in UTF-8, and give that"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file of the sample in which nothing could be looked at."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What there was in a sample."""

    records: int
    unread: tuple[Unread, ...]


def read_sample(paths: Sequence[Path], readings: Iterable[Reading]) -> Looked:
    """Look at everything in these files and folders.

    Raises: InputError when there was nothing in them, or nothing that can be read: that says nothing
    of any lease.
    """
    readings = tuple(readings)
    records, unread = 0, []
    for path in _files(paths):
        try:
            found = _read_file(path, readings)
        except InputError as error:
            unread.append(Unread(path=str(path), why=error.message))
            continue
        if not found:
            unread.append(Unread(path=str(path), why=f"there is nothing in {path}"))
        records += found
    if paths and not records:
        raise InputError(
            unread[0].why if unread else f"there is no file in {paths[0]}",
            expected="data that leaked: JSON Lines, JSON, CSV, Parquet, text, pictures, film",
            remedy=_REMEDY,
        )
    return Looked(records=records, unread=tuple(unread))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        elif path.exists():
            yield path
        else:
            raise InputError(f"there is no {path}")


def _read_file(path: Path, readings: tuple[Reading, ...]) -> int:
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"{path} is larger than 4 GiB",
                remedy="give a part of it: any thousands of records do",
            )
        digests = content_digests(path.read_bytes()) if _is_media(head) else ()
        if digests:
            for digest in digests:
                for reading in readings:
                    reading.content(digest)
            return 1
        _check_text(path, head)
        count = 0
        for record in _records(path, head):
            read_record(readings, record)
            count += not isinstance(record, str) or bool(record.strip())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return count


def _is_media(head: bytes) -> bool:
    return head.startswith((b"\x89PNG", b"\xff\xd8\xff")) or head[4:8] in {
        b"ftyp",
        b"styp",
        b"moof",
    }


def _check_text(path: Path, head: bytes) -> None:
    """Raises: InputError for a file that is no data as it lies there."""
    if head.startswith(_PARQUET):
        return
    for begins, what in _OTHER.items():
        if head.startswith(begins):
            raise InputError(f"{path} is {what}", remedy=_REMEDY)
    if b"\x00" in head or _is_media(head):
        raise InputError(f"{path} is neither text nor a file that is known here", remedy=_REMEDY)


def _records(path: Path, head: bytes) -> Iterator[Any]:
    if head.startswith(_PARQUET):
        return parquet_rows(path)
    if path.suffix.lower() in _TABLES:
        return _rows(path, _TABLES[path.suffix.lower()])
    plain = head.removeprefix(codecs.BOM_UTF8)
    if plain.lstrip()[:1] in {b"{", b"["}:
        return _json(path, plain)
    return _lines(path)


def _json(path: Path, head: bytes) -> Iterator[Any]:
    """A document for each line; else one document, whose elements are records."""
    first = head.split(b"\n", 1)[0]
    if _parsed(first) is None and len(first) < _BLOCK:
        whole = _parsed(path.read_bytes().removeprefix(codecs.BOM_UTF8))
        if whole is None:
            raise InputError(f"{path} looks like JSON, and is not", expected="JSON or JSON Lines")
        yield from whole if isinstance(whole, list) else [whole]
        return
    with path.open("rb") as file:
        for raw in file:
            line = raw.removeprefix(codecs.BOM_UTF8)
            parsed = _parsed(line)
            if parsed is not None:
                yield parsed
            elif line.strip():
                yield line.decode("utf-8", "replace")  # cut in the middle: its text still counts


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - whatever JSON says
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@contextmanager
def _any_length() -> Iterator[None]:
    """Cells of any length within the block: the library's limit is one of the whole process."""
    usual = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _rows(path: Path, delimiter: str) -> Iterator[list[str | float]]:
    with (
        _any_length(),
        path.open(encoding="utf-8-sig", errors="replace", newline="") as file,
    ):
        try:
            for row in csv.reader(file, delimiter=delimiter):
                yield [value for cell in row for value in _cell(cell)]
        except csv.Error as error:
            raise InputError(f"{path} is no table: {error}") from None


def _cell(cell: str) -> Iterator[str | float]:
    """A cell as text, and as a number where it is one."""
    yield cell
    if cell[:1] in "-0123456789" and "." in cell:
        try:
            yield float(cell)
        except ValueError:
            return


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file
