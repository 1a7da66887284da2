"""What checks look at: values that were gathered before, so that a check is a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from pratique.custody.model import Dataset, Lease, LeaseId, Scope, ScopeId, ScopeState
from pratique.parties.model import Contract, Party, PartyKind, Project, Register
from pratique.values.instants import Instant

READ_DAYS: Final = 30
"""How long a read from somewhere counts."""


class ReadFrom(NamedTuple):
    """That a lease was read from an address."""

    vendor: str
    project: str
    holder: str
    lease: str
    address: str
    at: Instant
    """The last time, as far as was looked."""
    entry: int


class Drill(NamedTuple):
    """A revocation drill."""

    scope: str
    at: Instant
    p99_ms: int | None
    """Measured; None: the entry does not say."""
    entry: int


class BadComponent(NamedTuple):
    """Something that a party's system has, or had, and that somebody calls bad."""

    party: str
    asset: str
    component: str
    """`pkg:pypi/litellm@1.82.8`."""
    source: str
    """Id of an advisory, or `verdict:` and the first digits of the file's SHA-256."""
    poisoned: bool
    """Malicious as opposed to vulnerable."""
    severity: str
    """As the advisory says: a CVSS vector or a word; empty: it does not."""
    says: str
    """Its summary, in a line."""
    present: bool
    """Whether it may still be there."""
    last_at: Instant | None
    """Of what is gone: when it may have been there last."""
    sure: bool
    """Recognized by its content; else by name and version."""
    entries: tuple[int, ...]


class LockedBuild(NamedTuple):
    """A lock file of a repository that a party operates, as it was last seen."""

    party: str
    asset: str
    locator: str
    loose: tuple[str, ...]
    """Messages of the lock findings `unhashed`, `unpinned` and `weak-hash`, the first of them."""
    loose_total: int
    unread: str
    """Why nobody can say; empty: it was read."""
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What may be set."""

    own: frozenset[str] = frozenset()
    """Names of the own organisation as a vendor of leases: nobody contracted it."""
    lease_hours: float = 24.0
    """How old a living lease may be."""
    drill_days: int = 90
    """How old the last suspension drill may be where the contract says nothing."""
    sbom_days: int = 30
    """How old an SBOM of a delivered product may be where nobody promised one."""


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """What was gathered. Of facts that no check asked for there is nothing."""

    register: Register
    options: CheckOptions = field(default_factory=CheckOptions)
    only: frozenset[str] | None = None
    """Names of the parties that are checked; None: all. The register has all of them in any case."""
    leases: tuple[Lease, ...] = ()
    scopes: Mapping[ScopeId, Scope] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    issuers: Mapping[LeaseId, str] = field(default_factory=dict)
    """Of leases that were made for whoever logged in: the issuer's URL; empty: it is not known."""
    reads: tuple[ReadFrom, ...] = ()
    """Of the last `READ_DAYS`."""
    reads_missing: str = ""
    """Why `reads` are not all of them, in a sentence."""
    drills: tuple[Drill, ...] = ()
    """Oldest first."""
    bad: tuple[BadComponent, ...] = ()
    looked_at: frozenset[str] = frozenset()
    """Parties of whose systems any content was ever seen."""
    advisories: int | None = None
    """How many are recorded; None: nobody counted."""
    unreadable: tuple[str, ...] = ()
    """Sentences: advisories that could not be read, so that nobody was compared with them."""
    builds: tuple[LockedBuild, ...] = ()

    def checked(self, party: str) -> bool:
        """Whether this party is among those that are checked."""
        return self.only is None or party in self.only

    @cached_property
    def vendors(self) -> tuple[Party, ...]:
        """Vendors that are checked, by name."""
        return tuple(one for one in self.parties if one.kind is PartyKind.VENDOR)

    @cached_property
    def parties(self) -> tuple[Party, ...]:
        """Parties that are checked, by name."""
        known = self.register.parties
        return tuple(known[name] for name in sorted(known) if self.checked(name))

    @cached_property
    def projects_of(self) -> Mapping[str, tuple[Project, ...]]:
        """Projects by vendor."""
        grouped: dict[str, list[Project]] = {}
        for _, project in sorted(self.register.projects.items()):
            grouped.setdefault(project.vendor, []).append(project)
        return {name: tuple(listed) for name, listed in grouped.items()}

    @cached_property
    def contracts_of(self) -> Mapping[str, tuple[Contract, ...]]:
        """Contracts by party."""
        grouped: dict[str, list[Contract]] = {}
        for _, contract in sorted(self.register.contracts.items()):
            grouped.setdefault(contract.party, []).append(contract)
        return {name: tuple(listed) for name, listed in grouped.items()}

    @cached_property
    def workers_of(self) -> Mapping[str, frozenset[str]]:
        """By vendor, who works for it: as either says. Names need not be parties."""
        found: dict[str, set[str]] = {}
        for one in self.register.parties.values():
            found.setdefault(one.name, set()).update(one.sub_processors)
            for vendor in one.works_for:
                found.setdefault(vendor, set()).add(one.name)
        return {name: frozenset(workers - {name}) for name, workers in found.items()}

    @cached_property
    def workers(self) -> frozenset[str]:
        """Whoever works for a vendor of the register."""
        known = self.register.parties
        return frozenset(
            worker for name, listed in self.workers_of.items() if name in known for worker in listed
        )

    def living_leases(self, now: Instant) -> Iterator[Lease]:
        """Leases of anybody that may still disclose something, now or once resumed."""
        for lease in self.leases:
            if lease.not_after > now and not self._ended(lease):
                yield lease

    def standing_leases(self, now: Instant) -> Iterator[Lease]:
        """The same of checked vendors."""
        return (lease for lease in self.living_leases(now) if self.checked(lease.vendor))

    def contracted_leases(self, now: Instant) -> Iterator[Lease]:
        """The same, without those of the own organisation."""
        own = self.own
        return (lease for lease in self.standing_leases(now) if lease.vendor not in own)

    @cached_property
    def own(self) -> frozenset[str]:
        """What the own organisation is called."""
        parties = self.register.parties.values()
        return self.options.own | {one.name for one in parties if one.kind is PartyKind.OWN}

    def entry(self, subject: str) -> tuple[int, ...]:
        """The newest entry about a subject of the register, where there is one."""
        found = self.register.entries.get(subject)
        return () if found is None else (found,)

    def _ended(self, lease: Lease) -> bool:
        return any(
            scope in self.scopes and self.scopes[scope].state is ScopeState.ENDED
            for scope in lease.scopes
        )
