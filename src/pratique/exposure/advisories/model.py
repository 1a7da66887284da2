"""What advisories say, as values: a revision of a record, and the overlay beside it.

A record is what a database published (OSV); an overlay is what we or others know besides. Neither is
ever edited: a changed record is a further revision, and answers name the revision that they rest on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from pratique.values.instants import Instant
from pratique.values.spans import DAWN, OPEN

MIN_PREFIX: Final = 12
"""Hexadecimal digits of the shortest digest prefix that counts; see docs/reference/advisory-overlay.md."""
FULL_LENGTH: Final = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of a whole digest."""


class Confidence(StrEnum):
    """How well a window is known."""

    HIGH = "high"
    """Measured by the index, or by records of our own."""
    MEDIUM = "medium"
    """Said by somebody who was there: the project, a researcher with logs."""
    LOW = "low"
    """Retold, computed or disputed."""


class Trigger(StrEnum):
    """What makes a payload run."""

    INSTALL = "install"
    IMPORT = "import"
    INTERPRETER_START = "interpreter_start"
    RUN = "run"
    """The action, program or service itself runs."""


class ReadGroup(StrEnum):
    """What a payload reads, by groups of places; `reads` says which identities lie there."""

    ENV = "env"
    SSH = "ssh"
    GIT = "git"
    AWS = "aws"
    GCLOUD = "gcloud"
    AZURE = "azure"
    KUBERNETES = "kubernetes"
    DOCKER = "docker"
    NPM = "npm"
    PYPI = "pypi"
    NETRC = "netrc"
    VAULT = "vault"
    DATABASES = "databases"
    KEYS = "keys"
    """Key and certificate files: `*.pem`, `*.key`, `*.p12`, `*.pfx`."""
    TERRAFORM = "terraform"
    SHELL_HISTORY = "shell-history"
    WALLETS = "wallets"
    ACCOUNTS = "accounts"
    """`/etc/shadow` and the like."""
    CLOUD_METADATA = "cloud-metadata"
    SECRET_STORES = "secret-stores"  # noqa: S105 - the name of a group of places
    """Live calls: Secrets Manager, Parameter Store, Vault, secrets of a cluster."""
    CI_SECRETS = "ci-secrets"
    """Secrets of a CI job, from its memory or variables."""
    EVERYTHING = "everything"
    """It fetches further code, or nobody has said what it reads."""


