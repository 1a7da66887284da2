"""Settings → what the console shows of custody."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

from pratique.custody.model import ScopeId, ScopeState
from pratique.doors.custody_console import CustodyConsole
from pratique.edge.custody.broker_admin import tell_of_scope
from pratique.ledger.store import LogStore
from pratique.settings import Settings
from pratique.store.custody import open_custody
from pratique.store.presence import PresenceStore
from pratique.values.instants import Clock


def custody_console(
    settings: Settings, *, presence: PresenceStore, ledger: LogStore, clock: Clock
) -> CustodyConsole:
    """The desk behind `/custody`; nothing is opened before it is asked."""
    return CustodyConsole(
        open_state=partial(open_custody, settings),
        presence=presence,
        ledger=ledger,
        clock=clock,
        tell_broker=partial(_tell_broker, settings),
    )


def _tell_broker(
    settings: Settings, scope: ScopeId, state: ScopeState, reason: str, incident: str
) -> str:
    with closing(open_custody(settings)) as custody:
        found = custody.scope(scope)
    if found is None:
        return ""
    changed = replace(found, state=state, reason=reason, incident=incident)
    warning = tell_of_scope(settings, changed)
    return f"{warning[:1].upper()}{warning[1:]}." if warning else ""
