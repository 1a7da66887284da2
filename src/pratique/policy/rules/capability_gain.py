"""Rule `capability-gain`: a release that can do more than its predecessor could.

A date parser that opens sockets since Tuesday deserves a look, malicious or not.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "capability-gain"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    # Sorted so that the strictest entry is told, whatever the order in the file.
    entries = sorted(
        (entry for entry in policy.capability_gain if entry.projects.matches(project.project)),
        key=lambda entry: -entry.outcome.strictness,
    )
    if not entries:
        return None

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if file.vetting is None or not file.vetting.gained:
            return None
        for entry in entries:
            gained = [c for c in file.vetting.gained if not entry.names or c in entry.names]
            if gained:
                return Decision(
                    outcome=entry.outcome,
                    rule=NAME,
                    reason=sentence(
                        f"{label(file)} gains {', '.join(gained)} over its predecessor"
                        + (f": {entry.reason}" if entry.reason else "")
                    ),
                    evidence=(entry.line, *gained),
                )
        return None

    return objection


RULE = Rule(
    name=NAME,
    summary="the release can do something that its predecessor could not",
    remedy="a reviewer overrules it (pratique audits add), or the entry is narrowed",
    key=("capability-gain",),
    applies=_applies,
)