class Range(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One OSV range, as written."""

    type: str
    """`ECOSYSTEM`, `SEMVER` or `GIT`, upper case."""
    events: tuple[tuple[str, str], ...]
    """In order: `("introduced", "0"), ("fixed", "1.2")`."""
    repo: str = ""


class MovedRef(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A tag or branch that pointed at something bad."""

    ref: str
    """`v45`, `latest`; `*` means every ref of the project but `spared`."""
    digests: tuple[str, ...] = ()
    """What it pointed at then, `ALGORITHM:HEX`; empty when nobody has said."""
    start: Instant | None = None
    """When it was moved; None: not known."""
    end: Instant | None = None
    """When it was moved back; None: not known."""
    spared: tuple[str, ...] = ()
    """Of `*`: refs that were not moved."""
    source: str = ""


class Affected(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What is bad of one project: record and overlay put together."""

    type: str
    """purl type, as in `inventory.observed.model.Item`; `generic` for an ecosystem without one."""
    name: str
    """Normalized as items are."""
    ecosystem: str = ""
    """As the record spells it."""
    versions: tuple[str, ...] = ()
    """Raw texts."""
    ranges: tuple[Range, ...] = ()
    digests: tuple[str, ...] = ()
    """`ALGORITHM:HEX`; HEX may be a prefix of `MIN_PREFIX` digits or more."""
    refs: tuple[MovedRef, ...] = ()
    everything: bool = False
    """Every version, future ones included."""


class AdvisoryRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One content of one record, as it was when we saw it."""

    id: str
    revision: str
    """SHA-256 of the raw bytes, hexadecimal."""
    source: str
    """Where it came from: a path, a URL, `hand`."""
    seen_at: Instant
    """When it was recorded here: nobody here can have known it earlier from this."""
    entry: int = -1
    """Ledger sequence of the `advisory-revision`; -1 before it is recorded."""
    modified: Instant | None = None
    published: Instant | None = None
    withdrawn: Instant | None = None
    aliases: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    summary: str = ""
    details: str = ""
    severity: tuple[str, ...] = ()
    """As written: `CVSS_V3 CVSS:3.1/AV:N/…`, or a word."""
    malware: bool = False
    references: tuple[str, ...] = ()
    affected: tuple[Affected, ...] = ()
    defects: tuple[str, ...] = ()
    """What could not be understood, and how it was taken instead."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of when something bad could be had from a channel."""

    channel: str
    """`pypi`, `npm`, `docker-hub`, `ghcr`, `github-tags` …"""
    start: Instant | None
    """None: not known; then it may always have been there."""
    end: Instant | None
    """None: not known, or still there."""
    source: str
    confidence: Confidence
    package: str = ""
    """`TYPE/NAME`; empty: every project of the advisory."""
    versions: tuple[str, ...] = ()
    """Empty: every bad version."""


class BadDigest(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file, image or commit that is bad whatever it is called."""

    digest: str
    """`ALGORITHM:HEX`, whole or a prefix."""
    package: str = ""
    """`TYPE/NAME`; empty: the only project of the advisory, or all."""
    version: str = ""
    filename: str = ""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What it does where it runs."""

    trigger: tuple[Trigger, ...] = ()
    versions: tuple[str, ...] = ()
    """Empty: every bad version."""
    package: str = ""
    reads: tuple[ReadGroup, ...] = ()
    persists: tuple[str, ...] = ()
    """Paths, units, pods that stay behind."""
    contacts: tuple[str, ...] = ()
    """Hosts and addresses. Show them through `defanged` only."""
    source: str = ""
    note: str = ""


class Awareness(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody first could have known, publicly."""

    at: Instant
    source: str


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """What OSV has no place for. Source: docs/reference/advisory-overlay.md."""

    id: str
    """Advisory that it belongs to."""
    revision: str = ""
    """SHA-256 of its JSON as recorded."""
    source: str = ""
    windows: tuple[Window, ...] = ()
    digests: tuple[BadDigest, ...] = ()
    refs: tuple[tuple[str, MovedRef], ...] = ()
    """(`TYPE/NAME` or "", ref)."""
    payload: tuple[Payload, ...] = ()
    clean: tuple[str, ...] = ()
    """Digests known to be good although their names match: `ALGORITHM:HEX`, whole."""
    first_aware: Awareness | None = None
    note: str = ""


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """A revision with its overlay: what an incident asks about."""

    revision: AdvisoryRevision
    overlay: Overlay | None
    affected: tuple[Affected, ...]
    """Of both together."""
    clean: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """(type, name) pairs, for `FactQueries.items_named`."""
        return frozenset((one.type, one.name) for one in self.affected)

    @property
    def digests(self) -> frozenset[str]:
        """Whole digests, refs' included, for `FactQueries.items_with_digest`."""
        listed = {digest for one in self.affected for digest in one.digests}
        listed.update(d for one in self.affected for ref in one.refs for d in ref.digests)
        return frozenset(digest for digest in listed if is_whole(digest))

    @property
    def windows(self) -> tuple[Window, ...]:
        """Claims of when it could be had."""
        return self.overlay.windows if self.overlay is not None else ()

    @property
    def payload(self) -> tuple[Payload, ...]:
        """What is known of its behaviour."""
        return self.overlay.payload if self.overlay is not None else ()


class How(StrEnum):
    """By what an item was recognized, best first."""

    DIGEST = "digest"
    VERSION = "version"
    """Name and version are those of a bad release, listed or in a range of the advisory."""
    REF = "ref"
    """A moved ref, without the digest that would tell what it pointed at."""
    RANGE = "range"
    """The item is an unpinned requirement, and admits a bad version."""


class Match(NamedTuple):
    """That an item is meant by an advisory."""

    how: How
    sure: bool
    """Whether it is this very content: only a digest says so."""
    start: int = DAWN
    """The item is bad only in [start, end), in microseconds: a ref is, while it was moved."""
    end: int = OPEN
    said: str = ""
    """What in the advisory matched: a digest, a version, `>=1,<2`, a ref."""


def is_whole(digest: str) -> bool:
    """Whether `ALGORITHM:HEX` has all its digits."""
    algorithm, _, digits = digest.partition(":")
    return len(digits) == FULL_LENGTH.get(algorithm, 0)


def defanged(contact: str) -> str:
    """A host as it may be shown: nobody's mail program makes a link of it."""
    return contact.replace("://", "[:]//").replace(".", "[.]")
