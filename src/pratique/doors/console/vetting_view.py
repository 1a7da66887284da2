"""What the console shows of vetting: a report for somebody who has a minute.

Texts of findings come out of hostile files. They were made printable when they were made
(`vet.safe_text`), and the templates escape whatever they show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from pratique.policy.model import Verdict
from pratique.values.digests import Sha256
from pratique.values.instants import render_minute
from pratique.vet.model import Change, Finding, Regime
from pratique.vet.records import Audit, KeptReport

PLACES_SHOWN = 5
"""Places that stand open on the page; the others are one click away."""

FOUND_SHOWN = 3
"""Findings of one place that stand open."""

WHEN = {
    "startup": "runs at every start of the interpreter, unasked",
    "build": "runs when pip builds or installs it",
    "import": "runs when the package is imported",
    "submodule": "runs when that module is imported",
    "entry": "runs when its command is started",
    "called": "runs only when it is called",
    "never": "nothing known runs it",
}
_AGAINST = {
    Regime.DIFF: "compared with",
    Regime.CLONE: "compared with the project that it copies,",
}


class Reports(Protocol):
    """What vetting said; `store.vetting` fulfils it."""

    def reports_of(self, sha256: Sha256) -> Sequence[KeptReport]:
        """Every report of a file, newest first."""
        ...


class AuditsOf(Protocol):
    """What reviewers said; `store.vetting_audits` fulfils it."""

    def audits_of(self, digests: Iterable[Sha256]) -> Mapping[Sha256, tuple[Audit, ...]]:
        """Audits of those files that have some, oldest first, revoked ones included."""
        ...


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """One finding at a place."""

    rule: str
    trait: str
    severity: str
    confidence: str
    techniques: list[str]
    what: str
    danger: str
    benign: str
    shown: str
    layer: int
    points: float
    decisive: bool


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """One place of the release, with everything that was found there, the weightiest first."""

    path: str
    line: int
    column: int
    when: str
    how: str
    excerpt: str
    findings: list[FindingView]


class GainView(msgspec.Struct, frozen=True, kw_only=True):
    """A capability that the base did not have, with an example of its use."""

    capability: str
    name: str
    path: str
    line: int
    when: str


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer said of the file."""

    id: str
    verdict: str
    reviewer: str
    reason: str
    origin: str
    at: str
    revoked_at: str


class EarlierView(msgspec.Struct, frozen=True, kw_only=True):
    """An older report, in a line."""

    verdict: str
    at: str
    engine: str


class VettingView(msgspec.Struct, frozen=True, kw_only=True):
    """What vetting and reviewers say of one file."""

    verdict: str = ""
    """Empty when there is no report, only audits."""
    at: str = ""
    engine: str = ""
    regime: str = ""
    against: str = ""
    unweighed: str = ""
    """Why the score did not count in full; empty when it did."""
    score: float = 0.0
    contents: int = 0
    capabilities: list[str] = []
    gained: list[GainView] = []
    places: list[PlaceView] = []
    unread: list[str] = []
    earlier: list[EarlierView] = []
    audits: list[AuditView] = []
    overrule: str = ""
    """The command with which a reviewer overrules."""


def vetting_view(
    sha256: str, reports: Sequence[KeptReport], audits: Sequence[Audit]
) -> VettingView | None:
    """The newest report with what else is known; None when nothing is."""
    if not reports and not audits:
        return None
    view = VettingView(
        audits=[_audit(one) for one in reversed(audits)], overrule=_overrule(sha256, reports)
    )
    if not reports:
        return view
    newest = reports[0]
    report = newest.report
    return msgspec.structs.replace(
        view,
        verdict=report.verdict.value,
        at=render_minute(newest.vetted_at),
        engine=report.engine,
        regime=report.regime.value,
        against=f"{_AGAINST[report.regime]} {report.base}"
        if report.regime in _AGAINST and report.base
        else "judged by itself, without a predecessor",
        unweighed=report.unweighed,
        score=round(report.score, 4),
        contents=report.contents,
        capabilities=[one.value for one in report.capabilities],
        gained=[_gain(one) for one in report.changes if one.gained],
        places=places(report.findings),
        unread=list(report.unread),
        earlier=[
            EarlierView(
                verdict=kept.report.verdict.value,
                at=render_minute(kept.vetted_at),
                engine=kept.key.engine,
            )
            for kept in reports[1:]
        ],
    )


def places(findings: Iterable[Finding]) -> list[PlaceView]:
    """Findings of one line together, where the weightiest of them stands."""
    found: dict[tuple[str, int], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.path, finding.line), []).append(finding)
    return [
        PlaceView(
            path=path,
            line=line,
            column=group[0].column + 1,
            when=WHEN.get(group[0].reach, group[0].reach),
            how=group[0].how,
            excerpt=group[0].excerpt,
            findings=[_finding(one) for one in group],
        )
        for (path, line), group in found.items()
    ]


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        rule=finding.rule,
        trait=finding.trait,
        severity=finding.severity.value,
        confidence=finding.confidence.value,
        techniques=list(finding.technique),
        what=finding.what,
        danger=finding.danger,
        benign=finding.benign,
        shown=finding.shown if finding.shown != finding.excerpt else "",
        layer=finding.layer,
        points=round(finding.points, 2),
        decisive=finding.decisive,
    )


def _gain(change: Change) -> GainView:
    return GainView(
        capability=change.capability.value,
        name=change.name,
        path=change.path,
        line=change.line,
        when=WHEN.get(change.reach, change.reach),
    )


def _audit(audit: Audit) -> AuditView:
    return AuditView(
        id=audit.id,
        verdict=audit.verdict.value,
        reviewer=audit.reviewer,
        reason=audit.reason,
        origin=audit.origin,
        at=render_minute(audit.created_at),
        revoked_at=render_minute(audit.revoked_at) if audit.revoked_at else "",
    )


def _overrule(sha256: str, reports: Sequence[KeptReport]) -> str:
    clean = not reports or reports[0].report.verdict is Verdict.CLEAN
    verdict = "malicious" if reports and clean else "clean"
    return (
        f"pratique audits add {sha256} --verdict {verdict}"
        ' --reason "WHY, IN A SENTENCE" --reviewer YOUR-NAME'
    )
