"""What Python's own zipfile and tarfile take from an archive, for comparison."""

from __future__ import annotations

import hashlib
import io
import mmap
import stat
import tarfile
import zipfile
from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

from pratique.vet.archives.model import Limits, Member, MemberKind, Reading
from pratique.vet.archives.names import printable
from pratique.vet.archives.reader import read_archive


class Seen(NamedTuple):
    """One member as both sides name it."""

    path: str
    size: int
    sha256: bytes


def plain_path(name: str) -> str:
    return printable("/".join(p for p in name.split("/") if p not in {"", "."})) or "."


def seen_by_python(data: bytes | memoryview | mmap.mmap, filename: str) -> Counter[Seen]:
    """Files by path, size and hash, as zipfile or tarfile unpack them."""
    if filename.endswith((".whl", ".egg", ".zip")):
        return _seen_by_zipfile(data)
    return _seen_by_tarfile(data)


def _seen_by_zipfile(data: bytes | memoryview | mmap.mmap) -> Counter[Seen]:
    found: Counter[Seen] = Counter()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            with archive.open(info) as source:
                digest = hashlib.file_digest(source, "sha256")  # type: ignore[arg-type] # zipfile's members have readinto
            found[Seen(plain_path(info.filename), info.file_size, digest.digest())] += 1
    return found


def _seen_by_tarfile(data: bytes | memoryview | mmap.mmap) -> Counter[Seen]:
    found: Counter[Seen] = Counter()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            if not (info.isreg() or info.islnk()):
                continue
            source = archive.extractfile(info)
            assert source is not None
            content = source.read()
            sha256 = hashlib.sha256(content).digest()
            found[Seen(plain_path(info.name), len(content), sha256)] += 1
    return found


def seen_here(
    data: bytes | memoryview | mmap.mmap, filename: str, limits: Limits | None = None
) -> tuple[Counter[Seen], Reading]:
    """The same by our own reader, its outermost members only."""
    members, reading = read_whole(data, filename, limits)
    found = Counter(
        Seen(m.path, m.size, m.sha256)
        for m in members
        if m.depth == 0 and m.kind in {MemberKind.FILE, MemberKind.HARDLINK}
    )
    return found, reading


def read_whole(
    data: bytes | memoryview | mmap.mmap, filename: str, limits: Limits | None = None
) -> tuple[list[Member], Reading]:
    members: list[Member] = []
    walk = read_archive(memoryview(data), filename, limits=limits)
    while True:
        try:
            members.append(next(walk))
        except StopIteration as stop:
            return members, stop.value


def zip_modes(data: bytes | memoryview | mmap.mmap) -> dict[str, int]:
    """Permissions by path, from zipfile."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            plain_path(i.filename): stat.S_IMODE(i.external_attr >> 16) for i in archive.infolist()
        }


def suffix_of(filename: str) -> str:
    """The part of a name that says what it is."""
    return "".join(PurePosixPath(filename).suffixes[-2:])
