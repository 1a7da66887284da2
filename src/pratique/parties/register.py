"""The register of parties, folded from ledger entries; nothing of it is kept anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pratique.ledger.entries import Event
from pratique.parties.entries import (
    CLOCK,
    CLOCK_MET,
    CONTRACT,
    EVIDENCE,
    FINDING,
    PARTY,
    PROJECT,
    RESUMPTION,
    SUSPENSION,
    ClockMetBody,
    ContractBody,
    FindingBody,
    PartyBody,
    ProjectBody,
    ResumptionBody,
)
from pratique.parties.model import (
    Contract,
    Evidence,
    Finding,
    NoticeClock,
    Party,
    Project,
    Received,
    Register,
    Suspension,
)


def fold_register(events: Iterable[Event]) -> Register:
    """The register after these entries, in the order of their sequences; other kinds do not matter."""
    fold = _Fold()
    for event in events:
        fold.take(event)
    return fold.register()


class _Fold:
    def __init__(self) -> None:
        self._parties: dict[str, Party] = {}
        self._projects: dict[str, Project] = {}
        self._contracts: dict[str, Contract] = {}
        self._evidence: dict[str, list[Received]] = {}
        self._findings: dict[str, Finding] = {}
        self._suspensions: dict[str, Suspension] = {}
        self._clocks: dict[str, NoticeClock] = {}
        self._entries: dict[str, int] = {}
        self._unreadable: list[int] = []
        self._readers: dict[str, Callable[[Event], None]] = {
            PARTY: self._party,
            PROJECT: self._project,
            CONTRACT: self._contract,
            EVIDENCE: self._piece,
            FINDING: self._finding,
            SUSPENSION: self._suspension,
            RESUMPTION: self._resumption,
            CLOCK: self._clock,
            CLOCK_MET: self._clock_met,
        }

    def take(self, event: Event) -> None:
        reader = self._readers.get(event.kind)
        if reader is None:
            return
        try:
            reader(event)
        except msgspec.ValidationError:
            self._unreadable.append(event.sequence)

    def register(self) -> Register:
        return Register(
            parties=self._parties,
            projects=self._projects,
            contracts=self._contracts,
            evidence={name: tuple(found) for name, found in self._evidence.items()},
            findings=self._findings,
            suspensions=self._suspensions,
            clocks=self._clocks,
            entries=self._entries,
            unreadable=tuple(self._unreadable),
        )

    def _party(self, event: Event) -> None:
        record = msgspec.convert(event.body, PartyBody).record
        _put(self._parties, event.subject.partition(":")[2], record)
        self._entries[event.subject] = event.sequence

    def _project(self, event: Event) -> None:
        record = msgspec.convert(event.body, ProjectBody).record
        _put(self._projects, event.subject.partition(":")[2], record)
        self._entries[event.subject] = event.sequence

    def _contract(self, event: Event) -> None:
        record = msgspec.convert(event.body, ContractBody).record
        _put(self._contracts, event.subject.partition(":")[2], record)
        self._entries[event.subject] = event.sequence

    def _piece(self, event: Event) -> None:
        evidence = msgspec.convert(event.body, Evidence)
        stopped = any(
            one.lifted_at is None and evidence.party in {*one.vendors, one.client}
            for one in self._suspensions.values()
        )
        received = Received(
            evidence=evidence,
            at=event.at,
            by=event.actor,
            entry=event.sequence,
            while_suspended=stopped,
        )
        self._evidence.setdefault(evidence.party, []).append(received)

    def _finding(self, event: Event) -> None:
        body = msgspec.convert(event.body, FindingBody)
        name = event.subject.partition(":")[2]
        before = self._findings.get(name)
        self._findings[name] = Finding(
            id=name,
            found=body.found,
            state=body.state,
            owner=body.owner,
            due_at=body.due_at,
            opened_at=before.opened_at if before is not None else event.at,
            changed_at=event.at,
            accepted_until=body.accepted_until,
            reason=body.reason,
            history=(*(before.history if before is not None else ()), event.sequence),
        )

    def _suspension(self, event: Event) -> None:
        found = msgspec.convert(event.body, Suspension)
        # The same one may be recorded twice after a crash, which says nothing new.
        self._suspensions.setdefault(found.id, found)

    def _resumption(self, event: Event) -> None:
        body = msgspec.convert(event.body, ResumptionBody)
        found = self._suspensions.get(body.suspension)
        if found is not None and found.lifted_at is None:
            self._suspensions[found.id] = msgspec.structs.replace(
                found,
                lifted_at=event.at,
                lifted_by=body.approver or event.actor,
                lifted_reason=body.reason,
            )

    def _clock(self, event: Event) -> None:
        found = msgspec.convert(event.body, NoticeClock)
        self._clocks.setdefault(found.id, found)

    def _clock_met(self, event: Event) -> None:
        body = msgspec.convert(event.body, ClockMetBody)
        found = self._clocks.get(body.clock)
        if found is not None and found.met_at is None:
            self._clocks[found.id] = msgspec.structs.replace(
                found, met_at=event.at, met_by=event.actor
            )


def _put(records: dict[str, Any], name: str, record: object | None) -> None:
    if record is None:
        records.pop(name, None)
    else:
        records[name] = record
