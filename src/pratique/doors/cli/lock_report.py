"""How a lock check is told: text for people, JSON for programs, SARIF for code hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from pratique.inventory.check import Report
from pratique.inventory.findings.rules import RULES, Finding, Severity
from pratique.values.counting import counted
from pratique.values.sarif import SarifResult, SarifRule, sarif_log

_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def report_lines(report: Report) -> Iterator[str]:
    """The report for a terminal: one block per file, one line per finding, one last sentence."""
    for path, grouped in groupby(report.findings, key=lambda finding: finding.path):
        findings = list(grouped)
        yield click.style(plain(path), bold=True)
        width = max(len(_place(finding)) for finding in findings)
        told: set[str] = set()
        for finding in findings:
            yield _line(finding, width, with_remedy=finding.remedy not in told)
            told.add(finding.remedy)
        yield ""
    yield _last_sentence(report)


def report_json(report: Report) -> dict[str, Any]:
    """The same report for programs."""
    counts = Counter(finding.severity for finding in report.findings)
    return {
        "findings": [
            {
                "rule": finding.rule.id,
                "severity": finding.severity,
                "path": finding.path,
                "line": finding.location.line,
                "column": finding.location.column,
                "subject": finding.subject,
                "message": finding.message,
                "remedy": finding.remedy,
                "count": finding.count,
                "excerpt": finding.excerpt,
            }
            for finding in report.findings
        ],
        "counts": {severity.value: counts[severity] for severity in Severity},
        "lock_files": report.locks,
        "configuration_files": report.configurations,
        "packages": report.packages,
        "door": {"asked": report.asked_door, "address": report.door},
        "not_checked": list(report.not_checked),
        "complete": not report.unknown,
    }


def report_sarif(report: Report) -> dict[str, Any]:
    """The same report as SARIF."""
    rules = [
        SarifRule(id=rule.id, title=rule.title, help=rule.remedy, level=rule.severity)
        for rule in RULES
    ]
    results = (
        SarifResult(
            rule=finding.rule.id,
            level=finding.severity,
            message=f"{finding.message}. To do: {finding.remedy}.",
            path=finding.path,
            line=finding.location.line,
            column=finding.location.column,
            identity=finding.subject,
            properties={"count": finding.count, "excerpt": finding.excerpt},
        )
        for finding in report.findings
    )
    return sarif_log(rules=rules, results=results, not_checked=report.not_checked)


def plain(text: str) -> str:
    """Text without control characters: a file's content must not drive the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _line(finding: Finding, width: int, *, with_remedy: bool) -> str:
    severity = click.style(f"{finding.severity.value:<7}", fg=_COLOUR[finding.severity])
    text = f"  {_place(finding):<{width}}  {severity}  {finding.rule.id}: {plain(finding.message)}"
    if finding.excerpt and finding.excerpt not in finding.message:
        text += f" [{plain(finding.excerpt)}]"
    return f"{text}. To do: {finding.remedy}" if with_remedy else text


def _place(finding: Finding) -> str:
    return f"{finding.location.line}:{finding.location.column}"


def _last_sentence(report: Report) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    parts = [counted(counts[severity], severity.value) for severity in Severity if counts[severity]]
    found = ", ".join(parts) if parts else "nothing found"
    read = (
        f"{counted(report.locks, 'lock file')} with {counted(report.packages, 'package')} and"
        f" {counted(report.configurations, 'configuration file')}"
    )
    sentence = f"{found} in {read}."
    if report.not_checked:
        sentence += " Not checked: " + "; ".join(plain(item) for item in report.not_checked) + "."
    return sentence
