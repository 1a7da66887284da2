"""Which images an archive holds: its index or `manifest.json`, manifests and configurations.

What decides what is read next (index, manifest, configuration) must be what its digest says, or it is a
gap and not followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pratique.edge.sweep.careful import UnreadableError
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.image_store import Blobs, read_blob
from pratique.inventory.environments.items import plain
from pratique.inventory.images.manifests import (
    MAX_IMAGES,
    MAX_INDEX_DEPTH,
    Descriptor,
    SavedImage,
    blob_path,
    family_of,
    is_image_config,
    parse_config,
    parse_manifest,
    parse_saved,
)
from pratique.inventory.observed.model import Evidence, Gap
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image to read."""

    digest: str
    """`sha256:HEX` of its manifest; of its configuration where there is no manifest."""
    family: str
    layers: tuple[Descriptor, ...]
    """Digests may be empty (old `docker save`); then `paths` counts alone."""
    paths: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True, kw_only=True)
class Archive:
    """One archive while it is read."""

    path: str
    blobs: Blobs
    ctx: SweepContext
    hashes: bool
    started: Instant
    gaps: list[Gap] = field(default_factory=list)

    def gap(self, what: str, why: str) -> Gap:
        """A gap within this archive."""
        return Gap(what=plain(f"{self.path}:{what}" if what else self.path), why=why)


def images_in(archive: Archive) -> Iterator[Image]:
    """Every image that the archive names; what cannot be followed becomes a gap of the archive."""
    try:
        names = archive.blobs.names()
    except UnreadableError as refused:
        archive.gaps.append(archive.gap("", refused.message))
        return
    if "index.json" in names:
        yield from _of_index(archive)
    elif "manifest.json" in names:
        yield from _of_saved(archive)


def _of_index(archive: Archive) -> Iterator[Image]:
    data = _read_json(archive, "index.json")
    index = parse_manifest(data) if data is not None else None
    if index is None or index.manifests is None:
        if data is not None:
            archive.gaps.append(archive.gap("index.json", "is no image index"))
        return
    pending = [(descriptor, "", 0) for descriptor in reversed(index.manifests)]
    read = 0
    while pending:
        descriptor, family, depth = pending.pop()
        family = descriptor.family() or family
        if descriptor.is_attestation:
            continue
        if read >= MAX_IMAGES or depth > MAX_INDEX_DEPTH:
            archive.gaps.append(archive.gap("index.json", "names more images than are read"))
            return
        read += 1
        raw = _read_named(archive, descriptor)
        manifest = parse_manifest(raw) if raw is not None else None
        if raw is None:
            continue
        if manifest is None:
            archive.gaps.append(archive.gap(plain(descriptor.digest), "is no manifest"))
        elif manifest.manifests is not None:
            pending += [(one, family, depth + 1) for one in reversed(manifest.manifests)]
        elif manifest.config is not None and is_image_config(manifest.config):
            config = _read_named(archive, manifest.config)
            yield Image(
                digest=descriptor.digest,
                family=family,
                layers=tuple(manifest.layers or ()),
                paths=tuple(blob_path(layer.digest) for layer in manifest.layers or ()),
                evidence=(
                    _evidence(archive, raw, manifest.media_type, descriptor.digest),
                    *([_evidence(archive, config, "", manifest.config.digest)] if config else []),
                ),
            )


def _of_saved(archive: Archive) -> Iterator[Image]:
    data = _read_json(archive, "manifest.json")
    saved = parse_saved(data) if data is not None else None
    if saved is None:
        if data is not None:
            archive.gaps.append(archive.gap("manifest.json", "is not what `docker save` writes"))
        return
    for one in saved[:MAX_IMAGES]:
        image = _saved_image(archive, one)
        if image is not None:
            yield image


def _saved_image(archive: Archive, saved: SavedImage) -> Image | None:
    """An image of `docker save`: it has no manifest, so its configuration's digest names it."""
    raw = _read_json(archive, saved.config)
    config = parse_config(raw) if raw is not None else None
    if raw is None or config is None:
        if raw is not None:
            archive.gaps.append(archive.gap(plain(saved.config), "is no image configuration"))
        return None
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    gaps: tuple[Gap, ...] = ()
    if digest[7:] not in saved.config:
        why = "its bytes are not what its name says"
        gaps = (archive.gap(plain(saved.config), why),)
    paths = tuple(saved.layers or ())
    diff_ids = [*config.rootfs.diff_ids, *[""] * len(paths)]
    return Image(
        digest=digest,
        family=next((family_of(tag) for tag in saved.repo_tags or ()), ""),
        layers=tuple(Descriptor(digest=diff_ids[at]) for at in range(len(paths))),
        paths=paths,
        evidence=(_evidence(archive, raw, "application/json", digest),),
        gaps=gaps,
    )


def _read_json(archive: Archive, path: str) -> bytes | None:
    try:
        return read_blob(archive.blobs, path)
    except UnreadableError as refused:
        archive.gaps.append(archive.gap(plain(path), refused.message))
        return None


def _read_named(archive: Archive, descriptor: Descriptor) -> bytes | None:
    """A blob that must be what its digest says: manifests and configurations decide what follows."""
    if not descriptor.is_digest:
        why = "is named by a digest that is not read (sha256 is)"
        archive.gaps.append(archive.gap(plain(descriptor.digest), why))
        return None
    data = _read_json(archive, blob_path(descriptor.digest))
    if data is not None and f"sha256:{hashlib.sha256(data).hexdigest()}" != descriptor.digest:
        why = "its bytes are not what its digest says, so it is not read"
        archive.gaps.append(archive.gap(descriptor.digest, why))
        return None
    return data


def _evidence(archive: Archive, data: bytes, media_type: str, what: str) -> Evidence:
    media_type = plain(media_type) or "application/vnd.oci.image.config.v1+json"
    locator = plain(f"{archive.path}:{what}")
    if archive.ctx.evidence is not None:
        return archive.ctx.evidence.keep(data, media_type=media_type, locator=locator)
    digest = hashlib.sha256(data).hexdigest()
    return Evidence(sha256=digest, media_type=media_type, locator=locator, size=len(data))
