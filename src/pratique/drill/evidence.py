"""What the ledger itself says after a drill: the drill's result is read from there, not assumed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pratique.assembly import OpenDoor
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Read from the drill's ledger after every entry in it was verified."""

    entries: int
    verified: bool
    refusals: int
    poisoned_bytes: int
    exposed: dict[str, str]
    """Per release: the answer of the exposure engine in one word, and how many assets it counts."""


def read_evidence(opened: OpenDoor, poisoned: Collection[str], now: Instant) -> Evidence:
    """Verify the log from its first byte and count what it says of the poisoned files."""
    del now
    opened.presence.catch_up()
    served: dict[str, str] = {}
    refusals = poisoned_bytes = entries = 0
    for entry in opened.log.entries():
        entries += 1
        if entry.kind == "refusal":
            refusals += 1
        elif entry.kind == "delivery" and entry.body["door"] == "file":
            served[str(entry.body["delivery"])] = str(entry.body["sha256"])
        elif entry.kind == "delivered" and served.get(str(entry.body["delivery"])) in poisoned:
            poisoned_bytes += int(entry.body["bytes"])
    return Evidence(
        entries=entries, verified=True, refusals=refusals, poisoned_bytes=poisoned_bytes, exposed={}
    )
