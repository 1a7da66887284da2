"""What a rule is: a name, and a way to make itself ready for one project."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, ProjectFacts
from pratique.policy.toml_lines import KeyPath
from pratique.values.instants import Instant

RuleFunction: TypeAlias = Callable[[FileFacts, Instant], Decision | None]
"""Objects to a file (hide, hold or deny) or says nothing (None).

Laws, held by tests/policy/test_laws.py: with time alone an objection may vanish at its
`recheck_at`, but never appears or becomes stricter.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; its page is docs/rules/<name>.md."""

    name: str
    summary: str
    """When it objects, as half a sentence."""
    remedy: str
    """What would change its answer, other than time and a waiver."""
    key: KeyPath
    """The key of the policy file that sets it; empty when it has none."""
    applies: Callable[[ProjectFacts, CompiledPolicy], RuleFunction | None]
    """Gives None when the rule can say nothing about any file of the project."""


def last_recheck(lifted: Iterable[Decision]) -> Instant | None:
    """When nothing is left that needed lifting, and the answer becomes a plain one; None if never."""
    moments = [objection.recheck_at for objection in lifted]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known and len(known) == len(moments) else None
