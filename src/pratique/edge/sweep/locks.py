"""Lock files, manifests and workflows as they lie in a tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pratique.edge.sweep.conda_records import CondaRecords
from pratique.edge.sweep.context import Reader, SweepContext
from pratique.edge.sweep.listing_looks import evidence_of, gap_of, read_regular
from pratique.inventory.errors import LockError
from pratique.inventory.findings.duplicates import resolve
from pratique.inventory.listings.kinds import ListingKind, listing_kind
from pratique.inventory.listings.model import Included
from pratique.inventory.listings.reading import Listing, ListingReader
from pratique.inventory.observed.model import Evidence, EvidenceClass, Gap, Look, Sighting
from pratique.inventory.text import MAX_LOCK_BYTES

_ENDINGS: Final = (
    ".in", ".lock", ".toml", ".txt", ".yml", ".yaml", "package-lock.json", "npm-shrinkwrap.json",
)  # fmt: skip
_BUILD_FILES: Final = ("Dockerfile", "Containerfile")
_MAX_INCLUDES: Final = 200


class ListingFiles:
    """Every kind of file that lists releases, one look each."""

    name = "locks"
    takes_folder = False

    def __init__(self) -> None:
        """Start with nothing remembered; projects on one machine share most of their packages."""
        self._reader = ListingReader()

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether the name is one that we read."""
        name = path.name
        if is_dir or not (name.endswith(_ENDINGS) or any(mark in name for mark in _BUILD_FILES)):
            return False
        return listing_kind(path.as_posix()) is not None

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at the file, with what it includes."""
        kind = listing_kind(path.as_posix())
        if kind is not None:
            yield self._look(path, kind, ctx)

    def _look(self, path: Path, kind: ListingKind, ctx: SweepContext) -> Look:
        began = ctx.now()
        locator = path.as_posix()
        gaps: list[Gap] = []
        evidence: list[Evidence] = []
        sightings: dict[Sighting, None] = {}
        # A requirements file may include others; those that have a name of their own are read as
        # places of their own, whoever includes them.
        waiting = [(locator, kind)]
        seen = {locator}
        while waiting:
            shown, how = waiting.pop(0)
            listing = self._listing(shown, how, ctx, gaps, evidence)
            sightings.update(dict.fromkeys(listing.sightings))
            more = [_included(shown, one, gaps, seen) for one in listing.includes]
            waiting += [(path, kind) for path in more if path]
        return Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=kind.place,
            locator=locator,
            at_lo=began,
            at_hi=ctx.now(),
            whole=not gaps,
            lineage=f"{ctx.asset}:{locator}",
            sightings=tuple(sightings),
            gaps=tuple(gaps),
            evidence=tuple(evidence),
            evidence_class=EvidenceClass.DECLARED,
            collector=f"sweep/{kind.name}",
            machine=ctx.machine,
        )

    def _listing(
        self, shown: str, kind: ListingKind, ctx: SweepContext, gaps: list[Gap],
        evidence: list[Evidence],
    ) -> Listing:  # fmt: skip
        max_bytes = min(MAX_LOCK_BYTES, ctx.limits.file_bytes)
        try:
            data = read_regular(Path(shown), max_bytes=max_bytes)
            evidence.append(evidence_of(ctx, kind, data, shown))
            listing = self._reader.read(kind, shown, data)
        except LockError as error:
            gaps.append(gap_of(error))
            return Listing(sightings=(), defects=())
        gaps.extend(Gap(what=shown, why=defect) for defect in listing.defects)
        return listing


def _included(shown: str, one: Included, gaps: list[Gap], seen: set[str]) -> str:
    """The path of an included file that is to be read with this one; empty when it is not."""
    target = resolve(shown, one.path)
    if "://" in one.path or "$" in one.path:
        gaps.append(Gap(what=shown, why=f"includes {one.path[:200]!r}, which is not in the tree"))
        return ""
    if target in seen or listing_kind(target) is not None:
        return ""
    if not _is_below(Path(target), Path(shown).parent.parent):
        gaps.append(Gap(what=shown, why=f"includes {one.path[:200]!r}, outside its project"))
        return ""
    if len(seen) > _MAX_INCLUDES:
        gaps.append(Gap(what=shown, why="too many files include each other"))
        return ""
    seen.add(target)
    return target


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, links followed: a hostile file could name anything."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


READERS: tuple[Reader, ...] = (ListingFiles(), CondaRecords())
