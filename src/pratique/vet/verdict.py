"""From a release with its facts to a report: what is new, what it weighs, what decides.

Owns: the regimes, the hard rules above the score, and that nothing unexamined ends as `clean`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

from packaging.utils import canonicalize_name

from pratique.vet.analyses.kit import Rule
from pratique.vet.analyses.registry import PYTHON_ANALYSES
from pratique.vet.archive_signs import RULE as ARCHIVE_RULE
from pratique.vet.content.registry import CONTENT_ANALYSES
from pratique.vet.features import features_of_all
from pratique.vet.findings import findings_of
from pratique.vet.hard_rules import asks_for_review, decides, would_decide_if_new
from pratique.vet.limits import VetLimits
from pratique.vet.model import (
    ENGINE,
    Change,
    Context,
    Language,
    PlacedSign,
    Regime,
    Report,
    Sign,
    Verdict,
)
from pratique.vet.release.clones import Clone
from pratique.vet.release.diff import capabilities, new_capabilities, new_signs
from pratique.vet.release.popular import popular_names
from pratique.vet.release.rules import RELEASE_RULES, run_release_rules
from pratique.vet.release.rules.wheel_not_in_sdist import RULE as WHEEL_NOT_IN_SDIST
from pratique.vet.release.view import ReleaseView, placed_signs
from pratique.vet.score import Table, Weights, points_by_sign, score

LARGE_CODE_BYTES = 300_000
"""Python beyond which a first release is never `malicious` by score alone: in large packages honest
reasons add up, and a large package nearly always has a predecessor to be compared with."""
ESTABLISHED_RELEASES, ESTABLISHED_DAYS = 20, 365
"""Releases before a file, and days since the project's first upload, that nobody makes up in a hurry."""


class Say(Enum):
    """How much the score has to say."""

    FULL = "full"
    LESS = "less"
    NOTHING = "nothing"


@cache
def rules_by_name() -> Mapping[str, Rule]:
    """Every rule of this engine."""
    every = [ARCHIVE_RULE, WHEEL_NOT_IN_SDIST]
    every += [one.rule for one in PYTHON_ANALYSES]
    every += [one.rule for one in CONTENT_ANALYSES]
    every += [one.rule for one in RELEASE_RULES]
    return {rule.name: rule for rule in every}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a verdict rests on."""

    view: ReleaseView
    base: ReleaseView | None
    regime: Regime
    context: Context
    unread: Sequence[str]
    contents: int
    analysed: int
    original: Clone | None = None
    """The popular project that a first release copies, by the hashes of its sources."""
    copied: frozenset[str] = frozenset()
    """Hashes of what was taken from it unchanged: what these do is the original's doing."""
    more: Sequence[PlacedSign] = ()
    """Signs of the archive itself."""


def judge(case: Case, *, weights: Weights, limits: VetLimits) -> Report:
    """Judge a release."""
    crashed: list[str] = []
    placed = _signs(case, crashed)
    table = weights.tables["first" if case.base is None else "diff"]
    given = features_of_all(placed)
    scored = score(given, table)
    say, unweighed = _say_of_score(case)
    decisive = frozenset(one for one in placed if decides(one, case.regime))
    unread = (*case.unread, *crashed)
    return Report(
        engine=ENGINE,
        verdict=_verdict(case, scored.score, say, table, placed, unread=bool(unread)),
        regime=case.regime,
        base=case.context.base or _prose(case),
        score=round(scored.score, 6),
        unweighed=unweighed,
        features=tuple(sorted(given)),
        findings=findings_of(
            placed,
            rules=rules_by_name(),
            points=points_by_sign(scored.points, given),
            decisive=decisive,
            limit=limits.findings,
        ),
        capabilities=tuple(held.capability for held in capabilities(case.view)),
        changes=_changes(case),
        unread=bounded_sentences(unread, limits.sentences),
        contents=case.contents,
        analysed=case.analysed,
    )


def _content_signs(case: Case) -> tuple[PlacedSign, ...]:
    if case.base is not None:
        return new_signs(case.view, case.base)
    entries = case.view.entries
    return tuple(
        one for one in placed_signs(case.view) if entries[one.path].sha256 not in case.copied
    )


