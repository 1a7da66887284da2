"""Packages that lie about as files: wheels, source archives, npm tarballs, and applications in a zip.

A file of a package was fetched. An application in one file (zipapp, pex, shiv, a function's zip) has its
packages installed inside; what its directory names is told, its members are not opened.
"""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from pratique.edge.sweep.births import arrival_of
from pratique.edge.sweep.cache_files import wheel_release
from pratique.edge.sweep.careful import UnreadableError, hash_file, read_head
from pratique.edge.sweep.context import Reader, SweepContext
from pratique.inventory.caches.entries import Release, fetched_python, read_filename, read_folder
from pratique.inventory.environments.items import join_notes, npm_item, plain, pypi_item
from pratique.inventory.environments.node import parse_package_json
from pratique.inventory.observed.model import (
    EvidenceClass,
    Gap,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.values.instants import Instant

_SOURCES: Final = (".tar.gz", ".tgz")
_APPLICATIONS: Final = (".pex", ".pyz", ".pyzw", ".shiv", ".egg")
_MEMBERS: Final = 200_000
_INSTALLED: Final = re.compile(r"(?:.*/)?([^/]+\.dist-info)/METADATA", re.DOTALL)
_PACKED: Final = re.compile(r"(?:.*/)?([^/]+\.whl)(?:/.*)?", re.DOTALL)
_NODE: Final = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@][^/]*/package\.json", re.DOTALL)
_HEAD: Final = 1 << 20
"""Of a tarball, packed: what it is stands in its first members."""
_UNPACKED: Final = 8 << 20
_HEADERS: Final = 64
_MANIFEST: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFileReader:
    """Wheels, source archives, npm tarballs, applications packed as a zip."""

    name: ClassVar[str] = "package-files"
    takes_folder: ClassVar[bool] = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name; of a plain zip whether Python packages lie in it, of a tarball what it says."""
        if is_dir:
            return False
        name = path.name.lower()
        if name.endswith((".whl", *_APPLICATIONS)):
            return True
        if name.endswith(_SOURCES):
            return read_filename(path.name) is not None or _in_tarball(path) is not None
        return name.endswith(".zip") and bool(_inside(path))

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at one file."""
        started = ctx.now()
        gaps: list[Gap] = []
        try:
            sightings = _sightings(path, ctx, started)
        except UnreadableError as refused:
            sightings = []
            gaps.append(Gap(what=plain(str(path)), why=refused.message))
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.CACHE,
            locator=plain(str(path)),
            at_lo=started,
            at_hi=max(started, ctx.now()),
            whole=not gaps,
            sightings=tuple(sightings),
            gaps=tuple(gaps),
            evidence_class=EvidenceClass.OBSERVED,
            collector=f"sweep/{self.name}",
            machine=ctx.machine,
        )


def _sightings(path: Path, ctx: SweepContext, now: Instant) -> list[Sighting]:
    name = path.name
    sha256, _length = hash_file(str(path), ctx.limits.stream_bytes)
    came = arrival_of(str(path), now)
    if name.lower().endswith(_SOURCES):
        found = _in_tarball(path)
        if found is None:
            raise UnreadableError("is called like a package, and is none that can be read")
        item = msgspec.structs.replace(found, digest=f"sha256:{sha256}", filename=plain(name))
        return [_one(item, Stage.FETCHED, came.since, "", came.note)]
    if not name.lower().endswith(".whl"):
        return _application(path, came.since, came.note)
    release, _sha256, _filename = wheel_release(str(path), b"")
    named = read_filename(name)
    if release is None and named is None:
        raise UnreadableError("is no whole wheel, and its name says no release")
    return [
        fetched_python(
            release or named or Release("", ""),
            at="",
            since=came.since,
            sha256=sha256,
            filename=name,
            note=join_notes([came.note, "" if release else "is not whole; its name says this"]),
        )
    ]


def _application(path: Path, since: tuple[str, str], note: str) -> list[Sighting]:
    inside = _inside(path)
    if inside is None:
        raise UnreadableError("is no whole archive: what is installed in it, nobody can tell")
    stage = Stage.INSTALLED
    return [_one(one, stage, since, at, note) for at, one in inside.items()]


def _one(item: Item, stage: Stage, since: tuple[str, str], at: str, note: str) -> Sighting:
    return Sighting(
        item=item, stage=stage, since_lo=since[0], since_hi=since[1], at=plain(at), note=note
    )


def _inside(path: Path) -> dict[str, Item] | None:
    """Packages in a zip by where their metadata lies; None when it is no zip that can be read."""
    found: dict[str, Item] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist()[:_MEMBERS]:
                if _NODE.fullmatch(name) is not None:
                    if (item := _node_package(archive, name)) is not None:
                        found[name] = item
                    continue
                if (metadata := _INSTALLED.fullmatch(name)) is not None:
                    release = read_folder(metadata[1])
                elif (wheel := _PACKED.fullmatch(name)) is not None:
                    release = read_filename(wheel[1])
                elif name == "EGG-INFO/PKG-INFO":
                    release = read_folder(path.stem.partition("-py")[0])
                else:
                    continue
                if release is None:
                    continue
                item = pypi_item(release.name, release.version)
                if item not in found.values():
                    found[name] = item
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return found


def _node_package(archive: zipfile.ZipFile, name: str) -> Item | None:
    """A package in a zip, as yarn keeps each of its own; None when its manifest cannot be read."""
    try:
        with archive.open(name) as member:
            package = parse_package_json(member.read(_MANIFEST))
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError):
        return None
    return npm_item(package.name, package.version) if package and package.version else None


def _in_tarball(path: Path) -> Item | None:
    """What a tarball is a package of, by its first members; None when of nothing."""
    try:
        packed = read_head(str(path), _HEAD)
        unpacked = zlib.decompressobj(wbits=31).decompress(packed, _UNPACKED)
    except (UnreadableError, zlib.error):
        return None
    root = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            for _number, member in zip(range(_HEADERS), archive, strict=False):
                root = root or member.name.removeprefix("./").partition("/")[0]
                if member.name == f"{root}/package.json" and member.size <= _MANIFEST:
                    file = archive.extractfile(member)
                    package = parse_package_json(file.read()) if file is not None else None
                    if package is not None and package.version:
                        return npm_item(package.name, package.version)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError):
        pass  # it is cut here: what was seen so far tells
    release = read_filename(f"{root}.tar.gz")
    same = release is not None and path.name.lower().startswith(f"{root}.".lower())
    return pypi_item(release.name, release.version) if release is not None and same else None


READERS: Final[tuple[Reader, ...]] = (PackageFileReader(),)
