"""Small archives of every kind, ways to break them, and what Python would still unpack of them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import warnings
import zipfile

from hypothesis import strategies as st

from kit.archive_oracle import plain_path
from kit.tars import END, header, long_name, member, pax
from kit.zips import central, deflate, descriptor, end, end64, local, locator, zip_of

CODE, MORE = b"import os\nprint(1)\n" * 4, b"x = 2\n" * 9


def _wheel() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/__init__.py", CODE)
        archive.writestr("x/data.zip", zip_of([(b"inner.py", MORE)]))
        archive.writestr(
            "x-1.dist-info/RECORD", "x/__init__.py,,\nx/data.zip,,\nx-1.dist-info/RECORD,,\n"
        )
    return made.getvalue()


def _described() -> bytes:
    """With descriptors, stored and packed members, and zip64 records."""
    body, rows = b"", b""
    for name, data, method in ((b"a.py", CODE, 8), (b"b.bin", MORE, 0), (b"dir/", b"", 0)):
        flags = 8 if method == 8 else 0
        packed = len(deflate(data)) if method == 8 else len(data)
        rows += central(name, data, method=method, flags=flags, offset=len(body))
        if flags:
            body += local(name, data, flags=8, crc=0, packed=0, size=0) + descriptor(data, packed)
        else:
            body += local(name, data, method=method)
    tail = end64(3, len(rows), len(body)) + locator(len(body) + len(rows))
    return body + rows + tail + end(3, len(rows), len(body), b"note")


def _tar() -> bytes:
    return (
        pax((b"path", b"x-1/a.py"), (b"mtime", b"1.5"))
        + member(b"x-1/short", CODE)
        + long_name(b"x-1/" + b"n" * 120)
        + member(b"x-1/cut", MORE)
        + header(b"x-1/link", kind=b"2", link=b"a.py")
        + header(b"x-1/hard", kind=b"1", link=b"x-1/a.py")
        + END
    )


BASES = {
    "x-1-py3-none-any.whl": _wheel(),
    "x-1.zip": _described(),
    "x-1.tar": _tar(),
    "x-1.tar.gz": gzip.compress(_tar(), mtime=0),
    "x-1.tar.bz2": bz2.compress(_tar()),
    "x-1.tar.xz": lzma.compress(_tar()),
}

Change = tuple[str, int, int, int]


def mutations() -> st.SearchStrategy[list[Change]]:
    """Bytes set, ranges cut out, ranges said twice, ranges moved to the end."""
    number = st.integers(min_value=0, max_value=1 << 16)
    return st.lists(
        st.tuples(st.sampled_from(["set", "cut", "twice", "move"]), number, number, number),
        min_size=1,
        max_size=6,
    )


def mutate(data: bytes, changes: list[Change]) -> bytes:
    for what, one, other, value in changes:
        if not data:
            return data
        start = one % len(data)
        stop = min(len(data), start + other % 80)
        match what:
            case "set":
                data = data[:start] + bytes([value % 256]) + data[start + 1 :]
            case "cut":
                data = data[:start] + data[stop:]
            case "twice":
                data = data[:stop] + data[start:]
            case _:
                data = data[:start] + data[stop:] + data[start:stop]
    return data


def installed_by_zipfile(data: bytes) -> set[tuple[str, bytes | None]]:
    """Files that zipfile unpacks without complaint, as pip would; none if it refuses."""
    found: set[tuple[str, bytes | None]] = set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    found.add((plain_path(info.filename), archive.read(info)))
    except Exception:  # noqa: BLE001 - zipfile raises nearly everything on broken bytes; pip stops then
        return set()
    return found


def installed_by_tarfile(data: bytes) -> set[tuple[str, bytes | None]]:
    """Files by hash that tarfile unpacks; none if it refuses."""
    found: set[tuple[str, bytes | None]] = set()
    try:
        with warnings.catch_warnings(), tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for info in archive:
                source = archive.extractfile(info) if info.isreg() else None
                if source is not None:
                    content = source.read()
                    found.add((plain_path(info.name), hashlib.sha256(content).digest()))
    except Exception:  # noqa: BLE001 - as above
        return set()
    return found
