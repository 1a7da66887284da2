"""Ledger entries about parties: their bodies, and drafts of them (docs/reference/ledger-entries.md)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from pratique.ledger.entries import Draft
from pratique.parties.model import (
    Contract,
    Evidence,
    FindingState,
    Found,
    NoticeClock,
    Party,
    Project,
    Suspension,
)
from pratique.values.instants import Instant

PARTY: Final = "party"
PROJECT: Final = "party-project"
CONTRACT: Final = "contract"
EVIDENCE: Final = "evidence"
FINDING: Final = "finding"
SUSPENSION: Final = "suspension"
RESUMPTION: Final = "resumption"
CLOCK: Final = "notice-clock"
CLOCK_MET: Final = "notice-clock-met"
KINDS: Final = (
    PARTY,
    PROJECT,
    CONTRACT,
    EVIDENCE,
    FINDING,
    SUSPENSION,
    RESUMPTION,
    CLOCK,
    CLOCK_MET,
)


class PartyBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `party`: the whole record as it holds from here on; None: removed."""

    record: Party | None
    source_sha256: str = ""
    """SHA-256 of the register's file that said so; empty: by command."""


class ProjectBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `party-project`."""

    record: Project | None
    source_sha256: str = ""


class ContractBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `contract`."""

    record: Contract | None
    source_sha256: str = ""


class FindingBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `finding`: one change of it."""

    found: Found
    state: FindingState
    owner: str = ""
    due_at: Instant | None = None
    accepted_until: Instant | None = None
    reason: str = ""


class ResumptionBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `resumption`."""

    suspension: str
    reason: str
    approver: str
    """Named where conditions were not met; empty: they were."""
    met: tuple[str, ...]
    """Conditions that were met, each as a sentence with the entry that says so."""
    unmet: tuple[str, ...]


class ClockMetBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `notice-clock-met`."""

    clock: str
    how: str
    """Such as `notice sent to security@acme.example`, or the evidence that came."""


def party_draft(name: str, record: Party | None, *, source: str, actor: str) -> Draft:
    """The entry that adds, changes or (None) removes a party."""
    return _draft(PARTY, f"party:{name}", PartyBody(record=record, source_sha256=source), actor)


def project_draft(name: str, record: Project | None, *, source: str, actor: str) -> Draft:
    """The entry that adds, changes or removes a project, named `VENDOR/NAME`."""
    return _draft(
        PROJECT, f"project:{name}", ProjectBody(record=record, source_sha256=source), actor
    )


def contract_draft(name: str, record: Contract | None, *, source: str, actor: str) -> Draft:
    """The entry that adds, changes or removes a contract."""
    return _draft(
        CONTRACT, f"contract:{name}", ContractBody(record=record, source_sha256=source), actor
    )


def evidence_draft(evidence: Evidence, *, actor: str) -> Draft:
    """The entry of a received piece of evidence; its bytes are kept before."""
    return _draft(EVIDENCE, f"party:{evidence.party}", evidence, actor)


def finding_id(found: Found) -> str:
    """Stable id of what a check finds."""
    text = f"{found.rule}\x00{found.party}\x00{found.subject}"
    return f"F-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def finding_draft(body: FindingBody, *, actor: str) -> Draft:
    """The entry of a finding's opening or change."""
    return _draft(FINDING, f"finding:{finding_id(body.found)}", body, actor)


def suspension_draft(suspension: Suspension) -> Draft:
    """The entry that a party is suspended."""
    return _draft(SUSPENSION, f"party:{suspension.scope.party}", suspension, suspension.by)


def resumption_draft(party: str, body: ResumptionBody, *, actor: str) -> Draft:
    """The entry that a suspension is lifted."""
    return _draft(RESUMPTION, f"party:{party}", body, actor)


def clock_draft(clock: NoticeClock, *, actor: str) -> Draft:
    """The entry that a clock runs."""
    return _draft(CLOCK, f"party:{clock.party}", clock, actor)


def clock_met_draft(clock: NoticeClock, *, how: str, actor: str) -> Draft:
    """The entry that a clock was kept, or ended too late."""
    return _draft(CLOCK_MET, f"party:{clock.party}", ClockMetBody(clock=clock.id, how=how), actor)


def _draft(kind: str, subject: str, body: msgspec.Struct, actor: str) -> Draft:
    plain: dict[str, Any] = msgspec.to_builtins(body)
    return Draft(kind=kind, subject=subject, actor=actor, body=plain)
