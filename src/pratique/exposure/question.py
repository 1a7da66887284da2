"""The question: these releases or these files, in this span of time."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from packaging.version import Version

from pratique.errors import InputError
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.intervals import Interval
from pratique.values.names import (
    ProjectName,
    parse_project_name,
    parse_version,
    trimmed_version,
)

BEGINNING: Instant = datetime(1, 1, 1, tzinfo=UTC)
"""Start of a question that names none: before anything was watched."""

ALWAYS = Interval(start=BEGINNING)
"""The span of a question that names none."""


def release_key(version: Version) -> str:
    """One spelling for equal releases: `1.0` and `1.0.0` are equal, a local label is left out.

    Source: PEP 440 "Version matching": a candidate's local label is ignored when the version
    asked for has none.
    """
    return trimmed_version(version, local=False)


class Question(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Did any asset get one of these in this span?"""

    releases: tuple[tuple[ProjectName, Version], ...] = ()
    ranged: tuple[ProjectName, ...] = ()
    """Projects asked for by a range: `releases` has those versions in it that the door knows."""
    sha256s: tuple[Sha256, ...] = ()
    interval: Interval = ALWAYS
    asset: str = ""
    """Only this asset; empty for all."""

    def __post_init__(self) -> None:
        if not (self.releases or self.ranged or self.sha256s):
            raise InputError(
                "nothing to look for", expected="NAME==VERSION, or a file's SHA-256 with --sha256"
            )

    @property
    def projects(self) -> tuple[ProjectName, ...]:
        """Projects named, each once."""
        return tuple(dict.fromkeys([*(project for project, _ in self.releases), *self.ranged]))

    def names(self, project: ProjectName, version: Version | None) -> bool:
        """Whether a release is one of those asked for; 1.82.70 is not 1.82.7."""
        if version is None:
            return False
        return (project, release_key(version)) in self._keys or (project, version) in self._builds

    @functools.cached_property
    def _keys(self) -> frozenset[tuple[ProjectName, str]]:
        """Releases asked for with all their local builds."""
        return frozenset((name, release_key(v)) for name, v in self.releases if v.local is None)

    @functools.cached_property
    def _builds(self) -> frozenset[tuple[ProjectName, Version]]:
        """Single local builds asked for."""
        return frozenset((name, v) for name, v in self.releases if v.local is not None)


def parse_release_argument(text: str) -> tuple[tuple[ProjectName, Version], ...]:
    """Read `NAME==VERSION[,VERSION…]`.

    Raises: InputError when it is spelled otherwise; a range is not a release.
    """
    name, separator, versions = text.partition("==")
    if not separator or not versions.strip() or versions.startswith("="):
        raise InputError(
            f"not a release: {text[:80]!r}",
            expected="NAME==VERSION or NAME==VERSION,VERSION, such as litellm==1.82.7,1.82.8",
        )
    project = parse_project_name(name.strip())
    return tuple((project, parse_version(part.strip())) for part in versions.split(","))


def parse_release_arguments(
    texts: Iterable[str],
) -> tuple[tuple[ProjectName, Version], ...]:
    """Read several release arguments; a release named twice counts once."""
    found = [release for text in texts for release in parse_release_argument(text)]
    return tuple(dict.fromkeys(found))
