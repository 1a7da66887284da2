"""Names of projects and of the files they release."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NewType

import msgspec
from packaging.version import InvalidVersion, Version

from pratique.errors import ValueFormatError

ProjectName = NewType("ProjectName", str)
"""A project name in normalized form (PEP 503): runs of `-_.` become one `-`, lower case."""

_RUNS = re.compile(r"[-_.]+")
_VALID_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")
_BDIST_VERSION = re.compile(r"-(\d[^-]*)")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,253}")


class ProjectStatus(StrEnum):
    """Status marker of a project on its index (PEP 792)."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"


class DistributionKind(StrEnum):
    """What sort of archive a file is, told from its name alone."""

    WHEEL = "wheel"
    SDIST = "sdist"
    LEGACY = "legacy"
    """Eggs, installers and other things that pip no longer installs."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """What a file name says: project, version and kind."""

    project: ProjectName
    version: Version
    kind: DistributionKind


@lru_cache(maxsize=4096)
def parse_project_name(text: str) -> ProjectName:
    """Read a project name and normalize it.

    Raises: ValueFormatError when the text could not be a project name.
    Source: PEP 508 "Names", PEP 503 "Normalized Names".
    """
    if _VALID_NAME.fullmatch(text) is None:
        raise ValueFormatError(
            f"not a project name: {text[:80]!r}",
            expected="letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
        )
    return normal_name(text)


def normal_name(text: str) -> ProjectName:
    """The normalized form of a name that is known to be one. Source: PEP 503 "Normalized Names".

    As `packaging.utils` does it, whose import costs a question of the command line a tenth of its time.
    """
    return ProjectName(_RUNS.sub("-", text).lower())


def parse_version(text: str) -> Version:
    """Read a version.

    Raises: ValueFormatError when it is not a PEP 440 version.
    Source: PEP 440.
    """
    try:
        return Version(text)
    except InvalidVersion:
        raise ValueFormatError(
            f"not a version: {text[:80]!r}", expected="a PEP 440 version, such as 1.82.6"
        ) from None


def trimmed_version(version: Version, *, local: bool) -> str:
    """One text for all spellings of equal versions: `1.0.0` is `1`; with or without the local label.

    As `packaging.utils.canonicalize_version` does it; see `normal_name` for why it is here.
    """
    release = list(version.release)
    while len(release) > 1 and not release[-1]:
        release.pop()
    parts = [f"{version.epoch}!" if version.epoch else "", ".".join(map(str, release))]
    parts.append("" if version.pre is None else f"{version.pre[0]}{version.pre[1]}")
    parts.append("" if version.post is None else f".post{version.post}")
    parts.append("" if version.dev is None else f".dev{version.dev}")
    parts.append(f"+{version.local}" if local and version.local is not None else "")
    return "".join(parts)


def is_safe_filename(text: str) -> bool:
    """Whether a file name may appear in a URL, a path or a ledger entry of ours."""
    return _FILENAME.fullmatch(text) is not None and ".." not in text


def parse_distribution_filename(filename: str, *, project: ProjectName) -> Distribution | None:
    """Read project, version and kind from a file name found on a project's page.

    Shape: None when the name fits no standard or belongs to another project; such a file is
    never offered, since no rule about versions could be applied to it.
    Source: PEP 427 "File name convention", PEP 625; eggs and installers by their old habits.
    """
    from packaging.utils import (  # noqa: PLC0415 - see normal_name
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        if filename.endswith(".whl"):
            name, version, _build, _tags = parse_wheel_filename(filename)
            kind = DistributionKind.WHEEL
        elif filename.endswith((".tar.gz", ".zip")):
            name, version = parse_sdist_filename(filename)
            kind = DistributionKind.SDIST
        else:
            return _parse_legacy_filename(filename, project=project)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return _parse_legacy_filename(filename, project=project)
    if ProjectName(name) != project:
        return _parse_legacy_filename(filename, project=project)
    return Distribution(project=project, version=version, kind=kind)


_LEGACY_SUFFIXES = (
    ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.z", ".tar", ".tgz",
    ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg",
)  # fmt: skip


_SDIST_SUFFIXES = frozenset({".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".tar.z"})


def _parse_legacy_filename(filename: str, *, project: ProjectName) -> Distribution | None:
    lowered = filename.lower()
    suffix = next((s for s in _LEGACY_SUFFIXES if lowered.endswith(s)), None)
    if suffix is None:
        return None
    stem = filename[: -len(suffix)]
    # A legacy name may hold dashes in the project part; every split is tried, longest name first.
    for match in reversed(list(re.finditer("-", stem))):
        name, rest = stem[: match.start()], stem[match.end() :]
        if normal_name(name) != project:
            continue
        is_sdist = suffix in _SDIST_SUFFIXES
        # An installer's name goes on after the version; a source archive's does not, and what
        # looks like more is part of the version to every client (`1.0-1` is 1.0.post1).
        found = None if is_sdist else _BDIST_VERSION.match("-" + rest)
        try:
            version = Version(found.group(1) if found else rest)
        except InvalidVersion:
            continue
        kind = DistributionKind.SDIST if is_sdist else DistributionKind.LEGACY
        return Distribution(project=project, version=version, kind=kind)
    return None
