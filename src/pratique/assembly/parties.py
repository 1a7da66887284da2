"""What of parties a running door takes care of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.ledger.store import LogStore
from pratique.settings import Settings
from pratique.store.custody import open_custody
from pratique.store.party_checks import CheckDesk, StandingChecks
from pratique.store.presence import PresenceStore
from pratique.values.instants import Clock


def checking_parties(
    settings: Settings, ledger: LogStore, presence: PresenceStore, clock: Clock
) -> Callable[[], object]:
    """Checks parties where something is due; to be called again and again, from a worker thread."""
    evidence = EvidenceStore(settings.home / EVIDENCE_FOLDER)
    desk = CheckDesk(ledger, presence, lambda: open_custody(settings), settings, evidence.get)
    standing = StandingChecks(
        desk=desk,
        presence=presence,
        actor="door:index",
        every=timedelta(minutes=settings.parties.check_minutes),
    )
    return lambda: standing.tick(now=clock())
