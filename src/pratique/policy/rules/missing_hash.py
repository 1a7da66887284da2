"""Rule `missing-hash`: without a SHA-256 nobody can say later which file it was.

An upstream set to `hashless = "pin"` is the exception: the door fetches the file once, pins its
hash, fills `FileFacts.sha256` and asks again before the last bytes leave, so that every rule that
goes by hash has its say on the first delivery too.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "missing-hash"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:  # noqa: ARG001 - a rule's form
    if project.hashless_pinned:
        return None

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if file.sha256 is not None:
            return None
        return Decision(
            outcome=Outcome.HOLD,
            rule=NAME,
            reason=sentence(f"{label(file)} is held: upstream gives no SHA-256 for it"),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="upstream gives no SHA-256 for the file",
    remedy='upstream publishes a SHA-256, or pratique.toml sets hashless = "pin" for it',
    key=(),
    applies=_applies,
)
