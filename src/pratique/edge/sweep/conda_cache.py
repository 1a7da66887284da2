"""`pkgs` of conda and mamba: packages that were fetched and unpacked, linked into environments or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from pratique.edge.sweep.births import arrival_of
from pratique.edge.sweep.cache_files import CacheWalk
from pratique.edge.sweep.context import SweepContext
from pratique.inventory.environments.system import parse_conda_record
from pratique.inventory.observed.model import Look, Stage

_RECORDS: Final = ("info/repodata_record.json", "info/index.json")
"""The first has the hash of the archive; a package that was put there by hand has only the second."""
_MAX_RECORD_BYTES: Final = 8 << 20


class CondaCache:
    """A folder of unpacked packages, one look."""

    name: ClassVar[str] = "conda-cache"
    takes_folder: ClassVar[bool] = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, and by what conda keeps beside the packages, or a first package."""
        if not is_dir or path.name != "pkgs":
            return False
        try:
            return (path / "urls.txt").is_file() or any(path.glob("*/info/index.json"))
        except OSError:
            return False

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Every package by its record."""
        walk = CacheWalk(path, ctx, collector=self.name)
        for folder in walk.folders():
            told = next((f"{folder}/{one}" for one in _RECORDS if _is_file(f"{folder}/{one}")), "")
            data = walk.read(told, _MAX_RECORD_BYTES) if told else None
            if data is None:
                continue  # no package, or a gap that is told
            found = parse_conda_record(data, at=walk.relative(folder))
            if found is None or not found.item.name:
                walk.gap(told, "is no record of a package")
                continue
            came = arrival_of(told, walk.started)
            walk.sightings.append(
                msgspec.structs.replace(
                    found,
                    stage=Stage.FETCHED,
                    since_lo=came.since[0],
                    since_hi=came.since[1],
                )
            )
        yield walk.look()


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - a text, as everywhere in a walk of a cache


READERS: Final = (CondaCache(),)
