"""What the projection hands to the console and to commands, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from packaging.version import Version

from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName, parse_distribution_filename


class BlockRow(msgspec.Struct, frozen=True, kw_only=True):
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


class RefusalRow(msgspec.Struct, frozen=True, kw_only=True):
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


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A policy, waiver, token, verdict, pin, integrity, rollback or login entry, whole."""

    sequence: int
    at: Instant
    kind: str
    subject: str
    actor: str
    body: dict[str, Any]


class Events(Protocol):
    """What is read from: `PresenceStore`, after it has caught up."""

    def events(self, kind: str) -> Sequence[EventRow]:
        """All entries of a kind, oldest first."""
        ...


class KnownFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release that stood on a page of ours."""

    index: str
    project: ProjectName
    filename: str
    sha256: Sha256


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
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
