"""What custody asks of its store, of the place that keeps parts, and of the key broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pratique.custody.model import (
    Dataset,
    Hold,
    Lease,
    LeaseId,
    ObjectId,
    Refusal,
    Scope,
    ScopeId,
    ScopeState,
    Slab,
    StoredObject,
)
from pratique.custody.views import View
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A sealed state of a dataset."""

    dataset: str
    number: int
    root: str
    """Hex Merkle root (RFC 6962 hashing) over `custody.manifest.leaf` of its objects by key."""
    objects: int
    bytes: int
    sealed_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A multipart upload that has begun."""

    id: str
    dataset: str
    key: str
    lease: LeaseId
    object: ObjectId
    media_type: str
    metadata: tuple[tuple[str, str], ...]
    wrapped_key: bytes
    begun_at: Instant


class DatasetState(Protocol):
    """Datasets, objects, versions, uploads. Safe from any thread; UnavailableError when it is not."""

    def dataset(self, name: str) -> Dataset | None:
        """The dataset, shredded ones included."""
        ...

    def datasets(self) -> Sequence[Dataset]:
        """All datasets by name."""
        ...

    def add_dataset(self, dataset: Dataset) -> None:
        """Store a new one. Raises: InputError when the name is taken."""
        ...

    def mark_shredded(self, name: str, *, at: Instant) -> None:
        """Its key is gone; nothing of it is answered any more."""
        ...

    def object(self, dataset: str, key: str) -> StoredObject | None:
        """The object that stands at a key now."""
        ...

    def objects(
        self, dataset: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> Sequence[StoredObject]:
        """Objects with `prefix` whose keys sort after `after`, by the bytes of UTF-8."""
        ...

    def put_objects(self, stored: Sequence[StoredObject]) -> Sequence[StoredObject | None]:
        """As `put_object`, many of one dataset in one transaction."""
        ...

    def put_object(self, stored: StoredObject) -> StoredObject | None:
        """Let it stand at its key from now on; gives the one that stood there before."""
        ...

    def remove_object(
        self, dataset: str, key: str, *, at: Instant, only: ObjectId | None = None
    ) -> StoredObject | None:
        """Nothing stands at the key any more; versions keep what they had.

        With `only` nothing happens when something else stands there by now.
        """
        ...

    def revision(self, dataset: str) -> int:
        """Grows with every change of a dataset's objects."""
        ...

    def seal_version(self, version: Version, *, revision: int | None = None) -> None:
        """Fix what stands in the dataset now as its next version.

        Raises: InputError when its number is not next, or objects changed since `revision`.
        """
        ...

    def versions(self, dataset: str) -> Sequence[Version]:
        """All versions, oldest first."""
        ...

    def version_objects(self, dataset: str, number: int) -> Iterable[StoredObject]:
        """Objects of a version by key, streamed."""
        ...

    def version_page(
        self, dataset: str, number: int, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> Sequence[StoredObject]:
        """As `objects`, of a version."""
        ...

    def object_by_id(self, object_id: ObjectId) -> StoredObject | None:
        """What an id meant, removed objects included: the ledger names objects by id only."""
        ...

    def begin_upload(self, upload: Upload) -> None:
        """Remember a multipart upload."""
        ...

    def upload(self, upload_id: str) -> Upload | None:
        """An upload that is neither completed nor aborted."""
        ...

    def uploads(self, dataset: str) -> Sequence[Upload]:
        """All of a dataset, oldest first."""
        ...

    def end_upload(self, upload_id: str) -> None:
        """Forget it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed in the tree of scopes, and among holds, since an epoch."""

    epoch: int
    scopes: tuple[Scope, ...]
    holds: tuple[Hold, ...] = ()
    """Begun and lifted ones."""


class LeaseState(Protocol):
    """Leases, scopes, budgets, coverage. Safe from any thread; UnavailableError when it is not."""

    def epoch(self) -> int:
        """Grows with every suspension, resumption, revocation and change of caps."""
        ...

    def changes(self, after: int) -> Changes:
        """Scopes and holds that changed since `after`, with the epoch that this answer is of."""
        ...

    def standing_holds(self) -> Sequence[Hold]:
        """Holds that are not lifted, oldest first."""
        ...

    def lease(self, lease_id: LeaseId) -> Lease | None:
        """The lease, ended ones included."""
        ...

    def leases(self) -> Sequence[Lease]:
        """All leases, oldest first."""
        ...

    def add_lease(self, lease: Lease) -> None:
        """Store a lease and those of its scopes that do not exist yet."""
        ...

    def scope(self, scope: ScopeId) -> Scope | None:
        """One scope."""
        ...

    def scopes(self) -> Sequence[Scope]:
        """All scopes by id."""
        ...

    def set_state(
        self, scope: ScopeId, state: ScopeState, *, reason: str, incident: str, entry: int = -1
    ) -> Scope | None:
        """Suspend, resume or end; None when there is no such scope. An ended one stays ended.

        `entry`: sequence of the ledger entry that says so; older ones have no force after it.
        """
        ...

    def set_caps(
        self, scope: ScopeId, *, cap_bytes: int | None, cap_objects: int | None, entry: int = -1
    ) -> Scope:
        """Set a scope's caps; makes the scope where there is none. A lease's cap is its budget."""
        ...

    def unlogged(self) -> Sequence[Scope]:
        """Scopes that the velocity rule suspended and whose entry may not be in the ledger."""
        ...

    def mark_logged(self, scope: Scope, *, entry: int) -> None:
        """The entry of such a suspension is durable."""
        ...

    def reserve(
        self,
        lease: Lease,
        *,
        need_bytes: int,
        need_objects: int,
        want_bytes: int,
        now: Instant,
        dataset: str = "",
    ) -> Slab | Refusal:
        """Take budget from the lease and every scope above it, durably, in one transaction.

        Gives up to `want_bytes`, at least `need_bytes`; a refusal takes nothing from anything. The
        refusal names the scope that has too little, or (`Stop.RATE`) when to try again. With
        `dataset` the slab is for that one only, and pays to its scope; without, to those of all that
        the lease selects. `Stop.SUSPENDED` may be
        by the velocity rule, just now: then `unlogged` names the scope, whose entry is to be
        recorded (`store.custody_heal.record_rules`).
        """
        ...

    def settle(self, slab: Slab, *, left_bytes: int, left_objects: int) -> None:
        """Give back what an orderly end did not use. A slab settles once."""
        ...

    def held(self) -> Mapping[LeaseId, int]:
        """Bytes of slabs that did not settle: processes hold them, or died with them."""
        ...

    def coverage(self, lease: LeaseId, objects: Iterable[ObjectId]) -> Mapping[ObjectId, bytes]:
        """Bitmaps of segments that the lease has paid for; segment 0 is bit 0 of byte 0."""
        ...

    def add_coverage(self, lease: LeaseId, bitmaps: Mapping[ObjectId, bytes]) -> None:
        """Merge (or) segments that were paid for."""
        ...


class PartStore(Protocol):
    """Where encrypted parts lie: a disk or an S3. It is trusted with nothing but keeping them."""

    async def read(self, name: str, start: int, end: int) -> bytes | bytearray:
        """Ciphertext `[start, end)` of a part. Raises: PartMissingError, UnavailableError."""
        ...

    def cached(self, name: str, start: int, into: memoryview) -> bool:
        """Fill `into` with ciphertext from `start`; False, at once, where that would have to wait.

        Raises: PartMissingError, UnavailableError.
        """
        ...

    async def write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        """Keep a part durably; the name is new. Raises: UnavailableError (disk full)."""
        ...

    async def delete(self, name: str) -> None:
        """Forget a part; a missing one is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAsk:
    """One part whose key is asked for."""

    object: ObjectId
    wrapped_key: bytes
    part: int
    variant: int
    """0: canonical; 1: the other bytes of marked stretches."""
    salt: bytes
    """From the part's header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAsk:
    """One part that is about to be written."""

    object: ObjectId
    wrapped_key: bytes
    part: int
    variant: int


class KeyBroker(Protocol):
    """The door's side of the broker's socket. Each call raises BrokerRefusedError or UnavailableError."""

    async def signing_key(
        self, certificate: bytes, *, date: str, region: str, service: str = "s3"
    ) -> bytes:
        """The key `kSigning` of the lease for one day (SigV4), 32 bytes."""
        ...

    async def part_keys(self, certificate: bytes, asks: Sequence[PartAsk]) -> Sequence[bytes]:
        """The AES keys of parts, after the vendor's meter has been charged for them, durably."""
        ...

    async def new_object_key(
        self, certificate: bytes, object_id: ObjectId, *, dataset: str
    ) -> tuple[bytes, bytes]:
        """A fresh object key for a write: (key, wrapped under its dataset's key)."""
        ...

    async def write_keys(
        self, certificate: bytes, asks: Sequence[WriteAsk]
    ) -> Sequence[tuple[bytes, bytes]]:
        """(salt, AES key) for parts that are written now, when the object key is not at hand.

        The broker chooses the salt, so that the key opens nothing that was written before.
        """
        ...

    async def staging_key(
        self, certificate: bytes, upload: str, *, dataset: str, wrapped: bytes = b""
    ) -> tuple[bytes, bytes]:
        """(key, the same wrapped) of an upload in parts; a new one without `wrapped`.

        For the lease that began it only; it opens what that upload staged, and no object.
        """
        ...

    async def mark_bits(self, certificate: bytes, dataset: str, count: int) -> bytes:
        """The lease's codeword for the marks of a dataset, eight to a byte, mark 0 first."""
        ...

    async def mark_commitment(self, certificate: bytes, dataset: str, count: int) -> str:
        """SHA-256 (hex) of salt and that codeword: what the ledger says before its first read."""
        ...


class Views(Protocol):
    """What leases see of objects that are marked."""

    async def of(self, lease: Lease, stored: StoredObject) -> View | None:
        """The lease's own view; None: the canonical bytes, which is right for most.

        Raises: BrokerRefusedError, UnavailableError; never None because something failed.
        """
        ...
