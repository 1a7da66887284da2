"""OCSF 1.5.0 events, one per line: the incident (2005), then a detection per exposed asset (2004).

Source: schema.ocsf.io, classes incident_finding and detection_finding.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pratique import __version__
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Incident, IncidentAnswer
from pratique.exposure.outputs.common import (
    asset_urn,
    millis,
    purl_of_sighting,
    purls_of_line,
    question_key,
    stable_uuid,
    title_of,
    vulnerability_names,
)

VERSION: Final = "1.5.0"
_FINDINGS: Final = 2
_INCIDENT: Final = 2005
_DETECTION: Final = 2004
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_NAMES: Final = {_CREATE: "Create", _UPDATE: "Update", _CLOSE: "Close"}
_HIGH, _MEDIUM, _INFORMATIONAL = 4, 3, 1
_CRITICAL: Final = 5
_SEVERITIES: Final = {1: "Informational", 3: "Medium", 4: "High", 5: "Critical"}
_CONFIDENCE: Final = {
    Certainty.CONFIRMED: (3, "High"),
    Certainty.PROBABLE: (2, "Medium"),
    Certainty.POSSIBLE: (1, "Low"),
}


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """JSON lines; an incident that was never opened has no event of its own."""
    events = [_incident(incident, answer)] if incident is not None else []
    events += [
        _detection(line, incident, answer) for line in answer.lines if line.certainty.exposed
    ]
    return "\n".join(msgspec.json.encode(event).decode() for event in events)


def _incident(incident: Incident, answer: IncidentAnswer) -> dict[str, Any]:
    activity = _CREATE if len(incident.answers) <= 1 else _UPDATE
    status = (1, "New") if activity == _CREATE else (2, "In Progress")
    if not incident.open:
        activity, status = _CLOSE, (5, "Closed")
    severity = _CRITICAL if answer.counts.confirmed or answer.counts.probable else _MEDIUM
    if answer.clear:
        severity = _INFORMATIONAL
    counts = ", ".join(f"{word} {getattr(answer.counts, word.value)}" for word in Certainty)
    return _base(_INCIDENT, activity, severity, answer) | {
        "class_name": "Incident Finding",
        "message": f"{title_of(incident, answer)}: {counts}",
        "desc": f"Assets: {counts}.",
        "assignee": {"name": incident.opened_by},
        "status_id": status[0],
        "status": status[1],
        "start_time": millis(incident.opened_at),
        "finding_info_list": [
            _finding(line, incident, answer) for line in answer.lines if line.certainty.exposed
        ]
        or [_nothing(incident, answer)],
        "unmapped": {
            "incident": incident.id,
            "answer": answer.digest,
            "as_known_at": answer.as_known_at,
            "counts": msgspec.to_builtins(answer.counts),
            "not_seen": list(answer.not_seen),
            "unknown": [
                {"kind": group.kind, "count": group.count, "missing": group.missing}
                for group in answer.unknown_groups
            ],
        },
    }


def _detection(
    line: AssetLine, incident: Incident | None, answer: IncidentAnswer
) -> dict[str, Any]:
    confidence = _CONFIDENCE[line.certainty]
    return _base(_DETECTION, _CREATE, _severity(line), answer) | {
        "class_name": "Detection Finding",
        "message": f"{line.asset}: {title_of(incident, answer)} ({line.certainty}, {line.stage})",
        "confidence_id": confidence[0],
        "confidence": confidence[1],
        "status_id": 1,
        "status": "New",
        "finding_info": _finding(line, incident, answer),
        "resources": [
            {
                "uid": asset_urn(line.asset),
                "name": line.asset.partition(":")[2] or line.asset,
                "type": line.kind,
            }
        ],
        "evidences": [
            {
                "name": f"{one.place_kind} {one.locator}".strip(),
                "data": {
                    "purl": purl_of_sighting(one),
                    "digest": one.digest,
                    "stage": one.stage,
                    "rule": one.rule,
                    "ledger_entry": one.entry,
                },
            }
            for one in line.sightings
        ],
        "vulnerabilities": [
            {"title": name, "desc": title_of(incident, answer), "references": []}
            for name in vulnerability_names(answer)
        ],
        "unmapped": {"answer": answer.digest, "releases": purls_of_line(line)},
    }


def _severity(line: AssetLine) -> int:
    if line.ran is not None and line.certainty is Certainty.CONFIRMED:
        return _CRITICAL
    return _MEDIUM if line.certainty is Certainty.POSSIBLE else _HIGH


def _finding(line: AssetLine, incident: Incident | None, answer: IncidentAnswer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "uid": stable_uuid("ocsf-finding", question_key(answer), line.asset),
        "title": f"{title_of(incident, answer)} on {line.asset}",
        "desc": f"{line.certainty}; rule {line.rule}. {line.note}".strip(),
        "types": [f"certainty:{line.certainty}", f"stage:{line.stage}"],
        "created_time": millis(answer.asked_at),
        "data_sources": sorted({one.place_kind for one in line.sightings}),
    }
    if line.first_at is not None:
        found["first_seen_time"] = millis(line.first_at)
    if line.last_at is not None:
        found["last_seen_time"] = millis(line.last_at)
    return found


def _nothing(incident: Incident, answer: IncidentAnswer) -> dict[str, Any]:
    return {
        "uid": stable_uuid("ocsf-finding", incident.id),
        "title": f"{title_of(incident, answer)}: no asset is known to have had it",
    }


def _base(class_uid: int, activity: int, severity: int, answer: IncidentAnswer) -> dict[str, Any]:
    return {
        "activity_id": activity,
        "activity_name": _NAMES[activity],
        "category_uid": _FINDINGS,
        "category_name": "Findings",
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + activity,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "time": millis(answer.asked_at),
        "metadata": {
            "version": VERSION,
            "product": {"name": "pratique", "vendor_name": "pratique", "version": __version__},
            "correlation_uid": question_key(answer),
        },
    }
