"""The constraints of the published OpenVEX 0.2.0 JSON schema that concern what we write, restated."""

from __future__ import annotations

from typing import Any

_PARTS: dict[str, Any] = {
    "@id": {"type": "string", "format": "uri"},
    "identifiers": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("purl", "@cpe22", "@cpe23")},
        "additionalProperties": False,
    },
    "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
}
_WHEN = {"type": "string", "format": "date-time"}
_TEXT = {"type": "string"}

OPENVEX: dict[str, Any] = {
    "type": "object",
    "required": ["@context", "@id", "author", "timestamp", "version", "statements"],
    "additionalProperties": False,
    "properties": {
        "@context": {"const": "https://openvex.dev/ns/v0.2.0"},
        "@id": {"type": "string", "format": "uri"},
        "author": _TEXT,
        "role": _TEXT,
        "timestamp": _WHEN,
        "last_updated": _WHEN,
        "version": {"type": "integer", "minimum": 1},
        "tooling": _TEXT,
        "statements": {
            "type": "array",
            "uniqueItems": True,
            "minItems": 1,
            "items": {"$ref": "#/$defs/statement"},
        },
    },
    "$defs": {
        "statement": {
            "type": "object",
            "required": ["vulnerability", "status"],
            "additionalProperties": False,
            "properties": {
                "@id": {"type": "string", "format": "uri"},
                "version": {"type": "integer", "minimum": 1},
                "vulnerability": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {
                        "@id": {"type": "string", "format": "uri"},
                        "name": _TEXT,
                        "description": _TEXT,
                        "aliases": {"type": "array", "uniqueItems": True, "items": _TEXT},
                    },
                },
                "timestamp": _WHEN,
                "last_updated": _WHEN,
                "products": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            **_PARTS,
                            "subcomponents": {
                                "type": "array",
                                "uniqueItems": True,
                                "items": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "properties": _PARTS,
                                },
                            },
                        },
                    },
                },
                "status": {"enum": ["not_affected", "affected", "fixed", "under_investigation"]},
                "supplier": _TEXT,
                "status_notes": _TEXT,
                "justification": {
                    "enum": [
                        "component_not_present",
                        "vulnerable_code_not_present",
                        "vulnerable_code_not_in_execute_path",
                        "vulnerable_code_cannot_be_controlled_by_adversary",
                        "inline_mitigations_already_exist",
                    ]
                },
                "impact_statement": _TEXT,
                "action_statement": _TEXT,
                "action_statement_timestamp": _WHEN,
            },
            "allOf": [
                {
                    "if": {"properties": {"status": {"const": "not_affected"}}},
                    "then": {
                        "oneOf": [
                            {"required": ["justification"]},
                            {"required": ["impact_statement"]},
                        ]
                    },
                },
                {
                    "if": {"properties": {"status": {"const": "affected"}}},
                    "then": {"required": ["action_statement"]},
                },
            ],
        }
    },
}
