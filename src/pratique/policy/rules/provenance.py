"""Rule `provenance`: attestations count as regression only, never as a pass.

Source: docs/rules/provenance.md. ultralytics 8.3.45 came without the
attestation its predecessors had; the TanStack wave had valid ones.
"""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts, ProvenanceFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "provenance"


def regression(facts: ProvenanceFacts | None) -> str | None:
    """What got worse since the predecessor, in words; empty when nothing did, None if unknown.

    Shape: facts of None mean that the upstream does not speak of attestations; nothing can regress.
    """
    if facts is None or not facts.predecessor:
        return ""
    if not facts.attested:
        return f"it has no attestation, {facts.predecessor} has one"
    ours, before = facts.publisher, facts.predecessor_publisher
    if ours is None or before is None:
        return None
    if ours.kind.casefold() != before.kind.casefold():
        return f"published through {ours.kind}, before through {before.kind}"
    if ours.repository.casefold() != before.repository.casefold():
        return f"published from {ours.repository}, before from {before.repository}"
    return ""


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:  # noqa: ARG001 - a rule's form
    outcome = Outcome(policy.policy.tables.provenance.outcome)
    if outcome is Outcome.ALLOW:
        return None

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        facts = file.provenance
        if facts is None or not facts.predecessor:
            return None
        worse = regression(facts)
        if not worse:
            return None
        return Decision(
            outcome=outcome,
            rule=NAME,
            reason=sentence(f"{label(file)} lost provenance: {worse}"),
            evidence=(f"compared with {facts.predecessor}",),
        )

    return objection


RULE = Rule(
    name=NAME,
    summary="the file's attestation is worse than its predecessor's in the same major line",
    remedy="a file with the former provenance is published",
    key=("provenance", "outcome"),
    applies=_applies,
)
