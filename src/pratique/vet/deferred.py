"""Sources of a first release that are put off: which of many are read, when not all can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pratique.vet.base import ContentKey

_SMALL = 8_000
"""Bytes below which a source's size hardly counts."""
_DENSE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """A source that is parsed at the end, if it is among the most suspicious."""

    strength: int
    path: str
    data: bytes
    key: ContentKey
    form: str


class Deferred:
    """Holds sources within a limit; the least suspicious go first."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most = most_bytes
        self._held: list[PutOff] = []
        self._bytes = 0

    def add(self, one: PutOff) -> None:
        """Hold one more."""
        self._held.append(one)
        self._bytes += len(one.data)
        if self._bytes > self._most:
            self._held.sort(key=_densest_first)
            while self._bytes > self._most // 2:
                self._bytes -= len(self._held.pop().data)

    def take_all(self) -> Iterator[PutOff]:
        """The most suspicious first; none is held afterwards."""
        held, self._held, self._bytes = sorted(self._held, key=_densest_first), [], 0
        yield from held


def _densest_first(one: PutOff) -> tuple[int, str]:
    """Large sources hold many words by chance; payloads are small."""
    return (-one.strength * _DENSE // (len(one.data) + _SMALL), one.path)
