"""Rule `new-dependency`: a release that brings in a project which is itself brand new.

So the axios releases of March 2026 delivered their payload: clean code, one new dependency.
"""

from __future__ import annotations

from datetime import timedelta

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, FreshDependency, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, later, sentence
from pratique.values.instants import Instant, render_instant, render_minute

NAME = "new-dependency"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    table = policy.policy.tables.new_dependency
    outcome = Outcome(table.outcome)
    if outcome is Outcome.ALLOW:
        return None
    unexamined = Outcome(table.unexamined)
    max_age = timedelta(hours=table.max_age_hours)
    hours = table.horizon_hours
    horizon = timedelta(hours=policy.cool_down(project).hours if hours is None else hours)
    waits = unexamined is not Outcome.ALLOW and bool(horizon)

    def objection(file: FileFacts, now: Instant) -> Decision | None:
        fresh = file.fresh_dependencies
        if fresh is None:
            uploaded = file.uploaded_at
            # Without an upload time the cool-down holds the file wherever it applies.
            if not waits or uploaded is None or now - uploaded >= horizon:
                return None
            return _unexamined(file, later(uploaded, horizon), outcome=unexamined)
        if not fresh:
            return None
        young = [
            (dependency, ready)
            for dependency in fresh
            if (ready := _ready_at(dependency, max_age)) is None or now < ready
        ]
        return _objection(file, young, outcome=outcome) if young else None

    return objection


def _unexamined(file: FileFacts, until: Instant, *, outcome: Outcome) -> Decision:
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(
            f"{label(file)} waits until {render_minute(until)}: its dependencies are not compared yet"
        ),
        until=until,
        recheck_at=until,
        evidence=("dependencies not examined",),
    )


def _ready_at(dependency: FreshDependency, max_age: timedelta) -> Instant | None:
    """When the dependency is old enough; None when nobody can tell."""
    first = dependency.first_upload
    return None if first is None else later(first, max_age)


def _objection(
    file: FileFacts, young: list[tuple[FreshDependency, Instant | None]], *, outcome: Outcome
) -> Decision:
    known = [ready for _, ready in young if ready is not None]
    until = max(known) if len(known) == len(young) else None
    first, _ = young[0]
    others = f" and {len(young) - 1} more" if len(young) > 1 else ""
    when = f"until {render_minute(until)}" if until is not None else "for review"
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(
            f"{label(file)} is held {when}: its new dependency {first.project}{others} is too young"
        ),
        until=until,
        recheck_at=until,
        evidence=tuple(_tell(dependency) for dependency, _ in young),
    )


def _tell(dependency: FreshDependency) -> str:
    first = dependency.first_upload
    when = render_instant(first) if first is not None else "at unknown time"
    return f"{dependency.project} first uploaded {when}"


RULE = Rule(
    name=NAME,
    summary="the release has a new dependency that is itself too young, or nobody looked",
    remedy="the door compares the dependencies, or [new-dependency] is relaxed",
    key=("new-dependency",),
    applies=_applies,
)
