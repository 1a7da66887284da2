"""What an audit pack says: `audit.json`."""

from __future__ import annotations

from typing import Final

import msgspec

from pratique.parties.model import (
    Contract,
    Finding,
    NoticeClock,
    Party,
    Project,
    Received,
    Suspension,
)
from pratique.values.instants import Instant

FORMAT: Final = "pratique-audit/v1"


class ProfileLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what is known of a party."""

    topic: str
    answer: str
    standing: str
    """`observed`, `attested` or `claimed`."""
    entries: tuple[int, ...] = ()


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement of a regulation or standard, and what our checks say of it for this party."""

    id: str
    """As `parties/standards.py` has it, such as `DORA 28.3`."""
    title: str
    state: str
    """`clear` (its checks found nothing), `found`, `accepted`, or `unknown`."""
    checks: tuple[str, ...]
    findings: tuple[str, ...] = ()
    """Ids of recorded findings that stand against it."""
    says: tuple[str, ...] = ()
    """What its checks found, as sentences: the first ones."""


class LeaseHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A lease and what was disclosed under it."""

    lease: str
    holder: str
    vendor: str
    project: str
    client: str
    purpose: str
    selectors: tuple[str, ...]
    verbs: tuple[str, ...]
    copy: str
    budget_bytes: int
    granted_at: Instant
    not_before: Instant
    not_after: Instant
    ended_at: Instant | None
    """Revoked before its time."""
    entry: int
    bytes: int = 0
    """Distinct bytes disclosed, by the access log."""
    segments: int = 0
    objects: int = 0
    reads: int = 0
    refused: int = 0
    first_read_at: Instant | None = None
    last_read_at: Instant | None = None
    presumed: bool = False
    """Some of it was announced only, by a process that did not end in order."""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A measured stop: how long until the last byte."""

    scope: str
    at: Instant
    streams: int
    p50_ms: int
    p99_ms: int
    bytes_after_max: int
    nodes: int
    entry: int


class ScopeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A scope of the party was suspended, resumed, ended or capped."""

    scope: str
    changed: str
    state: str
    reason: str
    incident: str
    at: Instant
    entry: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the party was told."""

    cause: str
    sha256: str
    channel: str
    at: Instant
    next_update: str
    entry: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the register says of the party, folded from the entries in the pack."""

    party: Party | None
    contracts: tuple[Contract, ...]
    projects: tuple[Project, ...]
    evidence: tuple[Received, ...]
    findings: tuple[Finding, ...]
    suspensions: tuple[Suspension, ...]
    clocks: tuple[NoticeClock, ...]
    notices: tuple[Notice, ...]
    drills: tuple[Drill, ...]
    scopes: tuple[ScopeChange, ...]
    unreadable: tuple[int, ...]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes."""

    entries: int
    """In clear."""
    withheld: int
    leases: int
    bytes: int
    """Distinct over all leases."""
    segments: int
    objects: int
    reads: int
    refused: int
    unreadable: int


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an audit pack says."""

    format: str
    name: str
    made_at: Instant
    start: Instant | None
    """History from then on; None: from the beginning."""
    end: Instant | None
    origin: str
    """Of the log."""
    size: int
    root: str
    """In hexadecimal."""
    told: Told
    profile: tuple[ProfileLine, ...]
    controls: tuple[Control, ...]
    leases: tuple[LeaseHistory, ...]
    totals: Totals
    kinds: dict[str, int]
    """Entries in clear by kind."""
    evidence_held: tuple[str, ...]
    """SHA-256 of evidence whose bytes are in the pack."""
    not_shown: tuple[str, ...]
    """What this pack cannot show, as sentences."""
