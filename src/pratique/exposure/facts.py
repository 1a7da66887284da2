"""What the ledger's projection knows, as plain values, and the protocol that hands it out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec
from packaging.version import Version

from pratique.exposure.question import Question
from pratique.policy.model import Outcome
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName


class PageKey(NamedTuple):
    """A project on an index view."""

    index_name: str
    project: ProjectName


class ViewKey(NamedTuple):
    """One content of a page, by the hash of its list."""

    page: PageKey
    view: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """How the log says that a view was made from another (or from nothing)."""

    number: int
    """Sequence of its first `view` entry."""
    key: ViewKey
    base: str
    """Id of the view that it changes; empty for a first view."""
    complete_at: int | None
    """Sequence of the entry that completed it; None when its last part never came."""


class ViewLine(msgspec.Struct, frozen=True, kw_only=True):
    """One changed file in a recording."""

    recording: int
    filename: str
    version: Version | None
    sha256: str
    """Empty when upstream gave none, or when the file left the page."""
    outcome: Outcome | None
    """None when the file left the page."""
    rule: str
    sequence: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything recorded of the pages on which a question's files ever stood."""

    recordings: tuple[Recording, ...]
    lines: tuple[ViewLine, ...]
    """Only of file names that the question may be about."""


class PageSession(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of one view to one actor that followed each other within an hour."""

    key: ViewKey
    actor: str
    first_at: Instant
    last_at: Instant
    first_sequence: int
    last_sequence: int
    answers: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A file, its metadata or its attestation that was answered."""

    sequence: int
    at: Instant
    actor: str
    page: PageKey
    filename: str
    version: Version | None
    sha256: Sha256
    door: str
    """`file`, `metadata` or `provenance`."""
    outcome: str
    method: str
    status: int
    byte_range: str
    complete: bool | None
    """Whether the whole file is with the client; None when the log does not say how it ended."""
    bytes_sent: int
    waiver: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was asked for and not given."""

    sequence: int
    at: Instant
    actor: str
    page: PageKey
    filename: str
    version: Version | None
    sha256: str
    rule: str


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A span in which a collector said that it was watching."""

    collector: str
    start: Instant
    last: Instant
    """The last time it said so."""
    period_seconds: float
    stopped: bool
    """Whether it ended on purpose."""


class DoorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that bears on one question."""

    applied: int
    """Ledger entries that these facts rest on: sequences below this number."""
    sessions: tuple[PageSession, ...]
    """Of views that list a file of the question."""
    offers: dict[ViewKey, bool]
    """Views that list such a file: whether one of them could be installed."""
    unexplained: tuple[PageSession, ...]
    """Answers of the same pages whose content the log does not explain."""
    deliveries: tuple[Delivery, ...]
    refusals: tuple[Refusal, ...]
    watches: tuple[Watch, ...]
    assets: tuple[str, ...]
    """Every asset known by token or by having asked."""
    unreadable: int
    """Entries that the projection could not read."""


class PresenceFacts(Protocol):
    """What `store` hands out for a question."""

    def pages(self, projects: Collection[ProjectName]) -> Collection[PageKey]:
        """The pages of these projects on all index views."""
        ...

    def listing(self, question: Question, sha256s: Collection[Sha256]) -> Listing:
        """Recordings and lines of files of the named releases or with one of these hashes."""
        ...

    def sessions(self, views: Collection[ViewKey]) -> Sequence[PageSession]:
        """Answers of these views."""
        ...

    def unexplained_sessions(self, pages: Collection[PageKey]) -> Sequence[PageSession]:
        """Answers of these pages whose view was never completely recorded."""
        ...

    def deliveries(self, question: Question, sha256s: Collection[Sha256]) -> Sequence[Delivery]:
        """Deliveries of the named releases or of one of these hashes."""
        ...

    def refusals(self, question: Question, sha256s: Collection[Sha256]) -> Sequence[Refusal]:
        """Refusals of the named releases or of one of these hashes."""
        ...

    def watches(self) -> Sequence[Watch]:
        """All spans of watching."""
        ...

    def assets(self) -> Sequence[str]:
        """Every asset known by token or by having asked."""
        ...

    def applied(self) -> int:
        """Ledger entries that the projection rests on."""
        ...

    def unreadable(self) -> int:
        """Entries that the projection could not read."""
        ...
