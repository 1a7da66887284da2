"""Why a file is answered as it is: each rule's answer, the one that decided, what would change it.

Pure like `decide`, and built from the same parts, so that an explanation cannot differ from the
decision it explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from packaging.version import Version

from pratique.policy.advisories import sweeping_records
from pratique.policy.checks import EXEMPTABLE_RULES
from pratique.policy.compile import CompiledPolicy
from pratique.policy.decide import Judge
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule
from pratique.policy.rules import PLAIN, RELIEFS, RULES, allow_list, early_release, waiver
from pratique.policy.wording import sentence
from pratique.values.instants import Instant, render_minute

PASS = "pass"  # noqa: S105 - not a password: the word for "this rule says nothing"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's or relief's answer."""

    rule: str
    outcome: str
    """What it asks for: an outcome's word, or `pass` when it says nothing."""
    text: str
    decides: bool
    until: Instant | None = None
    evidence: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All answers about one file at one instant."""

    index: str
    project: str
    version: str
    """Empty when the file's name tells none."""
    filename: str
    sha256: str
    at: Instant
    decision: Decision
    steps: tuple[Step, ...]
    """Rules in the order that breaks ties, then reliefs that had a say."""
    would_change: tuple[str, ...]
    """What would let the file pass, one sentence each; empty when it passes anyway."""
    notes: tuple[str, ...] = ()
    """What a careful reader should know besides."""


def explain_file(
    project: ProjectFacts,
    file: FileFacts,
    policy: CompiledPolicy,
    now: Instant,
    *,
    versions: Iterable[Version] = (),
) -> Explanation:
    """Explain the decision about one file.

    `project` carries the page facts that decided it. `versions` are all versions on the page; with
    them, advisories that condemn every one of them are pointed out.
    """
    judge = Judge(policy, project)
    decision = judge.decide(file, now)
    objections = judge.objections(file, now)
    distribution = file.distribution
    return Explanation(
        index=project.index,
        project=project.project,
        version=str(distribution.version) if distribution is not None else "",
        filename=file.filename,
        sha256=file.sha256 or "",
        at=now,
        decision=decision,
        steps=(
            *_rule_steps(objections, decision),
            *_relief_steps(project, file, policy, objections, decision, now),
        ),
        would_change=tuple(_changes(project, file, policy, objections, decision)),
        notes=tuple(_notes(project, policy, objections, decision, versions)),
    )


def _rule_steps(objections: list[Decision], decision: Decision) -> Iterator[Step]:
    by_rule = {objection.rule: objection for objection in objections}
    for rule in RULES:
        objection = by_rule.get(rule.name)
        if objection is None:
            yield Step(rule=rule.name, outcome=PASS, text=f"not so: {rule.summary}", decides=False)
        else:
            yield _step(objection, decides=decision.rule == rule.name)


def _step(answer: Decision, *, decides: bool) -> Step:
    return Step(
        rule=answer.rule,
        outcome=answer.outcome.value,
        text=answer.reason,
        decides=decides,
        until=answer.until,
        evidence=answer.evidence,
    )


def _relief_steps(
    project: ProjectFacts,
    file: FileFacts,
    policy: CompiledPolicy,
    objections: list[Decision],
    decision: Decision,
    now: Instant,
) -> Iterator[Step]:
    if decision.rule in RELIEFS:
        yield _step(decision, decides=True)
        return
    lift = allow_list.allow_list(project, policy)
    entry = lift(file, objections).entry if lift is not None else None
    if entry is not None:
        text = f"lifts some of it, not all: {entry.reason}"
        yield Step(rule=allow_list.NAME, outcome=PASS, text=sentence(text), decides=False)
    if any(o.rule == "cool-down" for o in objections):
        text = _early_release_text(project, file, policy)
        yield Step(rule=early_release.NAME, outcome=PASS, text=text, decides=False)
    granted = file.waiver
    if granted is not None and objections:
        why = (
            f"expired at {render_minute(granted.expires_at)}"
            if now >= granted.expires_at
            else "does not override a deny"
        )
        text = f"{granted.id} of {granted.approver} {why}"
        yield Step(rule=waiver.NAME, outcome=PASS, text=sentence(text), decides=False)


