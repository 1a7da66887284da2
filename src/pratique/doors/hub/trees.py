"""What the Hub's clients get to see of objects: files, directories, pages of a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pratique.custody.listing import SelectedKeys, list_page
from pratique.custody.model import StoredObject

PAGE: Final = 1000


def is_path(key: str) -> bool:
    """Whether a key is a path to clients that make files of it; others are read over S3 only."""
    return bool(key) and not key.startswith("/") and not key.endswith("/") and "//" not in key


def file_entry(stored: StoredObject, etag: str) -> dict[str, Any]:
    """A file. Its id is the ETag that a download has: clients name what they keep by it."""
    return {"type": "file", "oid": etag.strip('"'), "size": stored.size, "path": stored.key}


def directory_entry(path: str) -> dict[str, Any]:
    """A directory: there because keys begin with it."""
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}


def directories_between(
    before: str, keys: Iterable[str], *, root: str
) -> Iterator[tuple[str, str]]:
    """(key, directory) for every directory that a sorted run of keys opens, parents first.

    Shape: `before` is the last key of the page before, whose directories were told there.
    """
    known = set(_parents(before, root))
    for key in keys:
        for parent in _parents(key, root):
            if parent not in known:
                known.add(parent)
                yield key, parent


def _parents(key: str, root: str) -> Iterator[str]:
    at = key.find("/", len(root))
    while at >= 0:
        yield key[:at]
        at = key.find("/", at + 1)


def flat_page(
    keys: SelectedKeys, *, prefix: str, after: str
) -> tuple[Sequence[StoredObject], Sequence[str], str]:
    """(files, directories, next) of one level."""
    page = list_page(keys, prefix=prefix, delimiter="/", after=after, limit=PAGE)
    files = [one for one in page.entries if isinstance(one, StoredObject) and is_path(one.key)]
    return (
        files,
        [name.rstrip("/") for name in page.prefixes if is_path(name[:-1])],
        page.next_after,
    )


def deep_page(keys: SelectedKeys, *, prefix: str, after: str) -> tuple[Sequence[StoredObject], str]:
    """(files, next) of everything below a prefix."""
    page = list_page(keys, prefix=prefix, delimiter="", after=after, limit=PAGE)
    files = [one for one in page.entries if isinstance(one, StoredObject) and is_path(one.key)]
    return files, page.next_after
