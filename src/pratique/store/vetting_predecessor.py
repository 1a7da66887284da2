"""Which approved file a new one is compared with. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from pratique.store.vetting_rows import ApprovedFile
from pratique.values.names import DistributionKind, ProjectName, parse_distribution_filename

_TAGS = 3
"""The last parts of a wheel's name: Python, ABI, platform."""


def choose_predecessor(
    filename: str, approved: Iterable[ApprovedFile], *, project: ProjectName, sha256: str = ""
) -> ApprovedFile | None:
    """The nearest approved release of the same kind, never the file itself; None when there is none.

    Wheel with wheel, sdist with sdist. The same or the next lower version first, then the next higher
    one (an old release that nobody asked for before). Of one release's wheels the one with the same
    tags, then a pure one, then whichever name comes first.
    """
    new = parse_distribution_filename(filename, project=project)
    if new is None:
        return None
    by_version: dict[Version, list[ApprovedFile]] = {}
    for file in approved:
        old = parse_distribution_filename(file.filename, project=project)
        if old is not None and old.kind is new.kind and file.sha256 != sha256:
            by_version.setdefault(old.version, []).append(file)
    if not by_version:
        return None
    lower = [version for version in by_version if version <= new.version]
    nearest = by_version[max(lower) if lower else min(by_version)]
    if new.kind is not DistributionKind.WHEEL:
        return min(nearest, key=lambda file: file.filename)
    wanted = _tags(filename)
    return min(
        nearest,
        key=lambda file: (
            _tags(file.filename) != wanted,
            _tags(file.filename)[1:] != ["none", "any"],
            file.filename,
        ),
    )


def _tags(filename: str) -> list[str]:
    return filename.removesuffix(".whl").rsplit("-", _TAGS)[1:]
