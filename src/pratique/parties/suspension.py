"""What a suspension stops, for whom, and which clocks it starts: one plan for dry run and real thing.

The plan holds the very hold that is put into force, and lists what that hold stops now. It stops more
than it lists: whatever is granted while it stands is stopped as well (docs/decisions/0011-parties.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.custody.holds import stopped_datasets, stops_tokens
from pratique.custody.model import Hold, HoldId, HoldKind, Lease, LeaseId
from pratique.errors import InputError
from pratique.index.ports import TokenRecord
from pratique.ledger.entries import Draft
from pratique.parties.assets import operates
from pratique.parties.entries import clock_draft, suspension_draft
from pratique.parties.model import (
    Condition,
    NoticeClock,
    Party,
    PartyKind,
    Project,
    Register,
    Suspension,
    SuspensionScope,
)
from pratique.parties.suspension_clocks import ToTell, clocks_of
from pratique.parties.workers import everybody_below, late_workers
from pratique.values.instants import Instant

MAX_VENDORS: Final = 500
"""That one suspension stops, sub-processors included: its entry names them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A suspension as somebody asks for it."""

    id: str
    """`S-` and 12 of A–Z, 2–7."""
    scope: SuspensionScope
    reason: str
    by: str
    incident: str = ""
    conditions: tuple[Condition, ...] = ()


class StoppedLease(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A lease that stops, and for which datasets."""

    id: str
    holder: str
    vendor: str
    project: str
    client: str
    datasets: tuple[str, ...]
    not_after: Instant


