"""Rule `deny-list`: what the policy file names under `[[deny]]`."""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.spelling import reader_for
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "deny-list"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    # Sorted so that the strictest entry is told, whatever the order in the file.
    entries = sorted(
        (entry for entry in policy.deny if entry.projects.matches(project.project)),
        key=lambda entry: -entry.outcome.strictness,
    )
    if not entries:
        return None
    reader = reader_for(project.project)

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        for entry in entries:
            if entry.matches(file, reader):
                return Decision(
                    outcome=entry.outcome,
                    rule=NAME,
                    reason=sentence(f"{label(file)} is refused by policy: {entry.reason}"),
                    evidence=(entry.line,),
                )
        return None

    return objection


RULE = Rule(
    name=NAME,
    summary="a [[deny]] entry of the policy names the project, version or file",
    remedy="the [[deny]] entry is removed or narrowed",
    key=("deny",),
    applies=_applies,
)
