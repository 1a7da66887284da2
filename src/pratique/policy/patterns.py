"""How a policy file names projects, versions and files."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pratique.policy.spelling import version_key_of_text
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.names import ProjectName

_PATTERN = re.compile(r"[A-Za-z0-9*?](?:[A-Za-z0-9._*?-]*[A-Za-z0-9*?])?")


def normalize_pattern(text: str) -> str | None:
    """A project name or glob in normalized form (PEP 503), or None when it could match no name.

    `Acme_*` and `acme-*` mean the same; only `*` and `?` are wild.
    """
    if _PATTERN.fullmatch(text) is None:
        return None
    return re.sub(r"[-_.]+", "-", text).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPattern:
    """Several names and globs; empty means every project."""

    names: frozenset[str]
    globs: tuple[str, ...]

    def matches(self, project: ProjectName) -> bool:
        """Whether the project is meant."""
        if not self.names and not self.globs:
            return True
        return project in self.names or any(
            fnmatch.fnmatchcase(project, glob) for glob in self.globs
        )


def compile_projects(patterns: Iterable[str]) -> ProjectPattern:
    """Compile checked names and globs."""
    normalized = [normalize_pattern(text) or "" for text in patterns]
    return ProjectPattern(
        names=frozenset(text for text in normalized if not is_glob(text)),
        globs=tuple(text for text in normalized if is_glob(text)),
    )


def is_glob(text: str) -> bool:
    """Whether a pattern has wild characters."""
    return "*" in text or "?" in text


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPattern:
    """Several PEP 440 specifiers of which one must match; empty means every version."""

    specifiers: tuple[SpecifierSet, ...]
    exact: frozenset[str]
    """Keys of the versions when every specifier is a plain `==`: in an incident a page of thousands
    of files is compared with a few versions, at once and without parsing. Empty otherwise."""

    def matches(self, version: Version) -> bool:
        """Whether the version is meant; pre-releases are versions like all others."""
        return not self.specifiers or any(
            specifier.contains(version, prereleases=True) for specifier in self.specifiers
        )


def compile_versions(specifiers: str | Iterable[str]) -> VersionPattern:
    """Compile checked specifiers."""
    compiled = tuple(SpecifierSet(text) for text in as_tuple(specifiers))
    keys = [_exact_key(specifier) for specifier in compiled]
    return VersionPattern(
        specifiers=compiled,
        exact=frozenset(key for key in keys if key is not None)
        if None not in keys
        else frozenset(),
    )


def _exact_key(specifiers: SpecifierSet) -> str | None:
    """Key of the one version a specifier means, as far as versions without local part go."""
    only = next(iter(specifiers)) if len(specifiers) == 1 else None
    if only is None or only.operator != "==" or "*" in only.version or "+" in only.version:
        return None
    return version_key_of_text(only.version)


def compile_digests(digests: str | Iterable[str]) -> frozenset[Sha256]:
    """Compile checked digests."""
    return frozenset(parse_sha256(text) for text in as_tuple(digests))


def as_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    """One text or several, as several."""
    return (value,) if isinstance(value, str) else tuple(value)
