"""Looks and facts as ledger entries, and back.

What was seen is a *content*: a set of sightings and identities, named by its hash. It is written
once, as the difference to an earlier content, and looks name it. So a thousand CI runs from one lock
file cost one content and a thousand short looks. docs/reference/ledger-entries.md has the fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.model import (
    AssetKind,
    Evidence,
    EvidenceClass,
    Fact,
    Gap,
    Identity,
    Look,
    LookMode,
    PlaceKind,
    Sighting,
)
from pratique.ledger.entries import Draft
from pratique.values.instants import parse_instant, render_instant

CONTENT_BYTES: Final = 40_000
"""Of sightings in one entry: entries hold 60,000 bytes, and other keys take some."""
MAX_GAPS: Final = 100
"""Gaps named in one look; more are counted."""
FACTS_IN_ENTRY: Final = 100

_ENCODER = msgspec.json.Encoder(order="sorted")


class ContentBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `content` entry: the base with all parts applied is the content."""

    base: str
    """Id of the content that this one changes; empty: from nothing."""
    part: int
    parts: int
    added: tuple[Sighting, ...] = ()
    identities: tuple[Identity, ...] = ()
    removed: tuple[str, ...] = ()
    """Keys (`sighting_key`, `identity_key_of`) of what the base has and this one lacks."""


class LookBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `look` entry."""

    asset_kind: AssetKind
    place_kind: PlaceKind
    locator: str
    at_lo: str
    at_hi: str
    mode: LookMode
    ended: bool
    whole: bool
    lineage: str
    content: str
    """Id of what was seen; `EMPTY` when nothing was."""
    gaps: tuple[Gap, ...]
    gaps_total: int
    evidence: tuple[Evidence, ...]
    evidence_class: EvidenceClass
    collector: str
    machine: str


class FactsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `facts` entry."""

    facts: tuple[Fact, ...]


class RetractionBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `retraction`: what an earlier `look` or `facts` entry said no longer counts."""

    entry: int
    fact: int | None
    """Index of one fact in a `facts` entry; None: all of the entry."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was seen, by key."""

    sightings: dict[str, Sighting]
    identities: dict[str, Identity]

    @property
    def id(self) -> str:
        """Hash of the set of keys."""
        keys = sorted((*self.sightings, *self.identities))
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]


EMPTY: Final = Content(sightings={}, identities={}).id


@lru_cache(maxsize=32_768)
def sighting_key(sighting: Sighting) -> str:
    """Names a sighting by what it says. Kept, because consecutive looks share nearly all of theirs."""
    return sighting_key_of(_ENCODER.encode(sighting))


def sighting_key_of(canonical: bytes) -> str:
    """As `sighting_key`, of a sighting's canonical bytes."""
    return "s" + hashlib.sha256(canonical).hexdigest()[:23]


def identity_key_of(identity: Identity) -> str:
    """Names an identity in a content by what is said of it."""
    return "i" + hashlib.sha256(_ENCODER.encode(identity)).hexdigest()[:23]


def content_of(look: Look) -> Content:
    """What a look saw."""
    return Content(
        sightings={sighting_key(one): one for one in look.sightings},
        identities={identity_key_of(one): one for one in look.identities},
    )


def look_drafts(
    look: Look, *, base: tuple[str, Content] | None, is_recorded: Callable[[str], bool]
) -> list[Draft]:
    """The entries of a look: its content, unless it is recorded, then the look itself.

    `base` is an earlier content (id and value) of the same place or lineage, if the caller knows
    one; it must be recorded. Order: append them together, in this order.
    """
    content = content_of(look)
    drafts: list[Draft] = []
    if content.id != EMPTY and not is_recorded(content.id):
        drafts += _content_drafts(content, base, actor=f"collector:{look.collector}")
    drafts.append(
        Draft(
            kind="look",
            subject=f"asset:{look.asset}",
            actor=f"collector:{look.collector}",
            body=_plain(
                LookBody(
                    asset_kind=look.asset_kind,
                    place_kind=look.place_kind,
                    locator=look.locator,
                    at_lo=render_instant(look.at_lo),
                    at_hi=render_instant(look.at_hi),
                    mode=look.mode,
                    ended=look.ended,
                    whole=look.whole,
                    lineage=look.lineage,
                    content=content.id,
                    gaps=look.gaps[:MAX_GAPS],
                    gaps_total=len(look.gaps),
                    evidence=look.evidence,
                    evidence_class=look.evidence_class,
                    collector=look.collector,
                    machine=look.machine,
                )
            ),
        )
    )
    return drafts


