"""How scopes are suspended, resumed and ended: in one order, whoever asks."""

from __future__ import annotations

from pratique.custody.entries import state_entry
from pratique.custody.model import Scope, ScopeState
from pratique.custody.scopes import describe_scope
from pratique.errors import InputError
from pratique.ledger.store import LogStore
from pratique.store.custody import CustodyStore
from pratique.values.instants import Instant


def check_change(scope: Scope, wanted: ScopeState) -> None:
    """Refuse what would change nothing. Raises: InputError."""
    if scope.state is ScopeState.ENDED:
        raise InputError(f"{describe_scope(scope.id)} has ended for good: {scope.reason}")
    if wanted is ScopeState.LIVE and scope.state is ScopeState.LIVE:
        raise InputError(f"{describe_scope(scope.id)} is not suspended")


def change_scope(
    state: CustodyStore,
    log: LogStore,
    scope: Scope,
    wanted: ScopeState,
    *,
    reason: str,
    incident: str,
    actor: str,
    now: Instant,
) -> int:
    """Suspend, resume or end a scope; gives the sequence of its ledger entry.

    Order: 1. The entry is durable. 2. Doors refuse, or serve again. Who calls tells the broker then.
    """
    draft = state_entry(
        scope, wanted, reason=reason, incident=incident, epoch=state.epoch(), actor=actor
    )
    [entry] = log.append([draft], now=now)
    state.set_state(scope.id, wanted, reason=reason, incident=incident, entry=entry)
    return entry
