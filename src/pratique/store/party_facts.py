"""What a notice about a suspension rests on, as the ledger's projection has it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pratique.errors import ValueFormatError
from pratique.parties.dossier import Facts, LeaseUse
from pratique.parties.model import Party, PartyKind, Register, Suspension
from pratique.values.instants import Instant, as_instant, parse_instant

if TYPE_CHECKING:
    from pratique.store.presence import PresenceStore
    from pratique.store.presence_rows import EventRow

_KINDS: Final = (("suspension", "id"), ("resumption", "suspension"), ("notice-clock", "id"))
_ENTRIES: Final = 20


def suspension_facts(
    presence: PresenceStore,
    register: Register,
    suspension: Suspension,
    party: Party,
    *,
    now: Instant,
) -> Facts:
    """Everything that a draft for one party may say of a suspension."""
    entries: dict[str, int] = {}
    for kind, key in _KINDS:
        for event in presence.events(kind):
            name = kind.removeprefix("notice-")
            entries.setdefault(f"{name}:{event.body.get(key)}", event.sequence)
    drills: dict[str, int] = {}
    for event in presence.events("revocation-drill"):
        scope = event.subject.removeprefix("scope:")
        entries[f"drill:{scope}"] = event.sequence
        drills[scope] = int(event.body.get("p99_ms", 0))
    return Facts(
        register=register,
        suspension=suspension,
        entries=entries,
        leases=_uses(presence, suspension, party, now=now),
        drills=drills,
    )


def _uses(
    presence: PresenceStore, suspension: Suspension, party: Party, *, now: Instant
) -> tuple[LeaseUse, ...]:
    """Leases that it stopped over data of this party, with what was read under each."""
    if party.kind not in {PartyKind.CLIENT, PartyKind.PEOPLE}:
        return ()
    events = {
        event.subject.partition(":")[2]: event
        for event in presence.events("lease")
        if _stopped(event, suspension) and lease_is_of(event.body, party)
    }
    clients = {str(event.body.get("client", "")) for event in events.values()}
    read = {
        one.lease: one
        for client in clients
        for one in presence.custody.access_log(
            client=client, until=now, tx=presence.applied()
        ).leases
        if one.lease in events
    }
    found = []
    for name, event in events.items():
        said = read.get(name)
        mine = [] if said is None else [d for d in said.datasets if _counts(d.dataset, party)]
        found.append(
            LeaseUse(
                lease=name,
                vendor=str(event.body.get("vendor", "")),
                project=str(event.body.get("project", "")),
                datasets=tuple(one.dataset for one in mine),
                bytes=sum(one.bytes for one in mine),
                objects=sum(len(one.objects) for one in mine),
                last_at=None if said is None or not mine else said.last_at,
                entries=(event.sequence, *(() if said is None else said.entries[:_ENTRIES])),
            )
        )
    return tuple(found)


def _stopped(event: EventRow, suspension: Suspension) -> bool:
    """Whether a lease was in force when the suspension began, and within its scope."""
    body, scope = event.body, suspension.scope
    if body.get("vendor") not in suspension.vendors and body.get("client") != suspension.client:
        return False
    selectors = [str(one).partition("/")[0] for one in body.get("selectors") or ()]
    of_scope = scope.project in {"", body.get("project")}
    of_scope = of_scope and (not scope.dataset or scope.dataset in selectors)
    return of_scope and event.at <= suspension.at < _until(body)


def _until(body: dict[str, Any]) -> Instant:
    try:
        return parse_instant(str(body.get("not_after", "")))
    except ValueFormatError:
        # What cannot be read is told of rather than left out.
        return as_instant(datetime.fromisoformat("9999-12-31T00:00:00+00:00"))


def lease_is_of(body: dict[str, Any], party: Party) -> bool:
    """Whether a lease, as its entry says, is a party's: it holds it, or the data is its own."""
    if party.kind is PartyKind.CLIENT:
        return body.get("client") == party.name
    if party.kind is PartyKind.PEOPLE:
        selectors = {str(one).partition("/")[0] for one in body.get("selectors") or ()}
        return bool(selectors & set(party.datasets))
    return body.get("vendor") == party.name


def _counts(dataset: str, party: Party) -> bool:
    return party.kind is PartyKind.CLIENT or dataset in party.datasets
