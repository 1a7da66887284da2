"""Packages of the operating system: dpkg's status, apk's installed list, conda's records.

Source: deb-control(5), dpkg(1) `status`; apk-tools "APKINDEX Format"; conda "conda-meta" records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import best_digest, plain
from pratique.inventory.observed.model import Item, Sighting, Stage

MAX_DATABASE_BYTES: Final = 128 << 20
MAX_PACKAGES: Final = 200_000
_ID: Final = re.compile(rb"^ID=[\"']?([a-z0-9._-]{1,60})", re.MULTILINE)


class SystemPackages(msgspec.Struct, frozen=True, kw_only=True):
    """What a package database says."""

    sightings: tuple[Sighting, ...]
    malformed: int


def parse_os_id(data: bytes) -> str:
    """`ID` of os-release, such as `debian`; empty when it says none."""
    found = _ID.search(data)
    return found[1].decode() if found else ""


def parse_dpkg(data: bytes, *, vendor: str, at: str) -> SystemPackages:
    """Read `/var/lib/dpkg/status`, or one file of `status.d`."""
    sightings: list[Sighting] = []
    malformed = 0
    for block in _blocks(data):
        fields = _fields(block, (b"Package", b"Version", b"Status", b"Source"))
        status = fields.get(b"Status", "install ok installed").split()
        if status[-1:] in (["not-installed"], ["config-files"]):
            continue
        name, version = fields.get(b"Package", ""), fields.get(b"Version", "")
        if not name or not version:
            malformed += 1
            continue
        source = fields.get(b"Source", "").partition(" ")[0]
        note = f"built from {plain(source)}" if source and source != name else ""
        sightings.append(_system("deb", vendor or "debian", name, version, at=at, note=note))
    return SystemPackages(sightings=tuple(sightings), malformed=malformed)


def parse_apk(data: bytes, *, vendor: str, at: str) -> SystemPackages:
    """Read `/lib/apk/db/installed`."""
    sightings: list[Sighting] = []
    malformed = 0
    for block in _blocks(data):
        fields = _fields(block, (b"P", b"V", b"o"))
        name, version = fields.get(b"P", ""), fields.get(b"V", "")
        if not name or not version:
            malformed += 1
            continue
        source = fields.get(b"o", "")
        note = f"built from {plain(source)}" if source and source != name else ""
        sightings.append(_system("apk", vendor or "alpine", name, version, at=at, note=note))
    return SystemPackages(sightings=tuple(sightings), malformed=malformed)


def _blocks(data: bytes) -> Iterator[bytes]:
    """Paragraphs, at most `MAX_PACKAGES`."""
    start = count = 0
    while start < len(data) and count < MAX_PACKAGES:
        end = data.find(b"\n\n", start)
        end = len(data) if end < 0 else end
        block = data[start:end].strip(b"\n")
        start = end + 2
        if block:
            count += 1
            yield block


def _fields(block: bytes, wanted: tuple[bytes, ...]) -> dict[bytes, str]:
    """The first value of each wanted field; lines that begin with a blank continue others."""
    found: dict[bytes, str] = {}
    for line in block.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name in wanted and name not in found:
            found[name] = value.strip().decode("utf-8", "replace")
    return found


def _system(kind: str, vendor: str, name: str, version: str, *, at: str, note: str) -> Sighting:
    return Sighting(
        item=Item(type=kind, name=f"{vendor}/{plain(name).lower()}", version=plain(version)),
        stage=Stage.INSTALLED,
        at=at,
        note=note,
    )


class _CondaRecord(msgspec.Struct):
    name: str
    version: str
    build: str = ""
    fn: str = ""
    sha256: Any = None
    md5: Any = None


_CONDA = msgspec.json.Decoder(_CondaRecord)


def parse_conda_record(data: bytes, *, at: str) -> Sighting | None:
    """Read one file of `conda-meta`; None when it is not one."""
    try:
        record = _CONDA.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    return Sighting(
        item=Item(
            type="conda",
            name=plain(record.name).lower(),
            version=plain(record.version),
            digest=best_digest({"sha256": record.sha256, "md5": record.md5}),
            filename=plain(record.fn),
        ),
        stage=Stage.INSTALLED,
        at=at,
        note=f"build {plain(record.build)}" if record.build else "",
    )
