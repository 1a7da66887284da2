"""The form of a rule that looks at a whole release, and how it makes its signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pratique.vet.analyses.kit import Rule
from pratique.vet.model import Context, PlacedSign, Reach, Sign
from pratique.vet.release.view import ReleaseView
from pratique.vet.safe_text import printable

ReleaseFunction: TypeAlias = Callable[
    [ReleaseView, ReleaseView | None, Context], Iterator[PlacedSign]
]
"""The release, what it is judged against (None: nothing), what the caller knows → signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """Looks at one release as a whole, often beside its base."""

    rule: Rule
    run: ReleaseFunction


def mark(
    rule: Rule,
    trait: str,
    *,
    path: str,
    shown: str,
    reach: Reach = Reach.NEVER,
    how: str = "",
    besides: Reach = Reach.NEVER,
    line: int = 0,
    excerpt: str = "",
) -> PlacedSign:
    """A sign of a release rule. Metadata runs never; `how` then says where it is told."""
    if trait not in rule.traits:
        raise KeyError(trait)
    return PlacedSign(
        sign=Sign(
            rule=rule.name,
            trait=trait,
            line=line,
            excerpt=printable(excerpt, 240) if excerpt else "",
            shown=printable(shown),
        ),
        path=path,
        region="",
        reach=reach,
        how=how,
        besides=besides,
    )


def project_of(view: ReleaseView) -> str:
    """The project by its metadata, else by its file name; normalised."""
    name = view.release.metadata.name
    return canonicalize_name(name) if name else file_project(view)


def file_project(view: ReleaseView) -> str:
    """The project that the file name tells, normalised; "" when it tells none."""
    filename = view.release.filename
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[0])
        if filename.endswith((".tar.gz", ".zip")):
            return str(parse_sdist_filename(filename)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""
    return ""


def is_same_project(view: ReleaseView, base: ReleaseView | None) -> bool:
    """Whether the base is an earlier release of the project, not one that it copies."""
    return base is not None and project_of(base) == project_of(view)


def metadata_path(view: ReleaseView) -> str:
    """The member that tells the release's metadata; the file itself when there is none."""
    for name in ("METADATA", "PKG-INFO", "package.json", "pyproject.toml", "setup.py"):
        path = view.placement.layout.metadata.get(name)
        if path is not None:
            return path
    return view.release.filename
