"""Rule `name-squat`: the project is named so that it is taken for a popular one."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, is_same_project, mark, metadata_path, project_of
from pratique.vet.release.names import Nearness, nearest_popular
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="name-squat",
    title="Named like a popular project",
    techniques=("T1036.005", "T1195.001"),
    what="The project's name differs from a popular one's by a slip of the finger, a usual ending, similar "
    "characters or the order of its words.",
    danger="People install it by mistake, and automated tools guess it.",
    benign="Companions and plugins carry the name of what they extend; forks too.",
    traits={
        Nearness.EDIT: trait(
            "is a slip away from a popular name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        Nearness.CONFUSABLE: trait("looks like a popular name", Severity.MEDIUM, Confidence.HIGH),
        Nearness.SEPARATORS: trait(
            "is a popular name with other separators", Severity.MEDIUM, Confidence.MEDIUM
        ),
        Nearness.AFFIX: trait(
            "is a popular name with a usual ending", Severity.LOW, Confidence.LOW
        ),
        Nearness.SWAPPED: trait(
            "is a popular name with its words swapped", Severity.LOW, Confidence.MEDIUM
        ),
        Nearness.COMBINED: trait("joins two popular names", Severity.INFO, Confidence.LOW),
    },
)


def find(view: ReleaseView, base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """At most one sign; none when an earlier release of the same project was approved."""
    own = context.project or project_of(view)
    if is_same_project(view, base):
        return
    near = nearest_popular(own)
    if near is not None:
        yield mark(RULE, near.nearness, path=metadata_path(view), shown=f"{own} for {near.popular}")


NAME_SQUAT = ReleaseRule(rule=RULE, run=find)
