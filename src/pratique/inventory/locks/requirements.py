"""Requirements files, as pip and uv read them.

`packaging.requirements` reads the requirement itself. The lines are split here: the only library
that does it (pip-requirements-parser) is a copy of pip's internals without releases for years, and
dparse needs 70 times as long; what is needed is continuation lines, comments and a dozen options.
Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pratique.inventory.addresses import archive_name, is_remote, redact
from pratique.inventory.errors import LockError
from pratique.inventory.locks.entries import Entries, full_commit, split_hash
from pratique.inventory.model import (
    Include,
    LockDocument,
    LockedFile,
    LockedPackage,
    LockKind,
    Source,
    SourceKind,
    read_version,
)
from pratique.inventory.tables import MAX_PACKAGES
from pratique.inventory.text import SourceText
from pratique.values.names import ProjectName

MAX_LINE_CHARACTERS = 1_000_000
"""A requirement with the hashes of a few hundred wheels has 30,000."""

_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.DOTALL)
_HASH_PART = re.compile(r"(?:sha\d+|md5)=[0-9a-fA-F]+$")
_INCLUDES = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_INDEXES = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
}
_EDITABLE = ("-e", "--editable")
_FLAGS = {"--require-hashes", "--no-index", "--pre", "--prefer-binary"}
_HARMLESS = _FLAGS | {
    "--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--config-settings",
    "--config-setting", "--global-option", "--install-option", "--build-option",
}  # fmt: skip
_VCS = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*)")


@dataclass(frozen=True, slots=True)
class _Line:
    """One logical line, with the offset of its first character that says something."""

    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    entries: Entries
    packages: list[LockedPackage]
    includes: list[Include]
    require_hashes: bool = False


def read_requirements(source: SourceText) -> LockDocument:
    """Read a requirements or constraints file. Raises: LockError."""
    reading = _Reading(entries=Entries(source), packages=[], includes=[])
    for line in _logical_lines(source):
        if len(reading.packages) >= MAX_PACKAGES:
            raise LockError(f"names more than {MAX_PACKAGES:,} packages", path=source.path)
        _read_line(reading, line)
    return LockDocument(
        path=source.path,
        kind=LockKind.REQUIREMENTS,
        packages=tuple(reading.packages),
        indexes=reading.entries.indexes,
        includes=tuple(reading.includes),
        defects=tuple(reading.entries.defects),
        require_hashes=reading.require_hashes,
    )


def _logical_lines(source: SourceText) -> Iterator[_Line]:
    """Join continued lines, cut comments, skip what is empty, exactly as pip does.

    The details decide what is installed: `str.splitlines` also ends a line at form feeds and at
    U+2028, so a requirement can hide behind one of them in what looks like a comment; a comment
    that begins a line ends a continuation; any other comment swallows the continued lines.
    Source: `join_lines` and `ignore_comments` in pip's `req/req_file.py`.
    """
    pieces: list[str] = []
    start = 0
    offset = 1 if source.text.startswith("\ufeff") else 0
    for raw in source.text[offset:].splitlines(keepends=True):
        line = raw.rstrip(_LINE_ENDS)
        begin, offset = offset, offset + len(raw)
        whole_comment = line.lstrip().startswith("#")
        if not pieces:
            start = begin + len(line) - len(line.lstrip())
        if len(line) > MAX_LINE_CHARACTERS or len(pieces) > MAX_PACKAGES:
            place = source.location(begin).line
            raise LockError("has a line that is too long", path=source.path, line=place)
        if line.endswith("\\") and not whole_comment:
            pieces.append(line.strip("\\"))
            continue
        pieces.append(" " + line if whole_comment else line)
        joined, pieces = _COMMENT.sub("", "".join(pieces)).strip(), []
        if joined:
            yield _Line(text=joined, start=start, end=offset)
    if joined := _COMMENT.sub("", "".join(pieces)).strip():
        yield _Line(text=joined, start=start, end=offset)


def _read_line(reading: _Reading, line: _Line) -> None:
    words = line.text.split(" ")
    at = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    requirement, hashes = " ".join(words[:at]).strip(), []
    for option, value in _options(" ".join(words[at:])):
        if option == "--hash":
            hashes.append(value)
        else:
            _read_option(reading, line, option, value)
    if requirement:
        _read_requirement(reading, line, requirement, tuple(hashes))


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Options with their values: `--name=value`, `--name value`, `-r value` or `-rvalue`."""
    words = text.split()
    if any(mark in text for mark in "\"'\\"):  # shlex takes 50 µs a hash, and few lines need it
        with suppress(ValueError):
            words = shlex.split(text)
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        if not word.startswith("-"):
            continue
        if word.startswith("--"):
            option, given, value = word.partition("=")
        else:
            option, value = word[:2], word[2:].removeprefix("=")
            given = value
        if not given and option not in _FLAGS and at < len(words):
            value, at = words[at], at + 1
        yield option, value


