"""Rule `internal-name`: the name is of the kind that companies give their own packages."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.content.data_tables import load_table
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, is_same_project, mark, metadata_path, project_of
from pratique.vet.release.popular import popular_names
from pratique.vet.release.rules.metadata_oddity import is_high
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="internal-name",
    title="Named like a company's own package",
    techniques=("T1195.001",),
    what="The project's name has words that companies use for packages of their own.",
    danger="If a build looks for that package on the public index too, it takes this one.",
    benign="The words are ordinary. Says little alone.",
    traits={
        "words": trait("has a name of a company's own package", Severity.INFO, Confidence.LOW),
        "words-and-version": trait(
            "has a name of a company's own package and a version made to win",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
    },
)


def find(view: ReleaseView, base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """At most one sign, for the first release that is seen of a project."""
    own = context.project or project_of(view)
    if is_same_project(view, base) or own in popular_names():
        return
    words = set(own.split("-")) & set(load_table("release-names")["internal"]["words"].split())
    if words:
        version = context.version or view.release.metadata.version
        name = "words-and-version" if is_high(version) else "words"
        shown = f"{own} {version}: {', '.join(sorted(words))}"
        yield mark(RULE, name, path=metadata_path(view), shown=shown)


INTERNAL_NAME = ReleaseRule(rule=RULE, run=find)
