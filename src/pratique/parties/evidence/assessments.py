"""OSCAL assessment results: which controls somebody assessed, and found satisfied or not.

Source: pages.nist.gov/OSCAL, assessment results model, JSON, 1.0 and later.
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

KEY: Final = "assessment-results"
_ANSWERS: Final = {"satisfied": "yes", "not-satisfied": "no"}


def read_assessment(found: Mapping[str, Any], given: Given) -> Reading:
    """Read assessment results."""
    body = mapping(found.get(KEY))
    metadata = mapping(body.get("metadata"))
    results = rows(body.get("results"))
    claims = tuple(one for result in results for one in _claims(result))
    expiries = sorted(at for result in results for at in _expiries(result))
    made = moment(metadata.get("last-modified")) or _ended(results)
    faults = []
    if not line(metadata.get("oscal-version")):
        faults.append("its metadata names no oscal-version")
    if not claims:
        faults.append("it finds nothing: no finding has a target with a status")
    if expiries and expiries[0] <= given.now:
        faults.append(f"an observation in it expired at {render_instant(expiries[0])}")
    titles = [line(metadata.get("title")), *(line(one.get("title")) for one in results)]
    return Reading(
        kind=EvidenceKind.OSCAL,
        media_type="application/oscal+json",
        subjects=tuple(dict.fromkeys(one for one in titles if one))[:MAX_SUBJECTS],
        made_at=made or given.made_at,
        expires_at=expiries[0] if expiries else None,
        claims=claims,
        faults=tuple(faults),
    )


def _claims(result: Mapping[str, Any]) -> Iterator[Claim]:
    for finding in rows(result.get("findings")):
        target = mapping(finding.get("target"))
        status = mapping(target.get("status"))
        state, name = line(status.get("state")), line(target.get("target-id"))
        if state and name:
            told = "; ".join(
                one for one in (line(finding.get("title")), line(status.get("reason"))) if one
            )
            yield claim(f"control:{name}", _ANSWERS.get(state, state), told)


def _expiries(result: Mapping[str, Any]) -> Iterator[Instant]:
    for one in rows(result.get("observations")):
        if (at := moment(one.get("expires"))) is not None:
            yield at


def _ended(results: list[dict[str, Any]]) -> Instant | None:
    told = [moment(one.get("end")) or moment(one.get("start")) for one in results]
    return max((at for at in told if at is not None), default=None)
