"""What a rule is: a name, and a way to make itself ready for one project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, ProjectFacts
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
    applies: Callable[[ProjectFacts, CompiledPolicy], RuleFunction | None]
    """Gives None when the rule can say nothing about any file of the project."""