def _early_release_text(project: ProjectFacts, file: FileFacts, policy: CompiledPolicy) -> str:
    table = policy.policy.tables.early_release
    if not table.enabled:
        return "switched off by the policy"
    release = early_release.early_release(project, policy)
    found = release(file) if release is not None else None
    if found is not None:
        return f"fixes {found.advisory}: early from {render_minute(found.ready_at)}"
    verdict = "a clean verdict, " if table.require_verdict else ""
    return (
        "needs a reviewed advisory that names this version as its fix and affects the newest version "
        f"that passes, {verdict}and provenance that has not regressed"
    )


# ── what would change it ─────────────────────────────────────────────────────────────────────


def _changes(
    project: ProjectFacts,
    file: FileFacts,
    policy: CompiledPolicy,
    objections: list[Decision],
    decision: Decision,
) -> Iterator[str]:
    outcome = decision.audited or decision.outcome
    if outcome is Outcome.ALLOW:
        return
    if decision.until is not None:
        yield f"time: it passes at {render_minute(decision.until)} if nothing else changes"
    by_name = {rule.name: rule for rule in RULES}
    for objection in objections:
        yield _remedy(by_name[objection.rule], policy)
    allow = _allow_entry(file, objections)
    if allow:
        yield f"an entry in {policy.policy.source}: {allow}"
    if file.sha256 is not None:
        yield f"a waiver: {waiver_command(project, file, overrides_deny=outcome is Outcome.DENY)}"


def _remedy(rule: Rule, policy: CompiledPolicy) -> str:
    place = f" ({policy.policy.line(*rule.key)})" if rule.key else ""
    return f"{rule.name}: {rule.remedy}{place}"


def _allow_entry(file: FileFacts, objections: list[Decision]) -> str:
    """An `[[allow]]` entry that would lift everything; empty when none can."""
    liftable = all(o.rule in EXEMPTABLE_RULES and o.outcome is not Outcome.DENY for o in objections)
    distribution = file.distribution
    if not liftable or distribution is None:
        return ""
    rules = ", ".join(f'"{o.rule}"' for o in objections)
    return (
        f'[[allow]] projects = ["{file.project}"], versions = "=={distribution.version}", '
        f'rules = [{rules}], reason = "..."'
    )


def waiver_command(project: ProjectFacts, file: FileFacts, *, overrides_deny: bool) -> str:
    """The command line with which an approver would let the file pass."""
    force = " --override-deny" if overrides_deny else ""
    return (
        f"pratique waiver add {file.sha256} --index {project.index} --expires 7d "
        f'--approver NAME --reason "..."{force}'
    )


def _notes(
    project: ProjectFacts,
    policy: CompiledPolicy,
    objections: list[Decision],
    decision: Decision,
    versions: Iterable[Version],
) -> Iterator[str]:
    if decision.audited is not None:
        yield (
            f"audit mode: the file passes; enforcement would {decision.audited.value} it "
            f"({policy.policy.line('mode')})"
        )
    cited = {item for o in objections if o.rule == "advisory" for item in o.evidence}
    every = tuple(versions)
    records = [a for a in policy.advisories.for_project(project.project) if a.id in cited]
    for record in sweeping_records(records, every):
        yield (
            f"{record.id} matches every one of the {len(set(every))} versions on the page: "
            "true of a squatted name, often a mistake otherwise"
        )


# ── as text ──────────────────────────────────────────────────────────────────────────────────


def render_explanation(explanation: Explanation) -> str:
    """An explanation for a terminal, several lines."""
    decision = explanation.decision
    lines = [f"{explanation.filename}: {decision.outcome.value} by rule {decision.rule}"]
    if decision.reason:
        lines.append(f"  {decision.reason}")
    if decision.rule == PLAIN:
        lines.append("  no rule objects")
    lines.extend(f"  evidence: {item}" for item in decision.evidence)
    lines.extend(
        f"  also {step.rule} ({step.outcome}): {step.text}"
        for step in explanation.steps
        if step.outcome != PASS and not step.decides
    )
    lines.extend(
        f"  {step.rule}: {step.text}"
        for step in explanation.steps
        if step.outcome == PASS and step.rule in RELIEFS
    )
    lines.extend(f"  note: {note}" for note in explanation.notes)
    if explanation.would_change:
        lines.append("  what would change it:")
        lines.extend(f"    - {change}" for change in explanation.would_change)
    return "\n".join(lines)
