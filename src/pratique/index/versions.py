"""Versions told by file names, quickly: thousands are asked for per page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pratique.values.names import ProjectName, parse_distribution_filename

_ALREADY_NORMAL = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.(?:0|[1-9][0-9]{0,17}))*")
_SOURCE_SUFFIXES = (".tar.gz", ".zip")


def version_text(filename: str, *, project: ProjectName) -> str:
    """Read the normalized version from a file name on a project's page.

    Shape: empty when the name tells none. Where `parse_distribution_filename` tells a version this
    is the same; for the two usual shapes of names it gets there without building a `Version`.
    """
    if filename.endswith(".whl"):
        name, _, rest = filename.partition("-")
        version = rest.partition("-")[0]
    else:
        suffix = next((s for s in _SOURCE_SUFFIXES if filename.endswith(s)), None)
        stem = filename[: -len(suffix)] if suffix else ""
        name, _, version = stem.rpartition("-")
    if name and _normalized(name) == project:
        known = normal_version(version)
        if known:
            return known
    distribution = parse_distribution_filename(filename, project=project)
    return "" if distribution is None else str(distribution.version)


@lru_cache(maxsize=8192)
def normal_version(text: str) -> str:
    """Normalize a version; empty when it is not one (PEP 440)."""
    if _ALREADY_NORMAL.fullmatch(text) is not None:
        return text
    try:
        return str(Version(text))
    except InvalidVersion:
        return ""


@lru_cache(maxsize=2048)
def _normalized(name: str) -> str:
    return canonicalize_name(name)


def versions_of(
    filenames: Iterable[str],
    *,
    project: ProjectName,
    published: Iterable[str],
    known: dict[str, str] | None = None,
) -> tuple[str, ...]:
    """Distinct versions of these files, spelled and ordered as published where they were.

    `known` keeps what each file name tells, for the next time the same page is asked.
    Source: PEP 700 "versions": the list must cover every version that has a file.
    """
    known = {} if known is None else known
    kept: dict[str, None] = {}
    for name in filenames:
        text = known.get(name)
        if text is None:
            text = known[name] = version_text(name, project=project)
        kept[text] = None
    kept.pop("", None)
    spelled: dict[str, str] = {}
    for text in published:
        normal = normal_version(text)
        if normal in kept:
            spelled.setdefault(normal, text)
    return (*spelled.values(), *(text for text in kept if text not in spelled))
