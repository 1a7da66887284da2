"""Rule `verdict`: what vetting found in the file."""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts, Verdict
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "verdict"

_UNKNOWN = Verdict.UNKNOWN  # looked up once; through the class it would cost more than the rest
_CLEAN = Verdict.CLEAN


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction:  # noqa: ARG001 - a rule's form
    suspicious = Outcome(policy.policy.tables.verdict.suspicious)

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        verdict = file.verdict
        if verdict is _UNKNOWN or verdict is _CLEAN:
            return None
        outcome = Outcome.DENY if verdict is Verdict.MALICIOUS else suspicious
        return Decision(
            outcome=outcome,
            rule=NAME,
            reason=sentence(f"{label(file)} was vetted and found {verdict.value}"),
            evidence=(f"verdict {verdict.value}",),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="vetting found the file malicious (deny) or suspicious (hold)",
    remedy="vetting finds the file clean",
    key=("verdict", "suspicious"),
    applies=_applies,
)
