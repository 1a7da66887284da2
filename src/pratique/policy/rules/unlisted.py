"""Rule `unlisted`: files that upstream no longer lists stay only where they were delivered before."""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "unlisted"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction:  # noqa: ARG001 - a rule's form
    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if file.listed_upstream or file.delivered_before:
            return None
        return Decision(
            outcome=Outcome.DENY,
            rule=NAME,
            reason=sentence(
                f"{label(file)} is no longer listed by its index and was never delivered here"
            ),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="upstream removed the file, and it was never delivered here",
    remedy="upstream lists the file again",
    key=(),
    applies=_applies,
)
