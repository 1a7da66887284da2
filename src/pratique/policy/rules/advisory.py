"""Rule `advisory`: files that an OSV record calls malware, or, if so configured, vulnerable."""

from __future__ import annotations

from pratique.policy.compile import CompiledPolicy
from pratique.policy.matching import matcher_for
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "advisory"


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    table = policy.policy.tables.advisory
    by_hash = policy.advisories.malware_sha256
    index = policy.advisories
    malware = matcher_for(index, project.project, "private" if project.private else "malware")
    vulnerable = None
    if table.vulnerable != "allow":
        vulnerable = matcher_for(index, project.project, "vulnerable")
    if malware is None and vulnerable is None and not by_hash:
        return None

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        named = by_hash.get(file.sha256, ()) if file.sha256 is not None else ()
        matched = malware.ids(file) if malware is not None else ()
        if named or matched:
            ids = tuple(dict.fromkeys((*named, *matched)))
            return _malware(file, ids, Outcome(table.malware))
        ids = vulnerable.ids(file) if vulnerable is not None else ()
        return _vulnerable(file, ids, Outcome(table.vulnerable)) if ids else None

    return objection


def _malware(file: FileFacts, ids: tuple[str, ...], outcome: Outcome) -> Decision:
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(f"{label(file)} is malware according to {_name(ids)}"),
        evidence=ids,
    )


def _vulnerable(file: FileFacts, ids: tuple[str, ...], outcome: Outcome) -> Decision:
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(f"{label(file)} is vulnerable according to {_name(ids)}"),
        evidence=ids,
    )


def _name(ids: tuple[str, ...]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"


RULE = Rule(
    name=NAME,
    summary="an OSV record calls the file malware, or vulnerable where the policy minds that",
    remedy="the record is withdrawn or corrected, or [advisory] says otherwise",
    key=("advisory",),
    applies=_applies,
)
