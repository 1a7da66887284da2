"""What the pages of incidents show; also their JSON twins."""

from __future__ import annotations

import msgspec

from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.why import Why


class IncidentListView(msgspec.Struct, frozen=True, kw_only=True):
    """All incidents, the newest first."""

    incidents: tuple[Incident, ...]


class WorkRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do."""

    id: str
    target: str
    why: str
    state: str
    settled: bool
    owner: str


class WorkList(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the plan; steps are in the order of doing."""

    step: str
    left: int
    items: tuple[WorkRow, ...]


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """One incident with its answer."""

    incident: Incident
    answer: IncidentAnswer
    known_at: str
    """Sequence or instant that was asked for; empty: now."""
    rules: dict[str, str]
    """What each rule in the answer means."""
    work: tuple[WorkList, ...]


class WhyView(msgspec.Struct, frozen=True, kw_only=True):
    """The chain of evidence of one asset."""

    why: Why
    known_at: str
