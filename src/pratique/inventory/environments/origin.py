"""direct_url.json and provenance_url.json: from where a distribution came.

Source: PEP 610 and "Direct URL data structure"; PEP 710 (draft) for provenance_url.json.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import (
    best_digest,
    last_segment,
    plain,
    read_digest,
    without_secrets,
)

MAX_ORIGIN_BYTES: Final = 1 << 16


class Origin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """From where, as far as written."""

    digest: str = ""
    """Of the archive, or `sha1:COMMIT` of a checkout."""
    filename: str = ""
    note: str = ""


class _Document(msgspec.Struct):
    url: str
    archive_info: dict[str, Any] | None = None
    vcs_info: dict[str, Any] | None = None
    dir_info: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Document)


def parse_origin(data: bytes) -> Origin | None:
    """Read either file; None when it is not what its specification says."""
    try:
        document = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    shown = without_secrets(document.url)
    if document.vcs_info is not None:
        commit = document.vcs_info.get("commit_id")
        digest = read_digest("sha1", commit) or read_digest("sha256", commit)
        asked = document.vcs_info.get("requested_revision")
        revision = f" at {plain(asked)}" if isinstance(asked, str) else ""
        return Origin(digest=digest, note=f"from {shown}{revision}")
    if document.archive_info is not None:
        return Origin(
            digest=_archive_digest(document.archive_info),
            filename=last_segment(document.url),
            note=f"from {shown}",
        )
    editable = bool((document.dir_info or {}).get("editable"))
    return Origin(note=f"{'editable, ' if editable else ''}from {shown}")


def _archive_digest(info: dict[str, Any]) -> str:
    hashes = info.get("hashes")
    digest = best_digest(hashes) if isinstance(hashes, dict) else ""
    old = info.get("hash")
    if digest or not isinstance(old, str):
        return digest
    algorithm, _, digits = old.partition("=")
    return read_digest(algorithm, digits)
