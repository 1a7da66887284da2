"""The JSON form of a page that an upstream gave as HTML, for the page store.

Only what the HTML said: `parse_json_page` of the result gives the same page.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pratique.index.model import ProjectPage
from pratique.values.names import ProjectStatus


def render_stored_page(page: ProjectPage) -> bytes:
    """Write a page as PEP 691 JSON, each file's own object untouched."""
    meta: dict[str, Any] = {**page.meta_extra, "api-version": page.api_version or "1.0"}
    if page.last_serial is not None:
        meta["_last-serial"] = page.last_serial
    body: dict[str, Any] = {
        **page.extra,
        "meta": meta,
        "name": page.project,
        "files": [msgspec.Raw(file.raw) for file in page.files],
    }
    if page.versions:
        body["versions"] = page.versions
    if page.status is not ProjectStatus.ACTIVE or page.status_reason:
        body["project-status"] = {"status": page.status.value, "reason": page.status_reason}
    return msgspec.json.encode(body)
