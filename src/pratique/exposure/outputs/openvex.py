"""OpenVEX 0.2.0: one statement per advisory and certainty, with the assets as products.

Source: OpenVEX specification 0.2.0, "The VEX Statement" and "Status Labels".
"""

from __future__ import annotations

from typing import Any, Final

from pratique import __version__
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.outputs.common import (
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

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
STATUSES: Final = {
    Certainty.CONFIRMED: "affected",
    Certainty.PROBABLE: "affected",
    Certainty.POSSIBLE: "under_investigation",
    Certainty.UNKNOWN: "under_investigation",
    Certainty.CLEARED: "not_affected",
}


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """The whole document; a document needs a statement, so an answer without assets has one too."""
    stamp = render_instant(answer.asked_at)
    statements = [
        statement
        for name in vulnerability_names(answer)
        for certainty in Certainty
        if (statement := _statement(name, certainty, incident, answer)) is not None
    ]
    if not statements:
        statements = [
            {
                "vulnerability": {"name": name},
                "status": "under_investigation",
                "status_notes": "No asset is known.",
            }
            for name in vulnerability_names(answer)
        ]
    return to_json(
        {
            "@context": CONTEXT,
            "@id": f"urn:uuid:{stable_uuid('openvex', answer.digest)}",
            "author": "pratique",
            "role": "document creator",
            "timestamp": stamp,
            "version": 1,
            "tooling": f"pratique {__version__}",
            "statements": statements,
        }
    )


def _statement(
    name: str, certainty: Certainty, incident: Incident | None, answer: IncidentAnswer
) -> dict[str, Any] | None:
    assets = sorted({one.asset for one in standings(answer) if one.certainty is certainty})
    if not assets:
        return None
    used = next((one for one in answer.advisories if one.id == name), None)
    status = STATUSES[certainty]
    parts = [{"@id": purl} for purl in bad_purls(answer)]
    statement: dict[str, Any] = {
        "vulnerability": {
            "name": name,
            "description": (used.summary if used is not None else "") or title_of(incident, answer),
        },
        "products": [{"@id": asset_urn(one), "subcomponents": parts} for one in assets],
        "status": status,
        "status_notes": f"{coverage_statement(answer, certainty)} Certainty: {certainty}.",
        "timestamp": render_instant(answer.asked_at),
    }
    if status == "not_affected":
        statement["justification"] = "component_not_present"
    if status == "affected":
        statement["action_statement"] = (
            "Follow the response plan of the incident: keep evidence, isolate, disarm, revoke, "
            "issue anew, see the old credentials fail, notify."
        )
    return statement
