"""in-toto statements: what is said of which artifacts. Their predicates are read as far as known.

Source: github.com/in-toto/attestation, spec/v1; slsa.dev/spec/v1.1 (provenance, VSA).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pratique.parties.evidence.bills import read_bill
from pratique.parties.evidence.model import (
    MAX_SUBJECTS,
    Given,
    Reading,
    UnreadablePieceError,
    claim,
    line,
    mapping,
    moment,
    rows,
)
from pratique.parties.model import Claim, EvidenceKind

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_TYPES: Final = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_BILLS: Final = (
    "https://cyclonedx.org/bom",
    "https://spdx.dev/document",
    "https://spdx.dev/Document",
)
_SUMMARY: Final = "https://slsa.dev/verification_summary/v"
_PROVENANCE: Final = "https://slsa.dev/provenance/v"
_TEST: Final = "https://in-toto.io/attestation/test-result/v"


def read_statement(found: Mapping[str, Any], given: Given) -> Reading:
    """Read a statement. Raises: UnreadablePieceError."""
    if found.get("_type") not in _TYPES:
        raise UnreadablePieceError("it is no in-toto statement of version 0.1 or 1")
    kind = found.get("predicateType")
    if not isinstance(kind, str) or not kind:
        raise UnreadablePieceError("the statement has no predicateType")
    subjects = tuple(
        line(one.get("name")) or _digest_of(one)
        for one in rows(found.get("subject"))[:MAX_SUBJECTS]
    )
    if not any(subjects):
        raise UnreadablePieceError("the statement is about nothing: it has no subject")
    predicate = mapping(found.get("predicate"))
    if kind.startswith(_BILLS):
        bill = read_bill(msgspec.json.encode(predicate), given, named=subjects)
        return msgspec.structs.replace(bill, media_type=PAYLOAD_TYPE)
    return Reading(
        kind=EvidenceKind.ATTESTATION,
        media_type=PAYLOAD_TYPE,
        subjects=tuple(one for one in subjects if one),
        made_at=_made(predicate),
        expires_at=moment(predicate.get("expires")),
        claims=_claims(kind, predicate),
    )


def _digest_of(subject: Mapping[str, Any]) -> str:
    for algorithm, digits in mapping(subject.get("digest")).items():
        return line(f"{algorithm}:{digits}")
    return ""


def _made(predicate: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instant or None
    metadata = mapping(mapping(predicate.get("runDetails")).get("metadata"))
    for told in (
        predicate.get("timeVerified"),
        metadata.get("finishedOn"),
        metadata.get("startedOn"),
        predicate.get("made_at"),
        predicate.get("timestamp"),
    ):
        if (at := moment(told)) is not None:
            return at
    return None


def _claims(kind: str, predicate: Mapping[str, Any]) -> tuple[Claim, ...]:
    found = [claim("predicate", kind)]
    if kind.startswith(_SUMMARY):
        passed = predicate.get("verificationResult") == "PASSED"
        levels = predicate.get("verifiedLevels")
        told = ", ".join(line(one) for one in levels[:10]) if isinstance(levels, list) else ""
        found.append(claim("slsa-verified", "yes" if passed else "no", told))
    elif kind.startswith(_PROVENANCE):
        builder = mapping(mapping(predicate.get("runDetails")).get("builder")).get("id")
        found.append(claim("slsa-builder", line(builder) or "not said"))
    elif kind.startswith(_TEST):
        passed = predicate.get("result") == "PASSED"
        found.append(claim("tests-passed", "yes" if passed else "no"))
    found += [
        claim(line(one.get("topic")), line(one.get("answer")), line(one.get("detail"), 400))
        for one in rows(predicate.get("claims"))
        if line(one.get("topic"))
    ]
    return tuple(found)
