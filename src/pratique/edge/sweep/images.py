"""Image archives on disk: OCI layouts as folder or tar, and `docker save`.

1. The index or `manifest.json` names images; each is an asset of its own, named by its digest.
2. Manifest, configuration and layers are checked against the digests that name them.
3. Layers are read lowest first; whiteouts take away, and what they take is remembered.
4. One look says what the image holds; one more per layer says what of it a later layer removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from pratique.edge.sweep.careful import UnreadableError, read_head
from pratique.edge.sweep.context import STOPPED, Reader, SweepContext
from pratique.edge.sweep.image_listing import Archive, Image, images_in
from pratique.edge.sweep.image_store import Blobs, FolderBlobs, TarBlobs, digest_of
from pratique.inventory.environments.items import plain
from pratique.inventory.images.layers import read_layer
from pratique.inventory.images.manifests import (
    MAX_LAYERS,
    Descriptor,
)
from pratique.inventory.images.packages import packages_of
from pratique.inventory.images.state import ImageState
from pratique.inventory.images.tar_walk import ReadAt
from pratique.inventory.images.unpacking import HEAD, READ, Unpacked, UnpackError, compression_of
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Gap,
    Look,
    PlaceKind,
    Sighting,
)
from pratique.values.instants import Instant
from pratique.vet.archives.tar_headers import HeaderError, parse_header

LAYOUT: Final = "oci-layout"
_BLOCK: Final = 512
_TAR_NAMES: Final = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".oci")
_FIRST: Final = ("blobs", "index.json", "manifest.json", LAYOUT, "repositories")
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImageReader:
    """What both readers have in common."""

    name: ClassVar[str] = "images"
    hashes: bool = True
    """Whether layers are hashed whole; manifests and configurations always are."""

    def _read(
        self, path: Path, blobs: Blobs, ctx: SweepContext, started: Instant
    ) -> Iterator[Look]:
        archive = Archive(path=str(path), blobs=blobs, ctx=ctx, hashes=self.hashes, started=started)
        defects: list[str] = getattr(blobs, "defects", [])
        archive.gaps += [archive.gap("", why) for why in defects]
        found = False
        for image in images_in(archive):
            found = True
            yield from _look_at(archive, image)
        if archive.gaps or not found:
            gaps = tuple(archive.gaps) or (archive.gap("", "holds no image that is read"),)
            yield _unread(path, ctx, started, gaps)


def _unread(path: Path, ctx: SweepContext, started: Instant, gaps: tuple[Gap, ...]) -> Look:
    """A look at an archive of which something could not be read, or nothing."""
    return Look(
        asset=ctx.asset,
        asset_kind=ctx.asset_kind,
        place_kind=PlaceKind.LAYER,
        locator=plain(str(path)),
        at_lo=started,
        at_hi=max(started, ctx.now()),
        whole=False,
        gaps=gaps,
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/images",
        machine=ctx.machine,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutReader(_ImageReader):
    """A folder in OCI layout."""

    takes_folder: ClassVar[bool] = True

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """A folder with `oci-layout` and `index.json` in it."""
        if not is_dir:
            return False
        try:
            return (path / LAYOUT).is_file() and (path / "index.json").is_file()
        except OSError:
            return False

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Looks at all its images."""
        started = ctx.now()
        blobs = FolderBlobs(str(path))
        try:
            yield from self._read(path, blobs, ctx, started)
        finally:
            blobs.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReader(_ImageReader):
    """A tar of an OCI layout, or of `docker save`."""

    takes_folder: ClassVar[bool] = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """By name, then by the name of its first member."""
        if is_dir or not path.name.endswith(_TAR_NAMES):
            return False
        try:
            head = read_head(str(path), HEAD)
        except UnreadableError:
            return False  # whether it is an image, nobody can tell
        compression = compression_of(head)
        if compression in READ:
            start = head
            try:
                head = Unpacked(
                    lambda at, length: start[at : at + length], compression, most=1 << 20
                )(0, _BLOCK)
            except UnpackError:
                return False
        return _is_first_of_image(head[:_BLOCK])

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Looks at all its images."""
        started = ctx.now()
        ctx.progress(str(path), 0, 0)
        limits = ctx.limits
        try:
            blobs = TarBlobs(
                str(path),
                max_bytes=limits.stream_bytes,
                max_members=limits.members,
                stop=ctx.stop,
            )
        except UnreadableError as refused:
            yield _unread(path, ctx, started, (Gap(what=plain(str(path)), why=refused.message),))
            return
        try:
            yield from self._read(path, blobs, ctx, started)
        finally:
            blobs.close()


def _is_first_of_image(block: bytes) -> bool:
    """Whether a tar that begins so may be an image: `blobs/`, `index.json`, `0123…/layer.tar`."""
    try:
        name = parse_header(block).name.decode("utf-8", "replace").removeprefix("./")
    except (HeaderError, IndexError):
        return False
    first = name.partition("/")[0]
    stem = first.removesuffix(".json").removesuffix(".tar")
    return not first or first in _FIRST or (len(stem) == 64 and set(stem) <= _HEX)  # noqa: PLR2004 - SHA-256


# One image.


def _look_at(archive: Archive, image: Image) -> Iterator[Look]:
    state = ImageState()
    gaps = list(image.gaps)
    if len(image.layers) > MAX_LAYERS:
        gaps.append(archive.gap(image.digest, f"has more than {MAX_LAYERS:,} layers"))
    layers = image.layers[:MAX_LAYERS]
    for number, descriptor in enumerate(layers, 1):
        archive.ctx.progress(f"{archive.path} layer", number, len(layers))
        if archive.ctx.stop():
            gaps.append(archive.gap(image.digest, STOPPED))
            break
        path = image.paths[number - 1]
        gaps += _read_layer(archive, state, descriptor, path, number)
    if state.full:
        gaps.append(archive.gap(image.digest, "holds more packages than are read"))
    found = packages_of(state, int(archive.started.timestamp()))
    gaps += [archive.gap(image.digest, why) for why in found.defects]
    common = _Looks(archive=archive, image=image, whole=not gaps)
    yield common.look(PlaceKind.ENVIRONMENT, "/", found.left, tuple(gaps))
    for number, sightings in sorted(found.removed.items()):
        digest = image.layers[number - 1].digest
        yield common.look(PlaceKind.LAYER, digest or f"layer {number}", sightings, (), ended=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """Makes the looks at one image."""

    archive: Archive
    image: Image
    whole: bool

    def look(
        self,
        place_kind: PlaceKind,
        locator: str,
        sightings: tuple[Sighting, ...],
        gaps: tuple[Gap, ...],
        *,
        ended: bool = False,
    ) -> Look:
        """A look; what is in the image as it starts belongs to the history of its family."""
        family = f"image/{self.image.family}" if self.image.family and not ended else ""
        started = self.archive.started
        return Look(
            asset=f"image/{self.image.digest}",
            asset_kind=AssetKind.IMAGE,
            place_kind=place_kind,
            locator=plain(locator),
            at_lo=started,
            at_hi=max(started, self.archive.ctx.now()),
            ended=ended,
            whole=self.whole,
            lineage=family,
            sightings=sightings,
            gaps=gaps,
            evidence=self.image.evidence,
            evidence_class=EvidenceClass.OBSERVED,
            collector="sweep/images",
        )


def _read_layer(
    archive: Archive, state: ImageState, descriptor: Descriptor, path: str, number: int
) -> list[Gap]:
    """Put one layer on the state; gives what could not be read of it."""
    what = f"layer {number} {plain(descriptor.digest)}".rstrip()
    gaps: list[Gap] = []
    try:
        if archive.hashes and descriptor.digest:
            gaps += _check_digest(archive, descriptor, path, what)
        read_at = _tar_of(archive, path)
        layer = read_layer(
            read_at,
            standing=state.standing,
            max_members=archive.ctx.limits.members,
            stop=archive.ctx.stop,
            again=lambda: _tar_of(archive, path),
        )
    except (UnreadableError, UnpackError, OSError) as refused:
        why = refused.message if isinstance(refused, UnreadableError) else plain(str(refused))
        return [*gaps, archive.gap(what, why)]
    state.apply(layer, number)
    gaps += [archive.gap(what, plain(why)) for why in layer.defects[:100]]
    if layer.stopped:
        gaps.append(archive.gap(what, STOPPED))
    return gaps


def _check_digest(archive: Archive, descriptor: Descriptor, path: str, what: str) -> list[Gap]:
    if not descriptor.is_digest:
        return [archive.gap(what, "is named by a digest that is not checked (sha256 is)")]
    found = digest_of(archive.blobs, path, archive.ctx.stop)
    if not found or f"sha256:{found}" == descriptor.digest:
        return []
    return [
        archive.gap(what, "its bytes are not what its digest says; they were read all the same")
    ]


def _tar_of(archive: Archive, path: str) -> ReadAt:
    """The tar of a layer from its start, unpacked on the way. Raises: UnreadableError."""
    blob = archive.blobs.open(path)
    head = blob.read_at(0, 8)
    compression = compression_of(head)
    if compression in READ:
        fresh = archive.blobs.open(path)  # the first may be a stream that has moved on
        return Unpacked(fresh.read_at, compression, most=archive.ctx.limits.stream_bytes)
    if compression:
        raise UnreadableError(
            f"is compressed with {compression}, which is not read:"
            " convert the image, such as with `skopeo copy --dest-compress-format gzip`"
        )
    return archive.blobs.open(path).read_at


READERS: Final[tuple[Reader, ...]] = (LayoutReader(), ArchiveReader())
