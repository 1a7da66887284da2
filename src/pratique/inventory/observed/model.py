"""What readers give: sightings of items at a place, gaps, and the look that joins them.

An *asset* installs or runs things. A *place* is where in it something was seen: an environment, a
cache, a lock file, a layer. A *look* is one reading of one place: everything seen there, when, and
what could not be read. Absence counts only where a look was whole.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from pratique.values.instants import Instant


class AssetKind(StrEnum):
    """What sort of thing installs or runs releases."""

    CI_RUN = "ci-run"
    IMAGE = "image"
    ENVIRONMENT = "environment"
    HOST = "host"
    LAPTOP = "laptop"
    SERVER = "server"
    REPOSITORY = "repository"
    CACHE = "cache"
    VENDOR_SYSTEM = "vendor-system"
    UNKNOWN = "unknown"


ONE_PLACE: frozenset[AssetKind] = frozenset(
    {AssetKind.CI_RUN, AssetKind.IMAGE, AssetKind.ENVIRONMENT, AssetKind.REPOSITORY}
)
"""Assets that are one place: a whole look at that place is a look at the asset. On a machine another
environment may have come and gone between two looks."""


class PlaceKind(StrEnum):
    """Where in an asset something was seen."""

    LOCK = "lock"
    """A lock file, as it lies there or in a commit of its history."""
    MANIFEST = "manifest"
    """Something that names releases or refs without locking them: a workflow, loose requirements."""
    ENVIRONMENT = "environment"
    CACHE = "cache"
    LAYER = "layer"
    SBOM = "sbom"
    CI_LOG = "ci-log"
    DOOR = "door"
    SECRETS = "secrets"
    """Credential files, job secrets, variables: identities only."""
    ASSET = "asset"
    """The asset as a whole: a sweep of all its roots. Carries coverage, no items."""


class Stage(IntEnum):
    """How far an item got, as one sighting can tell; a later stage includes the earlier ones."""

    LISTED = 1
    FETCHED = 2
    INSTALLED = 3
    EXECUTED = 4
    EXFILTRATION_SEEN = 5

    @property
    def word(self) -> str:
        """As written in entries and answers: `exfiltration_seen`."""
        return self.name.lower()


class EvidenceClass(IntEnum):
    """How good a piece of evidence is, best first."""

    RECORDED = 1
    """Written down by our own door or sandbox while it happened."""
    OBSERVED = 2
    """Read from the thing itself: an installed file, a cached archive, a layer."""
    LOGGED = 3
    """Read from somebody else's log of what happened."""
    DECLARED = 4
    """A file that says what should be: lock, SBOM, manifest."""
    ASSERTED = 5
    """A person or an import says so."""

    @property
    def word(self) -> str:
        """As written in entries and answers."""
        return self.name.lower()


class LookMode(StrEnum):
    """What a look can say about the time between looks."""

    SAMPLED = "sampled"
    """Only about the instant of the look: things may have come and gone in between."""
    EVENT = "event"
    """About the whole span from `at_lo` to `at_hi`: nothing happens unseen."""


