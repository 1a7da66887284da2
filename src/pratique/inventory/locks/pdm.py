"""pdm.lock: files by name, or by URL when the lock was made with the strategy `static_urls`.

Source: observed from pdm 2.29 (lock version 4.5.0).
"""

from __future__ import annotations

from pratique.inventory.locks.entries import Entries, full_commit, normalized
from pratique.inventory.locks.poetry import files_of_list
from pratique.inventory.model import (
    LockDocument,
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
    table_spans,
    tables_of,
    text_of,
    texts_of,
)
from pratique.inventory.text import SourceText

_REPOSITORIES = ("git", "hg", "svn", "bzr")


def read_pdm_lock(source: SourceText) -> LockDocument:
    """Read a pdm.lock. Raises: LockError."""
    tables = parse_tables(source)
    entries = Entries(source)
    packages = [_package(entries, span) for span in table_spans(source, tables, "package")]
    return LockDocument(
        path=source.path,
        kind=LockKind.PDM,
        packages=tuple(package for package in packages if package is not None),
        indexes=entries.indexes,
        defects=tuple(entries.defects),
        require_hashes=True,
    )


def _package(entries: Entries, span: TableSpan) -> LockedPackage | None:
    location = entries.source.location(span.start)
    raw_name = text_of(span.table, "name")
    name = entries.name(raw_name, location)
    if name is None:
        return None
    origin = _source(entries, span)
    raw_version = text_of(span.table, "version")
    files = files_of_list(entries, tables_of(span.table, "files"), span.start, span.end)
    return LockedPackage(
        name=name,
        raw_name=raw_name,
        version=read_version(raw_version) if raw_version else None,
        raw_version=raw_version,
        pinned=bool(raw_version) or origin.kind is SourceKind.PATH,
        source=origin,
        files=files,
        location=location,
        markers=text_of(span.table, "marker"),
        requires=normalized(texts_of(span.table, "dependencies")),
        own=origin.kind is SourceKind.PATH and not files,
    )


def _source(entries: Entries, span: TableSpan) -> Source:
    for key in _REPOSITORIES:
        if url := text_of(span.table, key):
            commit = full_commit(text_of(span.table, "revision"))
            place = location_of(entries.source, span, url)
            return Source(kind=SourceKind.VCS, url=url, commit=commit, location=place)
    if path := text_of(span.table, "path"):
        place = location_of(entries.source, span, path)
        return Source(kind=SourceKind.PATH, url=path, location=place)
    if url := text_of(span.table, "url"):
        place = location_of(entries.source, span, url)
        return Source(kind=SourceKind.URL, url=url, location=place)
    return Source(kind=SourceKind.DEFAULT)
