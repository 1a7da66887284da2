"""After a crash: what the ledger says of scopes and budgets is put into force, and the reverse.

A `scope` entry or an approved `lease-budget` whose row was lost comes into force; each change
carries its entry's sequence, so that an older entry never undoes a newer change, whoever heals. A
suspension by rule, which is in force first, gets its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec

from pratique.custody.entries import rule_entry
from pratique.custody.granting import RequestState
from pratique.custody.model import HoldId, ScopeId, ScopeState
from pratique.custody.scopes import parse_scope
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore
from pratique.settings import Settings
from pratique.store.custody import CustodyStore
from pratique.store.custody_holds import heal_holds, record_holds
from pratique.store.presence import open_presence
from pratique.store.presence_rows import EventRow, Events


class _ScopeBody(msgspec.Struct, frozen=True, kw_only=True):
    state: ScopeState
    reason: str
    incident: str
    cap_bytes: int | None
    cap_objects: int | None
    changed: str


class _BudgetBody(msgspec.Struct, frozen=True, kw_only=True):
    action: RequestState
    request: str
    budget_bytes: int
    budget_objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HealedCustody:
    """Scopes whose state or caps were put into force from the ledger; empty almost always."""

    states: tuple[ScopeId, ...]
    caps: tuple[ScopeId, ...]
    holds: tuple[HoldId, ...] = ()
    """Suspensions of parties that were put into force, or lifted."""


def heal_custody(state: CustodyStore, events: Events) -> HealedCustody:
    """Put into force what the ledger says of scopes and budgets, and the rows do not know."""
    states: dict[ScopeId, tuple[int, _ScopeBody]] = {}
    caps: dict[ScopeId, tuple[int, int | None, int | None]] = {}
    for event in events.events("scope"):
        found = _scope_body(event)
        if found is not None and found[1].changed == "caps":
            scope, body = found
            caps[scope] = (event.sequence, body.cap_bytes, body.cap_objects)
        elif found is not None:
            scope, body = found
            ended = scope in states and states[scope][1].state is ScopeState.ENDED
            if not ended:
                states[scope] = (event.sequence, body)
    for event in events.events("lease-budget"):
        approved = _approved(event)
        if approved is not None:
            scope, size, objects = approved
            if scope not in caps or caps[scope][0] < event.sequence:
                caps[scope] = (event.sequence, size, objects)
    return HealedCustody(
        states=tuple(
            scope
            for scope, (entry, body) in states.items()
            if state.restore_state(
                scope,
                body.state,
                reason=body.reason,
                incident=body.incident,
                caps=(body.cap_bytes, body.cap_objects),
                entry=entry,
            )
        ),
        caps=tuple(
            scope
            for scope, (entry, size, objects) in caps.items()
            if state.restore_caps(scope, (size, objects), entry=entry)
        ),
        holds=heal_holds(state, events),
    )


def heal_at_start(settings: Settings, log: LogStore, state: CustodyStore) -> HealedCustody:
    """As `heal_custody`, for a door that opens: before it answers anything."""
    with closing(open_presence(settings, log=log)) as presence:
        presence.catch_up()
        return heal_custody(state, presence)


def record_rules(
    state: CustodyStore, append: Callable[[Sequence[Draft]], Sequence[int]], *, actor: str
) -> int:
    """Give every suspension that is in force before its entry these: by rule, and of parties.

    Gives how many there were.

    `append` makes entries durable and gives their sequences (`LogStore.append`). Two processes that
    do this at once write the entry twice, which says nothing wrong.
    """
    holds = record_holds(state, append)
    scopes = state.unlogged()
    if not scopes:
        return len(holds)
    entries = append([rule_entry(scope, actor=actor) for scope in scopes])
    for scope, entry in zip(scopes, entries, strict=True):
        state.mark_logged(scope, entry=entry)
    return len(scopes) + len(holds)


def _scope_body(event: EventRow) -> tuple[ScopeId, _ScopeBody] | None:
    """None when the entry is not as documented."""
    try:
        body = msgspec.convert(event.body, _ScopeBody)
        return parse_scope(event.subject.removeprefix("scope:")), body
    except (msgspec.ValidationError, InputError):
        return None


def _approved(event: EventRow) -> tuple[ScopeId, int, int] | None:
    try:
        body = msgspec.convert(event.body, _BudgetBody)
        scope = parse_scope(event.subject)
    except (msgspec.ValidationError, InputError):
        return None
    if body.action is not RequestState.APPROVED:
        return None
    return scope, body.budget_bytes, body.budget_objects
