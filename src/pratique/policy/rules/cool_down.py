"""Rule `cool-down`: a file is held until it has been public for a while.

Each file ages by its own upload time, so a late file of an old release is young.
Source: PEP 700 `upload-time`; docs/rules/cool-down.md.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, later, render_hours, sentence
from pratique.values.instants import Instant, render_instant, render_minute

NAME = "cool-down"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    cool_down = policy.cool_down(project)
    if not cool_down.hours:
        return None
    delta = cool_down.delta
    missing = Outcome(policy.policy.tables.cool_down.missing_time)

    def objection(file: FileFacts, now: Instant) -> Decision | None:
        uploaded = file.uploaded_at
        if uploaded is None:
            return Decision(
                outcome=missing,
                rule=NAME,
                reason=sentence(f"{label(file)} is held: upstream gives no upload time"),
                evidence=(cool_down.line,),
            )
        if now - uploaded >= delta:
            return None
        until = later(uploaded, delta)
        future = ", which lies ahead" if uploaded > now else ""
        return Decision(
            outcome=Outcome.HOLD,
            rule=NAME,
            reason=sentence(
                f"{label(file)} is in cool-down until {render_minute(until)} "
                f"({render_hours(cool_down.hours)} after upload{future})"
            ),
            until=until,
            recheck_at=until,
            evidence=(f"uploaded {render_instant(uploaded)}", cool_down.line),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="the file was uploaded too recently, or nobody says when",
    remedy="[cool-down] hours is lowered, or a [[cool-down.override]] names the project",
    key=("cool-down", "hours"),
    applies=_applies,
)
