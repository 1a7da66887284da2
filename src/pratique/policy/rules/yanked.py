"""Rule `yanked`: files whose yank reason speaks of malware.

A yanked file still downloads for an exact pin; xinference stayed so for two days in April 2026.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "yanked"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:  # noqa: ARG001 - a rule's form
    words = policy.yanked_words
    if words is None:
        return None
    outcome = Outcome(policy.policy.tables.yanked.outcome)

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        if not file.yanked:
            return None
        found = words.search(file.yanked_reason)
        if found is None:
            return None
        return Decision(
            outcome=outcome,
            rule=NAME,
            reason=sentence(f"{label(file)} was yanked by its authors: {file.yanked_reason}"),
            evidence=(f"yank reason says {sentence(found.group(), limit=40)!r}",),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="the file was yanked, and the reason given speaks of malware or a compromise",
    remedy="its authors take the yank back, or [yanked] words no longer name the word found",
    key=("yanked", "words"),
    applies=_applies,
)
