"""What was disclosed under leases whose access key may be in foreign hands.

What a stolen key *could* read is a fact of reach; what *was* read under it in that time, the ledger knows
to the segment, because the S3 door writes it down before it answers. docs/explain/access-log.md.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from pratique.values.instants import Instant

LEASE: Final = "identity:lease/"
"""How the entity key of a lease begins."""
OBJECTS_NAMED: Final = 200
"""Objects of one lease that an answer names; `pratique dataset log` names all."""
ENTRIES_NAMED: Final = 200


class DisclosedObject(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed of one object."""

    object: str
    """Id; the ledger never has its key."""
    dataset: str
    """Entity key."""
    size: int | None
    segments: tuple[tuple[int, int], ...]
    """Runs of segments of 64 KiB, both ends included."""
    bytes: int
    whole: bool


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed under one lease while its key may have been in foreign hands."""

    lease: str
    client: str
    vendor: str
    project: str
    holder: str
    start: Instant
    """Earliest theft of the key."""
    end: Instant | None
    """When the key worked no more; None: it still may."""
    not_after: Instant
    revoked_at: Instant | None
    budget_bytes: int
    """Distinct bytes that the lease may ever disclose, whoever holds it."""
    bytes: int
    """Distinct bytes disclosed in that time."""
    segments: int
    objects: int
    reads: int
    addresses: int
    """How many different ones the reads came from."""
    first_at: Instant | None
    last_at: Instant | None
    presumed: bool
    """Whether some of it was announced only, by a process of the door that did not end in order."""
    named: tuple[DisclosedObject, ...]
    """The first objects by dataset and id; `objects` counts all."""
    entries: tuple[int, ...]
    """Ledger sequences: the grant, and the first reads."""
    entries_total: int


class Disclosures(Protocol):
    """What the store knows of reads."""

    def disclosed(
        self, lease: str, *, start: Instant, end: Instant | None, tx: int
    ) -> Disclosed | None:
        """What was disclosed under a lease in a span; None when no entry grants it."""
        ...
