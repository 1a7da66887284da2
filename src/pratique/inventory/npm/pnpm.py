"""pnpm-lock.yaml, lock versions 5 to 9.

A package is called `/name/1.0.0_peers` up to version 5, `/name@1.0.0(peers)` in 6 and `name@1.0.0` in
9, where `snapshots` hold what each requires. All become `name@1.0.0`: who brought which peers is no
matter here.
Source: observed from pnpm 6 to 10; pnpm's `dependency-path`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pratique.inventory.errors import LockError
from pratique.inventory.listings.model import Listed, Piece, Pieces
from pratique.inventory.npm.names import commit_of, digest_of, entry, split_descriptor
from pratique.inventory.tables import MAX_PACKAGES, table_of, text_of
from pratique.inventory.text import SourceText
from pratique.inventory.yaml_text import parse_mapping

_REQUIRING = ("dependencies", "optionalDependencies")
_OWN_REQUIRING = (*_REQUIRING, "devDependencies")
_SECTIONS: Final = (b"packages", b"snapshots", b"importers")
_LOCAL = ("link:", "file:", "workspace:")
_MAX_KEY: Final = 2_048
_OLD_KEY = re.compile(r"(?:[\w.-]+\.[\w.:-]+)?/((?:@[^/]+/)?[^/@]+)/(\d[^/]*)")


def split_pnpm_lock(data: bytes) -> Pieces | None:
    """The file as one small file for each entry of its sections; None when it is written otherwise.

    pnpm writes blocks, two spaces deep, without anchors. Anything else is read whole.
    """
    if b"\r" in data or b"\t" in data or b"\n---" in data:
        return None
    pieces: list[bytes] = []
    section = b""
    for chunk in data.split(b"\n\n"):
        head, colon, rest = chunk.strip(b"\n").partition(b":")
        if colon and head in _SECTIONS:
            if rest:
                return None
            section = head + b":\n"
        elif chunk.startswith(b" "):
            if not section or chunk[1:3] in {b"  ", b""} or chunk[1:2] != b" ":
                return None
            pieces.append(section + chunk)
        else:
            section = b""
            pieces.append(chunk)
    return Pieces(bodies=pieces) if len(pieces) <= 3 * MAX_PACKAGES else None


def read_pnpm_lock(source: SourceText) -> Piece:
    """Read a pnpm lock, or one piece of one. Raises: LockError."""
    if not source.text.strip():
        return Piece()
    document = parse_mapping(source)
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    for key, table in table_of(document, "packages").items():
        found = _package(key, table if isinstance(table, dict) else {})
        if found is None:
            defects[f"entry {key[:80]!r} names no package"] = None
        else:
            listed.append(found)
    for key, table in table_of(document, "snapshots").items():
        if isinstance(table, dict):
            name = _plain(key)
            listed.append(Listed(item=None, adds_to=name, requires=tuple(_required(table))))
    importers = table_of(document, "importers")
    own = [table for table in (document, *importers.values()) if isinstance(table, dict)]
    wanted = [tuple(_required(table, _OWN_REQUIRING)) for table in own]
    listed += [Listed(item=None, requires=names) for names in wanted if names]
    if len(listed) > 2 * MAX_PACKAGES:
        raise LockError(f"names more than {MAX_PACKAGES:,} packages", path=source.path)
    return Piece(listed=tuple(listed), defects=tuple(defects))


def _package(key: str, table: Mapping[str, Any]) -> Listed | None:
    name, version = split_descriptor(_plain(key))
    resolution = table_of(table, "resolution")
    address = text_of(resolution, "tarball") or text_of(resolution, "repo")
    if ":" in version or "/" in version or not version:  # not from a registry
        version = text_of(table, "version")
    commit = text_of(resolution, "commit")
    return entry(
        name=text_of(table, "name") or name,
        version=text_of(table, "version") or version,
        digest=digest_of(text_of(resolution, "integrity"))
        or commit_of(f"#{commit}" if commit else address),
        names=(_plain(key),),
        requires=_required(table),
        note="from a repository" if commit else "",
    )


def _plain(key: str) -> str:
    """`name@version` of any way to call a package."""
    old = _OLD_KEY.fullmatch(key) if len(key) <= _MAX_KEY else None
    if old is not None:
        return f"{old.group(1)}@{old.group(2).partition('_')[0]}"
    return key.removeprefix("/").partition("(")[0]


def _required(table: Mapping[str, Any], keys: tuple[str, ...] = _REQUIRING) -> Iterator[str]:
    for key in keys:
        for name, value in table_of(table, key).items():
            version = text_of(value, "version") if isinstance(value, dict) else value
            if not isinstance(version, str) or len(version) > _MAX_KEY:
                continue
            if version.startswith(_LOCAL):
                continue
            if _OLD_KEY.fullmatch(version) or version.startswith("/") or "@" in _bare(version)[1:]:
                yield _plain(version)  # an alias: the whole name stands there
            else:
                yield f"{name}@{_bare(version).partition('_')[0]}"


def _bare(version: str) -> str:
    return version.partition("(")[0]
