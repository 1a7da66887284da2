"""yarn.lock, as yarn 1 writes it and as later ones do.

Yarn 1 has a language of its own: blocks of `name@range, name@range:` with indented `key value` lines.
Later yarns write YAML. Their checksums are those of an archive that yarn makes itself, not of the one
that the registry has, and are left out.
Source: observed from yarn 1.22 and 4; yarn's `lockfile/parse.js`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pratique.inventory.errors import LockError
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
from pratique.inventory.yaml_text import parse_mapping

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s",]+))')
_REQUIRING = ("dependencies", "optionalDependencies")
_MAX_KEY = 16_384
"""Characters in the head of a block; twenty ranges of one name have 500."""
_MERGE_MARKS = ("<<<<<<<", "=======", ">>>>>>>")


def split_yarn_lock(data: bytes) -> Pieces | None:
    """The blocks of the file; None when it is written otherwise than yarn does."""
    if b"\r" in data:
        return None
    pieces = data.split(b"\n\n")
    if len(pieces) > MAX_PACKAGES or any(piece.startswith(b" ") for piece in pieces):
        return None
    return Pieces(bodies=pieces)


def read_yarn_lock(source: SourceText) -> Piece:
    """Read a yarn lock of any version, or a block of one. Raises: LockError."""
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    blocks = _berry(source) if _is_berry(source.text) else _classic(source)
    for key, table in blocks:
        if key == "__metadata":
            continue
        found = _package(key, table)
        if found is None:
            defects[f"entry {key[:80]!r} names no package"] = None
        else:
            listed.append(found)
        if len(listed) > MAX_PACKAGES:
            raise LockError(f"names more than {MAX_PACKAGES:,} packages", path=source.path)
    return Piece(listed=tuple(listed), defects=tuple(defects))


def _is_berry(text: str) -> bool:
    return re.search(r"^  (?:resolution|version|cacheKey): ", text, re.MULTILINE) is not None


def _berry(source: SourceText) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, table in parse_mapping(source).items():
        yield key, table if isinstance(table, dict) else {}


def _classic(source: SourceText) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks of yarn 1: nested at most two deep."""
    key, table, inner = "", dict[str, Any](), dict[str, Any]()
    for number, line in enumerate(source.text.split("\n"), 1):
        text = line.rstrip("\r ")
        if text.startswith(_MERGE_MARKS):
            raise LockError("has marks of an unfinished merge", path=source.path, line=number)
        stripped = text.lstrip(" ")
        if not stripped or stripped.startswith("#"):
            continue
        depth = len(text) - len(stripped)
        if depth == 0:
            if key:
                yield key, table
            if not text.endswith(":"):
                raise LockError("is not a yarn lock", path=source.path, line=number)
            key, table, inner = text[:-1], {}, {}
        elif stripped.endswith(":") and depth == 2:  # noqa: PLR2004 - yarn's own indent
            inner = table.setdefault(stripped[:-1], {})
        else:
            name, value = _pair(stripped)
            (inner if depth > 2 else table)[name] = value  # noqa: PLR2004 - as above
    if key:
        yield key, table


def _pair(text: str) -> tuple[str, str]:
    words: list[str] = []
    at = 0
    while len(words) < 2 and (found := _WORD.match(text, at)):  # noqa: PLR2004 - a pair
        words.append(found.group(1) if found.group(1) is not None else found.group(2))
        at = found.end()
    return (words[0], words[1]) if len(words) == 2 else (text, "")  # noqa: PLR2004 - as above


def _descriptors(key: str) -> tuple[str, ...]:
    """`name@range` of each name in the head of a block."""
    found = _QUOTED.findall(key) if '"' in key else []
    rest = _QUOTED.sub("", key) if found else key
    plain = [part for text in (*found, rest) for part in re.split(r",\s*", text)]
    return tuple(dict.fromkeys(part.strip() for part in plain if part.strip()))


def _package(key: str, table: Mapping[str, Any]) -> Listed | None:
    names = _descriptors(key) if len(key) <= _MAX_KEY else ()
    if not names:
        return None
    requires = tuple(_required(table))
    resolution = text_of(table, "resolution")
    if resolution:
        return _later(resolution, table, names, requires)
    name, wanted = split_descriptor(names[0])
    if wanted.startswith("npm:"):
        name = split_descriptor(wanted.removeprefix("npm:"))[0]
    address = text_of(table, "resolved")
    return entry(
        name=name,
        version=text_of(table, "version"),
        digest=digest_of(text_of(table, "integrity")) or commit_of(address),
        names=names,
        requires=requires,
        note=from_elsewhere(address),
    )


def _later(
    resolution: str, table: Mapping[str, Any], names: tuple[str, ...], requires: tuple[str, ...]
) -> Listed | None:
    name, where = split_descriptor(resolution)
    if where.startswith(("workspace:", "link:", "portal:")):
        return Listed(item=None, names=names, requires=requires)
    note = "" if where.startswith("npm:") else from_elsewhere(where)
    if where.startswith("patch:"):
        note = "patched by the project"
    return entry(
        name=name,
        version=text_of(table, "version"),
        digest="" if where.startswith(("npm:", "patch:")) else commit_of(where),
        names=names,
        requires=requires,
        note=note,
    )


def _required(table: Mapping[str, Any]) -> Iterator[str]:
    for key in _REQUIRING:
        for name, wanted in table_of(table, key).items():
            if isinstance(wanted, str):
                yield f"{name}@{wanted}"
                if ":" not in wanted:  # yarn 2 and 3 leave the protocol out here, but not in heads
                    yield f"{name}@npm:{wanted}"
