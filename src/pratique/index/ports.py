"""What the index door needs from the world; `store` and `edge` fulfil these.

Asynchronous protocols reach the network; synchronous ones are local and quick (a dictionary, a
file or a database on the same host) and may be called from the event loop unless said otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.version import Version

from pratique.index.model import ProjectPage
from pratique.policy.model import (
    FreshDependency,
    Publisher,
    VettingFacts,
    WaiverFacts,
)
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName

# ── upstream (edge/upstream.py) ──────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """A project page that the upstream just answered."""

    page: ProjectPage
    body: bytes
    """Canonical JSON of the page, what `PageStore` keeps (HTML upstreams are converted)."""
    etag: str
    """Upstream's validator for the next conditional request; empty when it gave none."""


@dataclass(frozen=True, slots=True)
class PageUnchanged:
    """The upstream says 304: the stored page is still right."""


@dataclass(frozen=True, slots=True)
class PageMissing:
    """The upstream says definitely that it has no such project (404 or 410)."""


class UpstreamStream(Protocol):
    """A file that is arriving."""

    length: int | None
    """Bytes announced by the upstream, if it said."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces; raises UpstreamError when it stalls, breaks or exceeds its limit."""
        ...


class Upstream(Protocol):
    """One configured upstream index. Never given a client's credentials; bounded in time and bytes."""

    name: str
    private: bool
    """A private index: its names never go to a public one."""
    hashless: str
    """`hold` or `pin`: what to do with files for which the upstream gives no SHA-256."""

    def claims(self, project: ProjectName) -> bool:
        """Whether configuration reserves this name for this upstream (`names = ["acme-*"]`)."""
        ...

    async def fetch_page(
        self, project: ProjectName, *, etag: str = ""
    ) -> FetchedPage | PageUnchanged | PageMissing:
        """Ask for a project page.

        Raises: UpstreamError (an UnavailableError) for everything that is not one of the three
        answers: timeouts, 5xx, 401/403, bodies that are too large or do not parse.
        """
        ...

    def open_file(
        self, url: str, *, max_bytes: int | None = None
    ) -> AbstractAsyncContextManager[UpstreamStream]:
        """Start downloading a file, its sidecar or its provenance. Same errors as `fetch_page`."""
        ...

    async def fetch_wheel_metadata(self, url: str, *, size: int | None) -> bytes | None:
        """Read `*.dist-info/METADATA` out of a wheel by range requests.

        Shape: None when the upstream has no ranges or the archive has no readable METADATA.
        """
        ...


# ── local places (edge/pages.py, edge/blobs.py) ──────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page kept on disk, as last fetched."""

    url: str
    """Absolute URL that the page was read from; relative file URLs resolve against it."""
    body: bytes
    etag: str
    fetched_at: Instant
    """When the upstream last confirmed it."""
    last_serial: int | None


class PageStore(Protocol):
    """Upstream pages on disk: one per (upstream, project). Untrusted by nobody but us; may be lost."""

    def load(self, upstream: str, project: ProjectName) -> StoredPage | None:
        """The stored page, or None; a damaged one counts as none."""
        ...

    def save(self, upstream: str, project: ProjectName, stored: StoredPage) -> None:
        """Replace the stored page atomically."""
        ...

    def touch(self, upstream: str, project: ProjectName, *, fetched_at: Instant) -> None:
        """Note that the upstream confirmed the stored page."""
        ...

    def forget(self, upstream: str, project: ProjectName) -> None:
        """Remove the stored page, because the upstream says that there is no such project."""
        ...


class BlobWriter(Protocol):
    """A blob being written; becomes visible only through `commit`."""

    path: Path
    """The temporary file; readers of a running download may read what `written` covers."""
    written: int

    def write(self, chunk: bytes) -> None:
        """Append and hash."""
        ...

    def commit(self, expected: Sha256 | None) -> Sha256:
        """Check the hash, make durable, publish under its digest; IntegrityError on mismatch."""
        ...

    def abandon(self) -> None:
        """Remove the temporary file."""
        ...


class BlobStore(Protocol):
    """Content-addressed files on disk, below a size cap."""

    def path(self, digest: Sha256) -> Path | None:
        """Where the blob is, or None. Marks it as used."""
        ...

    def begin(self) -> BlobWriter:
        """Start a new blob; raises UnavailableError when the disk is full."""
        ...

    def evict(self, *, protected: frozenset[Sha256]) -> Sequence[Sha256]:
        """Remove least recently used blobs until below the cap, never a protected one."""
        ...