def _content_drafts(
    content: Content, base: tuple[str, Content] | None, *, actor: str
) -> list[Draft]:
    base_id, old = base if base is not None else ("", Content(sightings={}, identities={}))
    added = [one for key, one in content.sightings.items() if key not in old.sightings]
    gained = [one for key, one in content.identities.items() if key not in old.identities]
    removed = [key for key in old.sightings if key not in content.sightings]
    removed += [key for key in old.identities if key not in content.identities]
    if len(added) + len(gained) + len(removed) > len(content.sightings) + len(content.identities):
        # Telling it from nothing is shorter.
        return _content_drafts(content, None, actor=actor)
    parts = list(_cut([*added, *gained, *removed]))
    return [
        Draft(
            kind="content",
            subject=f"content:{content.id}",
            actor=actor,
            body=_plain(
                ContentBody(
                    base=base_id,
                    part=number,
                    parts=len(parts),
                    added=tuple(one for one in part if isinstance(one, Sighting)),
                    identities=tuple(one for one in part if isinstance(one, Identity)),
                    removed=tuple(one for one in part if isinstance(one, str)),
                )
            ),
        )
        for number, part in enumerate(parts)
    ]


def _cut(
    lines: Sequence[Sighting | Identity | str],
) -> Iterator[list[Sighting | Identity | str]]:
    part: list[Sighting | Identity | str] = []
    size = 0
    for line in lines:
        length = len(_ENCODER.encode(line)) + 1
        if part and size + length > CONTENT_BYTES:
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    yield part


def facts_drafts(facts: Iterable[Fact], *, source: str, actor: str) -> list[Draft]:
    """Entries that state facts, at most `FACTS_IN_ENTRY` each, fewer when they are long."""
    return [
        Draft(
            kind="facts",
            subject=f"facts:{source}",
            actor=actor,
            body=_plain(FactsBody(facts=tuple(part))),
        )
        for part in _cut_facts(facts)
    ]


def _cut_facts(facts: Iterable[Fact]) -> Iterator[list[Fact]]:
    part: list[Fact] = []
    size = 0
    for fact in facts:
        length = len(_ENCODER.encode(fact)) + 1
        if part and (len(part) == FACTS_IN_ENTRY or size + length > CONTENT_BYTES):
            yield part
            part, size = [], 0
        part.append(fact)
        size += length
    if part:
        yield part


def apply_content(base: Content, parts: Iterable[ContentBody]) -> Content:
    """A content from its base and all its parts."""
    sightings, identities = dict(base.sightings), dict(base.identities)
    for body in parts:
        for key in body.removed:
            sightings.pop(key, None)
            identities.pop(key, None)
        sightings.update((sighting_key(one), one) for one in body.added)
        identities.update((identity_key_of(one), one) for one in body.identities)
    return Content(sightings=sightings, identities=identities)


def parse_look(subject: str, body: dict[str, Any]) -> tuple[str, LookBody]:
    """Asset and body of a `look` entry. Raises: ValueFormatError, msgspec.ValidationError."""
    asset = asset_of(subject)
    read = msgspec.convert(body, LookBody)
    if parse_instant(read.at_hi) < parse_instant(read.at_lo):
        raise ValueFormatError("the look ends before it starts", expected="at_lo <= at_hi")
    return asset, read


def asset_of(subject: str) -> str:
    """NAME of `asset:NAME`. Raises: ValueFormatError."""
    kind, _, name = subject.partition(":")
    if kind != "asset" or not name:
        raise ValueFormatError(f"not an asset: {subject[:80]!r}", expected="asset:NAME")
    return name


def _plain(body: msgspec.Struct) -> dict[str, Any]:
    """A body as the ledger takes it: dicts, lists, texts, integers."""
    plain: dict[str, Any] = msgspec.to_builtins(body)
    return plain
