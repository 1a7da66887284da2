"""What a page shows; also its JSON twin, so every field is a plain value."""

from __future__ import annotations

import msgspec

from pratique.doors.console.vetting_view import VettingView


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's answer about a file."""

    rule: str
    outcome: str
    text: str


class BlockView(msgspec.Struct, frozen=True, kw_only=True):
    """Why one file is or was blocked. Empty strings mean "not known now"."""

    block: str
    index: str
    project: str
    filename: str
    sha256: str
    rule: str
    since: str
    sequence: int | None
    note: str
    """What became of a form that was just sent."""
    version: str = ""
    outcome: str = ""
    audited: str = ""
    still_this_block: bool = False
    reason: str = ""
    until: str = ""
    evidence: list[str] = []
    uploaded_at: str = ""
    origin: str = ""
    last_good: str = ""
    steps: list[Step] = []
    changes: list[str] = []
    can_waive: bool = False
    vetting: VettingView | None = None
    """What vetting and reviewers said of the file; None when nobody said anything."""


class RefusalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal, newest first on the status page."""

    at: str
    actor: str
    filename: str
    outcome: str
    rule: str
    block: str
    sequence: int


class HeldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One file that vetting keeps from passing now."""

    filename: str
    verdict: str
    headline: str
    gained: list[str]
    block: str


class StatusView(msgspec.Struct, frozen=True, kw_only=True):
    """How the door is doing."""

    version: str
    public_url: str
    indexes: list[str]
    mode: str
    cool_down_hours: float
    policy_sha256: str
    ledger_origin: str
    ledger_size: int
    root_hash: str
    problems: list[str]
    vetting: str
    """How files are vetted, in a sentence; empty when they are not."""
    held: list[HeldRow]
    """What vetting keeps from passing now, the last shown first."""
    refusals: list[RefusalRow]
