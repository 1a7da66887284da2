"""Names of cached files and the pointers to them.

Source: pip's and uv's documentation of their caches; npm's cacache, "index-v5". The formats are not
promised by anybody, so as little of them is used as says what was fetched.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import last_segment, npm_item, plain, pypi_item
from pratique.inventory.environments.node import read_integrity
from pratique.inventory.observed.model import Item, Sighting, Stage

MAX_POINTER_BYTES: Final = 1 << 20
MAX_INDEX_LINES: Final = 10_000
"""Of one bucket of npm's index."""
_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
_SHA256: Final = re.compile(rb"Sha256\xd9\x40([0-9a-f]{64})")
_FILENAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._+!-]{2,250}\.(?:whl|tar\.gz|zip)")
_DIST_INFO: Final = re.compile(rb"([A-Za-z0-9][^/\x00-\x1f\\]{0,250}\.dist-info)/METADATA")
_TARBALL: Final = re.compile(r"https?://[^/\s]+/(\S+)/-/([^/\s]+)\.tgz(?:[?#]\S*)?$")


class Release(msgspec.Struct, frozen=True, gc=False):
    """A name and version as a file or folder name says."""

    name: str
    version: str


def read_filename(filename: str) -> Release | None:
    """Name and version of a wheel or source archive by its name; None when it is neither."""
    if filename.endswith(".whl"):
        parts = filename.removesuffix(".whl").split("-")
        return Release(parts[0], parts[1]) if len(parts) >= 5 else None  # noqa: PLR2004 - PEP 427
    for suffix in _SUFFIXES:
        if filename.lower().endswith(suffix):
            name, dash, version = filename[: -len(suffix)].rpartition("-")
            return Release(name, version) if dash and name and version[:1].isdigit() else None
    return None


def read_folder(name: str) -> Release | None:
    """Name and version of `NAME-VERSION.dist-info`."""
    stem, dash, version = name.removesuffix(".dist-info").partition("-")
    return Release(stem, version) if dash and stem and version else None


def dist_info_in(directory: bytes) -> Release | None:
    """The release whose METADATA the end of a wheel lists: its directory stands there.

    Bundled distributions are deeper; the shallowest name is the wheel's own.
    """
    for found in _DIST_INFO.finditer(directory):
        before = directory[found.start() - 1 : found.start()]
        if before != b"/":
            return read_folder(found[1].decode("utf-8", "replace"))
    return None


class UvPointer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a pointer of uv's cache says."""

    sha256: str
    filename: str


def read_uv_pointer(data: bytes) -> UvPointer:
    """Hash and file name out of a `.http` or `.rev` file; empty where it says none.

    The file is MessagePack followed by an archived Rust structure, both changing between versions; the
    two texts that matter have kept their spelling.
    """
    hashed = _SHA256.search(data)
    named = _FILENAME.search(data)
    return UvPointer(
        sha256=hashed[1].decode() if hashed else "", filename=named[0].decode() if named else ""
    )


def fetched_python(
    release: Release,
    *,
    at: str,
    since: tuple[str, str],
    sha256: str = "",
    filename: str = "",
    note: str = "",
    built: bool = False,
) -> Sighting:
    """A Python file in a cache. `built`: it was built here, so that its build code ran."""
    return Sighting(
        item=pypi_item(
            release.name,
            release.version,
            digest=f"sha256:{sha256}" if sha256 else "",
            filename=filename,
        ),
        stage=Stage.EXECUTED if built else Stage.FETCHED,
        since_lo=since[0],
        since_hi=since[1],
        at=plain(at),
        note=note,
    )


# pip's HTTP entries.


class HttpEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A response as CacheControl keeps it."""

    status: int
    content_type: str
    body: bytes
    """Empty where the body is a file of its own."""


class _Response(msgspec.Struct):
    status: int = 0
    headers: dict[str, Any] = {}
    body: bytes = b""


class _Entry(msgspec.Struct):
    response: _Response


_PREFIX: Final = b"cc=4,"
_ENTRY: Final = msgspec.msgpack.Decoder(_Entry)


def parse_http_entry(data: bytes) -> HttpEntry | None:
    """Read an entry of pip's or Poetry's HTTP cache; None when it is none that is known."""
    if not data.startswith(_PREFIX):
        return None
    try:
        response = _ENTRY.decode(memoryview(data)[len(_PREFIX) :]).response
    except (msgspec.DecodeError, RecursionError):
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    content_type = headers.get("content-type", "")
    return HttpEntry(
        status=response.status,
        content_type=content_type if isinstance(content_type, str) else "",
        body=response.body,
    )


# npm.


class NpmEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A tarball that npm fetched."""

    item: Item
    at_millis: int
    """Earliest time that its bucket notes, in milliseconds since 1970; 0: none."""
    removed: bool
    """Whether the last line of the bucket takes it away."""


class _IndexLine(msgspec.Struct, gc=False):
    key: str
    integrity: str | None = None
    time: float | int = 0


_LINE: Final = msgspec.json.Decoder(_IndexLine)


def parse_npm_bucket(data: bytes) -> tuple[list[NpmEntry], int]:
    """Entries of one bucket of npm's index, oldest time kept; and how many lines make no sense."""
    found: dict[tuple[str, str], NpmEntry] = {}
    last: dict[str, bool] = {}
    bad = 0
    for line in data.split(b"\n")[:MAX_INDEX_LINES]:
        _checksum, tab, text = line.partition(b"\t")
        if not line:
            continue
        try:
            read = _LINE.decode(text)
        except (msgspec.DecodeError, RecursionError):
            bad += 1
            continue
        last[read.key] = not read.integrity
        tarball = _TARBALL.search(read.key)
        if not tab or tarball is None or not read.integrity:
            continue
        known = found.get((read.key, read.integrity))
        millis = _millis(read.time)
        if known is None or 0 < millis < known.at_millis:
            item = _tarball_item(tarball[1], tarball[2], read.integrity)
            found[read.key, read.integrity] = NpmEntry(item=item, at_millis=millis, removed=False)
    entries = [
        msgspec.structs.replace(entry, removed=last[key]) for (key, _hash), entry in found.items()
    ]
    return entries, bad


def _millis(time: float) -> int:
    return int(time) if 0 < time < 1 << 53 else 0


def _tarball_item(name: str, stem: str, integrity: str) -> Item:
    """The release that a URL `…/NAME/-/NAME-VERSION.tgz` names; a mirror's path may stand before it."""
    parts = name.replace("%40", "@").replace("%2f", "/").replace("%2F", "/").split("/")
    bare = parts[-1]
    name = "/".join(parts[-2:]) if len(parts) > 1 and parts[-2].startswith("@") else bare
    version = stem.removeprefix(f"{bare}-") if stem.startswith(f"{bare}-") else ""
    return npm_item(
        name, version, digest=read_integrity(integrity), filename=last_segment(f"{stem}.tgz")
    )
