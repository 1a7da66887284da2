"""poetry.lock, written by Poetry 1.0 to 2.x.

Up to lock version 1.1 the hashes stand in one table at the end, `[metadata.files]`; since 2.0 each
package has its own `files`. File URLs are never written down; a `[package.source]` is there only
when a package does not come from the default index.
Source: observed from Poetry 2.5; the older shape from Poetry's change log, 1.3 "lock file format".
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


def read_poetry_lock(source: SourceText) -> LockDocument:
    """Read a poetry.lock. Raises: LockError."""
    tables = parse_tables(source)
    entries = Entries(source)
    old_files = table_of(table_of(tables, "metadata"), "files")
    packages = [
        _package(entries, span, old_files) for span in table_spans(source, tables, "package")
    ]
    return LockDocument(
        path=source.path,
        kind=LockKind.POETRY,
        packages=tuple(package for package in packages if package is not None),
        indexes=entries.indexes,
        defects=tuple(entries.defects),
        require_hashes=True,
    )


def _package(
    entries: Entries, span: TableSpan, old_files: Mapping[str, Any]
) -> LockedPackage | None:
    location = entries.source.location(span.start)
    raw_name = text_of(span.table, "name")
    name = entries.name(raw_name, location)
    if name is None:
        return None
    origin = _source(entries, span)
    raw_version = text_of(span.table, "version")
    return LockedPackage(
        name=name,
        raw_name=raw_name,
        version=read_version(raw_version) if raw_version else None,
        raw_version=raw_version,
        pinned=bool(raw_version),
        source=origin,
        files=_files(entries, span, old_files),
        location=location,
        markers=text_of(span.table, "markers"),
        requires=normalized(table_of(span.table, "dependencies")),
        own=text_of(table_of(span.table, "source"), "type") == "directory",
    )


def _source(entries: Entries, span: TableSpan) -> Source:
    table = table_of(span.table, "source")
    kind, url = text_of(table, "type"), text_of(table, "url")
    place = location_of(entries.source, span, url)
    if not table:
        return Source(kind=SourceKind.DEFAULT)
    if kind in {"git", "hg", "svn"}:
        commit = full_commit(text_of(table, "resolved_reference"))
        return Source(kind=SourceKind.VCS, url=url, commit=commit, location=place)
    if kind in {"directory", "file"}:
        return Source(kind=SourceKind.PATH, url=url, location=place)
    if kind == "url":
        return Source(kind=SourceKind.URL, url=url, location=place)
    # "legacy" is Poetry's word for an index with the Simple API.
    entries.add_index(url, option="[package.source]", location=place)
    return Source(kind=SourceKind.REGISTRY, url=url, location=place)


def _files(
    entries: Entries, span: TableSpan, old_files: Mapping[str, Any]
) -> tuple[LockedFile, ...]:
    if "files" in span.table:
        return files_of_list(entries, tables_of(span.table, "files"), span.start, span.end)
    listed = tables_of(old_files, text_of(span.table, "name"))
    return files_of_list(entries, listed, 0, len(entries.source.text))


def files_of_list(
    entries: Entries, items: list[Mapping[str, Any]], start: int, end: int
) -> tuple[LockedFile, ...]:
    """Files written as `{file = "…", hash = "…"}` or, by pdm, `{url = "…", hash = "…"}`."""
    files: list[LockedFile] = []
    cursor = start
    for item in items:
        url, hash_text = text_of(item, "url"), text_of(item, "hash")
        needle = url or text_of(item, "file") or hash_text
        offset = entries.source.find(needle, cursor, end, default=start)
        cursor = max(cursor, offset)
        files.append(
            entries.file(
                text_of(item, "file") or archive_name(url),
                split_hash(hash_text),
                url=url,
                location=entries.source.location(offset),
            )
        )
    return tuple(files)
