"""Revisions of advisories as ledger entries, and back. docs/reference/ledger-entries.md has the fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.exposure.advisories.bodies import KIND, AdvisoryBody, parse_advisory_body
from pratique.exposure.advisories.model import Advisory, Overlay
from pratique.exposure.advisories.overlay import combine, parse_overlay, render_overlay
from pratique.exposure.advisories.records import parse_revision
from pratique.ledger.entries import Draft, Entry
from pratique.values.instants import render_instant

RECORD_BYTES: Final = 40_000
"""Longer records are named by their hash only; their bytes are among the evidence."""
_BODY_BYTES: Final = 55_000
"""Entries hold 60,000 bytes."""
_PACKAGES: Final = 400
_ALIASES: Final = 50


class MissingEvidenceError(ValueFormatError):
    """An entry names bytes by their hash that are not among the evidence any more."""


def advisory_draft(advisory: Advisory, record: bytes, *, actor: str) -> Draft:
    """The entry for a revision.

    Order: put `record`, its raw bytes, and the overlay's text among the evidence first.
    """
    revision, overlay = advisory.revision, advisory.overlay
    packages = [f"{type_}/{name}" for type_, name in sorted(advisory.names)]
    body = AdvisoryBody(
        revision=revision.revision,
        source=revision.source,
        modified="" if revision.modified is None else render_instant(revision.modified),
        withdrawn=revision.withdrawn is not None,
        summary=revision.summary[:300],
        aliases=tuple(alias[:128] for alias in revision.aliases[:_ALIASES]),
        packages=tuple(_short(packages)),
        packages_total=len(packages),
        record=record.decode() if len(record) <= RECORD_BYTES else "",
        overlay="" if overlay is None else render_overlay(overlay),
        overlay_sha256="" if overlay is None else overlay.revision,
    )
    for field in ("record", "overlay", "packages"):
        if len(msgspec.json.encode(body)) <= _BODY_BYTES:
            break
        empty: object = () if field == "packages" else ""
        body = msgspec.structs.replace(body, **{field: empty})
    plain: dict[str, Any] = msgspec.to_builtins(body)
    return Draft(kind=KIND, subject=f"advisory:{revision.id}", actor=actor, body=plain)


def _short(packages: list[str]) -> list[str]:
    """Names that an entry has room for."""
    kept, size = [], 0
    for package in packages[:_PACKAGES]:
        size += len(package.encode()) + 3
        if size > RECORD_BYTES // 4:
            break
        kept.append(package)
    return kept


def read_advisory(entry: Entry, evidence: Callable[[str], bytes | None]) -> Advisory:
    """The advisory of an entry.

    `evidence` gives bytes by SHA-256. Raises: MissingEvidenceError; ValueFormatError.
    """
    id_, body = parse_advisory_body(entry)
    record = read_record(entry, evidence)
    revision = parse_revision(record, source=body.source, seen_at=entry.recorded_at)
    overlay: Overlay | None = None
    if body.overlay_sha256:
        text = body.overlay.encode() or _found(body.overlay_sha256, id_, evidence)
        overlay = parse_overlay(text, advisory=id_)
    return combine(msgspec.structs.replace(revision, entry=entry.sequence), overlay)


def read_record(entry: Entry, evidence: Callable[[str], bytes | None]) -> bytes:
    """The raw bytes of an entry's record. Raises: as `read_advisory`."""
    id_, body = parse_advisory_body(entry)
    return body.record.encode() if body.record else _found(body.revision, id_, evidence)


def _found(digest: str, id_: str, evidence: Callable[[str], bytes | None]) -> bytes:
    data = evidence(digest)
    if data is None:
        raise MissingEvidenceError(
            f"the record of {id_} with SHA-256 {digest} is not among the evidence",
            remedy="put a copy of it back: pratique advisory add FILE",
        )
    return data
