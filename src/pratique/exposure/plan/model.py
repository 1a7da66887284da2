"""Steps, items and their states."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from pratique.errors import InputError
from pratique.values.instants import Instant


class Step(StrEnum):
    """What is done to something, in the order of doing. docs/howto/respond.md says why."""

    SNAPSHOT = "snapshot"
    ISOLATE = "isolate"
    DISARM = "disarm"
    REVOKE = "revoke"
    REISSUE = "re-issue"
    VERIFY = "verify"
    NOTIFY = "notify"


class State(StrEnum):
    """How far an item is."""

    OPEN = "open"
    ASSIGNED = "assigned"
    DONE = "done"
    NOT_NEEDED = "not-needed"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return self in {State.DONE, State.NOT_NEEDED}


WHOLE_STEP: Final = "step:"
"""Front of a dependency on every item of a step: `step:disarm`."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the answer asks for, before anybody has said anything of it."""

    id: str
    step: Step
    target: str
    """Entity key."""
    why: str
    entries: tuple[int, ...] = ()
    """Ledger sequences that the reason rests on."""
    after: tuple[str, ...] = ()
    """Ids of items, or `step:NAME`, that must be settled before this is done."""
    settled: str = ""
    """Why a fact makes it unnecessary already."""
    since: Instant | None = None
    """Of a credential: when it was stolen last; what was done before does not count."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the plan as it stands."""

    id: str
    step: Step
    target: str
    why: str
    entries: tuple[int, ...]
    after: tuple[str, ...]
    state: State
    owner: str
    reason: str
    """Of the state: why it is not needed, why it was done out of order, why it is open again."""
    forced: bool
    """Whether it was done before what it waits for."""
    changed_at: Instant | None
    changed_by: str
    entry: int
    """Sequence of the entry that says so; -1 before it is recorded."""
    wanted: bool
    """Whether the newest answer still asks for it."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A new state of an item, as it goes into the ledger."""

    item: str
    step: Step
    target: str
    state: State
    owner: str = ""
    reason: str = ""
    by_plan: bool = False
    """Made by planning anew, not by a person."""
    forced: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All items, in the order of doing."""

    incident: str
    answer: str
    """Digest of the answer that it is made from."""
    items: tuple[Item, ...]

    def item(self, wanted: str) -> Item:
        """The item of an id, or of the only id that begins so.

        Raises: InputError when there is none, or several.
        """
        found = [one for one in self.items if one.id == wanted]
        found = found or [one for one in self.items if wanted and one.id.startswith(wanted)]
        if len(found) != 1:
            raise InputError(
                f"{'several items begin' if found else 'no item of the plan begins'} with {wanted[:80]!r}",
                expected="an id from `pratique incident plan`",
            )
        return found[0]

    def of_step(self, step: Step) -> tuple[Item, ...]:
        """Items of one step."""
        return tuple(one for one in self.items if one.step is step)


class PlanOrderError(InputError):
    """Something would be done before what must come first."""


def item_id(step: Step, target: str) -> str:
    """The same step on the same thing has the same id in every plan of the incident."""
    digest = hashlib.sha256(f"{step}\0{target}".encode()).hexdigest()
    return f"{step}-{digest[:10]}"
