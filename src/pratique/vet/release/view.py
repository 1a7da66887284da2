"""One release with everything known of it: its facts, its contents' facts, and when each place runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pratique.vet.model import ContentFacts, FileEntry, PlacedSign, Region, ReleaseFacts, Sign
from pratique.vet.release.reach import Placement, place

Contents = Callable[[FileEntry], ContentFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """A release, read. Everything else in this room is a function of one or two of these."""

    release: ReleaseFacts
    contents: Contents
    placement: Placement
    entries: dict[str, FileEntry] = field(default_factory=dict)
    """Path → member."""

    def facts(self, path: str) -> ContentFacts:
        """What is known of the content at a path."""
        return self.contents(self.entries[path])

    def plain(self, path: str) -> str:
        """The path without what names the version: equal in the release before."""
        return self.placement.layout.plain.get(path, path)

    def walk(self) -> Iterator[tuple[FileEntry, ContentFacts]]:
        """All members with their facts, ordered by path."""
        for entry in self.entries.values():
            yield entry, self.contents(entry)

    @property
    def prose(self) -> str:
        """The release in a sentence: `litellm 1.82.6 (wheel)`."""
        metadata = self.release.metadata
        name = f"{metadata.name} {metadata.version}".strip() or self.release.filename
        return f"{name} ({self.release.kind})"


def open_view(
    release: ReleaseFacts, contents: Contents, *, like: Placement | None = None
) -> ReleaseView:
    """Place all of a release; the order of its members changes nothing.

    `like`: the placement of a release that it resembles, of which tables of equal files are taken.
    """
    entries = {entry.path: entry for entry in sorted(release.files, key=lambda entry: entry.path)}
    return ReleaseView(
        release=release,
        contents=contents,
        placement=place(release, contents, like=like),
        entries=entries,
    )


def region_of(facts: ContentFacts, index: int) -> Region | None:
    """The region with that index; None when the content was not parsed into regions."""
    return facts.regions[index] if 0 <= index < len(facts.regions) else None


def place_sign(view: ReleaseView, path: str, facts: ContentFacts, sign: Sign) -> PlacedSign:
    """A sign with its region and when that runs."""
    region = region_of(facts, sign.region)
    return PlacedSign(
        sign=sign,
        path=path,
        region=region.name if region else "",
        reach=view.placement.reach(path, sign.region),
        how=view.placement.how(path, sign.region),
        besides=view.placement.besides(path, sign.region),
    )


def placed_signs(view: ReleaseView) -> tuple[PlacedSign, ...]:
    """Every sign of every content, at each path that has it, with its reach."""
    return tuple(
        place_sign(view, entry.path, facts, sign)
        for entry, facts in view.walk()
        for sign in facts.signs
    )
