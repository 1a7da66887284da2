"""Entries of Python's lock files.

One entry for each release, not for each of its files: a lock admits a release's twenty wheels, and
says of none that it was taken. The digest is kept where exactly one file is admitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name

from pratique.inventory.addresses import redact
from pratique.inventory.listings.model import Included, Listed, Piece
from pratique.inventory.model import LockDocument, LockedFile, LockedPackage, LockKind, SourceKind
from pratique.inventory.observed.model import Item

ANY_VERSION = ">=0"
"""The range of a requirement that has none, in a form that every reader of ranges takes."""
_VIA_LINE = re.compile(r"^[ \t]*#[ \t]*(via\b)?[ \t]*(.*)$")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_WHEEL_PARTS = 5
"""Of a wheel's name: project, version, and three of tags; a build number may stand between."""
_MAX_NOTE = 300


def piece_of(document: LockDocument, text: str = "") -> Piece:
    """What a lock lists. `text`: of a requirements file, for the notes that compilers leave in it."""
    listed = [_listed(document, package) for package in document.packages]
    if document.kind is LockKind.REQUIREMENTS and "# via" in text:
        listed = list(_with_via(listed, document, text))
    defects = tuple(dict.fromkeys(defect.reason for defect in document.defects))
    includes = tuple(Included(one.path, one.constraint) for one in document.includes)
    return Piece(listed=tuple(listed), defects=defects, includes=includes)


def _listed(document: LockDocument, package: LockedPackage) -> Listed:
    item = None if _is_own(package) else _item(package)
    admitted = "" if package.pinned else package.raw_version or ANY_VERSION
    if item is not None and not (item.version or item.digest or item.filename):
        admitted = admitted or ANY_VERSION  # a branch of a repository: it may be any
    return Listed(
        item=item,
        names=(package.name,),
        requires=package.requires,
        range=admitted,
        note=_note(document, package) if item is not None else "",
    )


def _is_own(package: LockedPackage) -> bool:
    # A folder has no version of its own; `./libs/demo` in requirements names no release either.
    bare_path = package.source.kind is SourceKind.PATH and not package.files
    return package.own or (bare_path and not package.raw_version)


def _item(package: LockedPackage) -> Item:
    file = package.files[0] if len(package.files) == 1 else None
    digest = _digest(file) if file else ""
    if package.source.commit:
        algorithm = "sha1" if len(package.source.commit) == 40 else "sha256"  # noqa: PLR2004 - as git has it
        digest = f"{algorithm}:{package.source.commit}"
    return Item(
        type="pypi",
        name=package.name,
        version=_version(package, file.filename if file else "") if package.pinned else "",
        digest=digest,
        filename=file.filename if file else "",
    )


def _version(package: LockedPackage, filename: str) -> str:
    """The version as written; of an archive without one, what its name says."""
    if package.raw_version or not filename:
        return package.raw_version
    if filename.endswith(".whl"):
        parts = filename.split("-")
        return parts[1] if len(parts) >= _WHEEL_PARTS else ""
    stem = next((filename.removesuffix(end) for end in _ARCHIVES if filename.endswith(end)), "")
    name, _, version = stem.rpartition("-")
    return version if name and str(canonicalize_name(name)) == package.name else ""


def _digest(file: LockedFile) -> str:
    if file.sha256:
        return f"sha256:{file.sha256}"
    return next((f"{algorithm}:{digest}" for algorithm, digest in file.other_hashes), "")


def _note(document: LockDocument, package: LockedPackage) -> str:
    if document.constraints:
        return "a constraint: installs nothing by itself"
    place = {
        SourceKind.VCS: "from a repository: ",
        SourceKind.URL: "from a URL: ",
        SourceKind.PATH: "from a file: ",
    }.get(package.source.kind)
    return f"{place}{redact(package.source.url)}"[:_MAX_NOTE] if place else ""


def _with_via(listed: Iterable[Listed], document: LockDocument, text: str) -> Iterator[Listed]:
    """Add what `# via` comments say, as pip-compile and uv write them below each requirement."""
    lines = text.split("\n")
    for entry, package in zip(listed, document.packages, strict=True):
        via = tuple(_via_below(lines, package.location.line))
        names = tuple(canonicalize_name(name) for name in via if _NAME.fullmatch(name))
        asked = len(names) < len(via)  # `-r base.in`, `the-app (pyproject.toml)`
        yield _asked_by(entry, via=names, direct=True if asked else None)


def _asked_by(entry: Listed, *, via: tuple[str, ...], direct: bool | None) -> Listed:
    """The entry with other requirers."""
    return Listed(
        item=entry.item, names=entry.names, requires=entry.requires, via=via, direct=direct,
        range=entry.range, note=entry.note,
    )  # fmt: skip


def _via_below(lines: list[str], line: int) -> Iterator[str]:
    """Who is named in the comment that follows a requirement on `line` (from 1)."""
    started = False
    for raw in lines[line:]:
        text = raw.rstrip()
        match = _VIA_LINE.match(text)
        if match is None:
            if started or text[:1] not in {" ", "\t"}:
                return
        elif started or match.group(1):
            started = True
            if match.group(2):
                yield match.group(2).strip()


def constrained(document: LockDocument) -> LockDocument:
    """The same file, read as constraints."""
    return replace(document, constraints=True)
