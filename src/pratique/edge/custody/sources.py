"""What datasets are registered from, as the registering sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from pratique.custody.s3_errors import S3Error
from pratique.custody.s3_names import check_key
from pratique.errors import UnavailableError

STAMP_MTIME: Final = "mtime"
"""Seconds since 1970 with nine decimals, as rclone writes it."""
STAMP_ETAG: Final = "source-etag"


class SourceGapError(UnavailableError):
    """One object cannot be taken over; its message is the sentence of the gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something in a source that is not registered."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something in a source that can be registered."""

    key: str
    size: int
    metadata: tuple[tuple[str, str], ...]
    """Ordered by name; among them what tells of changes."""
    media_type: str
    place: str = field(repr=False)
    """Where the source finds it again."""

    def unchanged(self, size: int, metadata: tuple[tuple[str, str], ...]) -> bool:
        """Whether what was read once, with this size and metadata, is what would be read now."""
        own, kept = dict(self.metadata), dict(metadata)
        name = STAMP_ETAG if STAMP_ETAG in own else STAMP_MTIME
        return self.size == size and bool(own.get(name)) and own[name] == kept.get(name)


class Reader(Protocol):
    """The bytes of one object, in order. Used by one thread at a time."""

    def fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full or the object ends; gives how much. Raises: SourceGapError."""
        ...

    def finish(self) -> Found:
        """What was read, as it is now. Raises: SourceGapError when it changed while it was read."""
        ...


class Source(Protocol):
    """A folder or a bucket. Safe from any thread."""

    @property
    def name(self) -> str:
        """What the ledger says of it: no secrets."""
        ...

    def walk(self) -> Iterator[Found | Gap]:
        """Everything in it, ordered within each folder. Raises: UnavailableError."""
        ...

    def open(self, found: Found) -> AbstractContextManager[Reader]:
        """Begin to read one. Raises: SourceGapError."""
        ...


def key_or_gap(key: str, place: str) -> Gap | None:
    """Why a name cannot be a key; None when it can."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return Gap(what=place, why="has a name that is not UTF-8")
    try:
        check_key(key)
    except S3Error as error:
        return Gap(what=place, why=f"has a name that cannot be a key: {error.message}")
    return None
