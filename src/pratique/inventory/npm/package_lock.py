"""package-lock.json and npm-shrinkwrap.json, lock versions 1 to 3.

Version 3 lists packages by the folder they go to; 2 adds the shape of 1 for old clients, which is not
read then; 1 nests them. All become entries by folder, and a name means the nearest folder upwards, as
node finds it.
Source: docs.npmjs "package-lock.json"; observed from npm 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from pratique.inventory.errors import LockError
from pratique.inventory.listings.graph import Index
from pratique.inventory.listings.model import Listed, Piece, Pieces
from pratique.inventory.npm.names import (
    commit_of,
    digest_of,
    entry,
    from_elsewhere,
    split_descriptor,
)
from pratique.inventory.tables import MAX_PACKAGES, table_of, text_of
from pratique.inventory.text import SourceText

_FOLDER: Final = "node_modules/"
_MAX_LEVELS: Final = 64
_REQUIRING = ("dependencies", "optionalDependencies", "peerDependencies")


class _Raw(msgspec.Struct):
    """The parts of the file that say something here; values stay unread."""

    packages: dict[str, msgspec.Raw] | None = None
    dependencies: dict[str, msgspec.Raw] | None = None


_RAW: Final = msgspec.json.Decoder(_Raw)


def split_package_lock(data: bytes) -> Pieces | None:
    """The file as one small file for each package; None when it does not have the shape."""
    try:
        raw = _RAW.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    key, listed = ("packages", raw.packages) if raw.packages else ("dependencies", raw.dependencies)
    if not listed or len(listed) > MAX_PACKAGES:
        return None
    encode = msgspec.json.encode
    return Pieces(
        before=b'{"' + key.encode() + b'":{',
        bodies=[encode(name) + b":" + bytes(value) for name, value in listed.items()],
        after=b"}}",
    )


def read_package_lock(source: SourceText) -> Piece:
    """Read a package lock. Raises: LockError."""
    document = parse_json_object(source)
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    packages = table_of(document, "packages")
    pairs = _by_folder(packages) if packages else _nested(table_of(document, "dependencies"))
    for folder, table in pairs:
        if len(listed) >= MAX_PACKAGES:
            raise LockError(f"names more than {MAX_PACKAGES:,} packages", path=source.path)
        if not isinstance(table, dict):
            defects[f"entry {folder[:80]!r} is not an object"] = None
            continue
        found = _package(folder, table)
        if found is None:
            defects[f"entry {folder[:80]!r} has no readable name"] = None
        else:
            listed.append(found)
    return Piece(listed=tuple(listed), defects=tuple(defects))


def parse_json_object(source: SourceText) -> dict[str, Any]:
    """Read a JSON object. Raises: LockError."""
    try:
        document = msgspec.json.decode(source.text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = str(error)[:160] or "values nest too deeply"
        raise LockError(
            f"is not JSON: {reason}",
            path=source.path,
            remedy="let the tool that owns the file write it again",
        ) from None
    if not isinstance(document, dict):
        raise LockError("is not a JSON object", path=source.path, line=1)
    return document


def _by_folder(packages: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from packages.items()


def _nested(dependencies: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The packages of lock version 1, each with the folder it goes to."""
    waiting = [("", dependencies)]
    while waiting:
        folder, listed = waiting.pop()
        for name, table in listed.items():
            place = f"{folder}{_FOLDER}{name}"
            yield place, table
            below = table_of(table, "dependencies") if isinstance(table, dict) else {}
            if below and place.count(_FOLDER) < _MAX_LEVELS:
                waiting.append((place + "/", below))


def _package(folder: str, table: Mapping[str, Any]) -> Listed | None:
    requires = _requires(folder, table)
    inside = folder.rpartition(_FOLDER)[2] if _FOLDER in folder else ""
    if not inside or table.get("link") is True:
        return Listed(item=None, names=(folder,), requires=requires)
    name, version = text_of(table, "name") or inside, text_of(table, "version")
    address = text_of(table, "resolved") or text_of(table, "from")
    if version.startswith("npm:"):  # an alias in lock version 1
        name, version = split_descriptor(version.removeprefix("npm:"))
    elif "/" in version or ":" in version:  # lock version 1 has the address there
        address, version = version, ""
    note = "inside another package's archive" if _bundled(table) else from_elsewhere(address)
    return entry(
        name=name,
        version=version,
        digest=digest_of(text_of(table, "integrity")) or commit_of(address),
        names=(folder,),
        requires=requires,
        note=note,
    )


def _bundled(table: Mapping[str, Any]) -> bool:
    return table.get("inBundle") is True or table.get("bundled") is True


def _requires(folder: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    own = _FOLDER not in folder
    keys = (*_REQUIRING, "devDependencies") if own else _REQUIRING
    names: dict[str, None] = {}
    if isinstance(table.get("requires"), dict):  # lock version 1, whose `dependencies` are folders
        names.update(dict.fromkeys(table["requires"]))
    else:
        for key in keys:
            names.update(dict.fromkeys(table_of(table, key)))
    return tuple(names)


def by_folder(name: str, asking: Listed, index: Index) -> Sequence[int]:
    """The package that node would find from the folder of the asking one."""
    folder = asking.names[0] if asking.names else ""
    for _level in range(_MAX_LEVELS):
        found = index.get(f"{folder}/{_FOLDER}{name}" if folder else f"{_FOLDER}{name}")
        if found:
            return found
        if not folder:
            break
        before, inside, _last = folder.rpartition("/" + _FOLDER)
        folder = before if inside else ""
    return ()
