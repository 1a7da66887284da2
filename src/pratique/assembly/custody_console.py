"""Settings → what the console shows of custody."""

from __future__ import annotations

from functools import partial

from pratique.custody.model import ScopeId, ScopeState
from pratique.doors.custody_console import CustodyConsole
from pratique.edge.custody.broker_admin import running_broker
from pratique.errors import UnavailableError
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
    try:
        admin = running_broker(settings)
        if admin is None:
            return ""  # no door gets a key without it
        with admin:
            if state is ScopeState.LIVE:
                admin.resume(scope)
            else:
                admin.suspend(scope, reason=reason, incident=incident)
    except UnavailableError as error:
        return f"The key broker was not told ({error.message}); the doors know, and refuse."
    return ""
