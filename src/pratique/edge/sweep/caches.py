"""Caches of installers on disk: pip, Poetry, uv, npm. Everything in them was fetched on this machine.

Each claims the folder whose layout it knows; what a cache is called does not matter, since every tool
lets people move it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from packaging.utils import canonicalize_name

from pratique.edge.sweep.births import arrival_of, file_times
from pratique.edge.sweep.cache_files import CacheWalk, wheel_release
from pratique.edge.sweep.careful import UnreadableError, hash_file, read_head, read_whole
from pratique.edge.sweep.context import Reader, SweepContext
from pratique.edge.sweep.environments import read_site
from pratique.inventory.caches.entries import (
    MAX_POINTER_BYTES,
    Release,
    UvPointer,
    fetched_python,
    parse_http_entry,
    parse_npm_bucket,
    read_filename,
    read_uv_pointer,
)
from pratique.inventory.environments.distributions import sightings_of
from pratique.inventory.environments.hooks import MAX_HOOK_BYTES, hook_sighting, is_hook, runs_code
from pratique.inventory.environments.items import join_notes, plain
from pratique.inventory.environments.origin import MAX_ORIGIN_BYTES, parse_origin
from pratique.inventory.observed.model import Look, Sighting, Stage
from pratique.values.instants import render_instant
from pratique.values.spans import from_micros, to_micros

_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_MAX_BUCKET_BYTES: Final = 64 << 20
_MAX_SMALL_BYTES: Final = 1 << 16
_UV: Final = re.compile(r"(archive|wheels|sdists|built-wheels)-v\d{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCacheReader:
    """`http` and `http-v2` of pip, `_http_` of Poetry: responses by the hash of their URL."""

    name: ClassVar[str] = "pip-cache"
    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, and by folders of one hexadecimal digit."""
        return is_dir and path.name in {"http", "http-v2", "_http_"} and _is_sharded(path, 1)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Files among the responses; pages of indexes are none."""
        walk = CacheWalk(path, ctx, collector=self.name)
        for entry in walk.files(depth=6):
            if not entry.endswith((".body", ".lock")):
                self._entry(walk, entry)
        yield walk.look()

    def _entry(self, walk: CacheWalk, path: str) -> None:
        body = f"{path}.body"
        has_body = file_times(body) is not None
        most = _MAX_SMALL_BYTES * 16 if has_body else walk.ctx.limits.file_bytes
        data = walk.read(path, most)
        entry = parse_http_entry(data) if data is not None else None
        if data is None:
            return
        if entry is None:
            walk.gap(path, "is no entry of an HTTP cache that is known")
            return
        if not has_body and not entry.body:
            return
        try:
            release, sha256, filename = wheel_release(body if has_body else "", entry.body)
        except UnreadableError as refused:
            walk.gap(body, refused.message)
            return
        if release is None:
            return
        came = arrival_of(body if has_body else path, walk.started)
        walk.sightings.append(
            fetched_python(
                release,
                at=walk.relative(path),
                since=came.since,
                sha256=sha256,
                filename=filename,
                note=came.note,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheelsReader:
    """`wheels` of pip: what it built from source archives."""

    name: ClassVar[str] = "pip-wheels"
    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, and by folders of two hexadecimal digits."""
        return is_dir and path.name == "wheels" and _is_sharded(path, 2)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Each wheel, and what `origin.json` says of the source that it was built from."""
        walk = CacheWalk(path, ctx, collector=self.name)
        for entry in walk.files(depth=6):
            filename = entry.rpartition("/")[2]
            release = read_filename(filename) if filename.endswith(".whl") else None
            if release is not None:
                walk.hashed(entry, release, filename, note="built here", built=True)
                self._source(walk, entry, release)
        yield walk.look()

    def _source(self, walk: CacheWalk, wheel: str, release: Release) -> None:
        path = f"{wheel.rpartition('/')[0]}/origin.json"
        try:
            origin = parse_origin(read_whole(path, MAX_ORIGIN_BYTES))
        except UnreadableError as refused:
            if not refused.absent:
                walk.gap(path, refused.message)
            return
        if origin is None:
            walk.gap(path, "does not say where a source came from")
        elif origin.digest:
            sighting = fetched_python(
                release,
                at=walk.relative(path),
                since=arrival_of(wheel, walk.started).since,
                filename=origin.filename,
                note=join_notes([origin.note, "a wheel was built from it here"]),
                built=True,
            )
            item = msgspec.structs.replace(sighting.item, digest=origin.digest)
            walk.sightings.append(msgspec.structs.replace(sighting, item=item))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactsReader:
    """`artifacts` of Poetry: the files themselves, below a hash of their link."""

    name: ClassVar[str] = "poetry-cache"
    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, and by folders of two hexadecimal digits."""
        return is_dir and path.name == "artifacts" and _is_sharded(path, 2)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Each wheel and source archive, with its hash."""
        walk = CacheWalk(path, ctx, collector=self.name)
        for entry in walk.files(depth=6):
            filename = entry.rpartition("/")[2]
            release = read_filename(filename)
            if release is not None:
                walk.hashed(entry, release, filename)
        yield walk.look()


@dataclass(frozen=True, slots=True, kw_only=True)
class UvCacheReader:
    """`archive-v0`, `wheels-v5`, `sdists-v9` and their successors."""

    name: ClassVar[str] = "uv-cache"
    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name."""
        return is_dir and _UV.fullmatch(path.name) is not None

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at one bucket of the cache."""
        walk = CacheWalk(path, ctx, collector=self.name)
        if path.name.startswith("archive-"):
            for folder in walk.folders():
                self._archive(walk, folder)
        else:
            for entry in walk.files(depth=8):
                self._pointer(walk, entry, built=not path.name.startswith("wheels-"))
        yield walk.look()

    def _archive(self, walk: CacheWalk, folder: str) -> None:
        """An unpacked wheel, which uv links into environments."""
        contents = read_site(folder, walk.started)
        walk.gaps += contents.gaps
        inner = folder.rpartition("/")[2]
        walk.sightings += [
            msgspec.structs.replace(
                one, stage=Stage.FETCHED, at=f"{plain(inner)}/{one.at}", parents=()
            )
            for one in sightings_of(contents.distributions)
        ]
        for name in walk.names(folder):
            if is_hook(name):
                self._hook(
                    walk,
                    f"{folder}/{name}",
                    contents.distributions[0].name if contents.distributions else "",
                )

    def _hook(self, walk: CacheWalk, path: str, owner: str) -> None:
        try:
            sha256, _length = hash_file(path, MAX_HOOK_BYTES)
            runs = runs_code(path, read_head(path, MAX_HOOK_BYTES))
        except UnreadableError as refused:
            walk.gap(path, refused.message)
            return
        came = arrival_of(path, walk.started)
        hook = hook_sighting(
            walk.relative(path),
            sha256=sha256,
            owner=owner,
            runs=runs,
            since=came.since,
            note=came.note,
        )
        walk.sightings.append(msgspec.structs.replace(hook, stage=Stage.FETCHED))

    def _pointer(self, walk: CacheWalk, path: str, *, built: bool) -> None:
        """A pointer: `…/NAME/VERSION-TAG.http` of a wheel, `…/NAME/VERSION/revision.http` of a source."""
        folder, _, name = path.rpartition("/")
        stem, _, suffix = name.rpartition(".")
        if suffix == "whl" and built:
            release = read_filename(name)
            if release is not None:
                walk.hashed(path, release, name, note="built here", built=True)
            return
        if suffix not in {"http", "rev"}:
            return
        data = walk.read(path, MAX_POINTER_BYTES)
        if data is None:
            return
        above = folder.split("/")
        if stem == "revision":
            release = Release(above[-2], above[-1])
        else:
            release = Release(above[-1], stem.partition("-")[0])
        pointer = read_uv_pointer(data)
        told = read_filename(pointer.filename) if pointer.filename else None
        if told is None or canonicalize_name(told.name) != canonicalize_name(release.name):
            told, pointer = None, UvPointer(sha256=pointer.sha256, filename="")
        came = arrival_of(path, walk.started)
        walk.sightings.append(
            fetched_python(
                told or release,
                at=walk.relative(path),
                since=came.since,
                sha256=pointer.sha256,
                filename=pointer.filename,
                note=came.note,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmCacheReader:
    """`_cacache`: npm's index of what it fetched, with the hash of each tarball."""

    name: ClassVar[str] = "npm-cache"
    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name."""
        return is_dir and path.name == "_cacache"

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Every tarball that the index names, also one that was taken out of it again."""
        walk = CacheWalk(path, ctx, collector=self.name)
        for entry in walk.files(depth=5, below="index-v5"):
            data = walk.read(entry, _MAX_BUCKET_BYTES)
            if data is None:
                continue
            found, bad = parse_npm_bucket(data)
            if bad:
                walk.gap(entry, f"{bad} lines are no entries")
            for one in found:
                since_lo, since_hi = _since_npm(walk, entry, one.at_millis)
                walk.sightings.append(
                    Sighting(
                        item=one.item,
                        stage=Stage.FETCHED,
                        since_lo=since_lo,
                        since_hi=since_hi,
                        at=walk.relative(entry),
                        note="taken out of the index again" if one.removed else "",
                    )
                )
        yield walk.look()


def _since_npm(walk: CacheWalk, path: str, at_millis: int) -> tuple[str, str]:
    """Fetched when npm says; but a cache that was brought here came with the birth of its files."""
    came = arrival_of(path, walk.started)
    micros = at_millis * 1000
    if not 0 < micros <= to_micros(walk.started):
        return came.since
    told = render_instant(from_micros(micros))
    return min(told, came.since_lo or told), max(told, came.since_hi)


def _is_sharded(path: Path, digits: int) -> bool:
    """Whether the first folders of a cache have names of so many hexadecimal digits, and only such."""
    try:
        names = [one.name for one in path.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return False
    return bool(names) and all(len(one) == digits and set(one) <= _HEXADECIMAL for one in names)


READERS: Final[tuple[Reader, ...]] = (
    HttpCacheReader(),
    BuiltWheelsReader(),
    ArtifactsReader(),
    UvCacheReader(),
    NpmCacheReader(),
)