# ── shared state (store/) ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks at a door."""

    actor: str
    """As it appears in the ledger: `asset:ci-runner`, `anonymous:127.0.0.1`, `operator:alice`."""
    role: str
    """`asset` (may install), `approver` (may also grant waivers), `collector` (pushes observations of
    any asset, and installs nothing), `party` (pushes the evidence of one party), `anonymous`."""
    token_id: str = ""
    party: str = ""
    """The vendor or client that the token belongs to; empty: the own organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as stored: never the secret, only its SHA-256."""

    id: str
    name: str
    role: str
    secret_sha256: str
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    party: str = ""
    """The vendor or client that it belongs to, and with whom it stops; empty: the own organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A recorded exception. Scope: an index view, and optionally one asset only."""

    id: str
    sha256: Sha256
    filename: str
    index: str
    """Name of an index view, or `*`."""
    asset: str
    """Asset name, or `*`."""
    approver: str
    reason: str
    created_at: Instant
    expires_at: Instant
    overrides_deny: bool
    revoked_at: Instant | None = None

    def facts(self) -> WaiverFacts:
        """What policy needs to know of it."""
        return WaiverFacts(
            id=self.id,
            approver=self.approver,
            reason=self.reason,
            expires_at=self.expires_at,
            overrides_deny=self.overrides_deny,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile:
    """A file that the door has delivered under `allow`: it stays listed and served."""

    index: str
    project: ProjectName
    version: Version
    filename: str
    sha256: Sha256
    upstream: str
    door_path: str
    raw: bytes
    """The file's JSON object as upstream published it at that time, URLs absolute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStudy:
    """What was learned once about a file by reading its metadata or its attestation."""

    sha256: Sha256
    fresh_dependencies: tuple[FreshDependency, ...] | None
    publisher: Publisher | None
    studied_at: Instant


class TokenState(Protocol):
    """Tokens of assets and approvers."""

    def token_by_secret(self, secret_sha256: str) -> TokenRecord | None:
        """The token whose secret has this SHA-256, revoked and expired ones included."""
        ...

    def tokens(self) -> Sequence[TokenRecord]:
        """All tokens, oldest first."""
        ...

    def add_token(self, token: TokenRecord) -> None:
        """Store a new token."""
        ...

    def revoke_token(self, token_id: str, *, at: Instant) -> bool:
        """Revoke; False when there is no such living token."""
        ...


class WaiverState(Protocol):
    """Recorded exceptions."""

    def waivers(self, digests: Iterable[Sha256] | None = None) -> Sequence[Waiver]:
        """Waivers of these files (None: all), revoked and expired ones included."""
        ...

    def add_waiver(self, waiver: Waiver) -> None:
        """Store a new waiver."""
        ...

    def revoke_waiver(self, waiver_id: str, *, at: Instant) -> bool:
        """Revoke; False when there is no such living waiver."""
        ...


class OriginState(Protocol):
    """Which upstream a name belongs to, and how far its page has been seen."""

    def origin(self, index: str, project: ProjectName) -> str | None:
        """Name of the upstream that the project is pinned to on this index view."""
        ...

    def pin_origin(self, index: str, project: ProjectName, upstream: str) -> str:
        """Pin the name unless it is pinned already; gives the pin that holds."""
        ...

    def projects(self, index: str) -> Sequence[ProjectName]:
        """Names pinned on this index view, sorted; what the root list shows."""
        ...

    def serial(self, upstream: str, project: ProjectName) -> int | None:
        """Highest serial seen by any node."""
        ...

    def raise_serial(self, upstream: str, project: ProjectName, serial: int) -> int:
        """Remember the highest serial seen by any node; gives the highest known."""
        ...


class FileKnowledge(Protocol):
    """What is known of files by their content, and which stay available."""

    def vettings(self, digests: Iterable[Sha256]) -> dict[Sha256, VettingFacts]:
        """What vetting said of those files that were vetted."""
        ...

    def set_vetting(self, digest: Sha256, vetting: VettingFacts) -> None:
        """Replace what vetting said of a file."""
        ...

    def drop_vetting(self, digest: Sha256) -> None:
        """Forget what `set_vetting` kept, so that the file is vetted again at its next download."""
        ...

    def cleared(self, project: ProjectName) -> frozenset[Sha256]:
        """Files of a project that vetting found clean and that `vettings` has nothing of."""
        ...

    def add_cleared(self, project: ProjectName, digest: Sha256) -> None:
        """Remember that vetting found a file clean; answers that others keep stay right."""
        ...

    def studies(self, digests: Iterable[Sha256]) -> dict[Sha256, ReleaseStudy]:
        """Studies of those files that have one."""
        ...

    def add_study(self, study: ReleaseStudy) -> None:
        """Store what was learned of a file, replacing an earlier study."""
        ...

    def delivered(self, index: str, project: ProjectName) -> Sequence[DeliveredFile]:
        """Files of this project that this index view has delivered under `allow`."""
        ...

    def add_delivered(self, file: DeliveredFile) -> None:
        """Remember a delivery; the same file again changes nothing."""
        ...

    def last_good(self) -> frozenset[Sha256]:
        """Blobs eviction must not touch: newest delivered version per index and project."""
        ...

    def pinned_hash(self, upstream: str, url: str) -> Sha256 | None:
        """SHA-256 of a file without a published hash, as pinned at its first download."""
        ...

    def pin_hash(self, upstream: str, url: str, digest: Sha256) -> Sha256:
        """Pin a hash unless one is pinned already; gives the pin that holds."""
        ...


class ControlState(TokenState, WaiverState, OriginState, FileKnowledge, Protocol):
    """State that decisions depend on, shared by all processes of an installation.

    `epoch` changes whenever something that decisions depend on changes in any process (decision 0005
    says what does not count); whoever caches an answer keeps the
    epoch beside it and asks again when it differs. Reading `epoch` costs microseconds.
    Raises: StoreUnavailableError when it cannot be told; the door then refuses.
    """

    def epoch(self) -> int:
        """A number that differs from every earlier one once shared state has changed."""
        ...
