"""Pipfile.lock: JSON with hashes by package, without file names or URLs.

Source: observed from pipenv 2026 (pipfile-spec 6).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pratique.inventory.addresses import is_remote
from pratique.inventory.errors import LockError
from pratique.inventory.locks.entries import Entries, full_commit, split_hash
from pratique.inventory.model import (
    Location,
    LockDocument,
    LockedFile,
    LockedPackage,
    LockKind,
    Source,
    SourceKind,
    read_version,
)
from pratique.inventory.tables import MAX_PACKAGES, table_of, tables_of, text_of, texts_of
from pratique.inventory.text import SourceText
from pratique.values.names import ProjectName

_REPOSITORIES = ("git", "hg", "svn", "bzr")


def read_pipfile_lock(source: SourceText) -> LockDocument:
    """Read a Pipfile.lock. Raises: LockError."""
    document = parse_object(source)
    entries = Entries(source)
    meta = table_of(document, "_meta")
    named: dict[str, str] = {}
    for item in tables_of(meta, "sources"):
        url = text_of(item, "url")
        named[text_of(item, "name")] = url
        place = source.location(source.find(json.dumps(url), 0, len(source.text), default=0))
        entries.add_index(url, option='"sources"', location=place)
    packages: list[LockedPackage] = []
    for group, listed in document.items():
        if group == "_meta" or not isinstance(listed, dict):
            continue
        packages.extend(_group(entries, group, listed, named))
    return LockDocument(
        path=source.path,
        kind=LockKind.PIPENV,
        packages=tuple(packages),
        indexes=entries.indexes,
        defects=tuple(entries.defects),
        require_hashes=True,
        default_registry=next(iter(named.values()), ""),
    )


def parse_object(source: SourceText) -> dict[str, Any]:
    """Read a JSON object. Raises: LockError with the line at which it stops being one."""
    try:
        document = json.loads(source.text)
    except json.JSONDecodeError as error:
        raise LockError(
            f"is not JSON: {error.msg}",
            path=source.path,
            line=error.lineno,
            remedy="let the tool that owns the file write it again",
        ) from None
    except (RecursionError, ValueError):
        # json refuses integers of more than 4,300 digits with a plain ValueError.
        raise LockError(
            "nests values too deeply or has an impossible number", path=source.path
        ) from None
    if not isinstance(document, dict):
        raise LockError("is not a JSON object", path=source.path, line=1)
    return document


def _group(
    entries: Entries, group: str, listed: Mapping[str, Any], named: Mapping[str, str]
) -> list[LockedPackage]:
    source = entries.source
    if len(listed) > MAX_PACKAGES:
        raise LockError(f"names {len(listed):,} packages", path=source.path)
    packages: list[LockedPackage] = []
    cursor = _offset_of_object(source, group, 0)
    for raw_name, table in listed.items():
        cursor = _offset_of_object(source, raw_name, cursor)
        location = source.location(cursor)
        name = entries.name(raw_name, location)
        if not isinstance(table, dict):
            entries.flag(f"entry {raw_name[:80]!r} is not an object", location)
        elif name is not None:
            packages.append(_package(entries, name, raw_name, table, cursor, named))
    return packages


def _offset_of_object(source: SourceText, key: str, start: int) -> int:
    # With the brace, because packages may be called `index` or `version`.
    spelled = re.escape(json.dumps(key)) + r"\s*+:"
    found = source.search(re.compile(spelled + r"\s*+\{"), start, default=-1)
    return found if found >= 0 else source.search(re.compile(spelled), start, default=start)


def _package(
    entries: Entries,
    name: ProjectName,
    raw_name: str,
    table: Mapping[str, Any],
    offset: int,
    named: Mapping[str, str],
) -> LockedPackage:
    version = text_of(table, "version")
    exact = version.removeprefix("==") if version.startswith("==") and "*" not in version else ""
    origin = _source(entries, table, offset, named)
    from_index = origin.kind in {SourceKind.DEFAULT, SourceKind.REGISTRY}
    return LockedPackage(
        name=name,
        raw_name=raw_name,
        version=read_version(exact) if exact else None,
        raw_version=exact or version,
        pinned=bool(exact) or not from_index,
        source=origin,
        files=_files(entries, table, offset),
        location=entries.source.location(offset),
        markers=text_of(table, "markers"),
        own=origin.kind is SourceKind.PATH and "path" in table,
    )


def _source(
    entries: Entries, table: Mapping[str, Any], offset: int, named: Mapping[str, str]
) -> Source:
    def place(address: str) -> Location:
        end = len(entries.source.text)
        at = entries.source.find(json.dumps(address), offset, end, default=offset)
        return entries.source.location(at)

    for key in _REPOSITORIES:
        if url := text_of(table, key):
            commit = full_commit(text_of(table, "ref"))
            return Source(kind=SourceKind.VCS, url=url, commit=commit, location=place(url))
    if address := text_of(table, "file"):
        kind = SourceKind.URL if is_remote(address) else SourceKind.PATH
        return Source(kind=kind, url=address, location=place(address))
    if path := text_of(table, "path"):
        return Source(kind=SourceKind.PATH, url=path, location=place(path))
    if url := named.get(text_of(table, "index"), ""):
        return Source(kind=SourceKind.REGISTRY, url=url)
    return Source(kind=SourceKind.DEFAULT)


def _files(entries: Entries, table: Mapping[str, Any], offset: int) -> tuple[LockedFile, ...]:
    files: list[LockedFile] = []
    cursor, end = offset, len(entries.source.text)
    for text in texts_of(table, "hashes"):
        cursor = entries.source.find(text, cursor, end, default=cursor)
        location = entries.source.location(cursor)
        files.append(entries.file("", split_hash(text), url="", location=location))
    return tuple(files)
