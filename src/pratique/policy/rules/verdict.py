"""Rule `verdict`: what vetting found in the file."""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import (
    Decision,
    FileFacts,
    Outcome,
    ProjectFacts,
    Verdict,
    VettingFacts,
)
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "verdict"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:  # noqa: ARG001 - a rule's form
    table = policy.policy.tables.verdict
    outcomes = {
        Verdict.MALICIOUS: Outcome.DENY,
        Verdict.SUSPICIOUS: Outcome(table.suspicious),
        Verdict.UNKNOWN: Outcome(table.unknown),
        Verdict.CLEAN: Outcome.ALLOW,
    }

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        vetting = file.vetting
        if vetting is None or vetting.verdict is Verdict.CLEAN:
            return None
        outcome = outcomes[vetting.verdict]
        if outcome is Outcome.ALLOW:
            return None
        return Decision(
            outcome=outcome,
            rule=NAME,
            reason=sentence(_tell(file, vetting)),
            evidence=(f"verdict {vetting.verdict.value}", vetting.headline)
            if vetting.headline
            else (f"verdict {vetting.verdict.value}",),
        )

    return objection


def _tell(file: FileFacts, vetting: VettingFacts) -> str:
    why = f": {vetting.headline}" if vetting.headline else ""
    if vetting.verdict is Verdict.UNKNOWN:
        return f"{label(file)} could not be vetted entirely{why}"
    return f"{label(file)} was vetted and found {vetting.verdict.value}{why}"


RULE = Rule(
    name=NAME,
    summary="vetting found the file malicious (deny), suspicious, or could not read all of it (hold)",
    remedy="a reviewer reads the findings and overrules them (pratique audits add), or a waiver is given",
    key=("verdict",),
    applies=_applies,
)
