"""A log with two vendors and two clients, of which each pack may tell one side only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from kit.custody_samples import lease_id, sample_dataset, sample_lease
from kit.logs import segment_log
from pratique.custody.entries import dataset_entry, lease_entry
from pratique.ledger.entries import Draft
from pratique.ledger.notes import Signer
from pratique.ledger.store import LogStore
from pratique.parties import entries as said
from pratique.parties.audit.names import PackGuard, related_names
from pratique.parties.audit.pack import Material, Packed, write_pack
from pratique.parties.model import (
    Action,
    Condition,
    Contact,
    Contract,
    Evidence,
    EvidenceKind,
    FindingState,
    Found,
    NoticeClock,
    Party,
    PartyKind,
    Project,
    Register,
    Severity,
    Signature,
    Suspension,
    SuspensionScope,
)
from pratique.parties.register import fold_register
from pratique.store.log_keys import read_key
from pratique.values.instants import Instant

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
OP = "operator:ann"
PAPER = b'{"answers": [{"topic": "mfa", "answer": "yes"}]}'
GOSSIP = b"Acme also works for Hooli on hooli-chats."
OTHERS = ("hooli", "initech", "hooli-chats", "vandelay", "clerks")


def parties() -> list[Party]:
    contact = (Contact(role="security", address="security@acme.example"),)
    return [
        Party(name="mercury", kind=PartyKind.OWN, title="Mercury AI"),
        Party(name="acme", kind=PartyKind.VENDOR, title="Acme Labelling Ltd", contacts=contact,
              sub_processors=("annotators-inc",), locations=("EU",), products=("labeler",),
              networks=("198.51.100.0/24",)),
        Party(name="annotators-inc", kind=PartyKind.VENDOR, works_for=("acme",)),
        Party(name="initech", kind=PartyKind.VENDOR, title="Initech Clerks"),
        Party(name="lab", kind=PartyKind.CLIENT,
              contacts=(Contact(role="security", address="soc@lab.example"),)),
        Party(name="hooli", kind=PartyKind.CLIENT),
        Party(name="vandelay", kind=PartyKind.CLIENT),
        Party(name="interviewees", kind=PartyKind.PEOPLE, datasets=("code-tasks",)),
        Party(name="clerks", kind=PartyKind.PEOPLE, datasets=("hooli-chats",)),
    ]  # fmt: skip


def projects() -> list[Project]:
    return [
        Project(name="coding", vendor="acme", client="lab", purpose="labelling",
                datasets=("code-tasks",), holders=("p-1",), budget_bytes=1 << 40),
        Project(name="chats", vendor="initech", client="hooli", datasets=("hooli-chats",)),
    ]  # fmt: skip


def contracts() -> list[Contract]:
    return [
        Contract(id="acme-msa", party="acme", starts=date(2025, 1, 1), notice_hours=24,
                 update_hours=24, evidence_hours=48, basis="MSA 9.1"),
        Contract(id="lab-dpa", party="lab", starts=date(2025, 1, 1), notice_hours=24, update_hours=24),
    ]  # fmt: skip


def evidence(party: str, content: bytes, **changes: Any) -> Evidence:
    fields: dict[str, Any] = {
        "party": party, "kind": EvidenceKind.QUESTIONNAIRE,
        "sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
        "media_type": "application/json", "filename": "caiq.json", "subjects": ("labeler 4.1",),
        "made_at": START, "expires_at": None, "signature": Signature.NONE, "signer": "",
        "claims": (), "claims_total": 1, "faults": ("it is not signed",),
    }  # fmt: skip
    return Evidence(**{**fields, **changes})


def reads(lease: str, number: int, **changes: Any) -> Draft:
    body = {
        "client": "lab", "dataset": "code-tasks", "vendor": "acme", "project": "coding",
        "holder": "p-1", "process": "door-1", "number": number,
        "reads": [[f"OBJ{number % 7}", 1, number % 5, number % 5 + 2, 196_608, 206, 0, 1]],
        "names": ["198.51.100.7", "boto3"], "ahead": [], "seconds": 0,
    }  # fmt: skip
    body.update(changes)
    return Draft(kind="reads", subject=f"lease:{lease}", actor="door:s3", body=body)


def suspension(**changes: Any) -> Suspension:
    fields: dict[str, Any] = {
        "id": "S-ABCDEFGH2345", "scope": SuspensionScope(party="acme"),
        "vendors": ("acme", "annotators-inc"), "client": "", "reason": "poisoned component",
        "incident": "litellm-1.82.8", "evidence_root": "0" * 64, "leases": 1, "tokens": 0, "by": OP,
        "conditions": (Condition(topic="evidence-received", detail="sbom"),),
        "at": START + timedelta(days=30),
    }  # fmt: skip
    return Suspension(**{**fields, **changes})


def drill(scope: str) -> Draft:
    return Draft(
        kind="revocation-drill", subject=f"scope:{scope}", actor=OP,
        body={"streams": 200, "p50_ms": 210, "p99_ms": 480, "bytes_after_max": 65_536, "nodes": 2},
    )  # fmt: skip


def found(party: str, subject: str, **changes: Any) -> Draft:
    what = Found(rule="evidence-fresh", party=party, subject=subject, severity=Severity.HIGH,
                 sentence=f"the SBOM of {subject} is 45 days old", action=Action.ALERT)  # fmt: skip
    state = changes.pop("state", FindingState.OPEN)
    body = said.FindingBody(found=what, state=state, owner="ann", **changes)
    return said.finding_draft(body, actor=OP)


def story() -> list[Draft]:
    """Everything, in the order in which it was logged."""
    acme, rival = str(lease_id(1)), str(lease_id(2))
    terms = {"not_after": START + timedelta(days=300), "not_before": START}
    told = [said.party_draft(one.name, one, source="", actor=OP) for one in parties()]
    told += [said.project_draft(one.id, one, source="", actor=OP) for one in projects()]
    told += [said.contract_draft(one.id, one, source="", actor=OP) for one in contracts()]
    told += [
        dataset_entry(sample_dataset("code-tasks", client="lab"), actor=OP),
        dataset_entry(sample_dataset("hooli-chats", client="hooli"), actor=OP),
        lease_entry(sample_lease(1, client="lab", selectors=("code-tasks",), **terms), actor=OP),
        lease_entry(
            replace(sample_lease(2, client="hooli", selectors=("hooli-chats",), **terms),
                    vendor="initech", project="chats"), actor=OP,
        ),
        said.evidence_draft(evidence("acme", PAPER), actor="party:acme"),
        said.evidence_draft(evidence("acme", GOSSIP, filename="letter.txt"), actor="party:acme"),
        found("acme", "labeler"),
        found("initech", "clerk-desk"),
        drill("vendor:acme"),
        drill("vendor:initech"),
    ]  # fmt: skip
    told += [reads(acme, number) for number in range(20)]
    told += [
        reads(
            rival, number, client="hooli", vendor="initech", dataset="hooli-chats", project="chats"
        )
        for number in range(20)
    ]
    told += [
        reads(acme, 20, names=["198.51.100.7", "hooli-sync/1.0"]),  # names somebody else
        Draft(kind="read-refused", subject=f"lease:{acme}", actor="door:s3",
              body={"stop": "Budget", "sentence": "over budget", "count": 3, "addresses": []}),
        said.suspension_draft(suspension()),
        said.clock_draft(clock("lab"), actor=OP),
        said.clock_draft(clock("hooli"), actor=OP),
        found("acme", "labeler", state=FindingState.CLOSED, reason="the check no longer finds it"),
    ]  # fmt: skip
    return told


def clock(party: str, **changes: Any) -> NoticeClock:
    at = START + timedelta(days=30)
    fields: dict[str, Any] = {
        "id": f"S-ABCDEFGH2345/{party}/notify", "party": party, "duty": "notify",
        "basis": f"{party} DPA", "hours": 24, "started_at": at, "due_at": at + timedelta(hours=24),
        "cause": "S-ABCDEFGH2345",
    }  # fmt: skip
    return NoticeClock(**{**fields, **changes})


class AuditLog:
    """A log with the story, and packs of it."""

    def __init__(self, folder: Path, drafts: list[Draft] | None = None) -> None:
        self.log: LogStore = segment_log(folder)
        self.append(story() if drafts is None else drafts)
        self.signer: Signer = read_key(folder / "key", self.log.origin)

    def append(self, drafts: list[Draft]) -> None:
        for number, draft in enumerate(drafts):
            self.log.append([draft], now=START + timedelta(days=number))

    def register(self) -> Register:
        return fold_register(Seen(one) for one in self.log.entries())

    def pack(self, name: str, **options: Any) -> tuple[bytes, Packed]:
        register = self.register()
        party = register.parties[name]
        mine = related_names(party, register)
        others = [f"{o.kind}:{o.name}" for o in register.parties.values() if o.name not in mine]
        others += ["dataset:hooli-chats"] * ("hooli" not in mine)
        material = Material(
            party=party,
            checkpoint=self.log.checkpoint(),
            made_at=START + timedelta(days=200),
            guard=PackGuard(others, allowed=mine),
            sizes=lambda _: 1 << 20,
            evidence={hashlib.sha256(one).hexdigest(): one for one in (PAPER, GOSSIP)}.get,
            **options,
        )  # fmt: skip
        out = BytesIO()
        packed = write_pack(material, self.leaves, out, signer=self.signer)
        return out.getvalue(), packed

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        return self.log.leaves(start, end)


class Seen:
    """An entry as the register's fold reads it."""

    def __init__(self, entry: Any) -> None:
        self.sequence, self.at, self.kind = entry.sequence, entry.recorded_at, entry.kind
        self.subject, self.actor, self.body = entry.subject, entry.actor, entry.body


def instant(day: int) -> Instant:
    return START + timedelta(days=day)
