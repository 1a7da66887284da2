"""CycloneDX Attestations: requirements of standards, claims, evidence, conformance, confidence.

Source: ECMA-424, `declarations` and `definitions`; cyclonedx.org/docs/1.6/json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pratique.parties.evidence.model import (
    MAX_SUBJECTS,
    Given,
    Reading,
    claim,
    line,
    mapping,
    moment,
    rows,
)
from pratique.parties.model import Claim, EvidenceKind
from pratique.values.instants import Instant, render_instant

_WHOLE: Final = 1.0
_TARGETS: Final = ("organizations", "components", "services")


def is_declaration(found: Mapping[str, Any]) -> bool:
    """Whether a CycloneDX document is about attestations, not about components."""
    return bool(found.get("declarations")) and not found.get("components")


def read_declarations(found: Mapping[str, Any], given: Given) -> Reading:
    """Read a CycloneDX document with declarations."""
    declarations = mapping(found.get("declarations"))
    claims = tuple(_claims(found, declarations))
    expiries = sorted(_expiries(declarations))
    faults = []
    if not claims:
        faults.append("it attests nothing: no attestation maps a requirement")
    if expiries and expiries[0] <= given.now:
        faults.append(f"evidence in it expired at {render_instant(expiries[0])}")
    made = moment(mapping(found.get("metadata")).get("timestamp"))
    return Reading(
        kind=EvidenceKind.CDXA,
        media_type="application/vnd.cyclonedx+json",
        subjects=tuple(_subjects(declarations))[:MAX_SUBJECTS],
        made_at=made or given.made_at,
        expires_at=expiries[0] if expiries else None,
        claims=claims,
        faults=tuple(faults),
    )


def _claims(found: Mapping[str, Any], declarations: Mapping[str, Any]) -> Iterator[Claim]:
    names = _requirements(found)
    predicates = {line(one.get("bom-ref")): one for one in rows(declarations.get("claims"))}
    if found.get("signature") or declarations.get("signature"):
        yield claim("signature", "not checked", "a JSF signature; a DSSE envelope is checked")
    for attestation in rows(declarations.get("attestations")):
        for told in rows(attestation.get("map")):
            ref = line(told.get("requirement"))
            if not ref:
                continue
            yield claim(
                f"control:{names.get(ref, ref)}",
                _answer(told),
                _detail(told, predicates, attestation),
            )


def _requirements(found: Mapping[str, Any]) -> dict[str, str]:
    """Identifiers of requirements by their references."""
    return {
        line(one.get("bom-ref")): line(one.get("identifier")) or line(one.get("bom-ref"))
        for standard in rows(mapping(found.get("definitions")).get("standards"))
        for one in rows(standard.get("requirements"))
    }


def _answer(told: Mapping[str, Any]) -> str:
    """`yes` only where conformance is whole and nothing is held against it."""
    score = mapping(told.get("conformance")).get("score")
    if not isinstance(score, int | float) or isinstance(score, bool):
        return "not said"
    if told.get("counterClaims"):
        return "partly" if score > 0 else "no"
    return "yes" if score >= _WHOLE else "partly" if score > 0 else "no"


def _detail(
    told: Mapping[str, Any], predicates: Mapping[str, Any], attestation: Mapping[str, Any]
) -> str:
    confidence = mapping(told.get("confidence")).get("score")
    parts = [line(attestation.get("summary"))]
    listed = told.get("claims")
    refs = listed[:5] if isinstance(listed, list) else []
    parts += [line(mapping(predicates.get(line(ref))).get("predicate")) for ref in refs]
    if isinstance(confidence, int | float):
        parts.append(f"confidence {confidence:.2f}")
    if told.get("counterClaims"):
        parts.append("there are counter-claims")
    return "; ".join(one for one in parts if one)


def _expiries(declarations: Mapping[str, Any]) -> Iterator[Instant]:
    for one in rows(declarations.get("evidence")):
        if (at := moment(one.get("expires"))) is not None:
            yield at


def _subjects(declarations: Mapping[str, Any]) -> Iterator[str]:
    targets = mapping(declarations.get("targets"))
    for kind in _TARGETS:
        for one in rows(targets.get(kind)):
            name, version = line(one.get("name")), line(one.get("version"))
            if name:
                yield f"{name}@{version}" if version else name
