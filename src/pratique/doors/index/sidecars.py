"""Sidecars of files: core metadata (PEP 658) and provenance (PEP 740), kept beside the blobs.

Metadata that upstream does not offer is read out of the wheel, so that resolvers need not
download it. Such metadata serves resolving only: what is installed is the wheel, whose hash is
checked before its last byte is let go.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pratique.doors.index.locate import Located
from pratique.edge.flights import Flights, SingleFlight
from pratique.edge.wheel_metadata import metadata_from_wheel
from pratique.errors import IntegrityError, UnavailableError
from pratique.index.cook import Metadata
from pratique.index.model import PageFile
from pratique.index.ports import BlobStore, Upstream
from pratique.values.digests import Sha256

log = logging.getLogger(__name__)

_MAX_METADATA_BYTES = 8 * 1024 * 1024
_MAX_PROVENANCE_BYTES = 4 * 1024 * 1024

Kind = Literal["metadata", "provenance"]


class Sidecars:
    """Gives sidecar bytes; keeps each by the sha256 of the file it belongs to."""

    def __init__(
        self,
        folder: Path,
        *,
        blobs: BlobStore,
        downloads: Flights,
        upstreams: Mapping[str, Upstream],
    ) -> None:
        self._folder = folder
        self._blobs = blobs
        self._downloads = downloads
        self._upstreams = upstreams
        self._flights: SingleFlight[tuple[str, str], bytes | None] = SingleFlight()
        self._unreadable: set[Sha256] = set()

    def metadata_kind(self, file: PageFile) -> Metadata:
        """What a page may say of a file's core metadata."""
        if file.sha256 is None:
            return Metadata.NONE  # sidecars are kept by the hash of their file
        if file.core_metadata:
            return Metadata.UPSTREAM
        if file.filename.endswith(".whl") and file.sha256 not in self._unreadable:
            return Metadata.MADE
        return Metadata.NONE

    async def metadata(self, located: Located) -> bytes | None:
        """Core metadata of a file; None when there is none to be had.

        Raises: UnavailableError (upstream), IntegrityError (hash differs from the page's).
        """
        file = located.file
        if not file.core_metadata and not file.filename.endswith(".whl"):
            return None
        return await self._kept(located, "metadata")

    async def provenance(self, located: Located) -> bytes | None:
        """Provenance object of a file; None when upstream has none. Raises: as `metadata`."""
        if not located.file.provenance_url:
            return None
        return await self._kept(located, "provenance")

    async def _kept(self, located: Located, kind: Kind) -> bytes | None:
        digest = located.file.sha256
        if digest is None:
            return None
        path = self._folder / digest[:2] / f"{digest}.{kind}"
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        return await self._flights.do((digest, kind), lambda: self._get(located, kind, path))

    async def _get(self, located: Located, kind: Kind, path: Path) -> bytes | None:
        upstream = self._upstreams[located.described.upstream]
        file = located.file
        if kind == "provenance":
            content = await _download(upstream, file.provenance_url, _MAX_PROVENANCE_BYTES)
        elif file.core_metadata:
            content = await _download(upstream, file.url + ".metadata", _MAX_METADATA_BYTES)
            _check(content, file)
        else:
            made = await self._made(upstream, file)
            if made is None:
                return None
            content = made
        try:
            await asyncio.to_thread(_write, path, content)
        except OSError as error:  # a full disk costs the next client a request, not this one
            log.warning("cannot keep a sidecar", extra={"error": error.strerror})
        return content

    async def _made(self, upstream: Upstream, file: PageFile) -> bytes | None:
        """Metadata read out of the wheel: the stored one, by ranges, or else all of it."""
        blob = self._blobs.path(file.sha256) if file.sha256 else None
        if blob is None:
            content = await upstream.fetch_wheel_metadata(file.url, size=file.size)
            if content is not None:
                return content
            blob = await self._fetch(upstream, file)
        content = await asyncio.to_thread(metadata_from_wheel, blob, filename=file.filename)
        if content is None and file.sha256 is not None:
            self._unreadable.add(file.sha256)
        return content

    async def _fetch(self, upstream: Upstream, file: PageFile) -> Path:
        """Store the wheel of an upstream without ranges; whoever resolves will soon ask for it."""
        flight = self._downloads.join(
            file_key(upstream, file),
            lambda: upstream.open_file(file.url),
            expected_sha256=file.sha256,
            expected_size=file.size,
        )
        path = self._blobs.path(await flight.wait())
        if path is None:
            raise UnavailableError(f"{file.filename} was removed a moment ago", remedy="ask again")
        return path


def file_key(upstream: Upstream, file: PageFile) -> tuple[str, str]:
    """Under which key a file is downloaded, so that everybody joins the same download."""
    return (upstream.name, file.url)


async def _download(upstream: Upstream, url: str, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    async with upstream.open_file(url, max_bytes=max_bytes) as stream:
        async for chunk in stream.chunks():
            parts.append(chunk)  # noqa: PERF401 - an async comprehension would hide the await
    return b"".join(parts)


def _check(content: bytes, file: PageFile) -> None:
    expected = file.core_metadata_sha256
    got = hashlib.sha256(content).hexdigest()
    if expected is not None and got != expected:
        raise IntegrityError(
            f"metadata of {file.filename} is not what its page says",
            expected=f"sha256 {expected}, got {got}",
        )


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
