"""Manifests: which blobs make an image. OCI indexes and manifests, and `docker save`.

Source: OCI image specification 1.1; moby, "Docker Image Specification v1.2" (manifest.json).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import plain

MAX_MANIFEST_BYTES: Final = 16 << 20
MAX_LAYERS: Final = 1000
"""Container tools stop at 127."""
MAX_IMAGES: Final = 1000
MAX_INDEX_DEPTH: Final = 4
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ATTESTATION: Final = "vnd.docker.reference.type"
_NAMES: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class Descriptor(msgspec.Struct, kw_only=True, rename="camel"):
    """Points to a blob."""

    digest: str
    media_type: str = ""
    size: int = -1
    annotations: dict[str, Any] | None = None
    platform: dict[str, Any] | None = None

    @property
    def is_digest(self) -> bool:
        """Whether the digest is one that can be checked."""
        return _DIGEST.fullmatch(self.digest) is not None

    @property
    def is_attestation(self) -> bool:
        """Whether it is about another image instead of being one."""
        return _ATTESTATION in (self.annotations or {})

    def family(self) -> str:
        """Name of the image without its tag, as the annotations say; empty when they do not."""
        for key in _NAMES:
            name = (self.annotations or {}).get(key)
            if isinstance(name, str) and ("/" in name or ":" in name):
                return family_of(name)
        return ""


class Manifest(msgspec.Struct, kw_only=True, rename="camel"):
    """An index (`manifests`) or an image (`config`, `layers`)."""

    media_type: str = ""
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    artifact_type: str = ""


class _RootFs(msgspec.Struct):
    diff_ids: list[str] = []


class Config(msgspec.Struct, kw_only=True):
    """An image's configuration, as far as it is used."""

    architecture: str = ""
    os: str = ""
    created: str | None = None
    rootfs: _RootFs = msgspec.field(default_factory=_RootFs)


class SavedImage(msgspec.Struct, kw_only=True, rename="pascal"):
    """One element of `manifest.json`."""

    config: str
    repo_tags: list[str] | None = None
    layers: list[str] | None = None


_MANIFEST: Final = msgspec.json.Decoder(Manifest)
_CONFIG: Final = msgspec.json.Decoder(Config)
_SAVED: Final = msgspec.json.Decoder(list[SavedImage])


def parse_manifest(data: bytes) -> Manifest | None:
    """An index or manifest; None when it is neither."""
    try:
        manifest = _MANIFEST.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    if manifest.manifests is None and (manifest.config is None or manifest.layers is None):
        return None
    return manifest


def parse_config(data: bytes) -> Config | None:
    """A configuration; None when it is none."""
    try:
        return _CONFIG.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def parse_saved(data: bytes) -> list[SavedImage] | None:
    """`manifest.json` of `docker save`; None when it is none."""
    try:
        return _SAVED.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def is_image_config(descriptor: Descriptor) -> bool:
    """Whether a manifest's config is that of an image, not of a chart, a signature or an attestation."""
    return descriptor.media_type in {
        "",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }


def family_of(name: str) -> str:
    """An image's name without tag and digest: `registry.example:5000/team/app:1.2` → `…/team/app`."""
    name = plain(name).partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def blob_path(digest: str) -> str:
    """Where an OCI layout keeps a blob."""
    return "blobs/" + digest.replace(":", "/", 1)
