"""Rules object and reliefs lift, one module each.

A new one is a module, a page in docs/rules/ and a line here. Never does: see another rule's answer.
The order breaks ties: of two objections equally strict, the earlier rule's is told.
"""

from __future__ import annotations

from pratique.policy.rule import Rule
from pratique.policy.rules import (
    advisory,
    allow_list,
    capability_gain,
    cool_down,
    deny_list,
    early_release,
    filename,
    missing_hash,
    new_dependency,
    provenance,
    quarantined,
    unlisted,
    verdict,
    waiver,
    yanked,
)

RULES: tuple[Rule, ...] = (
    advisory.RULE,
    verdict.RULE,
    deny_list.RULE,
    yanked.RULE,
    filename.RULE,
    unlisted.RULE,
    quarantined.RULE,
    missing_hash.RULE,
    cool_down.RULE,
    new_dependency.RULE,
    provenance.RULE,
    capability_gain.RULE,
)

RELIEFS = (allow_list.NAME, early_release.NAME, waiver.NAME)
"""What lifts objections, in the order in which it is tried; pages in docs/rules/ too."""

PLAIN = "allow"
"""The rule name of a file to which nothing objects."""