class StoppedToken(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A token that works at no index door any more."""

    id: str
    name: str
    role: str
    party: str


class WorkOnHold(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A project that cannot go on, or not with all its data."""

    project: str
    """`VENDOR/NAME`."""
    client: str
    purpose: str
    datasets: tuple[str, ...]


class SuspensionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a suspension does."""

    suspension: Suspension
    leases: tuple[StoppedLease, ...]
    tokens: tuple[StoppedToken, ...]
    loose: tuple[StoppedToken, ...]
    """Tokens that go on: named as an asset of the party, and belonging to nobody."""
    work: tuple[WorkOnHold, ...]
    tell: tuple[ToTell, ...]
    clocks: tuple[NoticeClock, ...]

    @property
    def hold(self) -> Hold:
        """What doors and broker are given: nothing else decides what stops."""
        return hold_of_suspension(self.suspension)

    def drafts(self) -> tuple[Draft, ...]:
        """Its entries, for one append: the suspension first, then its clocks."""
        clocks = (clock_draft(clock, actor=self.suspension.by) for clock in self.clocks)
        return (suspension_draft(self.suspension), *clocks)


def plan_suspension(
    register: Register,
    leases: Iterable[Lease],
    tokens: Iterable[TokenRecord],
    ask: Ask,
    now: Instant,
    *,
    alike: Mapping[LeaseId, int] | None = None,
) -> SuspensionPlan:
    """Work out what a suspension stops and starts; nothing is done yet.

    `alike`: how many living leases each of these stands for, where not all of them are given.
    Raises: InputError for a party, project or dataset that nobody knows: it would stop nothing.
    """
    every, known = tuple(leases), tuple(tokens)
    party = _party(register, ask.scope.party)
    vendors = _vendors(register, party, ask.scope) if party.kind is PartyKind.VENDOR else ()
    begun = Suspension(
        id=ask.id,
        scope=ask.scope,
        vendors=vendors,
        client=party.name if party.kind is PartyKind.CLIENT else "",
        reason=ask.reason,
        incident=ask.incident,
        conditions=ask.conditions,
        evidence_root=evidence_root(register, vendors or (party.name,)),
        leases=0,
        tokens=0,
        by=ask.by,
        at=now,
    )
    hold = hold_of_suspension(begun)
    stopped = tuple(sorted(_stopped(every, hold, now)))
    ended = tuple(sorted(_stopped_tokens(known, hold, now)))
    loose = tuple(sorted(_loose(register, known, hold, now)))
    work = tuple(sorted(_work(register, hold)))
    _check_known(register, every, hold)
    clocks, tell = clocks_of(register, begun, _concerned(register, begun, stopped, work))
    number = sum((alike or {}).get(LeaseId(one.id), 1) for one in stopped)
    suspension = msgspec.structs.replace(begun, leases=number, tokens=len(ended))
    return SuspensionPlan(
        suspension=suspension,
        leases=stopped,
        tokens=ended,
        loose=loose,
        work=work,
        tell=tell,
        clocks=clocks,
    )


def hold_of_suspension(suspension: Suspension) -> Hold:
    """What doors and broker enforce of a suspension."""
    kind = "client" if suspension.client else "vendor"
    return Hold(
        id=HoldId(suspension.id),
        party=f"{kind} {suspension.scope.party}",
        vendors=frozenset(suspension.vendors),
        client=suspension.client,
        project=suspension.scope.project,
        dataset=suspension.scope.dataset,
        kind=suspension.scope.kind,
        reason=suspension.reason,
        incident=suspension.incident,
        since=suspension.at,
        lifted=suspension.lifted_at is not None,
        changed_epoch=0,
    )


def unreached_holds(register: Register, vendor: str) -> Iterator[Hold]:
    """What standing suspensions would stop, did they know of later workers, and of `vendor` spelled so."""
    for one in register.suspensions.values():
        if one.lifted_at is not None or one.client:
            continue
        names = set(late_workers(register, one))
        known = {each.casefold() for each in (*one.vendors, *names)}
        if vendor not in one.vendors and vendor.casefold() in known:
            names.add(vendor)
        if names:
            yield hold_of_suspension(msgspec.structs.replace(one, vendors=tuple(sorted(names))))


def evidence_root(register: Register, parties: Iterable[str]) -> str:
    """SHA-256 over all evidence of these parties, sorted: what was there when they were suspended."""
    lines = sorted(
        f"{name} {received.evidence.sha256} {received.entry}\n"
        for name in set(parties)
        for received in register.evidence.get(name, ())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _party(register: Register, name: str) -> Party:
    found = register.parties.get(name)
    if found is None:
        raise InputError(
            f"no party {name[:80]!r}",
            remedy=f"add it to the register, or stop it at once: pratique scope suspend vendor:{name[:60]}",
        )
    if found.kind not in {PartyKind.VENDOR, PartyKind.CLIENT}:
        what = "our own organisation" if found.kind is PartyKind.OWN else "a group of people"
        raise InputError(
            f"{name} is {what}, and holds nothing that could be suspended",
            expected="a vendor, or a client whose data is not to be touched",
            remedy="stop a vendor, project or dataset with: pratique scope suspend",
        )
    return found


def _vendors(register: Register, party: Party, scope: SuspensionScope) -> tuple[str, ...]:
    """The party and, unless told otherwise, everybody who works for it, at any distance."""
    below = everybody_below(register, party.name)
    found = below if scope.with_sub_processors else {party.name}
    if len(found) > MAX_VENDORS:
        raise InputError(
            f"{len(found)} vendors at a time",
            expected=f"at most {MAX_VENDORS}, sub-processors included",
            remedy="suspend with --no-sub-processors, then the others",
        )
    return tuple(sorted(found))


def _stopped(leases: Iterable[Lease], hold: Hold, now: Instant) -> Iterator[StoppedLease]:
    for lease in leases:
        names = stopped_datasets(hold, lease) if lease.not_after > now else ()
        if names:
            yield StoppedLease(
                id=lease.id,
                holder=lease.holder,
                vendor=lease.vendor,
                project=lease.project,
                client=lease.client,
                datasets=names,
                not_after=lease.not_after,
            )


def _stopped_tokens(
    tokens: Iterable[TokenRecord], hold: Hold, now: Instant
) -> Iterator[StoppedToken]:
    for token in _living(tokens, now):
        # Evidence is what a suspended party is asked for: the token that pushes it works on.
        if token.role != "party" and stops_tokens(hold, token.party):
            yield StoppedToken(id=token.id, name=token.name, role=token.role, party=token.party)


def _loose(
    register: Register, tokens: Iterable[TokenRecord], hold: Hold, now: Instant
) -> Iterator[StoppedToken]:
    """What somebody forgot to say `--party` of: it would stop, were it known whose it is."""
    names = ({hold.client} if hold.client else hold.vendors) if hold.whole else ()
    parties = [register.parties[name] for name in names if name in register.parties]
    for token in _living(tokens, now):
        if not token.party and any(operates(party, token.name) for party in parties):
            yield StoppedToken(id=token.id, name=token.name, role=token.role, party="")


def _living(tokens: Iterable[TokenRecord], now: Instant) -> Iterator[TokenRecord]:
    for token in tokens:
        if token.revoked_at is None and (token.expires_at is None or token.expires_at > now):
            yield token


def _work(register: Register, hold: Hold) -> Iterator[WorkOnHold]:
    for project in register.projects.values():
        if _project_stops(project, hold):
            names = (hold.dataset,) if hold.dataset else project.datasets
            yield WorkOnHold(
                project=project.id, client=project.client, purpose=project.purpose, datasets=names
            )


def _project_stops(project: Project, hold: Hold) -> bool:
    mine = project.client == hold.client if hold.client else project.vendor in hold.vendors
    named = not hold.project or project.name == hold.project
    return mine and named and (not hold.dataset or hold.dataset in project.datasets)


def _check_known(register: Register, leases: Iterable[Lease], hold: Hold) -> None:
    """A misspelt project or dataset would stop nothing, and nobody would notice. Raises: InputError."""
    every = tuple(leases)
    if hold.project:
        names = {lease.project for lease in every if _lease_mine(lease, hold)}
        names |= {one.name for one in register.projects.values() if _mine(one, hold)}
        _check_name("project", hold.project, names)
    if hold.dataset:
        names = {one.partition("/")[0] for lease in every for one in lease.selectors}
        names |= {name for one in register.projects.values() for name in one.datasets}
        _check_name("dataset", hold.dataset, names)


def _mine(project: Project, hold: Hold) -> bool:
    return project.client == hold.client if hold.client else project.vendor in hold.vendors


def _lease_mine(lease: Lease, hold: Hold) -> bool:
    return lease.client == hold.client if hold.client else lease.vendor in hold.vendors


def _check_name(what: str, name: str, known: set[str]) -> None:
    if name not in known:
        raise InputError(
            f"no {what} {name[:80]!r} of {'theirs' if what == 'project' else 'anybody'} is known: "
            "that would stop nothing",
            expected=f"one of {', '.join(sorted(known)[:10])}" if known else "",
        )


def _concerned(
    register: Register,
    suspension: Suspension,
    leases: Iterable[StoppedLease],
    work: Iterable[WorkOnHold],
) -> Mapping[str, PartyKind]:
    """Who has to be told, and who has to tell: by name."""
    names: dict[str, PartyKind] = {}
    datasets: set[str] = set()
    touched = [(one.client, one.vendor, one.datasets) for one in leases]
    touched += [(one.client, one.project.partition("/")[0], one.datasets) for one in work]
    for client, vendor, reached in touched:
        names[client] = PartyKind.CLIENT
        datasets.update(reached)
        if suspension.client:
            names[vendor] = PartyKind.VENDOR
    names.update(dict.fromkeys(suspension.vendors, PartyKind.VENDOR))
    if suspension.client:
        names[suspension.client] = PartyKind.CLIENT
    for party in register.parties.values():
        if party.kind is PartyKind.PEOPLE and not datasets.isdisjoint(party.datasets):
            names[party.name] = PartyKind.PEOPLE
    return dict(sorted(names.items()))


def scope_words(suspension: Suspension) -> str:
    """What a suspension is of, for persons: `vendor acme, project coding, leases that read`."""
    scope = suspension.scope
    kinds = {
        HoldKind.ANY: "",
        HoldKind.READ: "leases that read",
        HoldKind.WRITE: "leases that write",
        HoldKind.CANONICAL: "leases of canonical bytes",
        HoldKind.MARKED: "leases of marked copies",
    }
    words = (
        f"{'client' if suspension.client else 'vendor'} {scope.party}",
        f"project {scope.project}" if scope.project else "",
        f"dataset {scope.dataset}" if scope.dataset else "",
        kinds[scope.kind],
    )
    return ", ".join(word for word in words if word)
