"""CycloneDX 1.6 VEX: assets as components, one vulnerability per advisory and state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pratique import __version__
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.outputs.common import (
    AssetStanding,
    asset_urn,
    bad_purls,
    coverage_statement,
    stable_uuid,
    standings,
    title_of,
    to_json,
    vulnerability_names,
)
from pratique.values.instants import render_instant

STATES: Final = {
    Certainty.CONFIRMED: "exploitable",
    Certainty.PROBABLE: "exploitable",
    Certainty.POSSIBLE: "in_triage",
    Certainty.UNKNOWN: "in_triage",
    Certainty.CLEARED: "not_affected",
}
TYPES: Final = {"image": "container", "laptop": "device", "host": "device", "server": "device"}
_PROPERTY: Final = "pratique:"


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """The whole document."""
    assets = {one.asset: one for one in standings(answer)}
    releases = [_property("release", purl) for purl in bad_purls(answer)]
    stamp = render_instant(answer.asked_at)
    return to_json(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{stable_uuid('cyclonedx-vex', answer.digest)}",
            "version": 1,
            "metadata": {
                "timestamp": stamp,
                "tools": {
                    "components": [
                        {"type": "application", "name": "pratique", "version": __version__}
                    ]
                },
                "properties": [
                    _property("incident", answer.incident or "none"),
                    _property("answer", answer.digest),
                    _property("as-known-at", str(answer.as_known_at)),
                ],
            },
            "components": [_component(one) for _, one in sorted(assets.items())],
            "vulnerabilities": [
                _vulnerability(name, certainty, group, incident, answer)
                | {"properties": [_property("certainty", certainty), *releases]}
                for name in vulnerability_names(answer)
                for certainty in Certainty
                if (group := [one for one in assets.values() if one.certainty is certainty])
            ],
        }
    )


def _component(one: AssetStanding) -> dict[str, Any]:
    return {
        "type": TYPES.get(one.kind, "application"),
        "bom-ref": asset_urn(one.asset),
        "name": one.asset.partition(":")[2] or one.asset,
        "properties": [_property("asset-kind", one.kind)],
    }


def _vulnerability(
    name: str,
    certainty: Certainty,
    group: Iterable[AssetStanding],
    incident: Incident | None,
    answer: IncidentAnswer,
) -> dict[str, Any]:
    used = next((one for one in answer.advisories if one.id == name), None)
    detail = [coverage_statement(answer, certainty), f"Certainty: {certainty}."]
    analysis: dict[str, Any] = {"state": STATES[certainty]}
    if STATES[certainty] == "not_affected":
        # CycloneDX has no `component_not_present`; this is the nearest of its words.
        analysis["justification"] = "code_not_present"
    if STATES[certainty] == "exploitable":
        analysis["response"] = ["update"]
        detail.append(
            "Follow `pratique incident plan`; replacing the release does not undo a theft."
        )
    found: dict[str, Any] = {
        "bom-ref": f"{name}/{certainty}",
        "id": name,
        "description": (used.summary if used is not None else "") or title_of(incident, answer),
        "analysis": analysis | {"detail": " ".join(detail)},
        "affects": [{"ref": asset_urn(one.asset)} for one in group],
    }
    if used is not None and used.source:
        found["source"] = {"name": used.source}
    return found


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"{_PROPERTY}{name}", "value": value}
