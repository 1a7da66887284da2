"""One layer: the files that say something, and what it takes away from the layers below.

Source: OCI image specification, "Image Layer Filesystem Changeset" (whiteouts, opaque whiteouts).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from pratique.inventory.images.tar_walk import Member, ReadAt, TarWalk
from pratique.inventory.images.wanted import (
    CONTAINING,
    ENDINGS,
    OPAQUE,
    WHITEOUT,
    Kind,
    kind_of,
    most_bytes,
    plain_path,
)

MAX_KEPT_BYTES: Final = 512 << 20
"""Of contents held at once, per layer."""
_FILES: Final = frozenset({b"0", b"\0", b"7"})
_HARDLINK: Final = b"1"
_SYMLINK: Final = b"2"
_FOLDER: Final = b"5"


class LayerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A wanted file of a layer."""

    kind: Kind
    content: bytes
    size: int
    """Of the whole file; the content may be its head only."""
    modified: int
    """Seconds since 1970, as the archive says."""
    note: str = ""


class Layer(msgspec.Struct, kw_only=True):
    """What one layer says."""

    files: dict[str, LayerFile] = {}
    removed: set[str] = set()
    """Paths that a whiteout, or something that is no folder, takes away with all below them."""
    emptied: set[str] = set()
    """Folders whose earlier content is hidden (opaque)."""
    defects: list[str] = []
    members: int = 0
    stopped: bool = False


def read_layer(
    read_at: ReadAt,
    *,
    standing: frozenset[str],
    max_members: int,
    stop: Callable[[], bool] = lambda: False,
    again: Callable[[], ReadAt] | None = None,
) -> Layer:
    """Read one layer's tar.

    `standing` are the folders in which earlier layers put something that counts: a file or link that
    takes the place of one removes what was below. `again` opens the same layer from its start, for
    hard links whose first name says nothing.
    """
    layer = Layer()
    reading = _Reading(layer)
    exactly = frozenset(name for folder in standing for name in _spellings(folder))
    walk = TarWalk(
        read_at, endings=ENDINGS, containing=CONTAINING, exactly=exactly,
        max_members=max_members, stop=stop,
    )  # fmt: skip
    for member in walk:
        reading.take(member, walk.bytes_at)
    layer.members, layer.stopped = walk.members, walk.stopped
    layer.defects += walk.defects
    if reading.links and again is not None and not walk.stopped:
        _resolve(reading, again(), max_members)
    layer.defects += [
        f"{paths[0]} is a hard link to something that is not there"
        for paths in list(reading.links.values())[:20]
    ]
    return layer


def _spellings(folder: str) -> tuple[bytes, ...]:
    raw = folder.encode("utf-8", "surrogateescape")
    return raw, b"./" + raw, b"/" + raw


class _Reading:
    """Sorts members into a layer."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.links: dict[str, list[str]] = {}
        """Target that was not wanted → hard links to it whose names are."""
        self._kept = 0

    def take(self, member: Member, read_at: ReadAt) -> None:
        """One member that was asked for."""
        path = plain_path(member.name)
        if path is None:
            self.layer.defects.append("holds a member whose name leaves the image")
            return
        folder, _, name = path.rpartition("/")
        if name.startswith(WHITEOUT):
            self._whiteout(folder, name)
            return
        if f"/{WHITEOUT}" in path or path.startswith(WHITEOUT):
            return  # below a folder that only the storage driver knows
        if member.kind == _FOLDER:
            return
        self.layer.removed.add(path)  # harmless where nothing stood; else it takes that place
        kind = kind_of(path)
        if kind is None:
            return
        if member.kind in _FILES:
            self._keep(path, kind, member, read_at)
        elif member.kind == _HARDLINK:
            self._link(path, kind, member)
        elif member.kind == _SYMLINK and kind is not Kind.OS_RELEASE:
            self.layer.files[path] = LayerFile(
                kind=kind, content=b"", size=0, modified=member.modified, note="is a symbolic link"
            )

    def _whiteout(self, folder: str, name: str) -> None:
        if name == OPAQUE:
            self.layer.emptied.add(folder)
            return
        hidden = name.removeprefix(WHITEOUT)
        if hidden and not hidden.startswith(WHITEOUT):
            self.layer.removed.add(f"{folder}/{hidden}" if folder else hidden)

    def _keep(self, path: str, kind: Kind, member: Member, read_at: ReadAt) -> None:
        if member.sparse:
            self.layer.defects.append(f"{path} is stored with holes, as no installer writes it")
            return
        most = most_bytes(kind, path)
        if member.size > most and kind not in {Kind.PYTHON, Kind.RPM}:
            self.layer.defects.append(f"{path} is larger than {most:,} bytes")
            return
        wanted = min(member.size, most)
        if self._kept + wanted > MAX_KEPT_BYTES:
            self.layer.defects.append(
                f"{path} was left out: more than {MAX_KEPT_BYTES:,} bytes to hold"
            )
            return
        content = read_at(member.content_at, wanted)
        self._kept += len(content)
        if len(content) < wanted:
            self.layer.defects.append(f"{path} is cut short")
        self.layer.files[path] = LayerFile(
            kind=kind, content=content, size=member.size, modified=member.modified
        )

    def _link(self, path: str, kind: Kind, member: Member) -> None:
        target = plain_path(member.link)
        known = self.layer.files.get(target) if target is not None else None
        if known is not None:
            self.layer.files[path] = LayerFile(
                kind=kind, content=known.content, size=known.size, modified=known.modified
            )
        elif target is not None:
            self.links.setdefault(target, []).append(path)

    def resolve(self, member: Member, read_at: ReadAt) -> None:
        """Give the content of one member to the links that name it."""
        target = plain_path(member.name)
        if target is None or member.kind not in _FILES:
            return
        for path in self.links.pop(target, ()):
            kind = kind_of(path)
            if kind is not None:
                self._keep(path, kind, member, read_at)


def _resolve(reading: _Reading, read_at: ReadAt, max_members: int) -> None:
    """Second walk: the targets of hard links."""
    targets = frozenset(name for one in reading.links for name in _spellings(one))
    walk = TarWalk(read_at, endings=(), exactly=targets, max_members=max_members)
    for member in walk:
        reading.resolve(member, walk.bytes_at)
