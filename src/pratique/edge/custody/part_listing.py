"""What a place that keeps parts can be asked besides: everything that lies there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pratique.custody.envelope import Bytes
from pratique.custody.ports import PartStore
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPart:
    """Something that lies where parts are kept."""

    name: str
    """Such as `ab/ab…/0.0`; what a crash left half written has another form."""
    size: int
    changed_at: Instant


class ListedParts(PartStore, Protocol):
    """A `PartStore` that can be listed, and written many at a time."""

    async def write_many(self, parts: Sequence[tuple[str, Bytes]]) -> None:
        """Keep small parts, all of them durably when it returns; what is left of a failure may be any.

        Raises: UnavailableError.
        """
        ...

    def listed(self) -> AsyncIterator[KeptPart]:
        """Everything there, ordered by the folders of objects. Raises: UnavailableError."""
        ...
