"""Relief `allow-list`: exact releases or files that the policy names under `[[allow]]`.

An entry lifts the hide or hold of the rules it lists, never a deny.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from pratique.policy.compile import CompiledPolicy, Entry
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import last_recheck
from pratique.policy.spelling import reader_for
from pratique.policy.wording import label, sentence

NAME = "allow-list"


class Lifted(NamedTuple):
    """What an allow list did to some objections."""

    entry: Entry | None
    """The entry that lifted one last; None when none did."""
    remaining: list[Decision]


AllowList: TypeAlias = Callable[[FileFacts, list[Decision]], Lifted]


def allow_list(project: ProjectFacts, policy: CompiledPolicy) -> AllowList | None:
    """The entries of one project made ready; None when there are none."""
    entries = [entry for entry in policy.allow if entry.projects.matches(project.project)]
    if not entries:
        return None
    reader = reader_for(project.project)

    def lift(file: FileFacts, objections: list[Decision]) -> Lifted:
        used: Entry | None = None
        for entry in entries:
            if not entry.matches(file, reader):
                continue
            kept = [o for o in objections if o.rule not in entry.rules or o.outcome is Outcome.DENY]
            if len(kept) < len(objections):
                used, objections = entry, kept
        return Lifted(used, objections)

    return lift


def allowed(entry: Entry, lifted: list[Decision], file: FileFacts) -> Decision:
    """The answer when nothing remains of what was objected."""
    return Decision(
        outcome=Outcome.ALLOW,
        rule=NAME,
        reason=sentence(f"{label(file)} is allowed by policy: {entry.reason}"),
        recheck_at=last_recheck(lifted),
        evidence=(entry.line, *(f"lifts {o.rule}" for o in lifted)),
    )
