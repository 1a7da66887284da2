"""From placed signs to findings: sentences for a person, the weightiest first, few enough to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pratique.vet.analyses.kit import Rule
from pratique.vet.model import Confidence, Finding, PlacedSign, Reach, Severity

_SEVERITIES = tuple(Severity)
_UNTOLD = Rule(
    name="", title="Sign without a rule", techniques=(), what="", danger="", benign="", traits={}
)
"""Stands in when facts name a rule that this engine lacks; they are kept by engine, so only by mistake."""

_OF_OTHERS = frozenset(("thin-deed",))
"""Rules that say again, of the release, what other findings say of its code; the code is told first."""


def findings_of(
    placed: Iterable[PlacedSign],
    *,
    rules: Mapping[str, Rule],
    points: Mapping[PlacedSign, float],
    decisive: frozenset[PlacedSign],
    limit: int,
) -> tuple[Finding, ...]:
    """Turn signs into findings.

    Shape: one for each rule and trait in a region, with the number of further places; ordered by what
    decides, the code before its frame, points, severity, reach, place; at most `limit`.
    """
    groups: dict[tuple[str, str, str, str], list[PlacedSign]] = {}
    for one in placed:
        key = (one.sign.rule, one.sign.trait, one.path, one.region)
        groups.setdefault(key, []).append(one)
    findings = [_finding(group, rules, points, decisive) for group in groups.values()]
    findings.sort(key=_weightiest_first)
    return tuple(findings[:limit])


def _weightiest_first(finding: Finding) -> tuple[object, ...]:
    return (
        not finding.decisive,
        not finding.points,
        finding.rule in _OF_OTHERS,
        -finding.points,
        -_SEVERITIES.index(finding.severity),
        -Reach[finding.reach.upper()],
        finding.path,
        finding.line,
        finding.column,
        finding.rule,
        finding.trait,
    )


def _finding(
    group: list[PlacedSign],
    rules: Mapping[str, Rule],
    points: Mapping[PlacedSign, float],
    decisive: frozenset[PlacedSign],
) -> Finding:
    # The place to show is the one that tells most: decoded text before none, then the first in the file.
    shown = min(group, key=lambda one: (one not in decisive, not one.sign.shown, one.sign.line))
    sign = shown.sign
    rule = rules.get(sign.rule, _UNTOLD)
    trait = rule.traits.get(sign.trait)
    more = f" ({len(group) - 1} more such places there)" if len(group) > 1 else ""
    return Finding(
        rule=sign.rule,
        trait=sign.trait,
        severity=trait.severity if trait else Severity.MEDIUM,
        confidence=trait.confidence if trait else Confidence.LOW,
        technique=rule.techniques,
        title=rule.title,
        path=shown.path,
        line=sign.line,
        column=sign.column,
        reach=shown.reach.word,
        how=shown.how,
        excerpt=sign.excerpt,
        shown=sign.shown,
        layer=sign.layer,
        what=(trait.sentence if trait else rule.what) + more,
        danger=rule.danger,
        benign=rule.benign,
        points=round(sum(points.get(one, 0.0) for one in group), 3),
        decisive=any(one in decisive for one in group),
    )
