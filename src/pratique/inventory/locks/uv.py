"""uv.lock: every file with URL, hash, size and upload time; one table per package.

Source: observed from uv 0.13 (lock version 1, revision 5); uv documents the file as internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.inventory.addresses import archive_name
from pratique.inventory.locks.entries import Entries, full_commit, normalized, split_hash
from pratique.inventory.model import (
    LockDocument,
    LockedFile,
    LockedPackage,
    LockKind,
    Source,
    SourceKind,
    read_version,
)
from pratique.inventory.tables import (
    TableSpan,
    location_of,
    parse_tables,
    table_of,
    table_spans,
    tables_of,
    text_of,
)
from pratique.inventory.text import SourceText

_PATH_KEYS = ("path", "directory", "editable", "virtual")


def read_uv_lock(source: SourceText) -> LockDocument:
    """Read a uv.lock. Raises: LockError."""
    tables = parse_tables(source)
    entries = Entries(source)
    packages = [_package(entries, span) for span in table_spans(source, tables, "package")]
    return LockDocument(
        path=source.path,
        kind=LockKind.UV,
        packages=tuple(package for package in packages if package is not None),
        indexes=entries.indexes,
        defects=tuple(entries.defects),
        require_hashes=True,
    )


def _package(entries: Entries, span: TableSpan) -> LockedPackage | None:
    location = entries.source.location(span.start)
    raw_name = text_of(span.table, "name")
    name = entries.name(raw_name, location)
    origin = _source(entries, span)
    if name is None or origin is None:
        return None
    raw_version = text_of(span.table, "version")
    dynamic = not raw_version and origin.kind is SourceKind.PATH
    return LockedPackage(
        name=name,
        raw_name=raw_name,
        version=read_version(raw_version) if raw_version else None,
        raw_version=raw_version,
        pinned=bool(raw_version) or dynamic,
        source=origin,
        files=_files(entries, span, origin),
        location=location,
        markers=" or ".join(
            marker for marker in span.table.get("resolution-markers", []) if isinstance(marker, str)
        )
        if isinstance(span.table.get("resolution-markers"), list)
        else "",
        requires=_requires(span.table),
        own=origin.kind is SourceKind.PATH and not files_of(span.table),
    )


def _requires(table: Mapping[str, Any]) -> tuple[str, ...]:
    """What it requires, with every extra and group: the lock has them all."""
    listed = tables_of(table, "dependencies")
    for key in ("optional-dependencies", "dev-dependencies"):
        for group in table_of(table, key):
            listed += tables_of(table_of(table, key), group)
    return normalized(text_of(item, "name") for item in listed)


def files_of(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tables of the source archive and the wheels."""
    sdist = table_of(table, "sdist")
    return ([sdist] if sdist else []) + tables_of(table, "wheels")


def _source(entries: Entries, span: TableSpan) -> Source | None:
    table = table_of(span.table, "source")
    if registry := text_of(table, "registry"):
        place = location_of(entries.source, span, registry)
        entries.add_index(registry, option="registry", location=place)
        return Source(kind=SourceKind.REGISTRY, url=registry, location=place)
    if url := text_of(table, "url"):
        return Source(kind=SourceKind.URL, url=url, location=location_of(entries.source, span, url))
    if git := text_of(table, "git"):
        commit = full_commit(git.rpartition("#")[2])
        place = location_of(entries.source, span, git)
        return Source(kind=SourceKind.VCS, url=git, commit=commit, location=place)
    for key in _PATH_KEYS:
        if key in table:
            return Source(kind=SourceKind.PATH, url=text_of(table, key))
    entries.flag(
        f"package {text_of(span.table, 'name')[:80]!r} has a source of no known kind",
        entries.source.location(span.start),
    )
    return None


def _files(entries: Entries, span: TableSpan, origin: Source) -> tuple[LockedFile, ...]:
    files: list[LockedFile] = []
    cursor = span.start
    for item in files_of(span.table):
        file, cursor = _file(entries, span, origin, item, cursor)
        files.append(file)
    return tuple(files)


def _file(
    entries: Entries, span: TableSpan, origin: Source, item: Mapping[str, Any], cursor: int
) -> tuple[LockedFile, int]:
    url = text_of(item, "url")
    path = text_of(item, "path") or text_of(item, "filename")
    address = url or path or (origin.url if origin.kind is SourceKind.URL else "")
    needle = url or path or text_of(item, "hash")
    # Files stand in the order of the lists, so the search goes on where the last one was found.
    offset = entries.source.find(needle, cursor, span.end, default=span.start)
    file = entries.file(
        archive_name(address),
        split_hash(text_of(item, "hash")),
        url=url,
        location=entries.source.location(offset),
    )
    return file, max(cursor, offset)
