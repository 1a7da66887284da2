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
    purls_of_line,
    stable_uuid,
    standings,
    title_of,
    to_json,
    vulnerability_names,
)
from pratique.values.instants import render_instant

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
_PARTS: Final = 20
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
    products = {certainty: _products(answer, certainty) for certainty in Certainty}
    statements = [
        _statement(name, certainty, incident, answer) | {"products": products[certainty]}
        for name in vulnerability_names(answer)
        for certainty in Certainty
        if products[certainty]
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


def _products(answer: IncidentAnswer, certainty: Certainty) -> list[dict[str, Any]]:
    """Assets, each with the releases seen there; where none was seen, with those asked for.

    Many releases times many assets would fill a disk: more than `_PARTS` asked for are left out.
    """
    asked = bad_purls(answer)
    asked = asked if len(asked) <= _PARTS else []
    found = {}
    for one in standings(answer):
        if one.certainty is certainty:
            own = purls_of_line(one.line) if one.line is not None and certainty.exposed else asked
            product: dict[str, Any] = {"@id": asset_urn(one.asset)}
            if own:
                product["subcomponents"] = [{"@id": purl} for purl in own]
            found[one.asset] = product
    return [found[asset] for asset in sorted(found)]


def _statement(
    name: str, certainty: Certainty, incident: Incident | None, answer: IncidentAnswer
) -> dict[str, Any]:
    used = next((one for one in answer.advisories if one.id == name), None)
    status = STATUSES[certainty]
    statement: dict[str, Any] = {
        "vulnerability": {
            "name": name,
            "description": (used.summary if used is not None else "") or title_of(incident, answer),
        },
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
