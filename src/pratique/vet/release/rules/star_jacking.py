"""Rule `star-jacking`: the release shows another project's repository as its own."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, is_same_project, mark, metadata_path, project_of
from pratique.vet.release.popular import popular_names
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="star-jacking",
    title="Shows another project's repository",
    techniques=("T1036",),
    what="The release names the repository of a popular project as its own, with a name unlike it.",
    danger="Index pages show that repository's stars and history beside the release.",
    benign="Several projects can come from one repository; their names usually share a word.",
    traits={
        "repository": trait("names a popular project's repository", Severity.LOW, Confidence.LOW),
    },
)

_HOSTS = ("github.com/", "gitlab.com/", "bitbucket.org/")


def find(view: ReleaseView, base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """At most one sign; none when an earlier release of the same project was approved."""
    own = context.project or project_of(view)
    popular = popular_names()
    if is_same_project(view, base) or own in popular:
        return
    for url in view.release.metadata.urls:
        repository = _repository(url)
        if repository in popular and not _related(own, repository):
            shown = f"{own} shows {url}"
            yield mark(RULE, "repository", path=metadata_path(view), shown=shown)
            return


def _repository(url: str) -> str:
    for host in _HOSTS:
        _, found, rest = url.partition(host)
        parts = rest.split("/")
        if found and len(parts) > 1 and parts[1]:
            return canonicalize_name(parts[1].removesuffix(".git").partition("#")[0])
    return ""


def _related(own: str, other: str) -> bool:
    """Whether the names share a word, or one holds the other."""
    joined, against = own.replace("-", ""), other.replace("-", "")
    shared = set(own.split("-")) & set(other.split("-")) - {"python", "py", "lib"}
    return bool(shared) or joined in against or against in joined


STAR_JACKING = ReleaseRule(rule=RULE, run=find)
