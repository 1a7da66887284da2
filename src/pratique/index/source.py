"""Writing a page back as its upstream said it, for keeping."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from pratique.index.model import PageFile, ProjectPage

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


def render_source(page: ProjectPage) -> bytes:
    """Write a page as upstream published it, all links absolute, for a store of pages.

    Shape: `parse_json_page` reads it back as the same page, wherever it is read from; only the
    defects, whose files are not kept, and the status objects of unknown statuses differ.
    """
    meta: dict[str, Any] = {**page.meta_extra, "api-version": page.api_version}
    if page.last_serial is not None:
        meta["_last-serial"] = page.last_serial
    return msgspec.json.encode(
        {
            **page.extra,
            "meta": meta,
            "name": page.project,
            "versions": page.versions,
            "files": [Raw(render_file_source(file)) for file in page.files],
        }
    )


def render_file_source(file: PageFile) -> bytes:
    """Write one file's object as upstream published it, its links absolute."""
    keys: dict[str, Any] = dict(_decode_object(file.raw))
    keys["url"] = file.url
    if "provenance" in keys:
        keys["provenance"] = file.provenance_url or None
    return msgspec.json.encode(keys)
