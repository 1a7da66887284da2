"""conda's files: explicit lists, `environment.yml`, `conda-lock.yml`.

A conda release is a build: `numpy-1.26.4-py311h64a7726_0.conda`. So each entry names its file, and has
its digest where the file gives one.
Source: docs.conda "Managing environments"; conda-lock 2 and 3, lock version 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pratique.errors import ValueFormatError
from pratique.inventory.addresses import archive_name
from pratique.inventory.errors import LockError
from pratique.inventory.listings.model import Listed, Piece, Pieces
from pratique.inventory.listings.python import piece_of
from pratique.inventory.locks.requirements import read_requirements
from pratique.inventory.observed.model import Item
from pratique.inventory.tables import MAX_PACKAGES, table_of, text_of, texts_of
from pratique.inventory.text import SourceText
from pratique.inventory.yaml_text import parse_mapping
from pratique.values.names import parse_project_name

ANY_VERSION = "*"
_FILE = re.compile(r"([A-Za-z0-9_][\w.-]*?)-([^-]+)-([^-]+)\.(?:conda|tar\.bz2)")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
_SPEC = re.compile(r"(?:[^\s:]*::)?([A-Za-z0-9_][\w.-]*)\s*(.*)", re.DOTALL)
_EXACT = re.compile(r"==?\s*([^\s=*<>!~|,]+)(?:=([^\s=*<>!~|,]+))?")
_HASHES = {32: "md5", 64: "sha256"}
_HEX = re.compile(r"[0-9a-f]+")
_MAX_TEXT = 1_000


def read_explicit(source: SourceText) -> Piece:
    """Read an explicit list: a URL on each line, its hash behind `#`. Raises: LockError."""
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    for line in source.text.split("\n"):
        text = line.strip()
        if not text or text.startswith(("#", "@")):
            continue
        found = _explicit(text)
        if found is None:
            defects[f"not the address of a conda package: {archive_name(text)[:80]!r}"] = None
        else:
            listed.append(found)
        if len(listed) > MAX_PACKAGES:
            raise LockError(f"names more than {MAX_PACKAGES:,} packages", path=source.path)
    return Piece(listed=tuple(listed), defects=tuple(list(defects)[:100]))


def _explicit(text: str) -> Listed | None:
    address, _, digest = text.partition("#")
    filename = archive_name(address)
    found = _FILE.fullmatch(filename) if len(filename) <= _MAX_TEXT else None
    if found is None:
        return None
    digest = digest.removeprefix("sha256:").lower()
    name = found.group(1).lower()
    algorithm = _HASHES.get(len(digest), "")
    item = _item(name=name, version=found.group(2), filename=filename, hashes={algorithm: digest})
    return Listed(item=item, names=(name,))


def read_environment(source: SourceText) -> Piece:
    """Read an `environment.yml`, its list for pip included. Raises: LockError."""
    document = parse_mapping(source)
    wanted = document.get("dependencies")
    if not isinstance(wanted, list):
        return Piece(defects=("has no list of dependencies",))
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    for one in wanted[:MAX_PACKAGES]:
        if isinstance(one, dict):
            piece = _pip_part(source.path, texts_of(one, "pip"))
            listed.extend(piece.listed)
            defects.update(dict.fromkeys(piece.defects))
        elif isinstance(one, str) and (found := _wanted(one)):
            listed.append(found)
        else:
            defects[f"not a dependency: {str(one)[:80]!r}"] = None
    return Piece(listed=tuple(listed), defects=tuple(list(defects)[:100]))


def _pip_part(path: str, lines: list[str]) -> Piece:
    text = "\n".join(line.replace("\n", " ") for line in lines)
    piece = piece_of(read_requirements(SourceText(path, text.encode())))
    asked = tuple(
        Listed(item=one.item, names=one.names, range=one.range, note=one.note, direct=True)
        for one in piece.listed
    )
    return Piece(listed=asked, defects=piece.defects)


def _wanted(spec: str) -> Listed | None:
    found = _SPEC.fullmatch(spec.strip()) if len(spec) <= _MAX_TEXT else None
    if found is None:
        return None
    name, rest = found.group(1).lower(), found.group(2).strip().partition(" #")[0]
    exact = _EXACT.fullmatch(rest)
    if exact is None:
        return Listed(
            item=Item(type="conda", name=name), names=(name,), range=rest or ANY_VERSION,
            direct=True,
        )  # fmt: skip
    version, build = exact.group(1), exact.group(2)
    # `=1.2` admits 1.2.9 too; only `==1.2` or a build is exact.
    if not rest.startswith("==") and not build:
        return Listed(
            item=Item(type="conda", name=name), names=(name,), range=rest, direct=True
        )  # fmt: skip
    note = f"build {build}" if build else ""
    item = Item(type="conda", name=name, version=version)
    return Listed(item=item, names=(name,), note=note, direct=True)


def split_conda_lock(data: bytes) -> Pieces | None:
    """The file as one small file for each package; None when it is written otherwise."""
    if b"\r" in data or b"\t" in data or b"&" in data:
        return None
    parts = data.split(b"\n- name:")
    head, mark, last = parts[0], b"\npackage:", parts[-1]
    if len(parts) < 2 or not head.endswith(mark) or len(parts) > MAX_PACKAGES:  # noqa: PLR2004 - a head and one
        return None
    body = last.split(b"\n")
    if any(line[:1] not in {b" ", b""} for line in body[1:]):
        return None  # something follows the list
    return Pieces(before=b"package:\n- name:", bodies=parts[1:])


def read_conda_lock(source: SourceText) -> Piece:
    """Read a `conda-lock.yml`. Raises: LockError."""
    document = parse_mapping(source)
    packages = document.get("package")
    if not isinstance(packages, list):
        raise LockError("has no list of packages", path=source.path)
    listed: list[Listed] = []
    defects: dict[str, None] = {}
    for table in packages[:MAX_PACKAGES]:
        found = _locked(table) if isinstance(table, dict) else None
        if found is None:
            defects["an entry names no package"] = None
        else:
            listed.append(found)
    return Piece(listed=tuple(listed), defects=tuple(defects))


def _locked(table: Mapping[str, Any]) -> Listed | None:
    name, manager = text_of(table, "name"), text_of(table, "manager")
    if _NAME.fullmatch(name) is None or len(name) > _MAX_TEXT:
        return None
    hashes = {key: text_of(table_of(table, "hash"), key) for key in ("sha256", "md5")}
    filename = archive_name(text_of(table, "url"))
    version = text_of(table, "version")
    if manager == "pip":
        try:
            name = parse_project_name(name)
        except ValueFormatError:
            return None
        item = Item(
            type="pypi", name=name, version=version, digest=_digest(hashes), filename=filename
        )
    else:
        name = name.lower()
        item = _item(name=name, version=version, filename=filename, hashes=hashes)
    requires = tuple(_names(table_of(table, "dependencies")))
    # One environment for each platform: names are told apart by it.
    platform = text_of(table, "platform")
    return Listed(
        item=item,
        names=(f"{platform}:{name}",),
        requires=tuple(f"{platform}:{one}" for one in requires),
        range="" if version else ANY_VERSION,
    )


def _item(*, name: str, version: str, filename: str, hashes: Mapping[str, str]) -> Item:
    return Item(type="conda", name=name, version=version, digest=_digest(hashes), filename=filename)


def _digest(hashes: Mapping[str, str]) -> str:
    for algorithm in ("sha256", "md5"):
        value = hashes.get(algorithm, "").lower()
        if _HASHES.get(len(value)) == algorithm and _HEX.fullmatch(value):
            return f"{algorithm}:{value}"
    return ""


def _names(specs: Mapping[str, Any] | list[str]) -> Iterator[str]:
    for spec in specs:
        found = _NAME.match(spec)
        if found and not spec.startswith("__"):  # virtual packages: `__glibc`
            yield found.group().lower()
