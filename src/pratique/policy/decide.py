"""The one question: may this file pass, at this instant, knowing what?

Every path of every door asks through `decide`, `bind` or `decide_page`, which are the same answer:
once, for many files of a project, and for a whole page.

1. Every rule that can matter to the project may object.
2. An `[[allow]]` entry lifts the objections it names, early release the cool-down's.
3. Of what remains the strictest objection decides; ties go to the earlier rule in `RULES`.
4. A waiver opens hide and hold, and deny where its approver said so.
5. In audit mode the answer is allow, with what it would have been beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec
from packaging.version import Version

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.rules import PLAIN, RULES, allow_list, early_release
from pratique.policy.rules.waiver import opens, waived
from pratique.policy.spelling import reader_for
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant, render_minute

Decider: TypeAlias = Callable[[FileFacts, Instant], Decision]

ALLOWED = Decision(outcome=Outcome.ALLOW, rule=PLAIN)
"""The answer to every file that nothing objects to; one object, so that pages stay cheap."""


class Judge:
    """Policy and project made ready, to decide many files one after another."""

    __slots__ = ("_allow", "_audit", "_early", "_rank", "project", "rules")

    def __init__(
        self, policy: CompiledPolicy, project: ProjectFacts, rules: Sequence[Rule] = RULES
    ) -> None:
        self.project = project
        self.rules: tuple[RuleFunction, ...] = tuple(
            function for rule in rules if (function := rule.applies(project, policy)) is not None
        )
        self._rank = {rule.name: rank for rank, rule in enumerate(RULES)}
        self._allow = allow_list.allow_list(project, policy)
        self._early = early_release.early_release(project, policy)
        self._audit = policy.audit

    def decide(self, file: FileFacts, now: Instant) -> Decision:
        """The answer for one file."""
        objections = None
        for function in self.rules:
            if (objection := function(file, now)) is not None:
                objections = [objection] if objections is None else [*objections, objection]
        if objections is None:
            return ALLOWED
        decision = self.settle(objections, file, now)
        if self._audit and decision.outcome is not Outcome.ALLOW:
            return msgspec.structs.replace(
                decision, outcome=Outcome.ALLOW, audited=decision.outcome
            )
        return decision

    def objections(self, file: FileFacts, now: Instant) -> list[Decision]:
        """What the rules object, in their order."""
        found = (function(file, now) for function in self.rules)
        return [objection for objection in found if objection is not None]

    def settle(self, objections: list[Decision], file: FileFacts, now: Instant) -> Decision:
        """Lift what may be lifted, let the strictest of the rest decide, ask for a waiver."""
        if len(objections) > 1:
            objections = sorted(objections, key=lambda o: self._rank[o.rule])
        if self._allow is not None:
            entry, remaining = self._allow(file, objections)
            if entry is not None and not remaining:
                return allow_list.allowed(entry, objections, file)
            objections = remaining
        if self._early is not None:
            advisory, remaining = early_release.lift_cool_down(self._early, objections, file, now)
            if not remaining:
                return early_release.released(advisory, objections, file)
            objections = remaining
        decision = self._strictest(objections)
        waiver = file.waiver
        if waiver is not None and opens(waiver, decision.outcome, now):
            return waived(waiver, decision, file)
        return decision

    def _strictest(self, objections: list[Decision]) -> Decision:
        # In the order of `RULES`; of equals `min` takes the first.
        deciding = min(objections, key=lambda o: -o.outcome.strictness)
        if len(objections) == 1:
            return deciding
        # A hold ends when the last objection that keeps the bytes back has ended.
        blocking = min(deciding.outcome.strictness, Outcome.HOLD.strictness)
        ends = [o.until for o in objections if o.outcome.strictness >= blocking]
        known = [end for end in ends if end is not None]
        until = max(known) if len(known) == len(ends) else None
        return msgspec.structs.replace(deciding, until=until)


def bind(
    policy: CompiledPolicy, project: ProjectFacts, *, rules: Sequence[Rule] = RULES
) -> Decider:
    """Make ready to decide many files of one project: rules that cannot matter are left out.

    `project` carries page facts (see `with_page_facts`) wherever early release may matter.
    """
    return Judge(policy, project, rules).decide


def decide(
    project: ProjectFacts, file: FileFacts, policy: CompiledPolicy, now: Instant
) -> Decision:
    """May this file pass, at this instant, knowing what?"""
    return bind(policy, project)(file, now)


def decide_page(
    project: ProjectFacts, files: Sequence[FileFacts], policy: CompiledPolicy, now: Instant
) -> list[Decision]:
    """Decide all files of a page, in their order."""
    ask = bind(policy, with_page_facts(project, files, policy, now))
    return [ask(file, now) for file in files]


def decide_stale_page(
    project: ProjectFacts,
    files: Sequence[FileFacts],
    policy: CompiledPolicy,
    now: Instant,
    *,
    confirmed_at: Instant,
) -> list[Decision]:
    """Decide a page that its upstream has not confirmed since `confirmed_at`.

    A cool-down is time for news, and none can arrive while the upstream is silent: a file that was
    closed at that instant does not open by the passing of time. Files that were delivered before,
    and those that a waiver opens, are decided as ever.
    """
    decided = decide_page(project, files, policy, now)
    if confirmed_at >= now:
        return decided
    before = decide_page(project, files, policy, confirmed_at)
    return [
        _unconfirmed(then, file, confirmed_at)
        if then.outcome.strictness > here.outcome.strictness
        and not (file.delivered_before or here.waived_by)
        else here
        for here, then, file in zip(decided, before, files, strict=True)
    ]


def _unconfirmed(then: Decision, file: FileFacts, confirmed_at: Instant) -> Decision:
    since = render_minute(confirmed_at)
    return msgspec.structs.replace(
        then,
        reason=sentence(f"{label(file)} stays held: its upstream has been silent since {since}"),
        until=None,
        recheck_at=None,
        evidence=(*then.evidence, f"page confirmed last at {since}"),
    )


def with_page_facts(
    project: ProjectFacts, files: Sequence[FileFacts], policy: CompiledPolicy, now: Instant
) -> ProjectFacts:
    """Fill `best_allowed`: the highest version on the page that passes without early release.

    The page service calls this with all files of the page, keeps the result with the page and
    decides single files with the same value, so that page and file answer alike. It holds until the
    earliest `recheck_at` on the page. Left None where no file could be released early, which is
    nearly always, because finding it means reading every version.
    """
    bare = msgspec.structs.replace(project, best_allowed=None)
    fixes = early_release.reviewed_fixes(bare, policy)
    if not fixes:
        return bare
    judge = Judge(policy, bare)
    reader = reader_for(project.project)
    if not any(reader.key(file) in fixes for file in _younger(files, policy, bare, now)):
        return bare
    return msgspec.structs.replace(bare, best_allowed=_best_allowed(judge, files, now))


def _younger(
    files: Iterable[FileFacts], policy: CompiledPolicy, project: ProjectFacts, now: Instant
) -> Iterable[FileFacts]:
    delta = policy.cool_down(project).delta
    return (f for f in files if f.uploaded_at is not None and now - f.uploaded_at < delta)


def _best_allowed(judge: Judge, files: Iterable[FileFacts], now: Instant) -> Version | None:
    reader = reader_for(judge.project.project)
    versions = [(version, f) for f in files if (version := reader.version(f)) is not None]
    versions.sort(key=lambda pair: pair[0], reverse=True)
    for version, file in versions:
        objections = judge.objections(file, now)
        if not objections or judge.settle(objections, file, now).outcome is Outcome.ALLOW:
            return version
    return None
