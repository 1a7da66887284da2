"""How many parts left within the last hour: arithmetic of the second meter, without its disk.

Time is cut into slots of five minutes. What counts is the current slot and the twelve before it: at
least 60 minutes, at most 65. So no 60 minutes whatever hold more than the cap; errors are against
the reader.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SLOT_SECONDS = 300
WINDOW_SLOTS = 13
DIGEST_BYTES = 16


def part_digest(lease: str, object_id: str, part: int, variant: int) -> bytes:
    """What is remembered of a part that a lease had."""
    text = f"{lease}\x00{object_id}\x00{part}\x00{variant}"
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for one vendor."""

    hourly: int
    all_hourly: int
    ever: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """A cap that a charge would break."""

    what: str
    """`vendor acme: 4000 parts an hour`."""
    scope: str


@dataclass(slots=True)
class Window:
    """What left, by slot. Times never go back: a clock that does is held at the latest slot seen."""

    now_slot: int = 0
    ever: Counter[str] = field(default_factory=Counter)
    """Parts by vendor since the broker exists."""
    _slots: dict[int, Counter[str]] = field(default_factory=dict)
    _seen: dict[bytes, int] = field(default_factory=dict)
    """Digest of a part that is paid for, with its slot."""
    _paid: dict[int, list[bytes]] = field(default_factory=dict)

    def move_to(self, slot: int) -> None:
        """Forget what is older than the window."""
        if slot <= self.now_slot:
            return
        self.now_slot = slot
        for old in [each for each in self._slots if each <= slot - WINDOW_SLOTS]:
            del self._slots[old]
            for digest in self._paid.pop(old, ()):
                if self._seen.get(digest) == old:
                    del self._seen[digest]

    def fresh(self, digests: Iterable[bytes]) -> list[bytes]:
        """Those that are not paid for, each once."""
        return [digest for digest in dict.fromkeys(digests) if digest not in self._seen]

    def exceeded(self, vendor: str, count: int, limits: Limits) -> Exceeded | None:
        """The first cap that `count` more parts would break."""
        scope = f"vendor:{vendor}"
        if self.hour(vendor) + count > limits.hourly:
            return Exceeded(what=f"vendor {vendor}: {limits.hourly} parts an hour", scope=scope)
        if limits.ever is not None and self.ever[vendor] + count > limits.ever:
            return Exceeded(what=f"vendor {vendor}: {limits.ever} parts in all", scope=scope)
        if self.hour() + count > limits.all_hourly:
            return Exceeded(what=f"all vendors: {limits.all_hourly} parts an hour", scope="")
        return None

    def add(self, slot: int, vendor: str, digests: Sequence[bytes]) -> None:
        """Count parts in a slot of the window, or only in the total of all times."""
        self.ever[vendor] += len(digests)
        if slot <= self.now_slot - WINDOW_SLOTS:
            return
        self._slots.setdefault(slot, Counter())[vendor] += len(digests)
        self._paid.setdefault(slot, []).extend(digests)
        self._seen.update(dict.fromkeys(digests, slot))

    def forget(self, digests: Iterable[bytes]) -> None:
        """They may not be on the disk: whoever asks again pays again. What they cost stays counted."""
        for digest in digests:
            self._seen.pop(digest, None)

    def hour(self, vendor: str | None = None) -> int:
        """Parts within the window, of one vendor or of all."""
        if vendor is None:
            return sum(counts.total() for counts in self._slots.values())
        return sum(counts[vendor] for counts in self._slots.values())

    def vendors(self) -> dict[str, tuple[int, int]]:
        """(within the hour, ever) of each vendor."""
        return {vendor: (self.hour(vendor), count) for vendor, count in sorted(self.ever.items())}
