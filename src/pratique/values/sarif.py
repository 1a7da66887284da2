"""SARIF 2.1.0: findings as code hosts and editors show them, shared by every command with findings.

Source: OASIS SARIF Version 2.1.0, section 3; GitHub's "SARIF support for code scanning".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from pratique import __version__

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: Final = frozenset({"none", "note", "warning", "error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifRule:
    """A rule that results refer to."""

    id: str
    title: str
    help: str
    level: str
    """The usual level: `error`, `warning` or `note`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifResult:
    """One result at one place."""

    rule: str
    level: str
    message: str
    path: str
    """With forward slashes; relative paths are relative to where the command ran."""
    line: int
    column: int = 1
    identity: str = ""
    """What tells it from others of the same rule and file when lines move."""
    properties: Mapping[str, Any] = field(default_factory=dict)


def sarif_log(
    *,
    rules: Sequence[SarifRule],
    results: Iterable[SarifResult],
    not_checked: Sequence[str] = (),
) -> dict[str, Any]:
    """One run as a SARIF log, ready to be encoded as JSON.

    What was not checked becomes notifications of the run, so that a viewer does not show an
    all-clear where there was no answer.
    """
    index = {rule.id: number for number, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pratique",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {"level": "warning", "message": {"text": f"not checked: {sentence}"}}
                            for sentence in not_checked
                        ],
                    }
                ],
                "results": [_result(result, index) for result in results],
            }
        ],
    }


def _rule(rule: SarifRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
    }


def _result(result: SarifResult, index: Mapping[str, int]) -> dict[str, Any]:
    identity = "\0".join((result.rule, result.path, result.identity or result.message))
    return {
        "ruleId": result.rule,
        "ruleIndex": index[result.rule],
        "level": result.level,
        "message": {"text": result.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(result.path)},
                    "region": {"startLine": result.line, "startColumn": result.column},
                }
            }
        ],
        "partialFingerprints": {
            "pratique/v1": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        },
        "properties": dict(result.properties),
    }


def _uri(path: str) -> str:
    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/-._~")
    if path.startswith("/"):
        return f"file://{quoted}"
    return quoted.removeprefix("./")
