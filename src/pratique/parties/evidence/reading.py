"""One piece of evidence, whatever it is: told apart, opened, verified, read, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from pratique.inventory.sboms import SbomDocument
from pratique.parties.assets import product_asset
from pratique.parties.evidence.assessments import KEY, read_assessment
from pratique.parties.evidence.bills import read_bill
from pratique.parties.evidence.declarations import is_declaration, read_declarations
from pratique.parties.evidence.documents import decode_object
from pratique.parties.evidence.envelopes import check_envelope, is_envelope, parse_envelope
from pratique.parties.evidence.model import (
    MAX_CLAIMS,
    MAX_EVIDENCE_BYTES,
    Given,
    Reading,
    UnreadablePieceError,
    earliest,
    line,
    sentences,
)
from pratique.parties.evidence.papers import (
    ACKNOWLEDGES,
    CERTIFICATE,
    is_pdf,
    read_acknowledgement,
    read_certificate,
    read_statement_file,
)
from pratique.parties.evidence.questionnaires import is_questionnaire, read_questionnaire
from pratique.parties.evidence.statements import read_statement
from pratique.parties.evidence.witnessed import is_bundle, read_bundle
from pratique.parties.model import Evidence, EvidenceKind, Signature
from pratique.values.instants import render_instant

_AHEAD: Final = timedelta(minutes=10)
"""How far whoever makes a piece may have its clock ahead."""
_WRAPPINGS: Final = (EvidenceKind.ATTESTATION, EvidenceKind.SIGSTORE)
_NOTHING_KNOWN: Final = (
    "it is nothing that is known: CycloneDX, SPDX, DSSE, in-toto, Sigstore, OSCAL assessment"
    " results, answers, a certificate or an acknowledgement; who gives it may say what it is"
)
_OCTETS: Final = "application/octet-stream"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece as it is recorded, and the SBOM that becomes a look where it may."""

    evidence: Evidence
    sbom: SbomDocument | None = None
    """Only of an SBOM without faults."""
    product: str = ""


def read_evidence(data: bytes, given: Given) -> Piece:
    """Read a piece. Never raises: what is wrong with it stands in its faults."""
    digest = hashlib.sha256(data).hexdigest()
    if len(data) > MAX_EVIDENCE_BYTES:
        return oversized_piece(digest, len(data), given)
    try:
        reading = _read(data, given)
    except UnreadablePieceError as error:
        reading = _unread(given, str(error))
    return _piece(digest, len(data), _checked(reading, given), given)


def oversized_piece(sha256: str, size: int, given: Given) -> Piece:
    """The record of a piece that is too large to be read or kept."""
    why = f"it has more than {MAX_EVIDENCE_BYTES >> 20} MiB: it was neither read nor kept"
    return _piece(sha256, size, _checked(_unread(given, why), given), given)


# ── what it is ───────────────────────────────────────────────────────────────────────────────


def _read(data: bytes, given: Given) -> Reading:
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise UnreadablePieceError("it is empty")
    if is_pdf(data) or given.kind is EvidenceKind.CERTIFICATE:
        return _certificate(data, given)
    if start.startswith((b"<", b"SPDXVersion:")) or b"\nSPDXVersion:" in data[:4096]:
        return read_bill(data, given)
    if start.startswith(b"[") and b'"' in start[:200] and _is_list(start):
        return read_questionnaire(data, given)
    if not start.startswith(b"{"):
        return _plain(data, given)
    return _object(data, decode_object(data), given)


def _is_list(start: bytes) -> bool:
    """Whether it is a JSON list, and no table of TOML."""
    return start[1:].lstrip()[:1] == b"{"


def _certificate(data: bytes, given: Given) -> Reading:
    if is_pdf(data):
        return read_certificate(data, None, given)
    try:
        found = read_statement_file(data)
    except UnreadablePieceError:
        return read_certificate(data, None, given)
    if is_envelope(found):
        return _opened(found, given)
    return read_certificate(data, found, given)


def _plain(data: bytes, given: Given) -> Reading:
    """A text that is no JSON: TOML of a statement, or the CSV of a questionnaire."""
    if given.kind is EvidenceKind.QUESTIONNAIRE or given.filename.lower().endswith(
        (".csv", ".tsv")
    ):
        return read_questionnaire(data, given)
    try:
        found = read_statement_file(data)
    except UnreadablePieceError:
        if given.filename.lower().endswith(".json"):
            raise UnreadablePieceError("it is called .json, and is no JSON") from None
        try:
            return read_questionnaire(data, given)
        except UnreadablePieceError:
            raise UnreadablePieceError(_NOTHING_KNOWN) from None
    return _object(data, found, given)


