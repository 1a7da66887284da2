"""What the projection hands to the console and to commands, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName, parse_distribution_filename


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """What a block id stands for, as last shown."""

    block: str
    index: str
    project: ProjectName
    version: Version | None
    filename: str
    sha256: str
    outcome: str
    rule: str
    reason: str
    """From the newest refusal that carries the id; empty while nobody has asked for the file."""
    until: Instant | None
    since: Instant
    """When it was first shown, or first refused if no page showed it."""
    sequence: int
    """Ledger entry that first showed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRow:
    """A file, sidecar or attestation that was asked for and not given."""

    sequence: int
    at: Instant
    actor: str
    index: str
    project: ProjectName
    version: Version | None
    filename: str
    sha256: str
    door: str
    outcome: str
    rule: str
    reason: str
    until: Instant | None
    block: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A policy, waiver, token, verdict, pin, integrity, rollback or login entry, whole."""

    sequence: int
    at: Instant
    kind: str
    subject: str
    actor: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file of a release that stood on a page of ours."""

    index: str
    project: ProjectName
    filename: str
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What `pratique ledger rebuild` did."""

    entries: int
    """Ledger entries applied."""
    unreadable: int
    """Of these, entries whose body was not as documented."""
    rows: dict[str, int]
    """Rows by table, afterwards."""
    rows_before: dict[str, int]
    """Rows by table that the rebuilt ones replaced; they may have lagged behind the ledger."""


def version_of(filename: str, project: ProjectName) -> Version | None:
    """The version that a file's name tells; None when the name fits no standard."""
    distribution = parse_distribution_filename(filename, project=project)
    return distribution.version if distribution is not None else None
