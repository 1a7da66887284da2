"""Databases of the operating system's packages: dpkg and apk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pratique.edge.sweep.births import arrival_of
from pratique.edge.sweep.careful import UnreadableError, read_head, read_whole
from pratique.edge.sweep.context import SweepContext
from pratique.inventory.environments.items import plain
from pratique.inventory.environments.system import (
    MAX_DATABASE_BYTES,
    SystemPackages,
    parse_apk,
    parse_dpkg,
    parse_os_id,
)
from pratique.inventory.observed.model import EvidenceClass, Gap, Look, PlaceKind, Sighting
from pratique.values.instants import Instant

_DPKG = ("var", "lib", "dpkg", "status")
_APK = ("lib", "apk", "db", "installed")
_OS_RELEASE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemReader:
    """`/var/lib/dpkg/status` and `/lib/apk/db/installed`, below whatever root they stand."""

    name: ClassVar[str] = "system-packages"
    takes_folder: ClassVar[bool] = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By the last four parts of the path."""
        return (
            not is_dir and path.name in {"status", "installed"} and path.parts[-4:] in (_DPKG, _APK)
        )

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at one database. Versions of dpkg's packages are dated by their file lists."""
        started = ctx.now()
        gaps: list[Gap] = []
        found = SystemPackages(sightings=(), malformed=0)
        try:
            data = read_whole(str(path), MAX_DATABASE_BYTES)
        except UnreadableError as refused:
            gaps.append(Gap(what=plain(str(path)), why=refused.message))
        else:
            parse = parse_dpkg if path.name == "status" else parse_apk
            found = parse(data, vendor=_vendor(path), at=path.name)
        if found.malformed:
            why = f"{found.malformed:,} paragraphs name no package or no version"
            gaps.append(Gap(what=plain(str(path)), why=why))
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.ENVIRONMENT,
            locator=plain(str(path)),
            at_lo=started,
            at_hi=max(started, ctx.now()),
            whole=not gaps,
            sightings=tuple(_dated(one, path, started) for one in found.sightings),
            gaps=tuple(gaps),
            evidence_class=EvidenceClass.OBSERVED,
            collector=f"sweep/{self.name}",
            machine=ctx.machine,
        )


def _vendor(path: Path) -> str:
    """The distribution, from the os-release of the same root: `usr/lib` has the file, `etc` a link."""
    root = path.parents[3]
    for place in ("usr/lib/os-release", "etc/os-release"):
        try:
            return parse_os_id(read_head(str(root / place), _OS_RELEASE_BYTES))
        except UnreadableError:
            continue
    return ""


def _dated(sighting: Sighting, path: Path, now: Instant) -> Sighting:
    """When dpkg wrote the package's list of files: at its install or last upgrade."""
    if path.name != "status":
        return sighting
    name = sighting.item.name.rpartition("/")[2]
    came = arrival_of(str(path.parent / "info" / f"{name}.list"), now)
    if not came.since_hi:
        return sighting
    return Sighting(
        item=sighting.item,
        stage=sighting.stage,
        since_lo=came.since_lo,
        since_hi=came.since_hi,
        at=sighting.at,
        note=sighting.note,
    )
