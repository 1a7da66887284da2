"""Rule `young-dependency`: the release brings in a project that the index has not had for long.

How old a project is, only the caller knows (`Context.dependencies`). Source: the axios releases of
March 2026: clean code, and one new dependency that was hours old.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, NewDependency, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark, metadata_path
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="young-dependency",
    title="Brings in a project that is new itself",
    techniques=("T1195.001",),
    what="The release requires a project that its predecessor did not, and that the index has had for a few "
    "days or weeks only, or does not have.",
    danger="A clean release can deliver its payload through a dependency that nobody has had time to look "
    "at; a name that nobody has registered can be registered by anybody.",
    benign="Projects are split, and their parts are published together.",
    traits={
        "newborn": trait("requires a project that is days old", Severity.HIGH, Confidence.MEDIUM),
        "young": trait("requires a project that is weeks old", Severity.LOW, Confidence.MEDIUM),
        "unlisted": trait(
            "requires a project of which the index tells no upload",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
    },
)

NEWBORN_DAYS = 7
"""Poisoned projects are reported within days: before that nobody has said anything yet."""
YOUNG_DAYS = 60


def find(view: ReleaseView, base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """One sign for each new dependency that is too young, or unknown to the index."""
    if base is None:
        return
    for one in context.dependencies:
        name = _trait(one)
        if name:
            yield mark(
                RULE, name, path=metadata_path(view), shown=f"depends on {one.project}, {_age(one)}"
            )


def _trait(one: NewDependency) -> str:
    if one.age_days is None:
        return "unlisted"
    if one.age_days < NEWBORN_DAYS:
        return "newborn"
    return "young" if one.age_days < YOUNG_DAYS else ""


def _age(one: NewDependency) -> str:
    if one.age_days is None:
        return "of which the index tells no upload"
    if one.age_days == 0:
        return "first uploaded today"
    days = f"{one.age_days:,} day{'s' if one.age_days > 1 else ''}"
    return f"first uploaded {days} ago"


YOUNG_DEPENDENCY = ReleaseRule(rule=RULE, run=find)
