"""What the pages of parties show; also their JSON twins."""

from __future__ import annotations

import msgspec


class PartyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One party in the list."""

    name: str
    kind: str
    title: str
    state: str
    """`live` or `suspended`."""
    leases: int
    """Living leases that it holds, or over its data."""
    promises_kept: int
    promises: int
    findings: int
    worst: str
    """Of its open findings; empty: there are none."""
    late_clocks: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a profile."""

    standing: str
    """`observed`, `attested` or `claimed`."""
    topic: str
    text: str
    at: str
    entries: tuple[int, ...]


class PromiseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, and whether it is kept."""

    text: str
    basis: str
    kept: bool


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open or accepted finding."""

    id: str
    party: str
    severity: str
    state: str
    sentence: str
    owner: str
    due: str
    unknown: bool


class SuspensionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension that stands, or was lifted."""

    id: str
    party: str
    what: str
    reason: str
    incident: str
    since: str
    leases: int
    tokens: int
    conditions: tuple[str, ...]
    lifted: str
    """When and by whom; empty while it stands."""


class ClockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that runs."""

    id: str
    duty: str
    basis: str
    due: str
    late: bool


class FaultRow(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that satisfies nothing."""

    at: str
    kind: str
    filename: str
    faults: tuple[str, ...]
    entry: int


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspension would stop, or has stopped."""

    done: bool
    what: str
    leases: int
    holders: tuple[str, ...]
    tokens: tuple[str, ...]
    work: tuple[str, ...]
    tell: tuple[str, ...]


class PartiesView(msgspec.Struct, frozen=True, kw_only=True):
    """All parties, as of now."""

    at: str
    parties: tuple[PartyRow, ...]
    findings: tuple[FindingRow, ...]
    """Open ones of all parties, the worst first."""
    findings_more: int
    suspensions: tuple[SuspensionRow, ...]
    """Those that stand."""
    unreadable: int
    """Ledger entries about parties that cannot be read."""


class PartyView(msgspec.Struct, frozen=True, kw_only=True):
    """One party, as of now."""

    at: str
    name: str
    kind: str
    title: str
    suspendable: bool
    contacts: tuple[str, ...]
    lines: tuple[Told, ...]
    promises: tuple[PromiseRow, ...]
    findings: tuple[FindingRow, ...]
    suspensions: tuple[SuspensionRow, ...]
    clocks: tuple[ClockRow, ...]
    faulty: tuple[FaultRow, ...]
    projects: tuple[str, ...]
    stopping: Stopping | None = None
    """Answer to the form that was sent."""
    note: str = ""
    """What became of it."""