def _signs(case: Case, crashed: list[str]) -> tuple[PlacedSign, ...]:
    """Signs that count in this regime, from contents and from the release as a whole."""
    found = [*_content_signs(case), *case.more]
    of_release, failed = run_release_rules(case.view, case.base, case.context)
    found.extend(of_release)
    crashed.extend(failed)
    # Earliest first: a feature's points belong to the sign that runs with least asking.
    found.sort(key=lambda one: (-one.reach, one.path, *_place(one.sign)))
    return tuple(found)


def _place(sign: Sign) -> tuple[object, ...]:
    return (sign.line, sign.column, sign.rule, sign.trait, sign.layer, sign.shown, sign.excerpt)


def _changes(case: Case) -> tuple[Change, ...]:
    if case.base is None or case.regime is not Regime.DIFF:
        return ()
    return new_capabilities(case.view, case.base)


def _verdict(
    case: Case, value: float, say: Say, table: Table, placed: Sequence[PlacedSign], *, unread: bool
) -> Verdict:
    if any(decides(one, case.regime) for one in placed):
        return Verdict.MALICIOUS
    limits = table.thresholds
    large = case.base is None and code_bytes(case) > LARGE_CODE_BYTES
    if say is Say.FULL and value >= limits.malicious:
        return Verdict.SUSPICIOUS if large else Verdict.MALICIOUS
    review = any(asks_for_review(one, case.regime, large=large) for one in placed)
    if say is Say.FULL:
        review = review or value >= limits.suspicious
    else:
        # Nothing tells whether it was always there, so a person must.
        review = review or any(would_decide_if_new(one) for one in placed)
        review = review or (say is Say.LESS and value >= limits.malicious)
    if review:
        return Verdict.SUSPICIOUS
    return Verdict.UNKNOWN if unread else Verdict.CLEAN


def _say_of_score(case: Case) -> tuple[Say, str]:
    """How much the score counts, and why not in full.

    Of what is established it counts less, of what is large and established not at all: padding alone buys
    nobody silence. The rules that decide by themselves hold all the same, and so does policy's cool-down.
    """
    if case.base is not None or case.regime is not Regime.FIRST:
        return Say.FULL, ""
    size, known = code_bytes(case), _known_as(case.context)
    large = size > LARGE_CODE_BYTES
    if large and not known and case.context.releases_before is None:
        named = case.context.project or case.view.release.metadata.name
        if canonicalize_name(named) in popular_names():
            known = f"what calls itself {named}, a much-used project"
    if not known:
        return Say.FULL, ""
    if large:
        return Say.NOTHING, (
            f"{size / 1e6:.1f} MB of Python of {known}, and nothing to compare it with: "
            "only the rules that decide by themselves were used, not the score"
        )
    return Say.LESS, (
        f"of {known}, and nothing to compare it with: a score that would make others malicious asks "
        "for a person here, and a lower one for nobody"
    )


def _known_as(context: Context) -> str:
    """What makes a project established, as an index tells; empty when nothing does, or none was asked."""
    if context.releases_before is None:
        return ""
    before, age = context.releases_before, context.project_age_days or 0
    if before >= ESTABLISHED_RELEASES and age >= ESTABLISHED_DAYS:
        return f"a project with {before:,} releases in {age:,} days before it"
    if canonicalize_name(context.project) in popular_names():
        return "a much-used project"
    return ""


def code_bytes(case: Case) -> int:
    """Python that is the release's own: equal contents counted once, copied ones not at all."""
    sizes = {
        entry.sha256: entry.size
        for entry in case.view.entries.values()
        if entry.language is Language.PYTHON and entry.sha256 not in case.copied
    }
    return sum(sizes.values())


def _prose(case: Case) -> str:
    if case.base is not None:
        return case.base.prose
    clone = case.original
    return f"{clone.project} {clone.version} ({clone.kind}), of which it is a copy" if clone else ""


def bounded_sentences(sentences: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first different ones, with the number of those left out."""
    unique = tuple(dict.fromkeys(sentences))
    if len(unique) <= limit:
        return unique
    return (*unique[:limit], f"{len(unique) - limit:,} more of this kind")


def unknown_report(
    unread: Sequence[str], *, regime: Regime = Regime.FIRST, base: str = "", limits: VetLimits
) -> Report:
    """The report when no judgement was reached."""
    return Report(
        engine=ENGINE,
        verdict=Verdict.UNKNOWN,
        regime=regime,
        base=base,
        score=0.0,
        features=(),
        findings=(),
        capabilities=(),
        changes=(),
        unread=bounded_sentences(unread, limits.sentences),
    )
