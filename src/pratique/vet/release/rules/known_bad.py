"""Rule `known-bad`: the file, or one of its members, is listed by its SHA-256.

Hosts and texts inside contents are found by the content analysis of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pratique.vet.content.known_bad import RULE, shipped_table
from pratique.vet.model import Context, PlacedSign, Reach
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView


def find(view: ReleaseView, _base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for the file itself and one for each listed member, whatever the base held."""
    yield from by_hash(view, shipped_table().contents)


def by_hash(view: ReleaseView, contents: Mapping[str, str]) -> Iterator[PlacedSign]:
    """Signs for the file and for members that are in a table of SHA-256 = incident."""
    incident = contents.get(view.release.sha256)
    if incident is not None:
        yield mark(
            RULE, "content", path=view.release.filename, shown=incident,
            reach=Reach.IMPORT, how="it is the file that was examined then",
        )  # fmt: skip
    for entry in view.release.files:
        incident = contents.get(entry.sha256)
        if incident is not None:
            yield mark(
                RULE, "content", path=entry.path, shown=incident,
                reach=view.placement.reach(entry.path), how=view.placement.how(entry.path),
            )  # fmt: skip


KNOWN_BAD = ReleaseRule(rule=RULE, run=find)
