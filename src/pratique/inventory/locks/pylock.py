"""pylock.toml and pylock.NAME.toml.

Own reader instead of `packaging.pylock`: that one stops at the first entry it does not like and
gives no places, while a check must report every entry and where it stands.
Source: PEP 751; https://packaging.python.org/en/latest/specifications/pylock-toml/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.inventory.addresses import archive_name
from pratique.inventory.locks.entries import Entries, full_commit, normalized
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


def read_pylock(source: SourceText) -> LockDocument:
    """Read a pylock file. Raises: LockError."""
    tables = parse_tables(source)
    entries = Entries(source)
    packages = [_package(entries, span) for span in table_spans(source, tables, "packages")]
    return LockDocument(
        path=source.path,
        kind=LockKind.PYLOCK,
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
    files = _files(entries, span)
    return LockedPackage(
        name=name,
        raw_name=raw_name,
        version=read_version(raw_version) if raw_version else None,
        raw_version=raw_version,
        pinned=bool(raw_version or files) or origin.kind is not SourceKind.DEFAULT,
        source=origin,
        files=files,
        location=location,
        markers=text_of(span.table, "marker"),
        requires=normalized(
            text_of(item, "name") for item in tables_of(span.table, "dependencies")
        ),
        own="directory" in span.table,
    )


def _source(entries: Entries, span: TableSpan) -> Source:
    vcs, directory = table_of(span.table, "vcs"), table_of(span.table, "directory")
    archive, index = table_of(span.table, "archive"), text_of(span.table, "index")
    if vcs:
        url = text_of(vcs, "url") or text_of(vcs, "path")
        commit = full_commit(text_of(vcs, "commit-id"))
        place = location_of(entries.source, span, url)
        return Source(kind=SourceKind.VCS, url=url, commit=commit, location=place)
    if directory:
        return Source(kind=SourceKind.PATH, url=text_of(directory, "path"))
    if archive:
        url = text_of(archive, "url")
        kind = SourceKind.URL if url else SourceKind.PATH
        address = url or text_of(archive, "path")
        place = location_of(entries.source, span, address)
        return Source(kind=kind, url=address, location=place)
    if index:
        place = location_of(entries.source, span, index)
        entries.add_index(index, option="index", location=place)
        return Source(kind=SourceKind.REGISTRY, url=index, location=place)
    return Source(kind=SourceKind.DEFAULT)


def _files(entries: Entries, span: TableSpan) -> tuple[LockedFile, ...]:
    single = [table_of(span.table, key) for key in ("archive", "sdist")]
    items = [item for item in single if item] + tables_of(span.table, "wheels")
    files: list[LockedFile] = []
    cursor = span.start
    for item in items:
        url, path = text_of(item, "url"), text_of(item, "path")
        name = text_of(item, "name") or archive_name(url or path)
        offset = entries.source.find(url or path or name, cursor, span.end, default=span.start)
        cursor = max(cursor, offset)
        location = entries.source.location(offset)
        files.append(entries.file(name, _hashes(item), url=url, location=location))
    return tuple(files)


def _hashes(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (algorithm, digest)
        for algorithm, digest in table_of(item, "hashes").items()
        if isinstance(digest, str)
    ]
