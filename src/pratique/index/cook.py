"""Project pages for clients, in JSON and in HTML, from one list of offers.

Both renderers are deterministic: the same page and offers give the same bytes, whose hash is the
ETag. JSON files are edited, not rebuilt: each file's object is taken apart into its keys with
undecoded values, a handful of values is exchanged, and the rest is put back byte for byte.
Compressing is the caller's choice (`compress`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Any, TypeAlias

import msgspec
from isal import igzip
from msgspec import Raw

from pratique.index.model import ProjectPage
from pratique.index.offers import (
    Metadata,
    Offer,
    listed,
    offered_api_version,
    private_note,
    versions_listed,
    yank_note,
)
from pratique.policy.model import Outcome
from pratique.values.digests import Sha256
from pratique.values.names import ProjectStatus

__all__ = ["Metadata", "Offer", "compress", "render_html", "render_json"]

PACKAGES = "../../packages/"
"""From `/{index}/simple/{project}/` to `/{index}/packages/`."""

_SIDECAR_KEYS = ("core-metadata", "dist-info-metadata", "data-dist-info-metadata")
"""PEP 714's name, PEP 658's name, and the misspelling that indexes kept for old clients."""

_SHORTEST_HASHES = len('{"sha256":""}') + 64
_decode_any = msgspec.json.Decoder().decode
_decode_object: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────


def render_json(
    page: ProjectPage, offers: Sequence[Offer], *, provenance_base: str = PACKAGES
) -> bytes:
    """Render a project page in JSON.

    `provenance_base` is the URL of `/{index}/packages/`; PEP 740 wants it absolute, so a door that
    knows its public address passes that.
    Source: PEP 691, 700, 708, 714, 740, 792; docs/reference/simple-api.md.
    """
    shown = listed(offers)
    kept: _KeptSpans = page.__dict__.setdefault("_offered_spans", {})
    files = b",".join([_span(offer, provenance_base, kept) for offer in shown])
    meta: dict[str, Any] = {**page.meta_extra, "api-version": offered_api_version(page)}
    if page.last_serial is not None:
        meta["_last-serial"] = page.last_serial
    return _encode(
        {
            **_status_key(page),
            **page.extra,
            "meta": meta,
            "name": page.project,
            "versions": versions_listed(page, shown),
            "files": Raw(b"[%b]" % files),
        }
    )


_KeptSpans: TypeAlias = dict[str, tuple[Offer, str, bytes]]


def _span(offer: Offer, provenance_base: str, kept_spans: _KeptSpans) -> bytes:
    """A file's object as it is offered.

    It is kept beside its page: when a policy or verdict changes, thousands of files are offered as
    before. It is used again only for the very same offer, or the same file on the same open terms.
    """
    kept = kept_spans.get(offer.file.filename)
    if (
        kept is not None
        and kept[1] == provenance_base
        and (kept[0] is offer or _as_before(offer, kept[0]))
    ):
        return kept[2]
    keys = _decode_object(offer.file.raw)
    _edit(keys, offer, provenance_base)
    span = _encode(keys)
    kept_spans[offer.file.filename] = (offer, provenance_base, span)
    return span


def _as_before(offer: Offer, kept: Offer) -> bool:
    """Whether both offer the very same file openly, with the same metadata."""
    return (
        offer.file is kept.file
        and all(
            one.decision.outcome is Outcome.ALLOW and one.decision.audited is None
            for one in (offer, kept)
        )
        and offer.metadata is kept.metadata
        and offer.metadata_sha256 == kept.metadata_sha256
    )


def _edit(keys: dict[str, Any], offer: Offer, provenance_base: str) -> None:
    """Exchange in a file's object what the door says differently from upstream."""
    file = offer.file
    path = file.door_path
    keys["url"] = PACKAGES + path
    if file.provenance_url:
        keys["provenance"] = f"{provenance_base}{path}.provenance"
    elif "provenance" in keys:
        keys["provenance"] = None
    if not file.core_metadata or offer.metadata is not Metadata.UPSTREAM:
        _edit_sidecar(keys, offer)
    if file.sha256 is not None:
        hashes = keys.get("hashes")
        if hashes is None or len(bytes(hashes)) < _SHORTEST_HASHES:
            keys["hashes"] = _hashes(hashes, file.sha256)
    # Another installation's word, or somebody posing as this one.
    keys.pop("_pratique", None)
    decision = offer.decision
    if decision.outcome is not Outcome.ALLOW:
        keys["yanked"] = yank_note(offer)
        keys["_pratique"] = private_note(offer)
    elif decision.audited is not None:
        keys["_pratique"] = private_note(offer)


