"""Entries: what is said, by whom, of what, when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry before it has a sequence number."""

    kind: str
    """Kebab-case word from docs/reference/ledger-entries.md, such as `delivery`."""
    subject: str
    """What the entry is about, such as `pypi/litellm` or `sha256:164a…`."""
    actor: str
    """Who asked or acted, such as `asset:ci-runner`, `anonymous:127.0.0.1` or `operator:alice`."""
    body: dict[str, Any]
    """Strings, integers within ±2⁵³, booleans, None, and lists and dicts of these; keys ASCII."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in its place in the log."""

    sequence: int
    """0 for the first entry; also the leaf index in the Merkle tree."""
    recorded_at: datetime
    """Aware UTC; when the sequencer accepted the entry."""
    kind: str
    subject: str
    actor: str
    body: dict[str, Any]


class Event(Protocol):
    """An entry, wherever it is read from: what rooms fold."""

    @property
    def sequence(self) -> int:
        """Its place in the log."""
        ...

    @property
    def at(self) -> datetime:
        """Aware UTC; when it was recorded."""
        ...

    @property
    def kind(self) -> str:
        """Kind."""
        ...

    @property
    def subject(self) -> str:
        """Subject."""
        ...

    @property
    def actor(self) -> str:
        """Actor."""
        ...

    @property
    def body(self) -> dict[str, Any]:
        """Body."""
        ...


class ReadEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry whose body was read straight into a value of its kind."""

    sequence: int
    recorded_at: datetime
    kind: str
    subject: str
    actor: str
    body: object
