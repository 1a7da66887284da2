"""What a lock file says, whichever tool wrote it.

Every value knows the place in the file that it was read from, because a finding that cannot be
found is not one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from packaging.version import InvalidVersion, Version

from pratique.values.digests import Sha256
from pratique.values.names import ProjectName


class LockKind(StrEnum):
    """Which tool's language a file is written in."""

    UV = "uv.lock"
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    PIPENV = "Pipfile.lock"
    PYLOCK = "pylock.toml"
    REQUIREMENTS = "requirements"


class SourceKind(StrEnum):
    """Where an installer would fetch a package from."""

    DEFAULT = "default"
    """The index that the installer is configured with; the lock names none."""
    REGISTRY = "registry"
    URL = "url"
    """One archive, by its address."""
    VCS = "vcs"
    PATH = "path"
    """A file or folder beside the project."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Location:
    """A place in a file: line and column count characters from 1."""

    line: int
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one package comes from."""

    kind: SourceKind
    url: str = ""
    """Registry, archive or repository address, or the path; empty for the default index."""
    commit: str = ""
    """For a repository: the full commit, in lower case, when the lock names one."""
    location: Location | None = None
    """Where the address stands; None when only the package's own place is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """One wheel or sdist that the lock admits."""

    filename: str
    """Empty where the format gives a hash without a name (requirements, Pipfile.lock)."""
    url: str = ""
    sha256: Sha256 | None = None
    other_hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, digest) of every hash that is not SHA-256."""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package that the lock names."""

    name: ProjectName
    raw_name: str
    version: Version | None
    """None when the lock names no single version, or one that PEP 440 cannot read."""
    raw_version: str
    """As written: a version, or the range of an unpinned requirement. This is its identity."""
    pinned: bool
    """Whether exactly one version (or archive, commit or folder) can satisfy the entry."""
    source: Source
    files: tuple[LockedFile, ...] = ()
    location: Location
    markers: str = ""
    requires: tuple[str, ...] = ()
    """Normalized names of what it requires, as far as the file says; they need not be in the file."""
    own: bool = False
    """Whether it is the project itself, or a folder beside it: no release of anything."""

    @property
    def from_index(self) -> bool:
        """Whether an index, and thus a door, is asked for it."""
        return self.source.kind in {SourceKind.DEFAULT, SourceKind.REGISTRY}

    @property
    def hashed(self) -> bool:
        """Whether there are files and each of them carries a hash."""
        return bool(self.files) and all(file.sha256 or file.other_hashes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIndex:
    """An index, or a place with links, that the file itself configures."""

    url: str
    option: str
    """How the file says it: `registry`, `--extra-index-url`, `[[source]]` …"""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """Another file that a requirements file reads."""

    path: str
    """As written, relative to the including file."""
    constraint: bool
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One entry that could not be read; the rest of the file could."""

    reason: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDocument:
    """A lock file as read."""

    path: str
    """As the person named it, with forward slashes."""
    kind: LockKind
    packages: tuple[LockedPackage, ...] = ()
    indexes: tuple[NamedIndex, ...] = ()
    includes: tuple[Include, ...] = ()
    defects: tuple[Defect, ...] = ()
    require_hashes: bool = False
    """Whether the file itself makes the installer refuse what is not hashed."""
    constraints: bool = False
    """Read through `-c`: limits versions, installs nothing."""
    default_registry: str = field(default="")
    """The index that packages without a source of their own come from, if the file says it."""


def read_version(text: str) -> Version | None:
    """A version for comparison; None when PEP 440 cannot read it and only its spelling counts."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def same_release(left: LockedPackage, right: LockedPackage) -> bool:
    """Whether two entries name the same version, `1.0` and `1.0.0` being the same."""
    if left.version is not None and right.version is not None:
        return left.version == right.version
    return left.raw_version == right.raw_version


def count_files(documents: Sequence[LockDocument]) -> int:
    """How many files the documents admit."""
    return sum(len(package.files) for doc in documents for package in doc.packages)
