"""Rule `quarantined`: while an index quarantines a project, only what was delivered before passes.

The last good version stays installable, which is what every dependant lacked on 24 March 2026.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant
from pratique.values.names import ProjectStatus

NAME = "quarantined"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    if project.status is not ProjectStatus.QUARANTINED:
        return None
    outcome = Outcome(policy.policy.tables.quarantine.outcome)
    told = f": {project.status_reason}" if project.status_reason else ""

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if file.delivered_before:
            return None
        return Decision(
            outcome=outcome,
            rule=NAME,
            reason=sentence(
                f"{label(file)} is held while its index keeps {project.project} in quarantine{told}"
            ),
            evidence=("project-status quarantined",),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="the index quarantines the project, and the file was never delivered here",
    remedy="the index ends the quarantine",
    key=("quarantine", "outcome"),
    applies=_applies,
)
