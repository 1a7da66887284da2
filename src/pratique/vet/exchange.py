"""What is handed to whoever vets, and what comes back: facts as a store keeps them, and a report.

Facts travel as `vet.facts` encoded them, so that a door can pass them on without reading them. Doors,
stores and workers share these values; how they travel is not told here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec

from pratique.vet.base import ContentKey
from pratique.vet.model import Language, Report

KnownSource: TypeAlias = "Callable[[tuple[ContentKey, ...]], Awaitable[Mapping[ContentKey, bytes]]]"
"""Asks a store for facts, as `facts.encode_content` wrote them."""


class StoredContent(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Facts of one content as the store holds them; empty when there are none."""

    sha256: str
    language: Language
    facts: bytes


class BaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a release is judged against, as the store holds it."""

    key: str
    """Names these very facts: a worker that holds this key is not sent them again."""
    release: bytes
    contents: tuple[StoredContent, ...]
    clone: bool = False


class Vetted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job."""

    report: Report
    release: bytes = b""
    """For the store; empty when the job failed."""
    new: tuple[StoredContent, ...] = ()
    """Facts that were made now, for the store."""
    partial: bool = False
    """As in the engine's outcome: as a base the release is whole only with its archive."""
    failure: str = ""
    """Why there is no judgement; also in `report.unread`."""
    cpu_seconds: float = 0.0
    """As the worker measured it; 0 when it failed."""