class Item(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """One release or file, as well as the evidence names it."""

    type: str
    """purl type: `pypi`, `npm`, `conda`, `githubactions`, `docker`, `deb`, `generic` …"""
    name: str
    """Normalized as the type's purl rules say, namespace before a slash: `@scope/name`."""
    version: str = ""
    """Exactly as written, never normalized; empty when the evidence names none. For a ref that
    moves (`v45`, `latest`) the ref."""
    digest: str = ""
    """`ALGORITHM:HEX` of the file or commit, such as `sha256:164a…`; the stronger identity. Empty
    when the evidence has none."""
    filename: str = ""


class Sighting(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """An item seen at a place."""

    item: Item
    stage: Stage
    since_lo: str = ""
    """When this item itself came to the place, where the evidence dates it (RFC 3339, UTC): it came
    in [since_lo, since_hi]. Empty: only the look dates it."""
    since_hi: str = ""
    at: str = ""
    """Where in the place: `line 120`, `litellm-1.82.8.dist-info`."""
    parents: tuple[str, ...] = ()
    """What required it, as the evidence says (names, nearest first)."""
    direct: bool | None = None
    """Whether it was asked for by name; None when the evidence cannot tell."""
    range: str = ""
    """Of an unpinned requirement: what it admits (`>=1.80`); the item has no version then."""
    note: str = ""
    """What a person should know: `RECORD hash differs`, `removed in a later layer`."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """A credential or account that the asset holds: never its value."""

    kind: str
    """`aws-access-key`, `ssh-key`, `env`, `ci-secret`, `kubernetes-secret`, `token-file` …"""
    name: str
    """What one calls it: `OPENAI_API_KEY`, `prod/ci-deploy`. Unique together with kind and, when
    `local`, the asset."""
    locator: str = ""
    """Where: a path, a variable, an ARN."""
    fingerprint: str = ""
    """Keyed hash of the value, so that one secret at two places is seen to be one; empty: not read."""
    local: bool = False
    """Whether the name means something on this asset only (`~/.ssh/id_ed25519`)."""


class Gap(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something that was there and could not be read, or was left out by a limit."""

    what: str
    """Path or name."""
    why: str
    """A sentence."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """The bytes a look rests on."""

    sha256: str
    """64 hexadecimal digits of the raw bytes."""
    media_type: str
    locator: str
    size: int = 0


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of one place of one asset."""

    asset: str
    """Its name, as in `asset:NAME` in the ledger: `build-7`, `ci/github/acme/api/88123`,
    `image/sha256:…`, `repo/acme/api`."""
    asset_kind: AssetKind
    place_kind: PlaceKind
    locator: str
    """Which place: a path, a path and ref, a layer's digest. Unique within asset and place_kind."""
    at_lo: Instant
    at_hi: Instant
    """Sampled: the look happened in [at_lo, at_hi]. Event: what is said holds from at_lo to at_hi."""
    mode: LookMode = LookMode.SAMPLED
    ended: bool = False
    """Whether the place was gone at `at_hi` (a finished CI run, a commit that was replaced)."""
    whole: bool = True
    """Whether everything there was read: only then absence counts and earlier sightings end."""
    lineage: str = ""
    """Name of a content history shared by many places (`ci/github/acme/api/build`,
    `repo/acme/api:uv.lock`); contents are then stored once, and the look is one row. Empty: the
    place's own history."""
    sightings: tuple[Sighting, ...] = ()
    identities: tuple[Identity, ...] = ()
    gaps: tuple[Gap, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    evidence_class: EvidenceClass
    collector: str
    """What looked: `sweep/environments`, `sweep/uv-lock`, `ci-log/github`."""
    machine: str = ""
    """Keyed fingerprint of the machine that the asset's name stands for; two machines with one name
    are told apart by it. Empty for what is no machine."""


class Relation(StrEnum):
    """What an imported or derived fact says of two entities over time."""

    HOLDS = "holds"
    """asset → identity"""
    ASSUMES = "assumes"
    """identity → identity: whoever has the first gets the second"""
    OPENS = "opens"
    """identity → dataset"""
    BELONGS_TO = "belongs-to"
    """dataset → client, or dataset → people"""
    OPERATED_BY = "operated-by"
    """asset → vendor, or asset → client"""
    ROTATED = "rotated"
    """identity → itself: from the span's start on, earlier values no longer work"""
    VERIFIED_DEAD = "verified-dead"
    """identity → itself: at the span's start an earlier value was tried, and refused"""
    POINTS_TO = "points-to"
    """ref → item digest: where a moving tag pointed (`githubactions:a/b@v45` → `sha1:…`)"""
    FETCHES_THROUGH = "fetches-through"
    """asset → door: it can install from nowhere else, so that the door's coverage is its own"""


ENTITY_KINDS = (
    "asset",
    "identity",
    "dataset",
    "client",
    "people",
    "vendor",
    "ref",
    "digest",
    "door",
)
"""First part of an entity's key, `KIND:NAME`. An identity's name is `KIND/NAME`, and
`KIND/ASSET/NAME` when it is local."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One interval fact between two entities."""

    relation: Relation
    subject: str
    """Entity key: `identity:aws-access-key/ci-deploy`."""
    object: str
    from_lo: str = ""
    """RFC 3339; empty: nobody knows the start (it may always have been so)."""
    from_hi: str = ""
    """Empty: when it was recorded."""
    to_lo: str = ""
    """Last instant at which it was seen to be so; empty: when it was recorded."""
    to_hi: str = ""
    """Empty: not ended as far as known."""
    evidence_class: EvidenceClass = EvidenceClass.ASSERTED
    source: str = ""
    """File, line, system: where one can check it."""
    note: str = ""


def identity_key(identity: Identity, asset: str) -> str:
    """The entity key of an identity held by an asset."""
    if identity.local:
        return f"identity:{identity.kind}/{asset}/{identity.name}"
    return f"identity:{identity.kind}/{identity.name}"
