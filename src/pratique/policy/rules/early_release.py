"""Relief `early-release`: a security fix need not wait out the cool-down, if nobody could have forged that.

All of it must hold: a reviewed advisory (GHSA reviewed by GitHub, or PYSEC) names exactly this
version as its fix; the newest version that passes otherwise is affected by it; vetting found this
file clean; its provenance has not regressed; a minimum age has passed. Only the cool-down is
relaxed. Source: docs/rules/early-release.md, which also says what an attacker would need.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeAlias

import msgspec

from pratique.policy.advisories import fixed_version_keys, matches_version
from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts, Verdict
from pratique.policy.osv import Advisory
from pratique.policy.rule import last_recheck
from pratique.policy.rules.provenance import regression
from pratique.policy.spelling import VersionReader, reader_for
from pratique.policy.wording import label, later, sentence
from pratique.values.instants import Instant, render_minute

NAME = "early-release"
_COOL_DOWN = "cool-down"


class Release(NamedTuple):
    """That a file may leave its cool-down early."""

    advisory: str
    ready_at: Instant
    """When the minimum age is reached."""


EarlyRelease: TypeAlias = Callable[[FileFacts], Release | None]


def reviewed_fixes(
    project: ProjectFacts, policy: CompiledPolicy
) -> dict[str, tuple[Advisory, ...]]:
    """Reviewed advisories of a project by the key of each version that they name as the fix."""
    table = policy.policy.tables.early_release
    fixes: dict[str, tuple[Advisory, ...]] = {}
    if not table.enabled:
        return fixes
    for advisory in policy.advisories.for_project(project.project):
        if advisory.malware or advisory.reviewed_by not in table.sources:
            continue
        for key in fixed_version_keys(advisory):
            fixes[key] = (*fixes.get(key, ()), advisory)
    return fixes


def early_release(project: ProjectFacts, policy: CompiledPolicy) -> EarlyRelease | None:
    """The rule for one project, or None when it can release none of its files."""
    best = project.best_allowed
    if best is None:
        return None
    fixes = {
        key: matching
        for key, advisories in reviewed_fixes(project, policy).items()
        if (matching := tuple(a for a in advisories if matches_version(a, best)))
    }
    if not fixes:
        return None
    table = policy.policy.tables.early_release
    reader = reader_for(project.project)
    min_age = timedelta(hours=table.min_age_hours)

    def release(file: FileFacts) -> Release | None:
        if file.uploaded_at is None or not _is_trusted(file, verdict=table.require_verdict):
            return None
        advisory = _fixed_by(file, fixes, reader)
        if advisory is None:
            return None
        return Release(advisory.id, later(file.uploaded_at, min_age))

    return release


def _is_trusted(file: FileFacts, *, verdict: bool) -> bool:
    """Whether vetting and provenance speak for the file; what is unknown does not."""
    if verdict and (file.vetting is None or file.vetting.verdict is not Verdict.CLEAN):
        return False
    return regression(file.provenance) == ""


def _fixed_by(
    file: FileFacts, fixes: dict[str, tuple[Advisory, ...]], reader: VersionReader
) -> Advisory | None:
    key = reader.key(file)
    version = reader.version(file) if key in fixes else None
    if key is None or version is None:
        return None
    # A record can contradict itself: a version both fixed and listed as affected fixes nothing.
    return next((a for a in fixes[key] if not matches_version(a, version)), None)


def lift_cool_down(
    release: EarlyRelease, objections: list[Decision], file: FileFacts, now: Instant
) -> tuple[str, list[Decision]]:
    """Drop a cool-down that early release ends, or move its end to when it will.

    Shape: the advisory's id, empty when there is none; the objections that remain.
    """
    hold = next((o for o in objections if o.rule == _COOL_DOWN and o.until is not None), None)
    found = release(file) if hold is not None else None
    if hold is None or hold.until is None or found is None:
        return "", objections
    others = [o for o in objections if o is not hold]
    if now >= found.ready_at:
        return found.advisory, others
    until = min(hold.until, found.ready_at)
    moved = msgspec.structs.replace(
        hold,
        until=until,
        recheck_at=until,
        reason=sentence(
            f"{label(file)} fixes {found.advisory} and is in cool-down until {render_minute(until)}"
        ),
        evidence=(*hold.evidence, found.advisory),
    )
    return found.advisory, [*others, moved]


def released(advisory: str, lifted: list[Decision], file: FileFacts) -> Decision:
    """The answer when only the cool-down objected."""
    return Decision(
        outcome=Outcome.ALLOW,
        rule=NAME,
        reason=sentence(f"{label(file)} left its cool-down early because it fixes {advisory}"),
        recheck_at=last_recheck(lifted),
        evidence=(advisory, *(line for o in lifted for line in o.evidence)),
    )
