"""`conda-meta` of an environment: what conda installed there, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from pratique.edge.sweep.context import STOPPED, SweepContext
from pratique.edge.sweep.listing_looks import gap_of, read_regular
from pratique.inventory.environments.system import parse_conda_record
from pratique.inventory.errors import LockError
from pratique.inventory.observed.model import EvidenceClass, Gap, Look, PlaceKind, Sighting
from pratique.values.instants import Instant, render_instant

_MAX_RECORDS: Final = 20_000
_MAX_RECORD_BYTES: Final = 8 << 20
"""A record names every file of its package: 2 MB for the largest."""


class CondaRecords:
    """The records of one environment, one look."""

    name = "conda-meta"
    takes_folder = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether it is the folder of an environment's records."""
        return is_dir and path.name == "conda-meta"

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at the environment."""
        began = ctx.now()
        gaps: list[Gap] = []
        sightings: list[Sighting] = []
        for entry in _records(path, gaps):
            if ctx.stop():
                gaps.append(Gap(what=path.as_posix(), why=STOPPED))
                break
            try:
                data = read_regular(Path(entry.path), max_bytes=_MAX_RECORD_BYTES)
            except LockError as error:
                gaps.append(gap_of(error))
                continue
            found = parse_conda_record(data, at=entry.name)
            if found is None or not found.item.name:
                gaps.append(Gap(what=entry.path, why="is no record of a package"))
                continue
            # conda writes a record when it installs, and no other file of a package is its own:
            # they are links to a cache.
            since = _written(entry, began)
            sightings.append(msgspec.structs.replace(found, since_lo=since, since_hi=since))
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.ENVIRONMENT,
            locator=path.as_posix(),
            at_lo=began,
            at_hi=ctx.now(),
            whole=not gaps,
            sightings=tuple(sightings),
            gaps=tuple(gaps),
            evidence_class=EvidenceClass.OBSERVED,
            collector="sweep/conda-meta",
            machine=ctx.machine,
        )


def _records(folder: Path, gaps: list[Gap]) -> Sequence[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted((one for one in entries if one.name.endswith(".json")), key=_name)
    except OSError as error:
        gaps.append(Gap(what=folder.as_posix(), why=f"cannot be read: {error.strerror}"))
        return ()
    if len(found) > _MAX_RECORDS:
        gaps.append(Gap(what=folder.as_posix(), why=f"has more than {_MAX_RECORDS:,} records"))
    return found[:_MAX_RECORDS]


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _written(entry: os.DirEntry[str], now: Instant) -> str:
    """When a record was written; empty when that cannot be."""
    try:
        moment = datetime.fromtimestamp(int(entry.stat(follow_symlinks=False).st_mtime), tz=UTC)
    except (OSError, OverflowError, ValueError):
        return ""
    return render_instant(moment) if moment <= now else ""
