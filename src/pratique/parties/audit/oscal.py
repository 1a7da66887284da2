"""Findings and what was seen, as OSCAL assessment results.

Source: NIST OSCAL 1.1.2, assessment results model (JSON). Identifiers are derived from the pack, so that
the same pack gives the same document.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from pratique import __version__
from pratique.parties.audit.model import Audit, Control, Drill
from pratique.parties.audit.words import OSCAL_VERSION
from pratique.parties.model import Finding, FindingState, Received
from pratique.values.instants import Instant, render_instant

NAMESPACE: Final = uuid.UUID("6c1f3a52-5d0b-5a53-9b0e-1d2c7a1f0e64")
_NS: Final = "urn:pratique:oscal"
_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]+")


def render_oscal(audit: Audit) -> bytes:
    """The document, in one spelling."""
    made = _moment(audit.made_at)
    document = {
        "assessment-results": {
            "uuid": _id(audit, "document"),
            "metadata": {
                "title": f"Assessment of {audit.name}",
                "last-modified": made,
                "version": str(audit.size),
                "oscal-version": OSCAL_VERSION,
                "props": [_prop("generator", f"pratique {__version__}")],
            },
            "import-ap": {
                "href": "audit.json",
                "remarks": "No plan in OSCAL: the checks are those named in audit.json.",
            },
            "results": [_result(audit)],
        }
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _result(audit: Audit) -> dict[str, Any]:
    observations = [*_of_drills(audit), *_of_evidence(audit), *_of_findings(audit)]
    risks = [_risk(audit, one) for one in _standing(audit.told.findings)]
    findings = [_finding(audit, one) for one in audit.controls]
    result: dict[str, Any] = {
        "uuid": _id(audit, "result"),
        "title": f"What was seen of {audit.name}",
        "description": "Continuous checks, measured drills and received evidence, from the ledger.",
        "start": _moment(audit.start or _earliest(audit)),
        "end": _moment(audit.end or audit.made_at),
        "reviewed-controls": {"control-selections": [_selection(audit)]},
    }
    # Lists of this model are absent rather than empty.
    lists = {"observations": observations, "risks": risks, "findings": findings}
    return {**result, **{key: value for key, value in lists.items() if value}}


def _selection(audit: Audit) -> dict[str, Any]:
    if not audit.controls:
        return {"include-all": {}}
    return {"include-controls": [{"control-id": _token(one.id)} for one in audit.controls]}


def _earliest(audit: Audit) -> Instant:
    moments = [one.granted_at for one in audit.leases]
    moments += [one.opened_at for one in audit.told.findings]
    moments += [one.at for one in audit.told.evidence]
    return min(moments, default=audit.made_at)


def _of_drills(audit: Audit) -> Iterator[dict[str, Any]]:
    for one in audit.told.drills:
        yield {
            **_observed(audit, f"drill/{one.entry}", one.at, "TEST", _drill_words(one)),
            "title": "Suspension drill",
            "props": [_prop("p99-ms", str(one.p99_ms)), _prop("ledger-entry", str(one.entry))],
        }


def _drill_words(one: Drill) -> str:
    return (
        f"{one.streams} streams under {one.scope} were cut: last byte after {one.p50_ms} ms (median), "
        f"{one.p99_ms} ms (99th percentile), at most {one.bytes_after_max} bytes after the order."
    )


def _of_evidence(audit: Audit) -> Iterator[dict[str, Any]]:
    for one in audit.told.evidence:
        said = one.evidence
        words = f"{said.kind.value} {said.filename or said.sha256[:12]}, signature {said.signature.value}"
        words += "".join(f". {fault}" for fault in said.faults)
        yield {
            **_observed(audit, f"evidence/{one.entry}", one.at, "EXAMINE", words),
            "title": f"Evidence: {said.kind.value}",
            "props": [
                _prop("standing", said.standing.value),
                _prop("sha256", said.sha256),
                _prop("ledger-entry", str(one.entry)),
            ],
            **_expires(one),
        }


def _expires(one: Received) -> dict[str, str]:
    moment = one.evidence.expires_at
    return {} if moment is None else {"expires": _moment(moment)}


def _of_findings(audit: Audit) -> Iterator[dict[str, Any]]:
    for one in audit.told.findings:
        method = "UNKNOWN" if one.found.unknown else "TEST"
        yield {
            **_observed(audit, f"found/{one.id}", one.changed_at, method, one.found.sentence),
            "title": f"{one.found.rule}: {one.state.value}",
            "props": [
                _prop("finding", one.id),
                _prop("severity", one.found.severity.value),
                _prop("state", one.state.value),
            ],
        }


def _observed(audit: Audit, name: str, at: Instant, method: str, words: str) -> dict[str, Any]:
    return {
        "uuid": _id(audit, f"observation/{name}"),
        "description": words or "Nothing was said.",
        "methods": [method],
        "collected": _moment(at),
    }


def _standing(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (one for one in findings if one.state is not FindingState.CLOSED)


def _risk(audit: Audit, one: Finding) -> dict[str, Any]:
    accepted = one.state is FindingState.ACCEPTED
    risk: dict[str, Any] = {
        "uuid": _id(audit, f"risk/{one.id}"),
        "title": one.found.rule,
        "description": one.found.sentence or one.found.rule,
        "statement": one.found.subject or one.found.rule,
        "props": [_prop("severity", one.found.severity.value), _prop("finding", one.id)],
        "status": "deviation-approved" if accepted else "open",
        "related-observations": [{"observation-uuid": _id(audit, f"observation/found/{one.id}")}],
    }
    if one.due_at is not None:
        risk["deadline"] = _moment(one.due_at)
    return risk


def _finding(audit: Audit, one: Control) -> dict[str, Any]:
    met = one.state == "clear"
    reason = {"clear": "pass", "found": "fail"}.get(one.state, "other")
    words = {
        "clear": "Every check for it ran and found nothing.",
        "found": "A check for it found something.",
        "accepted": "A check for it found something, which somebody with a name accepts.",
    }.get(one.state, "It could not be checked, or was not: nothing is shown.")
    found: dict[str, Any] = {
        "uuid": _id(audit, f"control/{one.id}"),
        "title": one.id,
        "description": " ".join([one.title or one.id, *one.says]),
        "target": {
            "type": "objective-id",
            "target-id": _token(one.id),
            "status": {
                "state": "satisfied" if met else "not-satisfied",
                "reason": reason,
                "remarks": words,
            },
        },
    }
    if one.findings:
        found["related-observations"] = [
            {"observation-uuid": _id(audit, f"observation/found/{name}")} for name in one.findings
        ]
    return found


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _NS, "value": " ".join(value.split()) or "none"}


def _token(text: str) -> str:
    """A token as OSCAL spells them: begins with a letter or an underline."""
    plain = _TOKEN.sub("-", text).strip("-") or "control"
    return plain if plain[0].isalpha() or plain[0] == "_" else f"_{plain}"


def _id(audit: Audit, name: str) -> str:
    made = render_instant(audit.made_at)
    return str(uuid.uuid5(NAMESPACE, f"{audit.origin}/{audit.size}/{made}/{audit.name}/{name}"))


def _moment(moment: Instant) -> str:
    return render_instant(moment)