def _object(data: bytes, found: Mapping[str, Any], given: Given) -> Reading:
    if is_bundle(found):
        return read_bundle(data, given, inner=_payload)
    if is_envelope(found):
        return _opened(found, given)
    for is_it, read in _FORMS:
        if is_it(found):
            return read(data, found, given)
    raise UnreadablePieceError(_NOTHING_KNOWN)


_FORMS: Final[
    tuple[
        tuple[
            Callable[[Mapping[str, Any]], bool],
            Callable[[bytes, Mapping[str, Any], Given], Reading],
        ],
        ...,
    ]
] = (
    (is_declaration, lambda _data, found, given: read_declarations(found, given)),
    (
        lambda found: bool({"bomFormat", "spdxVersion", "@context"} & found.keys()),
        lambda data, _found, given: read_bill(data, given),
    ),
    (lambda found: "_type" in found, lambda _data, found, given: read_statement(found, given)),
    (lambda found: KEY in found, lambda _data, found, given: read_assessment(found, given)),
    (is_questionnaire, lambda data, _found, given: read_questionnaire(data, given)),
    (lambda found: CERTIFICATE in found, read_certificate),
    (
        lambda found: ACKNOWLEDGES in found,
        lambda _data, found, given: read_acknowledgement(found, given),
    ),
)


# ── what is signed ───────────────────────────────────────────────────────────────────────────


def _opened(found: Mapping[str, Any], given: Given) -> Reading:
    """What is in an envelope, with what was found of its signatures."""
    envelope = parse_envelope(found)
    checked = check_envelope(envelope, given.party, given.everybody)
    try:
        reading = _payload(envelope.payload_type, envelope.payload, given)
    except UnreadablePieceError as error:
        reading = _unread(given, f"what is signed cannot be used: {error}")
    return msgspec.structs.replace(
        reading.faulty(*checked.faults), signature=checked.signature, signer=checked.signer
    )


def _payload(kind: str, payload: bytes, given: Given) -> Reading:
    """What was signed, whatever it is; an envelope in an envelope is nothing."""
    start = payload.lstrip()
    if start.startswith(b"{") and is_envelope(decode_object(payload)):
        raise UnreadablePieceError("an envelope in an envelope")
    inside = replace(given, filename=line(kind))
    return _read(payload, inside)


# ── what is wrong ────────────────────────────────────────────────────────────────────────────


def _checked(reading: Reading, given: Given) -> Reading:
    """What holds for every piece: its kind, its times, whose word it is."""
    faults = []
    wrapped = given.kind in _WRAPPINGS and reading.signature is not Signature.NONE
    if given.kind not in {None, reading.kind} and not wrapped:
        faults.append(f"it was given as {given.kind}, and is {reading.kind}")
    if reading.made_at is not None and reading.made_at > given.now + _AHEAD:
        faults.append(f"it was made in the future, at {render_instant(reading.made_at)}")
    expires = earliest(given.expires_at, reading.expires_at)
    if expires is not None and expires <= given.now:
        faults.append(f"it expired at {render_instant(expires)}")
    if expires is not None and reading.made_at is not None and expires <= reading.made_at:
        faults.append("it expires before it was made")
    signature = reading.signature
    if reading.kind is EvidenceKind.CERTIFICATE and signature is Signature.VALID:
        signature = Signature.NONE  # whoever passes a certifier's paper on does not make it true
    return msgspec.structs.replace(reading.faulty(*faults), expires_at=expires, signature=signature)


def _unread(given: Given, why: str) -> Reading:
    """A piece that cannot be read; it is what whoever gave it says, if they said."""
    kind = given.kind or EvidenceKind.UNKNOWN
    return Reading(kind=kind, media_type=_OCTETS, made_at=given.made_at, faults=(why,))


def _piece(digest: str, size: int, reading: Reading, given: Given) -> Piece:
    faults = sentences(reading.faults)
    becomes_look = reading.kind is EvidenceKind.SBOM and not faults
    asset = product_asset(given.party.name, reading.product) if becomes_look else ""
    evidence = Evidence(
        party=given.party.name,
        kind=reading.kind,
        sha256=digest,
        size=size,
        media_type=reading.media_type,
        filename=line(given.filename, 200),
        subjects=reading.subjects,
        made_at=reading.made_at,
        expires_at=reading.expires_at,
        signature=reading.signature,
        signer=reading.signer,
        claims=reading.claims[:MAX_CLAIMS],
        claims_total=len(reading.claims),
        faults=faults,
        asset=asset,
    )
    return Piece(
        evidence=evidence, sbom=reading.sbom if becomes_look else None, product=reading.product
    )
