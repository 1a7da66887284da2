"""Incidents and their answers, as values: what plan, bundle, pages and outputs are made from.

Everything here turns into JSON with `msgspec.to_builtins` and back with `msgspec.convert`; the keys
are stable (docs/reference/cli-incident.md). Instants are aware UTC; None stands for "nobody saw it"
at a start and for "not ended as far as known" at an end.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pratique.exposure.certainty import Certainty
from pratique.exposure.disclosure import Disclosed
from pratique.values.instants import Instant

ONLY_ON_OFFER: Final = frozenset({"offered", "admitted"})
"""Rules that say no more than that an asset could have had it."""


class Release(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A release asked for by name."""

    type: str
    """purl type: `pypi`, `npm`, `githubactions` …"""
    name: str
    """Normalized as the type's purl rules say."""
    version: str
    """A version, matched exactly as the type says, or a ref that moves (`v45`)."""


class WindowLine(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A claim of when a bad file could be had from a channel."""

    channel: str
    """Such as `pypi`, `ghcr`; empty: of any."""
    start: Instant | None
    end: Instant | None
    source: str
    confidence: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident looks for: any of these, in a span, at some or all assets."""

    releases: tuple[Release, ...] = ()
    digests: tuple[str, ...] = ()
    """`ALGORITHM:HEX`."""
    advisories: tuple[str, ...] = ()
    """Ids; their newest revision known counts."""
    windows: tuple[WindowLine, ...] = ()
    """Given by hand, beside those of the advisories."""
    start: Instant | None = None
    """Nothing before it counts; None: everything counts. Windows never filter, this does."""
    end: Instant | None = None
    assets: tuple[str, ...] = ()
    """Only these (entity keys); empty: all."""


class AdvisoryUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Which revision of an advisory an answer rests on."""

    id: str
    revision: str
    """sha256 of the record; empty when no record of this id is known."""
    entry: int
    """Sequence of its `advisory-revision`; -1 when unknown."""
    source: str
    modified: str
    summary: str
    withdrawn: bool = False
    problems: tuple[str, ...] = ()
    """Contradictions that the record's own checks name."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """A four-bounded span: it began in [from_lo, from_hi] and ended in [to_lo, to_hi]."""

    from_lo: Instant | None
    from_hi: Instant | None
    to_lo: Instant | None
    to_hi: Instant | None


class SightingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item at one place of an asset: a step in the chain of evidence."""

    type: str
    name: str
    version: str
    digest: str
    filename: str
    how: str
    """Why it counts: `digest`, `version`, `ref`, `range`, `door`, `other` (another release)."""
    place_kind: str
    locator: str
    lineage: str
    times: Times
    stage: str
    evidence_class: str
    certainty: Certainty
    """What this sighting alone would say."""
    rule: str
    """Name of the rule in docs/explain/certainty.md."""
    entry: int
    """Sequence of the ledger entry that says so."""
    at: str = ""
    parents: tuple[str, ...] = ()
    """What required it, nearest first."""
    direct: bool | None = None
    range: str = ""
    note: str = ""


class DoorPart(msgspec.Struct, frozen=True, kw_only=True):
    """What our own index door recorded of an asset."""

    offered: bool | None
    """Of a listing: whether the file could be installed; None when it was never listed."""
    times: int
    """Downloads, or page answers when there was no download."""
    refused: int
    files: tuple[str, ...]


class AssetLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one asset."""

    asset: str
    """Entity key: `asset:NAME`; what only the door saw, as its actor is called."""
    kind: str
    """AssetKind, `unknown` when only the door saw it."""
    certainty: Certainty
    stage: str | None
    """How far it got; None when nothing of it was seen."""
    rule: str
    """Name of the rule that decided (docs/explain/certainty.md)."""
    first_at: Instant | None
    """Earliest instant at which it surely was there; the earliest possible one when none is sure."""
    last_at: Instant | None
    """Latest instant at which it was seen."""
    still_there: bool
    """Whether the newest look at a place of it still saw it."""
    ran: Certainty | None
    """How sure it is that its code ran here; None: it was not even installed, as far as seen."""
    theft_from: Instant | None
    """Earliest instant at which code of it may have run here; None: nothing speaks for that. Where
    nobody saw it arrive and no window is known it is 0001-01-01."""
    theft_to: Instant | None
    """Latest such instant; None: may still be so."""
    sightings: tuple[SightingLine, ...]
    """The strongest first."""
    entries: tuple[int, ...]
    """Ledger sequences that the line rests on, in order."""
    missing: str = ""
    """Of `unknown`: what would have to look, or the gap."""
    note: str = ""
    door: DoorPart | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Assets of one certainty for one reason: so that 100,000 of them are one line."""

    certainty: Certainty
    rule: str
    kind: str
    """AssetKind."""
    missing: str
    """Of `unknown`: what would have to look."""
    count: int
    assets: tuple[str, ...]
    """The first of them by name; all of them where the caller asked for all."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Assets by certainty: all five, always."""

    confirmed: int = 0
    probable: int = 0
    possible: int = 0
    cleared: int = 0
    unknown: int = 0

    @property
    def exposed(self) -> int:
        """Assets that had it or may have had it."""
        return self.confirmed + self.probable + self.possible


class StageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Exposed assets by how far it got."""

    listed: int = 0
    fetched: int = 0
    installed: int = 0
    executed: int = 0
    exfiltration_seen: int = 0


class ReachSpan(msgspec.Struct, frozen=True, kw_only=True):
    """When something lay open, at most."""

    start: Instant
    end: Instant | None
    """None: still, as far as known."""


class ReachStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a proof: who had `subject` at `at` thereby had `object`."""

    subject: str
    relation: str
    object: str
    at: Instant
    entries: tuple[int, ...]


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """An identity, dataset, client, group of people or vendor within reach."""

    entity: str
    """Entity key."""
    certainty: Certainty
    """Of the asset that it was reached from; the surest of several."""
    start: Instant
    """Of an identity the earliest theft; of anything else the earliest instant it lay open."""
    end: Instant | None
    """Of an identity when the last stolen value was rotated; None: it still works, still open."""
    spans: tuple[ReachSpan, ...]
    """Disjoint, earliest first; a rotation ends one, a later theft begins another."""
    proof: tuple[ReachStep, ...]
    """From an asset down to this, at the earliest instant, in the fewest steps."""
    ended_by: int = -1
    """Of an identity: entry of the rotation that ended the last span; -1: none did."""

    @property
    def entries(self) -> tuple[int, ...]:
        """Ledger sequences that the proof rests on, in order."""
        return tuple(sorted({entry for step in self.proof for entry in step.entries}))


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What could be reached from the exposed assets; each list has the earliest theft first."""

    identities: tuple[Reached, ...] = ()
    datasets: tuple[Reached, ...] = ()
    clients: tuple[Reached, ...] = ()
    people: tuple[Reached, ...] = ()
    vendors: tuple[Reached, ...] = ()
    assets_without_identities: tuple[str, ...] = ()
    """Assets where theft is possible and nothing is known of what they held: look for it."""
    taken: str = ""
    """What was taken for a theft, in a sentence."""
    disclosed: tuple[Disclosed, ...] | msgspec.UnsetType = msgspec.UNSET
    """Of each lease within reach: what was read under it in that time. Not there where no lease is, so
    that answers from before leases keep their digest."""


class IncidentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer, as of one state of the ledger."""

    incident: str
    """Id; empty: a question asked without opening an incident."""
    title: str
    asked: Asked
    asked_at: Instant
    """The present of the answer; of a past state, when its last entry was recorded."""
    as_known_at: int
    """Ledger size: entries below this sequence count."""
    facts: int
    """Interval facts it was answered from."""
    advisories: tuple[AdvisoryUsed, ...]
    windows: tuple[WindowLine, ...]
    widest: WindowLine | None
    counts: Counts
    stages: StageCounts
    lines: tuple[AssetLine, ...]
    """Every exposed asset, and those the question named; the surest presence first."""
    groups: tuple[Group, ...]
    """All others, cleared and unknown, by reason."""
    reach: Reach
    not_seen: tuple[str, ...]
    """Sentences: what this answer cannot see."""
    unreadable: int
    """Entries nobody could read; while there are any, nothing is cleared."""
    unexplained: int = 0
    """Page answers of the door whose content the log does not explain; likewise."""
    digest: str = ""
    """sha256 of all the other keys (`sealed`)."""

    @property
    def found(self) -> bool:
        """Whether anything of it was seen at an asset, beyond having been on offer."""
        return any(line.certainty.exposed and line.rule not in ONLY_ON_OFFER for line in self.lines)

    @property
    def clear(self) -> bool:
        """Whether every asset known is cleared."""
        return not (self.counts.exposed or self.counts.unknown) and self.counts.cleared > 0

    @property
    def unknown_groups(self) -> tuple[Group, ...]:
        """What we cannot see."""
        return tuple(group for group in self.groups if group.certainty is Certainty.UNKNOWN)


class AnswerMark(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as the ledger keeps it: enough to see whether a newer one differs."""

    entry: int
    """Sequence of its `incident-answer`."""
    recorded_at: Instant
    as_known_at: int
    asked_at: Instant
    counts: Counts
    digest: str
    substance: str
    """sha256 of what it says, whenever and of how large a ledger it was asked."""
    because: tuple[str, ...]
    """What made it be answered anew, in sentences."""
    changes: tuple[str, ...]
    """What differs from the answer before, in sentences; at most 100."""
    changes_total: int


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A standing question."""

    id: str
    title: str
    asked: Asked
    opened_at: Instant
    aware_at: Instant
    """First awareness: clocks run from here unless a note says otherwise."""
    opened_by: str
    entry: int
    """Sequence of its `incident` entry."""
    answers: tuple[AnswerMark, ...] = ()
    closed_at: Instant | None = None
    closed_by: str = ""
    closed_because: str = ""

    @property
    def open(self) -> bool:
        """Whether late facts still re-answer it."""
        return self.closed_at is None


_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode_value(value: msgspec.Struct) -> bytes:
    """Any of these values as JSON with sorted keys: the same value gives the same bytes."""
    return _ENCODER.encode(value)


def digest_of(value: object) -> str:
    """sha256 of a value's JSON."""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()


NAMES_IN_GROUP: Final = 20
"""Assets named per group where nobody asked for all; a digest is over as many."""


def sealed(answer: IncidentAnswer) -> IncidentAnswer:
    """The answer with its own digest, which is the same however many assets its groups name."""
    groups = tuple(
        msgspec.structs.replace(group, assets=group.assets[:NAMES_IN_GROUP])
        for group in answer.groups
    )
    bare = msgspec.structs.replace(answer, digest="", groups=groups)
    return msgspec.structs.replace(answer, digest=digest_of(bare))


def is_sealed(answer: IncidentAnswer) -> bool:
    """Whether the digest is the answer's."""
    return bool(answer.digest) and sealed(answer).digest == answer.digest
