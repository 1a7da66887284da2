"""A project's page as an upstream published it, every key kept.

Reading order of the standards: PEP 503 (HTML), 592 (yank), 629 (versioning), 658 and 714
(metadata), 691 (JSON), 700 (size, upload-time, versions), 708 (alternate locations, tracks),
740 (provenance), 792 (project status).
"""

from __future__ import annotations

import msgspec

from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName, ProjectStatus


class PageFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One file on a project page; plain values only, so the garbage collector need not visit it."""

    filename: str
    url: str
    """Absolute URL at the upstream, without fragment."""
    sha256: Sha256 | None
    size: int | None
    """Bytes (PEP 700)."""
    uploaded_at: Instant | None
    """PEP 700 `upload-time`; None when absent or not an instant. Never invented."""
    requires_python: str
    yanked: bool
    yanked_reason: str
    core_metadata: bool
    """Whether upstream offers `<url>.metadata` (PEP 658, either spelling of PEP 714)."""
    core_metadata_sha256: Sha256 | None
    provenance_url: str
    """Absolute URL of the provenance object (PEP 740); empty when there is none."""
    raw: bytes
    """The file's JSON object exactly as published (or as converted from HTML): unknown keys live here."""

    @property
    def door_path(self) -> str:
        """Path of the file below `/{index}/packages/`: the upstream's own path, still quoted.

        A leading `packages/` is not said twice, so that lock files can be rewritten by exchanging
        only the front of a URL. Source: docs/reference/simple-api.md, "Paths".
        """
        # The parsers let only absolute URLs in, so the path begins after the third slash.
        path = self.url.split("/", 3)[3].partition("?")[0]
        return path.lstrip("/").removeprefix("packages/")


class ProjectPage(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One project page as published by one upstream.

    Renderers keep what they made of its files beside it (`cook`); it goes when the page goes.
    """

    project: ProjectName
    url: str
    """Absolute URL that the page was read from; relative file URLs were resolved against it."""
    api_version: str
    last_serial: int | None
    """`meta._last-serial` or the `X-PyPI-Last-Serial` header; None when the upstream has none."""
    status: ProjectStatus
    status_reason: str
    versions: tuple[str, ...]
    """PEP 700 `versions` as published; empty when the upstream has none."""
    files: tuple[PageFile, ...]
    extra: dict[str, msgspec.Raw]
    """Top-level keys that the model does not know, copied through untouched."""
    meta_extra: dict[str, msgspec.Raw] = {}
    """Keys of `meta` that the model does not know (`tracks` and later ones), copied through."""
    offers_provenance: bool = False
    """Whether the upstream speaks of provenance at all on this page."""
    defects: tuple[str, ...] = ()
    """Files left out and why (unusable name, no URL …), for the log and the status page."""
