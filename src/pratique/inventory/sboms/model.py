"""An SBOM as read, and its components as sightings."""

from __future__ import annotations

from typing import Final

import msgspec

from pratique.inventory.environments.items import join_notes, plain
from pratique.inventory.observed.model import Item, Sighting, Stage

MAX_SBOM_BYTES: Final = 256 << 20
MAX_COMPONENTS: Final = 1_000_000
MAX_DEPTH: Final = 100
"""Of components in components."""
MAX_PARENTS: Final = 20


class Component(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One component, with the release that it names."""

    item: Item
    ref: str = ""
    """How the document refers to it."""
    within: str = ""
    """Reference of the component that it is nested in."""
    note: str = ""


class SbomDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one document says."""

    format: str
    """`CycloneDX 1.6`, `SPDX 2.3`."""
    subject: Component | None = None
    """What the document is about."""
    components: tuple[Component, ...] = ()
    depends: dict[str, tuple[str, ...]] = {}
    """Reference → references that it depends on; empty when the document tells no dependencies."""
    claimed_at: str = ""
    """When the document says it was made. A claim, and not of any install."""
    in_operation: bool = False
    """Whether it says that it describes a running system (CycloneDX lifecycle `operations`)."""
    nameless: int = 0
    """Components that name neither purl nor type, so that no release can be told."""
    defects: tuple[str, ...] = ()
    """Sentences: what could not be read."""

    def sightings(self, *, at: str, within: str = "") -> tuple[Sighting, ...]:
        """Components as sightings at `at`; `within` is what carries the document, if anything does.

        A document lists. Only where it says that it describes a running system does it say that
        something is installed.
        """
        stage = Stage.INSTALLED if self.in_operation else Stage.LISTED
        names = {one.ref: one.item.name for one in self.components if one.ref}
        root = self.subject.ref if self.subject else ""
        parents = self._parents(names)
        direct = set(self.depends.get(root, ()))
        told = [
            Sighting(
                item=one.item,
                stage=stage,
                at=at,
                parents=tuple(parents.get(one.ref, ()))[:MAX_PARENTS]
                or ((names[one.within],) if one.within in names else (within,) if within else ()),
                direct=one.ref in direct if direct and one.ref else None,
                note=one.note,
            )
            for one in self.components
        ]
        if self.subject is not None and self.subject.item.type:
            note = join_notes(["what the document is about", self.subject.note])
            told.append(Sighting(item=self.subject.item, stage=stage, at=at, note=note))
        return tuple(told)

    def _parents(self, names: dict[str, str]) -> dict[str, list[str]]:
        """Who depends on each component, by name."""
        parents: dict[str, list[str]] = {}
        for ref, needed in self.depends.items():
            name = names.get(ref)
            if name is None:
                continue
            for one in needed:
                known = parents.setdefault(one, [])
                if len(known) < MAX_PARENTS and name not in known:
                    known.append(name)
        return parents


def told(text: object) -> str:
    """A text of a document as a note or name; empty when it is no text."""
    return plain(text) if isinstance(text, str) else ""
