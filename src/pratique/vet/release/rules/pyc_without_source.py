"""Rule `pyc-without-source`: compiled Python that nobody can read beside it."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, Language, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="pyc-without-source",
    title="Compiled Python without its source",
    techniques=("T1027.002",),
    what="The release has a compiled module whose source is not in it.",
    danger="It is imported like any module, and neither people nor most scanners read it.",
    benign="Closed-source projects ship compiled modules; leftovers under __pycache__ are not imported.",
    traits={
        "importable": trait(
            "is a compiled module without source", Severity.HIGH, Confidence.MEDIUM
        ),
        "leftover": trait("is a compiled leftover without source", Severity.LOW, Confidence.MEDIUM),
        "beside": trait("is compiled code that came with its source", Severity.LOW, Confidence.LOW),
    },
)

SHOWN = 20
"""Files shown; a closed-source package consists of them."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each compiled module that the base did not have."""
    known = {base.plain(path) for path in base.entries} if base else frozenset[str]()
    layout = view.placement.layout
    told = 0
    for entry, facts in view.walk():
        if facts.language is not Language.PYC or view.plain(entry.path) in known or told >= SHOWN:
            continue
        told += 1
        dotted = layout.modules.get(entry.path, "")
        source = any(path.endswith((".py", ".pyw")) for path in layout.paths.get(dotted, ()))
        cached = "/__pycache__/" in f"/{entry.path}"
        name = "beside" if source else "leftover" if cached else "importable"
        yield mark(
            RULE,
            name,
            path=entry.path,
            shown=f"{dotted or entry.path}, {entry.size:,} bytes",
            reach=view.placement.reach(entry.path),
            how=view.placement.how(entry.path),
        )


PYC_WITHOUT_SOURCE = ReleaseRule(rule=RULE, run=find)
