"""Tables of a dataset: where its Parquet files lie.

A folder at the top of a dataset that holds Parquet files, at any depth, is a table of that name; a Parquet
file at the top is a table of its name without `.parquet`, unless a folder has that name. Names that begin
with `_` or `.` are what writers leave behind, and no tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.custody.listing import KeySource, list_page
from pratique.custody.model import StoredObject

SUFFIX: Final = ".parquet"
MOST_TABLES: Final = 10_000
MOST_FILES: Final = 20_000
_LOOKED_AT: Final = 5_000
"""Keys of a folder that are looked at for a first Parquet file."""
_PAGE: Final = 1000


class TooLargeError(Exception):
    """More than one answer can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A name and the keys that belong to it."""

    name: str
    prefix: str
    """Ends with a slash: all Parquet files below; else the one key."""


def list_tables(keys: KeySource) -> Iterator[Table]:
    """All tables by name. Raises: TooLargeError."""
    folders: set[str] = set()
    files: list[str] = []
    after = ""
    while True:
        page = list_page(keys, prefix="", delimiter="/", after=after, limit=_PAGE)
        folders.update(name for name in page.prefixes if name[0] not in "_./")
        files += [one.key for one in page.entries if _is_table_file(one.key)]
        if len(folders) + len(files) > MOST_TABLES:
            raise TooLargeError
        after = page.next_after
        if not after:
            break
    found = {name: Table(name=name.removesuffix(SUFFIX), prefix=name) for name in files}
    named = {table.name: table for table in found.values()}
    named |= {name[:-1]: Table(name=name[:-1], prefix=name) for name in folders}
    for name in sorted(named):
        table = named[name]
        if not table.prefix.endswith("/") or _has_files(keys, table.prefix):
            yield table


def find_table(keys: KeySource, name: str) -> Table | None:
    """The table of a name."""
    if not name or "/" in name or name[0] in "_.":
        return None
    folder = Table(name=name, prefix=f"{name}/")
    if _has_files(keys, folder.prefix):
        return folder
    single = Table(name=name, prefix=f"{name}{SUFFIX}")
    return single if any(True for _ in table_files(keys, single)) else None


def table_files(keys: KeySource, table: Table) -> Iterator[StoredObject]:
    """Parquet files of a table by key. Raises: TooLargeError."""
    after, count = "", 0
    single = not table.prefix.endswith("/")
    while True:
        page = keys.after(after, prefix=table.prefix, limit=_PAGE)
        for one in page:
            wanted = one.key == table.prefix if single else _is_file(one.key, table.prefix)
            if wanted and isinstance(one, StoredObject):
                count += 1
                if count > MOST_FILES:
                    raise TooLargeError
                yield one
        if len(page) < _PAGE or single:
            return
        after = page[-1].key


def _has_files(keys: KeySource, prefix: str) -> bool:
    after, looked = "", 0
    while looked < _LOOKED_AT:
        page = keys.after(after, prefix=prefix, limit=_PAGE)
        if any(_is_file(one.key, prefix) for one in page):
            return True
        if len(page) < _PAGE:
            return False
        looked, after = looked + len(page), page[-1].key
    return False


def _is_file(key: str, prefix: str) -> bool:
    """A Parquet file below a folder, with nothing hidden on the way."""
    pieces = key[len(prefix) :].split("/")
    return key.endswith(SUFFIX) and not any(piece[:1] in {"_", "."} for piece in pieces)


def _is_table_file(key: str) -> bool:
    return key.endswith(SUFFIX) and key[0] not in "_." and len(key) > len(SUFFIX)
