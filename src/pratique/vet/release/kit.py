"""The form of a rule that looks at a whole release, and how it makes its signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pratique.vet.analyses.kit import Rule
from pratique.vet.model import Context, PlacedSign, Reach, Sign
from pratique.vet.release.view import ReleaseView
from pratique.vet.safe_text import printable

ReleaseFunction: TypeAlias = Callable[
    [ReleaseView, ReleaseView | None, Context], Iterator[PlacedSign]
]
"""The release, what it is judged against (None: nothing), what the caller knows → signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """Looks at one release as a whole, often beside its base."""

    rule: Rule
    run: ReleaseFunction


def mark(
    rule: Rule,
    trait: str,
    *,
    path: str,
    shown: str,
    reach: Reach = Reach.NEVER,
    how: str = "",
    line: int = 0,
    excerpt: str = "",
) -> PlacedSign:
    """A sign of a release rule. Metadata runs never; `how` then says where it is told."""
    if trait not in rule.traits:
        raise KeyError(trait)
    return PlacedSign(
        sign=Sign(
            rule=rule.name,
            trait=trait,
            line=line,
            excerpt=printable(excerpt, 240) if excerpt else "",
            shown=printable(shown),
        ),
        path=path,
        region="",
        reach=reach,
        how=how,
    )


def metadata_path(view: ReleaseView) -> str:
    """The member that tells the release's metadata; the file itself when there is none."""
    for name in ("METADATA", "PKG-INFO", "package.json", "pyproject.toml", "setup.py"):
        path = view.placement.layout.metadata.get(name)
        if path is not None:
            return path
    return view.release.filename
