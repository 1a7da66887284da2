"""SBOM files on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from pratique.edge.sweep.careful import UnreadableError, read_head, read_whole
from pratique.edge.sweep.context import Reader, SweepContext
from pratique.inventory.environments.items import plain
from pratique.inventory.observed.model import Evidence, EvidenceClass, Gap, Look, PlaceKind
from pratique.inventory.sboms import MAX_SBOM_BYTES, SbomDocument, read_sbom
from pratique.inventory.sboms.reading import is_sbom_name, looks_like_sbom

_HEAD_BYTES: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class SbomReader:
    """CycloneDX (JSON, XML) and SPDX (2 as JSON and tag-value, 3 as JSON-LD)."""

    name: ClassVar[str] = "sboms"
    takes_folder: ClassVar[bool] = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, then by what its first bytes say; a wheel's own SBOMs belong to its dist-info."""
        if is_dir or not is_sbom_name(path.name):
            return False
        if path.parent.name == "sboms" and path.parent.parent.name.endswith(".dist-info"):
            return False
        try:
            head = read_head(str(path), _HEAD_BYTES)
        except UnreadableError:
            return True  # called like one and unreadable: reading tells the gap
        return b"\0" in head or not head.strip() or looks_like_sbom(head)

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look at one document, as a claim of whoever wrote it."""
        started = ctx.now()
        ctx.progress(str(path), 0, 0)
        document = SbomDocument(format="")
        evidence: tuple[Evidence, ...] = ()
        try:
            data = read_whole(str(path), min(MAX_SBOM_BYTES, ctx.limits.file_bytes))
        except UnreadableError as refused:
            gaps = [Gap(what=plain(str(path)), why=refused.message)]
        else:
            document = read_sbom(data)
            evidence = (_evidence(data, path, ctx),)
            gaps = [Gap(what=plain(str(path)), why=why) for why in document.defects]
        claimed = f", by its own account of {document.claimed_at}" if document.claimed_at else ""
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.SBOM,
            locator=plain(str(path)),
            at_lo=started,
            at_hi=max(started, ctx.now()),
            whole=not gaps,
            sightings=document.sightings(at=f"{document.format}{claimed}"),
            gaps=tuple(gaps),
            evidence=evidence,
            evidence_class=EvidenceClass.DECLARED,
            collector=f"sweep/{self.name}",
        )


def _evidence(data: bytes, path: Path, ctx: SweepContext) -> Evidence:
    """The document itself, kept where raw bytes are kept."""
    media_type = "application/xml" if data[:1] == b"<" else "application/json"
    if ctx.evidence is not None:
        return ctx.evidence.keep(data, media_type=media_type, locator=plain(str(path)))
    return Evidence(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        locator=plain(str(path)),
        size=len(data),
    )


READERS: Final[tuple[Reader, ...]] = (SbomReader(),)
