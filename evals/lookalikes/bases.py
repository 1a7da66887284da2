"""The real releases below look-alikes: pinned by sha256, fetched by name once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evals import places
from evals.lists import rows
from evals.lookalikes.shape import filename

LIST = places.LISTS / "lookalikes.txt"
BASE, BEFORE = "base", "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One pinned file."""

    sha256: str
    project: str
    version: str
    form: str
    role: str
    """`base`: the last good release; `next`: the honest one after it; `before`, where there is none."""

    @property
    def filename(self) -> str:
        return filename(self.project, self.version, self.form)

    @property
    def path(self) -> Path:
        return places.cache() / "lookalikes" / self.filename


@cache
def releases() -> dict[tuple[str, str, str], Release]:
    """Pinned files by project, version and form."""
    found = [
        Release(sha256=sha256, project=project, version=version, form=form, role=role)
        for sha256, project, version, form, role in rows(LIST)
    ]
    return {(one.project, one.version, one.form): one for one in found}


def honest_pairs() -> list[tuple[Release, Release]]:
    """For each project and form two honest releases, the earlier one first."""
    pairs = []
    for one in releases().values():
        if one.role != BASE:
            base = next(
                other
                for other in releases().values()
                if (other.project, other.form, other.role) == (one.project, one.form, BASE)
            )
            pairs.append((one, base) if one.role == BEFORE else (base, one))
    return pairs


def load(release: Release) -> bytes:
    """Its bytes, fetched from the index when the cache folder lacks them.

    Raises: EvalsError when the index does not have it, or has other bytes.
    """
    if not release.path.is_file():
        _fetch(release)
    data = release.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != release.sha256:
        raise places.EvalsError(
            f"expected {release.filename} with sha256 {release.sha256}; to do: remove {release.path}"
        )
    return data


def _fetch(release: Release) -> None:
    from pypi_simple import PyPISimple  # noqa: PLC0415 - only needed once for each file

    release.path.parent.mkdir(parents=True, exist_ok=True)
    with PyPISimple() as index, tempfile.TemporaryDirectory(dir=release.path.parent) as folder:
        for found in index.get_project_page(release.project).packages:
            if found.filename == release.filename:
                part = Path(folder, "part")
                index.download_package(found, part)
                part.replace(release.path)
                return
    raise places.EvalsError(f"expected {release.filename} on the index; it is gone")