def _read_option(reading: _Reading, line: _Line, option: str, value: str) -> None:
    source = reading.entries.source
    location = source.location(source.find(value, line.start, line.end, default=line.start))
    if option in _INCLUDES:
        constraint = _INCLUDES[option]
        reading.includes.append(Include(path=value, constraint=constraint, location=location))
    elif option in _INDEXES:
        reading.entries.add_index(value, option=_INDEXES[option], location=location)
    elif option in _EDITABLE:
        _read_requirement(reading, line, value, ())
    elif option == "--require-hashes":
        reading.require_hashes = True
    elif option not in _HARMLESS:
        reading.entries.flag(f"unknown option {option[:40]!r}", location)


def _read_requirement(reading: _Reading, line: _Line, text: str, hashes: tuple[str, ...]) -> None:
    location = reading.entries.source.location(line.start)
    try:
        # `demo-1.0-py3-none-any.whl` could be a project's name, but pip takes it for a file.
        named = None if _is_archive(text) else Requirement(text)
    except InvalidRequirement:
        named = None
    package = (
        _unnamed(reading, line, text, hashes)
        if named is None
        else _named(reading, line, named, hashes)
    )
    if package is None:
        reading.entries.flag(f"not a requirement: {redact(text)[:80]!r}", location)
    else:
        reading.packages.append(package)


def _named(
    reading: _Reading, line: _Line, requirement: Requirement, hashes: tuple[str, ...]
) -> LockedPackage:
    exact = _exact_version(requirement)
    source = _direct(requirement.url) if requirement.url else Source(kind=SourceKind.DEFAULT)
    return LockedPackage(
        name=ProjectName(canonicalize_name(requirement.name)),
        raw_name=requirement.name,
        version=read_version(exact) if exact else None,
        raw_version=exact or str(requirement.specifier),
        pinned=bool(exact) or requirement.url is not None,
        source=source,
        files=_files(reading, line, source, hashes),
        location=reading.entries.source.location(line.start),
        markers=str(requirement.marker) if requirement.marker else "",
    )


def _unnamed(
    reading: _Reading, line: _Line, text: str, hashes: tuple[str, ...]
) -> LockedPackage | None:
    """A URL, a path or a repository without `name @` before it; None for anything else."""
    address = text.partition(" ;")[0].strip()
    looks_like_path = address.startswith((".", "/", "~")) or "/" in address or "\\" in address
    if not (is_remote(address) or looks_like_path or _is_archive(address)):
        return None
    source = _direct(address)
    filename = archive_name(address)
    egg = _EGG.search(address)
    guess = egg.group(1) if egg else re.split(r"[-@\[]", filename)[0].removesuffix(".git")
    name = canonicalize_name(guess.strip(".") or "unnamed")
    return LockedPackage(
        name=ProjectName(name),
        raw_name=redact(address),
        version=None,
        raw_version="",
        pinned=True,
        source=source,
        files=_files(reading, line, source, hashes),
        location=reading.entries.source.location(line.start),
    )


def _is_archive(text: str) -> bool:
    return text.lower().endswith(_ARCHIVES) and "@" not in text


def _direct(address: str) -> Source:
    """What a URL or path points to."""
    if address.lower().startswith(_VCS):
        commit = full_commit(address.partition("#")[0].rpartition("@")[2])
        return Source(kind=SourceKind.VCS, url=address, commit=commit)
    kind = SourceKind.URL if is_remote(address) else SourceKind.PATH
    return Source(kind=kind, url=address)


def _files(
    reading: _Reading, line: _Line, source: Source, hashes: tuple[str, ...]
) -> tuple[LockedFile, ...]:
    text = reading.entries.source
    if source.kind is SourceKind.URL:
        # `#sha256=…` at the end of the URL counts as a hash for pip, too.
        fragment = source.url.partition("#")[2]
        in_url = [part.replace("=", ":") for part in fragment.split("&") if _HASH_PART.match(part)]
        pairs = [pair for item in (*hashes, *in_url) for pair in split_hash(item)]
        place = text.location(text.find(source.url, line.start, line.end, default=line.start))
        url = source.url.partition("#")[0]
        file = reading.entries.file(archive_name(url), pairs, url=url, location=place)
        return (file,)
    files: list[LockedFile] = []
    cursor = line.start
    for item in hashes:
        cursor = text.find(item, cursor, line.end, default=cursor)
        location = text.location(cursor)
        files.append(reading.entries.file("", split_hash(item), url="", location=location))
    return tuple(files)


def _exact_version(requirement: Requirement) -> str:
    """The one version that satisfies the requirement; empty when there may be others."""
    for specifier in requirement.specifier:
        exact = specifier.operator == "===" or (
            specifier.operator == "==" and not specifier.version.endswith(".*")
        )
        if exact:
            return specifier.version
    return ""
