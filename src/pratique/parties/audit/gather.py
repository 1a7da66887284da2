"""Going through the log once: what goes into a pack, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

import msgspec

from pratique.custody.access_log import AccessFold, AccessLog, LeaseRead
from pratique.ledger.entries import Entry
from pratique.parties.audit.choose import READS, Chooser, Head, plain_body, typed_reads
from pratique.parties.audit.model import (
    Drill,
    LeaseHistory,
    Notice,
    ScopeChange,
    Told,
    Totals,
)
from pratique.parties.audit.names import PackGuard
from pratique.parties.register import fold_register
from pratique.values.instants import Instant, as_instant

_Said = TypeVar("_Said", bound=msgspec.Struct)
_HEAD: Final = msgspec.json.Decoder(Head)
_TOLD_KINDS: Final = frozenset(
    {
        "party", "party-project", "contract", "evidence", "finding", "suspension", "resumption",
        "notice-clock", "notice-clock-met", "notice", "revocation-drill", "scope",
    }
)  # fmt: skip
_LEASE_KINDS: Final = frozenset({"lease", "lease-budget", "read-refused", "scope"})


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, as the register's fold reads it."""

    sequence: int
    at: Instant
    kind: str
    subject: str
    actor: str
    body: dict[str, Any]


@dataclass(slots=True)
class Gathering:
    """What was taken of the log so far. Order: entries as they stand in the log."""

    chooser: Chooser
    guard: PackGuard
    reads: AccessFold
    kinds: dict[str, int] = field(default_factory=dict)
    withheld: int = 0
    facts: list[Fact] = field(default_factory=list)
    """Of the kinds that `told` is folded from."""
    leases: dict[str, LeaseHistory] = field(default_factory=dict)
    unreadable: int = 0

    def take(self, leaf: bytes) -> Literal["show", "withhold"] | None:
        """What becomes of the next entry; None: it is about somebody else."""
        head = _HEAD.decode(leaf)
        if not self.chooser.takes(head):
            return None
        if head.kind in READS:
            return self._take_reads(head)
        if self.guard.entry_names_other(head):
            self.withheld += 1
            return "withhold"
        self._count(head.kind)
        self._note(head)
        return "show"

    def _take_reads(self, head: Head) -> Literal["show", "withhold"]:
        body = typed_reads(head)
        if body is None:
            self.unreadable += 1
            self.withheld += 1
            return "withhold"
        if self.guard.reads_name_other(head, body):
            self.withheld += 1
            return "withhold"
        self._count(head.kind)
        # The fold takes a body that was read straight into its kind as it is.
        self.reads.add(_entry(head, body))
        return "show"

    def _count(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def _note(self, head: Head) -> None:
        if head.kind == "reads-ended":
            self.reads.add(_entry(head, plain_body(head)))
        if head.kind in _TOLD_KINDS:
            self.facts.append(fact_of(head))
        if head.kind in _LEASE_KINDS:
            try:
                self._note_lease(head)
            except (KeyError, TypeError, ValueError, msgspec.ValidationError):
                self.unreadable += 1

    def _note_lease(self, head: Head) -> None:
        body, subject = plain_body(head), head.subject.removeprefix("scope:")
        name = subject.removeprefix("lease:")
        if head.kind == "lease":
            terms = {key: body[key] for key in _TERMS}
            self.leases[name] = msgspec.convert(
                {**terms, "lease": name, "granted_at": head.recorded_at, "ended_at": None,
                 "entry": head.sequence},
                LeaseHistory,
            )  # fmt: skip
            return
        one = self.leases.get(name)
        if one is None or not subject.startswith("lease:"):
            return
        change: dict[str, Any] = {}
        if head.kind == "read-refused":
            change = {"refused": one.refused + int(body["count"])}
        elif head.kind == "lease-budget" and body["action"] == "approved":
            change = {"budget_bytes": int(body["budget_bytes"])}
        elif head.kind == "scope" and body["state"] == "ended" and one.ended_at is None:
            change = {"ended_at": _instant(head.recorded_at)}
        self.leases[name] = msgspec.structs.replace(one, **change)


_TERMS: Final = (
    "holder", "vendor", "project", "client", "purpose", "selectors", "verbs", "copy",
    "budget_bytes", "not_before", "not_after",
)  # fmt: skip


def _instant(text: str) -> Instant:
    return as_instant(datetime.fromisoformat(text))


def _entry(head: Head, body: Any) -> Entry:  # noqa: ANN401 - read already, or plain
    return Entry(
        sequence=head.sequence,
        recorded_at=_instant(head.recorded_at),
        kind=head.kind,
        subject=head.subject,
        actor=head.actor,
        body=body,
    )


def fact_of(head: Head) -> Fact:
    """An entry with its body."""
    return Fact(
        sequence=head.sequence,
        at=_instant(head.recorded_at),
        kind=head.kind,
        subject=head.subject,
        actor=head.actor,
        body=plain_body(head),
    )


def told_kind(kind: str) -> bool:
    """Whether `told` is folded from entries of this kind."""
    return kind in _TOLD_KINDS


def read_fact(leaf: bytes) -> Fact | None:
    """The entry of a leaf, if it is one that `told` is folded from."""
    head = _HEAD.decode(leaf)
    return fact_of(head) if head.kind in _TOLD_KINDS else None


def fold_told(name: str, facts: Iterable[Fact]) -> Told:
    """What these entries say of the party; a reader of a pack folds them again."""
    listed = list(facts)
    register = fold_register(listed)
    unreadable = set(register.unreadable)

    def each(kind: str, wanted: type[_Said], prefix: str) -> tuple[_Said, ...]:
        found = []
        for fact in listed:
            if fact.kind != kind:
                continue
            said = {**fact.body, "at": fact.at, "entry": fact.sequence}
            said["scope"] = fact.subject.removeprefix(prefix)
            try:
                found.append(msgspec.convert(said, wanted))
            except msgspec.ValidationError:
                unreadable.add(fact.sequence)
        return tuple(found)

    drills = each("revocation-drill", Drill, "scope:")
    scopes = each("scope", ScopeChange, "scope:")
    notices = each("notice", Notice, "party:")
    return Told(
        party=register.parties.get(name),
        contracts=tuple(register.contracts.values()),
        projects=tuple(register.projects.values()),
        evidence=tuple(one for many in register.evidence.values() for one in many),
        findings=tuple(register.findings.values()),
        suspensions=tuple(register.suspensions.values()),
        clocks=tuple(register.clocks.values()),
        notices=notices,
        drills=drills,
        scopes=scopes,
        unreadable=tuple(sorted(unreadable)),
    )


def lease_lines(gathered: Gathering, log: AccessLog) -> tuple[LeaseHistory, ...]:
    """Leases with what was disclosed under each, the oldest first."""
    read = {one.lease: one for one in log.leases}
    found = [_with_reads(one, read.get(name)) for name, one in gathered.leases.items()]
    return tuple(sorted(found, key=lambda one: one.entry))


def _with_reads(one: LeaseHistory, read: LeaseRead | None) -> LeaseHistory:
    if read is None:
        return one
    return msgspec.structs.replace(
        one,
        bytes=read.bytes,
        segments=read.segments,
        objects=read.objects,
        reads=read.reads,
        first_read_at=read.first_at,
        last_read_at=read.last_at,
        presumed=any(part.presumed for some in read.datasets for part in some.objects),
    )


def totals_of(gathered: Gathering, log: AccessLog) -> Totals:
    """Sizes."""
    return Totals(
        entries=sum(gathered.kinds.values()),
        withheld=gathered.withheld,
        leases=len(gathered.leases),
        bytes=log.bytes,
        segments=log.segments,
        objects=log.objects,
        reads=log.reads,
        refused=sum(one.refused for one in gathered.leases.values()),
        unreadable=gathered.unreadable + log.unreadable,
    )
