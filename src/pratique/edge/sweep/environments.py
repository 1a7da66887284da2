"""Environments on disk: site folders of Python, `node_modules`, databases of system packages.

The target's Python is never started: its start hooks would run. What is read is what installers
write beside the code; docs/reference/sweep-machines.md says what that proves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from pratique.edge.sweep.births import UNDATED, Arrival, arrival, file_times
from pratique.edge.sweep.careful import UnreadableError, read_head, read_whole, why_unreadable
from pratique.edge.sweep.context import STOPPED, Reader, SweepContext
from pratique.edge.sweep.node_modules import NodeReader
from pratique.edge.sweep.ownership import check_site
from pratique.edge.sweep.system_packages import SystemReader
from pratique.inventory.environments.distributions import (
    SUFFIXES,
    Distribution,
    read_distribution,
    sightings_of,
)
from pratique.inventory.environments.items import plain
from pratique.inventory.environments.metadata import HEAD_BYTES
from pratique.inventory.environments.origin import MAX_ORIGIN_BYTES
from pratique.inventory.observed.model import (
    EvidenceClass,
    Gap,
    Look,
    PlaceKind,
    Sighting,
)
from pratique.inventory.sboms import MAX_SBOM_BYTES, read_sbom
from pratique.values.instants import Instant
from pratique.values.spans import to_micros

SITE_NAMES: Final = frozenset({"site-packages", "dist-packages"})
MAX_DISTRIBUTIONS: Final = 50_000
"""Of one site folder; the largest honest ones have some thousand."""
MAX_SBOMS: Final = 20
"""Of one distribution."""
_PYTHON_FILES: Final = ("METADATA", "PKG-INFO", "EGG-INFO/PKG-INFO")


@dataclass(slots=True, kw_only=True)
class SiteContents:
    """What was found in one site folder."""

    distributions: list[Distribution] = field(default_factory=list)
    with_sboms: list[Distribution] = field(default_factory=list)
    """Those that say what they carry inside (PEP 770)."""
    gaps: list[Gap] = field(default_factory=list)


def read_site(site: str, now: Instant, *, stop: object = None) -> SiteContents:
    """The distributions of one site folder, by what their dist-infos say; code is not looked at.

    A folder that cannot be listed gives one gap.
    """
    contents = SiteContents()
    try:
        with os.scandir(site) as listing:
            names = [entry.name for entry in listing if entry.name.endswith(SUFFIXES)]
    except OSError as refused:
        contents.gaps.append(Gap(what=plain(site), why=why_unreadable(refused)))
        return contents
    if len(names) > MAX_DISTRIBUTIONS:
        why = f"holds more than {MAX_DISTRIBUTIONS:,} distributions; the others were left out"
        contents.gaps.append(Gap(what=plain(site), why=why))
    instant = to_micros(now)
    for name in sorted(names)[:MAX_DISTRIBUTIONS]:
        if callable(stop) and stop():
            contents.gaps.append(Gap(what=plain(site), why=STOPPED))
            break
        _read_one(site, name, instant, contents)
    return contents


def _read_one(site: str, name: str, now: int, contents: SiteContents) -> None:
    folder = f"{site}/{name}"
    try:
        # One listing costs as much as asking for two files by name.
        inside = frozenset(os.listdir(folder))  # noqa: PTH208 - names are enough, paths cost more
    except OSError as refused:
        if not isinstance(refused, NotADirectoryError):
            contents.gaps.append(Gap(what=plain(folder), why=why_unreadable(refused)))
        _read_other(folder, name, now, contents)
        return
    if "METADATA" not in inside:
        _read_other(folder, name, now, contents)
        return
    came, notes = _arrival(folder, "RECORD" if "RECORD" in inside else "", now)

    def content(wanted: str, most: int) -> bytes | None:
        return _optional(f"{folder}/{wanted}", most, contents) if wanted in inside else None

    contents.distributions.append(
        read_distribution(
            plain(name),
            metadata=content("METADATA", HEAD_BYTES),
            installer=content("INSTALLER", 80) or b"",
            requested="REQUESTED" in inside,
            direct_url=content("direct_url.json", MAX_ORIGIN_BYTES),
            provenance_url=content("provenance_url.json", MAX_ORIGIN_BYTES),
            since=came.since,
            notes=notes,
        )
    )
    if "sboms" in inside:
        contents.with_sboms.append(contents.distributions[-1])


def _read_other(path: str, name: str, now: int, contents: SiteContents) -> None:
    """An egg-info or egg, which may be a file, or a dist-info without METADATA."""
    inside = ""
    if os.path.isdir(path):  # noqa: PTH112 - a text, as all here
        inside = "/EGG-INFO/PKG-INFO" if name.endswith(".egg") else "/PKG-INFO"
    times = file_times(f"{path}{inside}") or file_times(path)
    came = UNDATED if times is None else arrival(times, now)
    data = None
    if inside or not name.endswith(".egg"):  # a zipped egg has only its name
        data = _optional(f"{path}{inside}", HEAD_BYTES, contents)
    notes = (came.note,) if came.note else ()
    contents.distributions.append(
        read_distribution(plain(name), metadata=data, since=came.since, notes=notes)
    )


def _arrival(folder: str, record: str, now: int) -> tuple[Arrival, tuple[str, ...]]:
    """When it was installed: the birth of RECORD, which is never linked from a cache."""
    times = file_times(f"{folder}/{record or 'METADATA'}")
    came = UNDATED if times is None else arrival(times, now)
    notes = () if record else ("has no RECORD",)
    return came, (*notes, came.note) if came.note else notes


def _optional(path: str, most: int, contents: SiteContents) -> bytes | None:
    """The beginning of a file; None when there is none, or after telling the gap."""
    try:
        return read_head(path, most)
    except UnreadableError as refused:
        if not refused.absent:
            contents.gaps.append(Gap(what=plain(path), why=refused.message))
        return None


def _bundled(site: str, contents: SiteContents) -> list[Sighting]:
    """What wheels say they carry inside (PEP 770): listed, and required by their distribution."""
    found: list[Sighting] = []
    for owner in contents.with_sboms:
        folder = f"{site}/{owner.folder}/sboms"
        try:
            names = sorted(os.listdir(folder))[:MAX_SBOMS]  # noqa: PTH208 - names are enough
        except OSError as refused:
            contents.gaps.append(Gap(what=plain(folder), why=why_unreadable(refused)))
            continue
        for name in names:
            path = f"{folder}/{name}"
            try:
                document = read_sbom(read_whole(path, MAX_SBOM_BYTES))
            except UnreadableError as refused:
                contents.gaps.append(Gap(what=plain(path), why=refused.message))
                continue
            contents.gaps += [Gap(what=plain(path), why=why) for why in document.defects]
            found += document.sightings(at=f"{owner.folder}/sboms/{plain(name)}", within=owner.name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonReader:
    """Site folders: `site-packages`, `dist-packages`, and any folder with a dist-info in it."""

    name: ClassVar[str] = "environments"
    takes_folder: ClassVar[bool] = False
    hashes: bool = True
    """Whether files are compared with RECORD, and looked for that no RECORD lists."""

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name; of a folder that pip filled with `--target`, its first dist-info."""
        if not is_dir:
            return False
        if path.name in SITE_NAMES:
            return True
        if not path.name.endswith(".dist-info") or path.parent.name in SITE_NAMES:
            return False
        return _is_first(path)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at one site folder."""
        site = path if path.name in SITE_NAMES else path.parent
        started = ctx.now()
        ctx.progress(str(site), 0, 0)
        contents = read_site(str(site), started, stop=ctx.stop)
        sightings = sightings_of(contents.distributions)
        checked = check_site(
            str(site), sightings, contents.distributions, ctx, now=started, hashes=self.hashes
        )
        bundled = _bundled(str(site), contents)
        gaps = (*contents.gaps, *checked.gaps)
        if not (checked.sightings or gaps):
            return  # an empty site folder of a Python that nobody installed into
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.ENVIRONMENT,
            locator=plain(str(site)),
            at_lo=started,
            at_hi=max(started, ctx.now()),
            whole=not gaps,
            sightings=(*checked.sightings, *bundled),
            gaps=gaps,
            evidence_class=EvidenceClass.OBSERVED,
            collector=f"sweep/{self.name}",
            machine=ctx.machine,
        )


def _is_first(path: Path) -> bool:
    """Whether no sibling comes before: so that each folder is read once, without remembering."""
    if not any((path / name).is_file() for name in _PYTHON_FILES[:1]):
        return False
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names are enough
    except OSError:
        return False
    return path.name == min(
        name
        for name in names
        if name.endswith(".dist-info")
        and (name == path.name or (path.parent / name / "METADATA").is_file())
    )


READERS: Final[tuple[Reader, ...]] = (PythonReader(), NodeReader(), SystemReader())
