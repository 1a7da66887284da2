"""Rule `added-dependency`: the release brings in projects that its predecessor did not."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, Metadata, PlacedSign, Reach, Severity
from pratique.vet.release.kit import ReleaseRule, mark, metadata_path
from pratique.vet.release.names import nearest_popular
from pratique.vet.release.popular import popular_names
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="added-dependency",
    title="Brings in other projects",
    techniques=("T1195.001",),
    what="The release requires a project that its predecessor did not, one named like a popular project, or "
    "a file from outside the index.",
    danger="A clean release can deliver its payload through a new dependency, which is installed with it.",
    benign="Projects gain dependencies with ordinary features; most are well known.",
    traits={
        "new": trait("requires a project that it did not before", Severity.LOW, Confidence.MEDIUM),
        "new-unknown": trait(
            "requires a project that it did not before and that few others require",
            Severity.MEDIUM,
            Confidence.LOW,
        ),
        "new-at-build": trait("needs a new project to be built", Severity.MEDIUM, Confidence.LOW),
        "direct-url": trait(
            "requires a file from outside the index", Severity.HIGH, Confidence.MEDIUM
        ),
        "near-popular": trait(
            "requires a project named like a popular one", Severity.HIGH, Confidence.MEDIUM
        ),
    },
)

MOST = 500
"""Requirements read; each costs some microseconds, and real lists stay below."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for requirements that the base lacks; without a base only for odd ones."""
    where = metadata_path(view)
    now, then = view.release.metadata, base.release.metadata if base else Metadata()
    known = {_name(line) for line in (*then.requires, *then.build_requires)}
    for line in dict.fromkeys(now.requires[:MOST]):
        yield from _judge(line, known, where, told=bool(then.requires or then.name))
    for line in dict.fromkeys(now.build_requires[:MOST]):
        name = _name(line)
        if base and then.build_requires and name and name not in known:
            yield mark(RULE, "new-at-build", path=where, shown=line, reach=Reach.BUILD)
        if _is_direct(line) and name not in known:
            yield mark(RULE, "direct-url", path=where, shown=line, reach=Reach.BUILD)


def _judge(line: str, known: set[str], where: str, *, told: bool) -> Iterator[PlacedSign]:
    name = _name(line)
    if not name or name in known:
        return
    if _is_direct(line):
        yield mark(RULE, "direct-url", path=where, shown=line)
    near = nearest_popular(name)
    if near is not None:
        yield mark(RULE, "near-popular", path=where, shown=f"{line} (compare {near.popular})")
    if told and "extra ==" not in line:
        yield mark(
            RULE, "new" if name in popular_names() else "new-unknown", path=where, shown=line
        )


def added_projects(now: Metadata, then: Metadata) -> tuple[str, ...]:
    """Normalised names of projects that a release requires and its base did not, sorted.

    Those of extras are left out: they come only to whoever asks for them.
    """
    known = {_name(line) for line in then.requires}
    found = {_name(line) for line in now.requires[:MOST] if "extra ==" not in line}
    return tuple(sorted(found - known - {""}))


def _name(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return canonicalize_name(line.partition(" ")[0]) if line else ""


def _is_direct(line: str) -> bool:
    head = line.partition(";")[0]
    return "://" in head or "git+" in head or " @ " in head


ADDED_DEPENDENCY = ReleaseRule(rule=RULE, run=find)
