"""Holds: suspensions of parties as custody's state has them, written once for both dialects.

Order of durability of a suspension, which is in force before its entries because it must be:

1. the row, with everything that its entries will say: from here on every door refuses;
2. the entries, in one append, by whoever suspends;
3. the row knows the sequence of the first.

A crash before 1 leaves nothing. After 1 the party is suspended wholly; `record_holds` (the next
command, or a door's upkeep) writes the entries. After 2 they may be written again, which says nothing
new. Lifting goes the usual way: the entry, then the row; `heal_holds` puts into force what was lost
in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pratique.custody.model import Hold, HoldId, HoldKind
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.entries import RESUMPTION, SUSPENSION, ResumptionBody
from pratique.parties.model import Suspension
from pratique.parties.suspension import hold_of_suspension
from pratique.store.connect import Database, Row
from pratique.store.presence_rows import EventRow, Events
from pratique.values.spans import from_micros, to_micros


class _Predicate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns of what a hold stops, in one text: they are only ever read together."""

    party: str
    vendors: tuple[str, ...] = ()
    client: str = ""
    project: str = ""
    dataset: str = ""
    kind: HoldKind = HoldKind.ANY


class HoldTables:
    """Holds of custody's state. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, hold: HoldId) -> Hold | None:
        """One hold, lifted or not."""
        rows = self._database.fetch("find_hold", id=hold)
        return hold_of(rows[0]) if rows else None

    def standing_holds(self) -> Sequence[Hold]:
        """Holds that are not lifted, oldest first."""
        return tuple(hold_of(row) for row in self._database.fetch("list_standing_holds"))

    def add_hold(self, hold: Hold, drafts: Sequence[Draft], *, entry: int | None = None) -> bool:
        """Put a hold into force, durably; False when it, or its lifting, is there already.

        `drafts` are what the ledger will say; `entry` is given when it says so already.
        Raises: InputError for a hold that would stop everybody.
        """
        if bool(hold.vendors) == bool(hold.client):
            raise InputError("a hold of nobody", expected="vendors, or a client")
        with self._database.write() as session:
            # The row is inserted first, and the epoch last: as scopes are, so that nobody waits in a
            # circle; its number then follows the order of commits.
            added = session.run(
                "add_hold",
                id=hold.id,
                predicate=_packed(hold),
                reason=hold.reason,
                incident=hold.incident,
                since=to_micros(hold.since),
                entries=msgspec.json.encode(drafts).decode(),
                entry=entry,
                epoch=0,
            )
            if added:
                epoch = int(session.run("raise_custody_epoch")[0][0])
                session.run("mark_hold_changed", id=hold.id, epoch=epoch)
        return bool(added)

    def lift_hold(self, hold: HoldId, *, entry: int) -> bool:
        """End a hold whose `resumption` entry is durable; False when it does not stand."""
        with self._database.write() as session:
            lifted = session.run("lift_hold", id=hold, entry=entry)
            if lifted:
                epoch = int(session.run("raise_custody_epoch")[0][0])
                session.run("mark_hold_changed", id=hold, epoch=epoch)
        return bool(lifted)

    def unlogged_holds(self) -> Sequence[tuple[HoldId, tuple[Draft, ...]]]:
        """Holds whose entries are not known to be in the ledger, with these."""
        rows = self._database.fetch("list_unlogged_holds")
        return tuple(
            (HoldId(hold), msgspec.json.decode(text, type=tuple[Draft, ...])) for hold, text in rows
        )

    def mark_hold_logged(self, hold: HoldId, *, entry: int) -> None:
        """The entries of a hold are durable, beginning with this one."""
        with self._database.write() as session:
            session.run("mark_hold_logged", id=hold, entry=entry)


def begin_hold(
    state: HoldTables,
    hold: Hold,
    drafts: Sequence[Draft],
    append: Callable[[Sequence[Draft]], Sequence[int]],
) -> int:
    """Suspend: the three steps above. Gives the sequence of the first entry.

    Raises: what `append` raises; then the hold is in force, and whoever lives next writes its entries.
    """
    # 1. In force, whatever happens next.
    state.add_hold(hold, drafts)
    # 2. Said, in one append: the suspension with its clocks, or nothing of it.
    entry = append(drafts)[0]
    # 3. Known to be said.
    state.mark_hold_logged(hold.id, entry=entry)
    return entry


def record_holds(
    state: HoldTables, append: Callable[[Sequence[Draft]], Sequence[int]]
) -> tuple[HoldId, ...]:
    """Give every hold its entries, each hold's in one append; gives those that lacked them."""
    unlogged = state.unlogged_holds()
    for hold, drafts in unlogged:
        state.mark_hold_logged(hold, entry=append(drafts)[0])
    return tuple(hold for hold, _ in unlogged)


def heal_holds(state: HoldTables, events: Events) -> tuple[HoldId, ...]:
    """Put into force what the ledger says of holds and the rows do not know; gives those that changed."""
    changed: list[HoldId] = []
    unlogged = {hold for hold, _ in state.unlogged_holds()}
    lifted = dict(filter(None, map(_lifted, events.events(RESUMPTION))))
    for event in events.events(SUSPENSION):
        hold = _begun(event)
        if hold is None:
            continue
        known = state.hold(hold.id)
        if known is None and hold.id not in lifted:
            if state.add_hold(hold, (), entry=event.sequence):
                changed.append(hold.id)
        elif hold.id in unlogged:
            state.mark_hold_logged(hold.id, entry=event.sequence)
    for hold_id, entry in lifted.items():
        if state.lift_hold(hold_id, entry=entry):
            changed.append(hold_id)
    return tuple(dict.fromkeys(changed))


def _begun(event: EventRow) -> Hold | None:
    """None when the entry is not as documented."""
    try:
        found = msgspec.convert(event.body, Suspension)
    except msgspec.ValidationError:
        return None
    return hold_of_suspension(found) if bool(found.vendors) != bool(found.client) else None


def _lifted(event: EventRow) -> tuple[HoldId, int] | None:
    try:
        body = msgspec.convert(event.body, ResumptionBody)
    except msgspec.ValidationError:
        return None
    return HoldId(body.suspension), event.sequence


def hold_of(row: Row) -> Hold:
    """The seven columns that every statement about holds gives."""
    hold, predicate, reason, incident, since, lifted_entry, epoch = row
    found = msgspec.json.decode(predicate, type=_Predicate)
    return Hold(
        id=HoldId(hold),
        party=found.party,
        vendors=frozenset(found.vendors),
        client=found.client,
        project=found.project,
        dataset=found.dataset,
        kind=found.kind,
        reason=reason,
        incident=incident,
        since=from_micros(since),
        lifted=lifted_entry is not None,
        changed_epoch=epoch,
    )


def _packed(hold: Hold) -> str:
    predicate = _Predicate(
        party=hold.party,
        vendors=tuple(sorted(hold.vendors)),
        client=hold.client,
        project=hold.project,
        dataset=hold.dataset,
        kind=hold.kind,
    )
    return msgspec.json.encode(predicate).decode()
