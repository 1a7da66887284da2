"""Rule `filename`: files whose name tells no version of this project.

No rule about versions can be applied to such a file, so it is never offered.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.spelling import reader_for
from pratique.policy.wording import sentence
from pratique.values.instants import Instant

NAME = "filename"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction:  # noqa: ARG001 - a rule's form
    canonical = reader_for(project.project).canonical

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if canonical(file.filename) is not None or file.distribution is not None:
            return None
        return Decision(
            outcome=Outcome.DENY,
            rule=NAME,
            reason=sentence(
                f"the name of {sentence(file.filename, limit=80)} tells no version of "
                f"{sentence(project.project, limit=40)}"
            ),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="the file's name fits no standard or belongs to another project",
    remedy="upstream publishes the file under a standard name",
    key=(),
    applies=_applies,
)
