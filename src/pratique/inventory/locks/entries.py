"""What all readers of lock files share: names, hashes and defects of single entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from packaging.utils import canonicalize_name

from pratique.errors import ValueFormatError
from pratique.inventory.errors import LockError
from pratique.inventory.model import Defect, Location, LockedFile, NamedIndex
from pratique.inventory.text import SourceText
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.names import ProjectName, parse_project_name

MAX_FILES = 500_000
_DIGEST = re.compile(r"[0-9a-fA-F]{8,128}")
_REQUIRED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")
_canonical = lru_cache(maxsize=16_384)(canonicalize_name)
_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


class Entries:
    """Collects what is wrong with single entries while the rest of a file is read."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.defects: list[Defect] = []
        self._indexes: dict[str, NamedIndex] = {}
        self._files = 0

    def flag(self, reason: str, location: Location) -> None:
        """Note an entry that could not be read."""
        self.defects.append(Defect(reason=reason, location=location))

    def name(self, raw: str, location: Location) -> ProjectName | None:
        """The project's name; a defect and None when it is none."""
        try:
            return parse_project_name(raw)
        except ValueFormatError as error:
            self.flag(error.message, location)
            return None

    def add_index(self, url: str, *, option: str, location: Location) -> None:
        """Note an index that the file names; the first mention of each counts."""
        self._indexes.setdefault(url, NamedIndex(url=url, option=option, location=location))

    @property
    def indexes(self) -> tuple[NamedIndex, ...]:
        """The indexes named so far."""
        return tuple(self._indexes.values())

    def file(
        self, filename: str, hashes: Iterable[tuple[str, str]], *, url: str, location: Location
    ) -> LockedFile:
        """One file of a package; unreadable hashes become defects and do not count as hashes.

        Raises: LockError when the whole file admits more files than any project has.
        """
        self._files += 1
        if self._files > MAX_FILES:
            raise LockError(
                f"admits more than {MAX_FILES:,} files", path=self.source.path, line=location.line
            )
        sha256: Sha256 | None = None
        others: list[tuple[str, str]] = []
        for algorithm, digest in hashes:
            if algorithm.lower() == "sha256":
                try:
                    sha256 = parse_sha256(digest)
                except ValueFormatError as error:
                    self.flag(error.message, location)
            elif _DIGEST.fullmatch(digest):
                others.append((algorithm.lower(), digest.lower()))
            else:
                self.flag(f"not a digest: {algorithm[:20]}:{digest[:40]!r}", location)
        return LockedFile(
            filename=filename,
            url=url,
            sha256=sha256,
            other_hashes=tuple(others),
            location=location,
        )


def normalized(names: Iterable[str]) -> tuple[str, ...]:
    """Names in normalized form, each once; what is no name is left out."""
    found = (_REQUIRED.match(name) for name in names)
    return tuple(dict.fromkeys(_canonical(match.group()) for match in found if match))


def split_hash(text: str) -> tuple[tuple[str, str], ...]:
    """Read `sha256:…`; nothing when the text is empty, so that a missing hash stays missing."""
    if not text:
        return ()
    algorithm, _, digest = text.partition(":")
    return ((algorithm, digest),)


def full_commit(text: str) -> str:
    """The commit in lower case when the text is a full one, else nothing: a branch can move."""
    return text.lower() if _COMMIT.fullmatch(text) else ""
