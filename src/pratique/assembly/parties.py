"""What of parties a running door takes care of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from pratique.doors.parties.register import RegisterDoor, RegisterDoorParts
from pratique.doors.parties.service import PartyDoor, PartyDoorParts
from pratique.doors.party_console import PartyConsole
from pratique.edge.custody.broker_admin import tell_of_hold
from pratique.edge.parties.witnesses import find_witness
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.errors import InputError
from pratique.index.ports import ControlState, TokenState
from pratique.ledger.store import LogStore
from pratique.parties.evidence import Witness
from pratique.parties.model import Party
from pratique.settings import Settings
from pratique.store.custody import open_custody
from pratique.store.parties import read_register
from pratique.store.party_checks import CheckDesk, StandingChecks
from pratique.store.party_receiving import receiving_parts
from pratique.store.party_status import StatusDesk
from pratique.store.presence import PresenceStore
from pratique.store.register_facts import FollowingFacts, RegisterFacts
from pratique.values.instants import Clock

_log = logging.getLogger(__name__)
_COUNTED_EVERY = timedelta(minutes=15)
"""How old the count of disclosures in a polled status may be."""


def checking(
    settings: Settings, ledger: LogStore, presence: PresenceStore, clock: Clock
) -> Callable[[], object]:
    """Checks parties where something is due; to be called again and again, from a worker thread."""
    desk = _check_desk(settings, ledger, presence)
    every = timedelta(minutes=settings.parties.check_minutes)
    facts = FollowingFacts(log=ledger, presence=presence, actor="door:index", every=every)
    standing = StandingChecks(
        desk=desk,
        presence=presence,
        actor="door:index",
        every=every,
    )

    def tick() -> int:
        facts.tick(now=clock())  # first: checks ask who operates what
        return standing.tick(now=clock())

    return tick


def party_console(
    settings: Settings,
    *,
    presence: PresenceStore,
    ledger: LogStore,
    control: ControlState,
    clock: Clock,
) -> PartyConsole:
    """The desk behind `/parties`; nothing is opened before it is asked."""
    return PartyConsole(
        open_state=partial(open_custody, settings),
        presence=presence,
        ledger=ledger,
        checks=_check_desk(settings, ledger, presence),
        tokens=control.tokens,
        clock=clock,
        tell_broker=partial(tell_of_hold, settings),
    )


def _check_desk(settings: Settings, ledger: LogStore, presence: PresenceStore) -> CheckDesk:
    evidence = EvidenceStore(settings.home / EVIDENCE_FOLDER)
    return CheckDesk(ledger, presence, partial(open_custody, settings), settings, evidence.get)


def finding(presence: PresenceStore) -> Callable[[str], Party | None]:
    """Finds parties of the register, which commands change, too."""

    def find(name: str) -> Party | None:
        presence.catch_up(batches=2)
        return read_register(presence).parties.get(name)

    return find


def door(settings: Settings, ledger: LogStore, presence: PresenceStore, clock: Clock) -> PartyDoor:
    """What answers parties themselves."""
    evidence = EvidenceStore(settings.home / EVIDENCE_FOLDER)
    statuses = StatusDesk(settings, ledger, presence, every=_COUNTED_EVERY)
    return PartyDoor(
        PartyDoorParts(
            receiving=receiving_parts(
                presence,
                append=lambda drafts: ledger.append(drafts, now=clock()),
                keep=evidence.put,
            ),
            # Enough for what was just appended; a longer backlog is upkeep's.
            caught_up=lambda: presence.catch_up(batches=2),
            witness=lambda: _witness(settings),
            now=clock,
            status=lambda party, register: statuses.signed(party, register, now=clock()),
        )
    )


def register(
    ledger: LogStore, presence: PresenceStore, tokens: TokenState, clock: Clock
) -> RegisterDoor:
    """What gives approvers the register as its file, and takes it."""
    facts = RegisterFacts(ledger, presence, tokens)
    return RegisterDoor(
        RegisterDoorParts(
            register=lambda: read_register(presence),
            plan_facts=facts.plan,
            append=lambda drafts: ledger.append(drafts, now=clock()),
            caught_up=lambda: presence.catch_up(batches=2),
            now=clock,
        )
    )


def _witness(settings: Settings) -> tuple[Witness | None, str]:
    """Who checks Sigstore bundles; strangers are told no path of ours."""
    try:
        return find_witness(settings.home, None)
    except InputError as error:
        _log.error("trusted root of Sigstore", extra={"error": error.message})
        return None, "bundles cannot be checked here at the moment: the trusted root is not usable"
