"""Small image archives, made by hand: layers, OCI layouts, `docker save`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MODIFIED = 1_774_348_800
"""2026-03-24T10:40:00Z, when every file of every layer was written."""


def layer(files: Mapping[str, bytes | tuple[bytes, str] | None]) -> bytes:
    """A tar: content per path; None for a folder; (kind, target) for a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.mtime = MODIFIED
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, tuple):
                info.type, info.linkname = content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def dist(
    name: str, version: str, site: str = "usr/lib/python3.11/site-packages"
) -> dict[str, bytes]:
    """The files of an installed distribution, as a layer has them."""
    folder = f"{site}/{name}-{version}.dist-info"
    return {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{folder}/INSTALLER": b"pip\n",
        f"{folder}/RECORD": f"{name}/__init__.py,,\n{name}_init.pth,,\n".encode(),
    }


def without(
    name: str, version: str, site: str = "usr/lib/python3.11/site-packages"
) -> dict[str, bytes]:
    """What a layer holds that removed a distribution."""
    return {f"{site}/.wh.{name}-{version}.dist-info": b""}


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class ImageFiles:
    """Files of an OCI layout, by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self._manifests: list[dict[str, object]] = []

    def blob(self, data: bytes) -> dict[str, object]:
        digest = sha256(data)
        self.files[f"blobs/{digest.replace(':', '/')}"] = data
        return {"digest": digest, "size": len(data)}

    def add(
        self, layers: Sequence[bytes], *, name: str = "", packed: bool = True, listed: bool = True
    ) -> str:
        """An image; gives the digest of its manifest."""
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [sha256(one) for one in layers]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    **self.blob(config),
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.oci.image.layer.v1.tar",
                        **self.blob(gzip.compress(one, mtime=0) if packed else one),
                    }
                    for one in layers
                ],
            }
        ).encode()
        described = self.blob(manifest)
        if name:
            described["annotations"] = {"io.containerd.image.name": name}
        if listed:
            self._manifests.append(described)
        return str(described["digest"])

    def add_index(self, digests: Sequence[str], *, name: str = "") -> None:
        """An index of several images (one per platform) within the index."""
        inner = json.dumps({"manifests": [{"digest": one, "size": 1} for one in digests]}).encode()
        described = self.blob(inner)
        described["annotations"] = {"io.containerd.image.name": name}
        self._manifests.append(described)

    def complete(self) -> dict[str, bytes]:
        """All files, the index too."""
        index = json.dumps({"schemaVersion": 2, "manifests": self._manifests}).encode()
        return {**self.files, "index.json": index}

    def write_folder(self, folder: Path) -> Path:
        for path, data in self.complete().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    def write_tar(self, path: Path) -> Path:
        path.write_bytes(layer(dict(sorted(self.complete().items()))))
        return path


def saved(layers: Sequence[bytes], *, tag: str) -> bytes:
    """What `docker save` wrote before it wrote OCI layouts too."""
    config = json.dumps({"rootfs": {"diff_ids": [sha256(one) for one in layers]}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    folders = [hashlib.sha256(one + b"id").hexdigest() for one in layers]
    manifest = [
        {"Config": name, "RepoTags": [tag], "Layers": [f"{one}/layer.tar" for one in folders]}
    ]
    files: dict[str, bytes] = {
        f"{folder}/layer.tar": one for folder, one in zip(folders, layers, strict=True)
    }
    return layer({**files, name: config, "manifest.json": json.dumps(manifest).encode()})
