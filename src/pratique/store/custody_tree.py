"""Changes to the tree of scopes, within one transaction.

Order: scopes are locked before the epoch, everywhere, so that no two transactions wait for each
other; the epoch's row stays locked until commit, so that its numbers follow the order of commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pratique.custody.model import Scope, ScopeId, ScopeState
from pratique.custody.scopes import level_of
from pratique.store.connect import Session
from pratique.store.custody_rows import scope_of

Caps: TypeAlias = tuple[int | None, int | None]
"""Bytes and objects; None: no cap."""


def add_scopes(session: Session, caps: Mapping[ScopeId, Caps]) -> None:
    """Store those scopes that do not exist yet; others keep their caps."""
    added = []
    for scope in sorted(caps, key=level_of):
        cap_bytes, cap_objects = caps[scope]
        values = {"cap_bytes": cap_bytes, "cap_objects": cap_objects}
        if session.run("add_scope", id=scope, level=level_of(scope), **values):
            added.append(scope)
    if added:
        mark_changed(session, added)


def mark_changed(session: Session, scopes: Iterable[ScopeId]) -> int:
    """Raise the epoch for scopes that this transaction has locked; gives it."""
    epoch = int(session.run("raise_custody_epoch")[0][0])
    for scope in scopes:
        session.run("mark_scope_changed", id=scope, epoch=epoch)
    return epoch


def set_state(
    session: Session,
    scope: ScopeId,
    state: ScopeState,
    *,
    reason: str,
    incident: str,
    entry: int = -1,
    unlogged: bool = False,
) -> bool:
    """Change a scope's state; False when it is not there, has ended, or a later entry rules it."""
    live = state is ScopeState.LIVE
    changed = session.run(
        "set_scope_state",
        id=scope,
        state=state.value,
        reason="" if live else reason,
        incident="" if live else incident,
        entry=entry,
        unlogged=int(unlogged),
    )
    if changed:
        mark_changed(session, [scope])
    return bool(changed)


def find_scope(session: Session, scope: ScopeId) -> Scope | None:
    """One scope, as this transaction sees it."""
    rows = session.run("find_scope", id=scope)
    return scope_of(rows[0]) if rows else None
