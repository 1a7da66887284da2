"""The values of custody: datasets and their objects, scopes, leases, slabs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from pratique.values.digests import Sha256
from pratique.values.instants import Instant

SEGMENT_BYTES: Final = 64 * 1024
"""What a budget counts in: touching one byte of a segment discloses, and charges, all of it."""
PART_BYTES: Final = 64 * 1024 * 1024
"""Plaintext of one encrypted part; 1,024 segments."""

HoldId = NewType("HoldId", str)
"""`S-` and 12 of A-Z2-7: the id of the suspension that it is."""
LeaseId = NewType("LeaseId", str)
"""`PQL` and 17 of A-Z2-7: the S3 access key of the lease."""
ObjectId = NewType("ObjectId", str)
"""32 hexadecimal digits, random: what the ledger calls an object, whose key may name a person."""
ScopeId = NewType("ScopeId", str)
"""`vendor:V`, `project:V/P`, `holder:V/P/H`, `lease:ID`, `client:C` or `dataset:D`."""


class Verb(StrEnum):
    """What a lease allows."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    DELETE = "delete"


class Copy(StrEnum):
    """Which bytes a lease reads."""

    MARKED = "marked"
    """The lease's own variants, where the dataset is marked."""
    CANONICAL = "canonical"
    """The bytes as registered: deliveries to the client and jobs of the own organisation."""


class HoldKind(StrEnum):
    """Which leases of a party a suspension stops."""

    ANY = "any"
    READ = "read"
    """Those that may read, or do nothing but list."""
    WRITE = "write"
    """Those that may write or delete."""
    CANONICAL = "canonical"
    MARKED = "marked"


class ScopeState(StrEnum):
    """Whether what lies in a scope works."""

    LIVE = "live"
    SUSPENDED = "suspended"
    ENDED = "ended"
    """For good: a revoked lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Training data of one client. Its name is the S3 bucket."""

    name: str
    """3–63 of a–z, 0–9, '.', '-', as a bucket name."""
    client: str
    classification: str
    """Such as `public`, `internal`, `confidential`, `personal`, `biometric`."""
    purposes: frozenset[str]
    """What leases may be granted for; empty: nothing may."""
    residency: str
    """Where it must stay, free text such as `EU`; empty: anywhere."""
    sealed: bool
    """Takes submissions that only the client can open; nothing in it can be read here."""
    seal_key: bytes
    """The client's public key (X25519, 32 bytes) of a sealed dataset; else empty."""
    created_at: Instant
    shredded_at: Instant | None
    version: int
    """Number of the newest version; 0 while there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a dataset, as it is now or was in a version."""

    id: ObjectId
    dataset: str
    key: str
    """S3 key, at most 1,024 bytes of UTF-8."""
    size: int
    """Plaintext bytes."""
    sha256: Sha256
    """Of the plaintext; of a sealed object, of what arrived."""
    media_type: str
    metadata: tuple[tuple[str, str], ...]
    """`x-amz-meta-` names, lower-case, with values."""
    wrapped_key: bytes
    """The object's key under its dataset's key (`custody.envelope`); HPKE to the client if sealed."""
    created_at: Instant
    by_lease: str
    """Lease that put it; empty when it was registered."""

    @property
    def etag(self) -> str:
        """Quoted S3 ETag. The dash says that it is no MD5, so that no client compares one."""
        return f'"{self.sha256[:32]}-1"'

    @property
    def parts(self) -> int:
        """Number of encrypted parts; an empty object has one."""
        return max(1, -(-self.size // PART_BYTES))


@functools.lru_cache(maxsize=16_384)
def scopes_above(
    lease: str, vendor: str, project: str, holder: str, client: str
) -> tuple[ScopeId, ...]:
    """What a lease hangs in, narrowest first: itself, its holder, project, vendor and client.

    Asked for every request, and kept: five texts cost more than the rest of its decision.
    """
    return (
        ScopeId(f"lease:{lease}"),
        ScopeId(f"holder:{vendor}/{project}/{holder}"),
        ScopeId(f"project:{vendor}/{project}"),
        ScopeId(f"vendor:{vendor}"),
        ScopeId(f"client:{client}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Terms under which one holder may reach data of one client. Immutable but for its budget."""

    id: LeaseId
    holder: str
    """Pseudonym of a person, or the name of a job."""
    vendor: str
    project: str
    client: str
    purpose: str
    selectors: tuple[str, ...]
    """`DATASET` or `DATASET/PREFIX`; all datasets belong to `client`."""
    verbs: frozenset[Verb]
    copy: Copy
    budget_bytes: int
    """Distinct bytes that it may ever disclose, counted in segments."""
    budget_objects: int
    rate: int
    """Newly disclosed bytes per second; 0: not limited."""
    networks: tuple[str, ...]
    """CIDR networks that it works from; empty: any."""
    granted_at: Instant
    not_before: Instant
    not_after: Instant
    granted_by: str
    certificate: bytes
    """The broker's own statement of these terms (`custody.certificate`); no secret."""

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """What it hangs in, narrowest first; a suspension of any stops it."""
        return scopes_above(self.id, self.vendor, self.project, self.holder, self.client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One node of the tree that leases hang in, with its cap and what is used of it."""

    id: ScopeId
    state: ScopeState
    reason: str
    """Why it is suspended, for the person who is refused; empty while live."""
    incident: str
    cap_bytes: int | None
    """None: no cap of its own."""
    cap_objects: int | None
    reserved_bytes: int
    """Handed out as slabs, used up or forfeited; never less than what was disclosed."""
    reserved_objects: int
    changed_epoch: int
    """Epoch at which state, reason or caps last changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A party's suspension as doors and broker enforce it: it stops kinds of leases, present and future.

    `custody.holds.stops` is what it means.
    """

    id: HoldId
    party: str
    """Who is suspended, as persons are told: `vendor acme`, `client lab`."""
    vendors: frozenset[str]
    """Vendors whose leases it stops: the party and who works for it; empty: a client's suspension."""
    client: str
    """Whose data is not touched any more; empty: a vendor's suspension."""
    project: str
    """Name of a project within each vendor; empty: all."""
    dataset: str
    """Only this one; empty: all."""
    kind: HoldKind
    reason: str
    incident: str
    since: Instant
    lifted: bool
    changed_epoch: int
    """Epoch at which it began or was lifted."""

    @property
    def whole(self) -> bool:
        """Everything of the party: its tokens stop as well."""
        return not self.project and not self.dataset and self.kind is HoldKind.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """Budget that one process holds durably before it discloses anything; forfeited if it dies."""

    id: int
    lease: LeaseId
    bytes: int
    objects: int


class Stop(StrEnum):
    """Why a request gets nothing; each has one S3 error code (docs/reference/s3.md)."""

    UNKNOWN_LEASE = "unknown-lease"
    BAD_SIGNATURE = "bad-signature"
    SKEWED = "skewed"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    NETWORK = "network"
    VERB = "verb"
    OUTSIDE = "outside"
    """The dataset or key is outside the selectors."""
    BUDGET = "budget"
    RATE = "rate"
    SHREDDED = "shredded"
    SEALED = "sealed"
    UNSURE = "unsure"
    """State could not be confirmed within its time: fail closed."""
    BROKER = "broker"
    """The broker refuses, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal and its sentence for a person, such as `lease suspended: vendor acme, INC-42`."""

    stop: Stop
    sentence: str
    scope: str = ""
    """The scope that refuses, where one does."""
    retry_seconds: float | None = None
