"""What the page of custody shows; also its JSON twin."""

from __future__ import annotations

import msgspec


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset."""

    name: str
    client: str
    classification: str
    version: int
    state: str
    """`live`, `suspended`, `shredded` or `sealed`."""
    leases: int
    """Living leases that select something of it."""


class LeaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One lease that has not ended."""

    id: str
    holder: str
    vendor: str
    project: str
    client: str
    state: str
    """`living`, `not-yet` or `suspended`."""
    used_bytes: int
    """Taken of its budget, slabs that doors hold included."""
    budget_bytes: int
    used_objects: int
    budget_objects: int
    not_after: str
    selectors: tuple[str, ...]


class ScopeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the tree."""

    id: str
    depth: int
    """0: vendor or client; below it project, holder."""
    state: str
    told: str
    """What everybody below it is told; empty while live."""
    leases: int
    """Living leases below it."""
    given_bytes: int
    cap_bytes: int | None


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Refusals of one kind."""

    at: str
    subject: str
    stop: str
    sentence: str
    count: int


class DrillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One revocation drill."""

    at: str
    scope: str
    streams: int
    nodes: int
    p50_ms: int
    p99_ms: int
    bytes_after_max: int
    entry: int


class CustodyView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in custody, as of now."""

    at: str
    worst_bytes: int
    """What could still leave if every lease were in the wrong hands."""
    in_hand_bytes: int
    """Slabs that doors hold besides."""
    logins_bytes: int | None
    """The worst case with everybody who could still log in by a role; None: nothing bounds it."""
    boundless_roles: tuple[str, ...]
    """Roles that no cap bounds."""
    datasets: tuple[DatasetRow, ...]
    leases: tuple[LeaseRow, ...]
    leases_more: int
    """Living leases that are not shown."""
    scopes: tuple[ScopeRow, ...]
    refusals: tuple[RefusedRow, ...]
    drills: tuple[DrillRow, ...]
    note: str = ""
    """What became of the form that was sent."""
