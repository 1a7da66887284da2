"""Which bases a worker still holds: one small rule, run alike by the worker and by its parent.

Both see the same bases in the same order, so the parent knows without asking what need not be sent.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from pratique.vet.exchange import BaseFacts

MOST_BASES = 8
MOST_BYTES = 48 << 20
"""In memory. Jobs need what is left of a worker's: one that runs out of it is judged `unknown`."""
KEPT_BYTES = 2 << 20
"""Up to this size, encoded, a base is kept decoded as well."""
_DECODED = 10
"""How many times its encoded size a decoded base takes, with what is worked out from it; measured."""

T = TypeVar("T")


class HeldBases(Generic[T]):
    """The bases used last, with whatever is kept of each."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[int, T]] = OrderedDict()

    def use(self, key: str) -> T | None:
        """What is kept of a base, which now counts as used last."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][1]

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def hold(self, base: BaseFacts, kept: T) -> None:
        """Keep one more, and let go of those used longest ago; the newest always stays."""
        self._held[base.key] = (_weight(base), kept)
        self._held.move_to_end(base.key)
        while len(self._held) > 1 and (
            len(self._held) > MOST_BASES or sum(s for s, _ in self._held.values()) > MOST_BYTES
        ):
            self._held.popitem(last=False)


def _weight(base: BaseFacts) -> int:
    size = encoded_bytes(base)
    return size * (1 + _DECODED) if size <= KEPT_BYTES else size


def encoded_bytes(base: BaseFacts) -> int:
    """How much there is of it, as it travels."""
    return len(base.release) + sum(len(content.facts) for content in base.contents)
