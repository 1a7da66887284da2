"""Papers: a certifier's certificate, and what a party acknowledges by name.

A certificate is a small statement in TOML or JSON, or any file with issuer and end given beside it
(a PDF is kept and never opened). Whatever signs it, it stays a claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import tomli

from pratique.parties.evidence.documents import decode_object
from pratique.parties.evidence.model import (
    MAX_SUBJECTS,
    Given,
    Reading,
    UnreadablePieceError,
    claim,
    earliest,
    line,
    mapping,
    moment,
)
from pratique.parties.model import EvidenceKind

_MAX_STATEMENT: Final = 1 << 20
_PDF: Final = b"%PDF-"
ACKNOWLEDGES: Final = "acknowledges"
CERTIFICATE: Final = "certificate"


def is_pdf(data: bytes) -> bool:
    """Whether a file begins as a PDF does."""
    return data[:1024].lstrip().startswith(_PDF)


def read_statement_file(data: bytes) -> dict[str, Any]:
    """A small statement in JSON or TOML. Raises: UnreadablePieceError."""
    if len(data) > _MAX_STATEMENT:
        raise UnreadablePieceError("it is too large for a statement")
    if data.lstrip()[:1] == b"{":
        return decode_object(data)
    try:
        return tomli.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadablePieceError(f"it is neither TOML nor JSON: {str(error)[:160]}") from None


def read_certificate(data: bytes, found: Mapping[str, Any] | None, given: Given) -> Reading:
    """Read a certificate; `found` is its statement, None for a file that is only kept."""
    told = mapping(found.get(CERTIFICATE)) if found is not None else {}
    issuer = line(told.get("issuer")) or given.issuer
    standard = line(told.get("standard")) or given.product or line(given.filename)
    expires = earliest(given.expires_at, moment(told.get("expires")))
    faults = []
    if not issuer:
        faults.append("it does not say who issued it; say --issuer")
    if expires is None:
        faults.append("it does not say until when it holds; say --expires")
    details = [f"by {issuer}" if issuer else "", line(told.get("scope"), 300)]
    number = line(told.get("number"))
    details.append(f"number {number}" if number else "")
    media_type = "application/pdf" if is_pdf(data) else "application/octet-stream"
    return Reading(
        kind=EvidenceKind.CERTIFICATE,
        media_type="application/toml" if found is not None else media_type,
        subjects=(standard,) if standard else (),
        made_at=moment(told.get("issued")) or given.made_at,
        expires_at=expires,
        claims=(claim(f"certificate:{standard}", "yes", "; ".join(one for one in details if one)),),
        faults=tuple(faults),
    )


def read_acknowledgement(found: Mapping[str, Any], given: Given) -> Reading:
    """Read what a party acknowledges: names of sub-processors, of deletions. Raises: UnreadablePieceError."""
    listed = found.get(ACKNOWLEDGES)
    names = [line(one, 200) for one in listed] if isinstance(listed, list) else []
    subjects = tuple(one for one in names if one)[:MAX_SUBJECTS]
    if not subjects:
        raise UnreadablePieceError(f"`{ACKNOWLEDGES}` is no list of names")
    return Reading(
        kind=EvidenceKind.ACKNOWLEDGEMENT,
        media_type="application/json",
        subjects=subjects,
        made_at=moment(found.get("made_at")) or given.made_at,
        claims=tuple(claim(f"{ACKNOWLEDGES}:{one}", "yes") for one in subjects),
    )
