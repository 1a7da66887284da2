"""Reports of vetting for machines: JSON and SARIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pratique.doors.vet_desk import Examined
from pratique.values.sarif import SarifResult, SarifRule, sarif_log
from pratique.vet.model import Finding, Severity

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def report_json(examined: Sequence[Examined]) -> dict[str, Any]:
    """All reports, in the order in which they ended."""
    return {
        "files": [
            {
                "target": one.target,
                "filename": one.filename,
                "sha256": one.sha256,
                "verdict": one.verdict.value,
                "problem": one.problem,
                "report": msgspec.to_builtins(one.vetted.report) if one.vetted else None,
            }
            for one in examined
        ]
    }


def report_sarif(examined: Sequence[Examined]) -> dict[str, Any]:
    """All findings as one run; places inside archives are `archive!/path`."""
    rules: dict[str, SarifRule] = {}
    for _, finding in _findings(examined):
        rules.setdefault(
            finding.rule,
            SarifRule(
                id=finding.rule,
                title=finding.title,
                help=f"{finding.what} {finding.danger} {finding.benign}",
                level=_LEVELS[finding.severity],
            ),
        )
    return sarif_log(
        rules=list(rules.values()),
        results=[_result(one, finding) for one, finding in _findings(examined)],
        not_checked=list(_unread(examined)),
    )


def _findings(examined: Sequence[Examined]) -> Iterator[tuple[Examined, Finding]]:
    for one in examined:
        for finding in one.vetted.report.findings if one.vetted is not None else ():
            yield one, finding


def _unread(examined: Sequence[Examined]) -> Iterator[str]:
    for one in examined:
        if one.vetted is None:
            yield f"{one.filename}: {one.problem}"
        else:
            yield from (f"{one.filename}: {sentence}" for sentence in one.vetted.report.unread)


def _result(one: Examined, finding: Finding) -> SarifResult:
    return SarifResult(
        rule=finding.rule,
        level=_LEVELS[finding.severity],
        message=f"{finding.title}; {finding.how}" if finding.how else finding.title,
        path=f"{one.filename}!/{finding.path}" if finding.path else one.filename,
        line=max(1, finding.line),
        column=finding.column + 1,
        identity=f"{finding.trait} {finding.excerpt}",
        properties={
            "verdict": one.verdict.value,
            "trait": finding.trait,
            "reach": finding.reach,
            "confidence": finding.confidence.value,
            "attack": list(finding.technique),
            "shown": finding.shown,
            "points": finding.points,
        },
    )