def _edit_sidecar(keys: dict[str, Any], offer: Offer) -> None:
    for key in _SIDECAR_KEYS:
        keys.pop(key, None)
    if offer.metadata is Metadata.MADE:
        digest = offer.metadata_sha256
        keys["core-metadata"] = {"sha256": digest} if digest is not None else True


def _hashes(published: Raw | None, sha256: Sha256) -> dict[str, Any]:
    """Upstream's hashes, which hold no SHA-256, with the one that was pinned here."""
    told = {} if published is None else _decode_any(published)
    return {**(told if isinstance(told, dict) else {}), "sha256": sha256}


def _status_key(page: ProjectPage) -> dict[str, Any]:
    """PEP 792 for pages that were not parsed from one; a parsed page's own key replaces this."""
    if page.status is ProjectStatus.ACTIVE:
        return {}
    said = {"status": page.status, "reason": page.status_reason}
    return {"project-status": {key: value for key, value in said.items() if value}}


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────


def render_html(
    page: ProjectPage, offers: Sequence[Offer], *, provenance_base: str = PACKAGES
) -> bytes:
    """Render a project page in HTML, for `text/html` and for `v1+html` alike.

    Source: PEP 503, 592, 629, 658, 708, 714, 740, 792; docs/reference/simple-api.md.
    """
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        '<meta charset="utf-8">',
        *(
            f'<meta name="pypi:{escape(name)}" content="{escape(content)}">'
            for name, content in _meta_tags(page)
        ),
        f"<title>Links for {escape(page.project)}</title>",
        "</head>",
        "<body>",
        f"<h1>Links for {escape(page.project)}</h1>",
        *(_anchor(offer, provenance_base) for offer in listed(offers)),
        "</body>",
        "</html>",
    ]
    if page.last_serial is not None:
        lines.append(f"<!--SERIAL {page.last_serial}-->")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _meta_tags(page: ProjectPage) -> Iterator[tuple[str, str]]:
    yield "repository-version", offered_api_version(page)
    if page.status is not ProjectStatus.ACTIVE or page.status_reason:
        yield "project-status", page.status.value
    if page.status_reason:
        yield "project-status-reason", page.status_reason
    for location in _strings(page.extra.get("alternate-locations")):
        yield "alternate-locations", location
    for tracked in _strings(page.meta_extra.get("tracks")):
        yield "tracks", tracked


def _strings(raw: Raw | None) -> Iterable[str]:
    if raw is None:
        return ()
    try:
        return msgspec.json.decode(raw, type=list[str])
    except msgspec.DecodeError:
        return ()


def _anchor(offer: Offer, provenance_base: str) -> str:
    file = offer.file
    attributes = [("href", PACKAGES + file.door_path + _fragment(offer))]
    if file.requires_python:
        attributes.append(("data-requires-python", file.requires_python))
    if offer.decision.outcome is not Outcome.ALLOW:
        attributes.append(("data-yanked", yank_note(offer)))
    elif file.yanked:
        attributes.append(("data-yanked", file.yanked_reason))
    digest = (
        file.core_metadata_sha256 if offer.sidecar is Metadata.UPSTREAM else offer.metadata_sha256
    )
    if offer.sidecar is not Metadata.NONE:
        said = f"sha256={digest}" if digest is not None else "true"
        attributes += [("data-core-metadata", said), ("data-dist-info-metadata", said)]
    if file.provenance_url:
        where = f"{provenance_base}{file.door_path}.provenance"
        attributes.append(("data-provenance", where))
    if b"gpg-sig" in file.raw:
        signed = _decode_any(file.raw).get("gpg-sig")
        if isinstance(signed, bool):
            attributes.append(("data-gpg-sig", "true" if signed else "false"))
    told = " ".join(f'{name}="{escape(value)}"' for name, value in attributes)
    return f"<a {told}>{escape(file.filename)}</a><br>"


def _fragment(offer: Offer) -> str:
    """`#sha256=…`, or the first hash in alphabetical order of a file that has no SHA-256."""
    if offer.file.sha256 is not None:
        return f"#sha256={offer.file.sha256}"
    hashes = _decode_any(offer.file.raw).get("hashes")
    if isinstance(hashes, dict):
        for name, value in sorted(hashes.items()):
            if name != "sha256" and name.isalnum() and isinstance(value, str) and value.isalnum():
                return f"#{name}={value}"
    return ""


# ── bytes on the wire ────────────────────────────────────────────────────────────────────────


def compress(body: bytes) -> bytes:
    """Gzip, deterministically (no time stamp): as small as zlib's best at a twentieth of the cost."""
    packed: bytes = igzip.compress(body, compresslevel=1, mtime=0)
    return packed
