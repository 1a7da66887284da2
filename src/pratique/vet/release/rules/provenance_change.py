"""Rule `provenance-change`: the release is not attested as its predecessors were.

What the index says of attestations, only the caller knows (`Context.provenance`). It counts beside
what the release does, and never decides alone. Source: ultralytics 8.3.45 came without the
attestation that its predecessors had; the TanStack wave had valid ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="provenance-change",
    title="Not published the way it was before",
    techniques=("T1195.002",),
    what="Earlier releases carry an attestation of who built them from which repository; this one carries "
    "none, or that of another publisher.",
    danger="Whoever stole a password or a token of a project can upload, but not attest as its build does.",
    benign="A build moves to another service or repository, or a release is made by hand for once.",
    traits={
        "lost": trait("has no attestation any more", Severity.HIGH, Confidence.HIGH),
        "publisher": trait("is attested by another publisher", Severity.HIGH, Confidence.HIGH),
    },
)


def find(view: ReleaseView, _base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """A sign for what got worse, if anything did."""
    change = context.provenance
    if change is not None:
        name = "lost" if change.lost else "publisher"
        yield mark(RULE, name, path=view.release.filename, shown=change.sentence)


PROVENANCE_CHANGE = ReleaseRule(rule=RULE, run=find)
