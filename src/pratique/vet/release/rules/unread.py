"""Rule `unread`: parts of the release that could not be examined."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="unread",
    title="Could not be examined",
    techniques=("T1027",),
    what="A part of the release was not examined: too large, damaged, encrypted, or in no known form.",
    danger="What nobody read can hold anything; so the verdict is not `clean`.",
    benign="Very large data, exotic archives, sources for other Python versions.",
    traits={
        "archive": trait("has parts that could not be read", Severity.MEDIUM, Confidence.LOW),
        "content": trait("was not examined whole", Severity.LOW, Confidence.LOW),
    },
)

SHOWN = 20
"""Contents shown; the report's `unread` counts them all."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each problem of the archive and each unfinished content that the base did not have."""
    known = {entry.sha256 for entry in base.release.files} if base else frozenset[str]()
    for sentence in view.release.problems[:SHOWN]:
        if base is None or sentence not in base.release.problems:
            yield mark(RULE, "archive", path=view.release.filename, shown=sentence)
    told = 0
    for entry, facts in view.walk():
        if facts.unfinished and entry.sha256 not in known and told < SHOWN:
            told += 1
            yield mark(
                RULE,
                "content",
                path=entry.path,
                shown=facts.unfinished[0],
                reach=view.placement.reach(entry.path),
                how=view.placement.how(entry.path),
            )


UNREAD = ReleaseRule(rule=RULE, run=find)
