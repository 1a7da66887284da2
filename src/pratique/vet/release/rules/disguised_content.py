"""Rule `disguised-content`: a file is something else than its name says."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.content.disguised_content import RULE, judge_disguise
from pratique.vet.model import Context, PlacedSign
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView

SHOWN = 20
"""Files shown; test data comes in hundreds."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each disguised file that the base did not have with these bytes."""
    known = {entry.sha256 for entry in base.release.files} if base else frozenset[str]()
    told = 0
    for entry, facts in view.walk():
        if entry.sha256 in known or "!" in entry.path or told >= SHOWN:
            continue
        name = judge_disguise(entry.path, facts.form)
        if name is None:
            continue
        told += 1
        yield mark(
            RULE,
            name,
            path=entry.path,
            line=1,
            shown=f"{facts.form} in {base_name(entry.path)}, {entry.size:,} bytes",
            reach=view.placement.reach(entry.path),
            how=view.placement.how(entry.path),
        )


DISGUISED_CONTENT = ReleaseRule(rule=RULE, run=find)
