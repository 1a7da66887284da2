"""What the status of a party rests on: register, leases, holds, the access log, notices, the checkpoint."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from pratique.custody.holds import idle_refusal
from pratique.custody.model import Hold, Lease, Scope, ScopeId, ScopeState
from pratique.errors import ValueFormatError
from pratique.parties.dossier import concerned
from pratique.parties.model import FindingState, Party, PartyKind, Register, Suspension
from pratique.parties.naming import names_guard
from pratique.parties.status import (
    LeaseCounts,
    OpenClock,
    StandingSuspension,
    Status,
    render_status,
)
from pratique.store.custody import open_custody
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.store.party_facts import lease_is_of
from pratique.values.instants import Instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from pratique.custody.access_log import LeaseRead
    from pratique.ledger.store import LogStore
    from pratique.settings import Settings
    from pratique.store.custody import CustodyStore
    from pratique.store.presence import PresenceStore

WITHHELD: Final = "not told here"


class Disclosure(NamedTuple):
    """What was disclosed under leases of a party, or over its data."""

    bytes: int
    objects: int
    at: Instant | None
    counted: int
    """Entries of the log that were applied then."""


class StatusDesk:
    """Signs statuses of one installation's parties. Order: the projection is up to date.

    Counting what was disclosed takes as long as there are reads, so whoever polls gets the count of up to
    `every` ago, which says to where it counts; all else is as of now. Safe from any thread.
    """

    def __init__(
        self,
        settings: Settings,
        log: LogStore,
        presence: PresenceStore,
        *,
        every: timedelta = timedelta(0),
    ) -> None:
        self._settings, self._log, self._presence = settings, log, presence
        self._every = every
        self._counts: dict[str, tuple[Instant, Disclosure]] = {}
        self._turn = threading.Lock()

    def signed(self, party: Party, register: Register, *, now: Instant) -> bytes:
        """The signed status of a party of the register."""
        signer = read_key(
            self._settings.home / "ledger" / KEY_FILE, self._settings.storage.log_origin
        )
        guard = names_guard(party, register)
        with closing(open_custody(self._settings)) as custody:
            found = status_of(
                party,
                register,
                checkpoint=self._log.checkpoint(),
                presence=self._presence,
                custody=custody,
                disclosed=self._disclosed(party, now),
                names_other=lambda text: guard.find(text) is not None,
                now=now,
            )
        return render_status(found, signer=signer)

    def _disclosed(self, party: Party, now: Instant) -> Disclosure:
        # One at a time: many who poll at once would count the same again and again.
        with self._turn:
            known = self._counts.get(party.name)
            applied = self._presence.applied()
            if known is not None and (now < known[0] + self._every or known[1].counted == applied):
                return known[1]
            counted = disclosure_of(self._presence, party)
            self._counts[party.name] = (now, counted)
            return counted


def disclosure_of(presence: PresenceStore, party: Party) -> Disclosure:
    """Count it, from all entries applied."""
    applied = presence.applied()
    read = _read(presence, party, applied)
    return Disclosure(
        bytes=sum(_bytes(one, party) for one in read),
        objects=sum(_objects(one, party) for one in read),
        at=max((one.last_at for one in read), default=None),
        counted=applied,
    )


def status_of(
    party: Party,
    register: Register,
    *,
    checkpoint: str,
    presence: PresenceStore,
    custody: CustodyStore,
    disclosed: Disclosure,
    names_other: Callable[[str], bool],
    now: Instant,
) -> Status:
    """The status of a party as of what the projection has applied.

    `names_other` says of a text whether it names somebody else; such words are not told.
    """
    leases = [one for one in custody.leases() if _is_of(one, party)]
    standing = [
        one
        for one in register.suspensions.values()
        if one.lifted_at is None and concerned(party, one, register)
    ]
    counts = _counts(
        leases, {one.id: one for one in custody.scopes()}, custody.standing_holds(), now
    )
    notices = [one for one in presence.events("notice") if one.subject == f"party:{party.name}"]
    return Status(
        party=party.name,
        kind=party.kind.value,
        state=_state(party, standing, counts),
        made_at=now,
        suspensions=tuple(_told(one, party, names_other) for one in standing),
        leases=counts,
        disclosed_bytes=disclosed.bytes,
        disclosed_objects=disclosed.objects,
        disclosed_at=disclosed.at,
        disclosed_to=disclosed.counted,
        open_findings=sum(
            one.found.party == party.name and one.state is FindingState.OPEN
            for one in register.findings.values()
        ),
        clocks=tuple(
            OpenClock(
                id=one.id, duty=one.duty, cause=one.cause, due_at=one.due_at, late=one.due_at < now
            )
            for one in sorted(register.clocks.values(), key=lambda clock: clock.due_at)
            if one.party == party.name and one.met_at is None
        ),
        last_notice_at=notices[-1].at if notices else None,
        next_update=_next_update(party, register, [one.body.get("next_update") for one in notices]),
        checkpoint=checkpoint,
    )


def _is_of(lease: Lease, party: Party) -> bool:
    if party.kind is PartyKind.CLIENT:
        return lease.client == party.name
    if party.kind is PartyKind.PEOPLE:
        return any(one.partition("/")[0] in party.datasets for one in lease.selectors)
    return lease.vendor == party.name


def _counts(
    leases: Iterable[Lease],
    scopes: Mapping[ScopeId, Scope],
    holds: Collection[Hold],
    now: Instant,
) -> LeaseCounts:
    found = Counter(_lease_state(one, scopes, holds, now) for one in leases)
    return LeaseCounts(
        living=found["living"],
        suspended=found["suspended"],
        not_yet=found["not-yet"],
        revoked=found["revoked"],
        expired=found["expired"],
    )


def _lease_state(
    lease: Lease, scopes: Mapping[ScopeId, Scope], holds: Collection[Hold], now: Instant
) -> str:
    states = {scopes[one].state for one in lease.scopes if one in scopes}
    if ScopeState.ENDED in states:
        return "revoked"
    if lease.not_after <= now:
        return "expired"
    if ScopeState.SUSPENDED in states or idle_refusal(holds, lease) is not None:
        return "suspended"
    return "not-yet" if now < lease.not_before else "living"


def _state(party: Party, standing: Collection[Suspension], counts: LeaseCounts) -> str:
    own = [one for one in standing if party.name in {one.scope.party, one.client, *one.vendors}]
    if any(one.scope.whole for one in own):
        return "suspended"
    return "partly-suspended" if standing or counts.suspended else "working"


def _told(one: Suspension, party: Party, names_other: Callable[[str], bool]) -> StandingSuspension:
    own = party.name in {one.scope.party, one.client, *one.vendors}
    conditions = [f"{c.topic}: {c.detail}" if c.detail else c.topic for c in one.conditions]
    return StandingSuspension(
        id=one.id,
        at=one.at,
        own=own,
        reason=WITHHELD if names_other(one.reason) else one.reason,
        conditions=tuple(text for text in conditions if own and not names_other(text)),
    )


def _read(presence: PresenceStore, party: Party, applied: int) -> list[LeaseRead]:
    """Leases under which something was disclosed, as the ledger has it."""
    granted = {
        event.subject.partition(":")[2]: str(event.body.get("client", ""))
        for event in presence.events("lease")
        if lease_is_of(event.body, party)
    }
    return [
        one
        for client in sorted(set(granted.values()))
        for one in presence.custody.access_log(client=client, tx=applied).leases
        if one.lease in granted
    ]


def _bytes(one: LeaseRead, party: Party) -> int:
    return sum(part.bytes for part in one.datasets if _counted(part.dataset, party))


def _objects(one: LeaseRead, party: Party) -> int:
    return sum(len(part.objects) for part in one.datasets if _counted(part.dataset, party))


def _counted(dataset: str, party: Party) -> bool:
    return party.kind is not PartyKind.PEOPLE or dataset in party.datasets


def _next_update(party: Party, register: Register, promised: Iterable[object]) -> Instant | None:
    """What the last notice promised, or the clock that runs out first."""
    due = [
        one.due_at
        for one in register.clocks.values()
        if one.party == party.name and one.met_at is None and one.duty in {"notify", "update"}
    ]
    said = list(promised)[-1:]
    for text in said:
        try:
            due.append(parse_instant(str(text)))
        except ValueFormatError:
            continue
    return min(due, default=None)
