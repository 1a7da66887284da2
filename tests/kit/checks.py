"""Registers and facts for checks of parties: ordinary ones, in which nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from kit.leases import a_lease
from pratique.custody.model import Dataset, Lease, Scope, ScopeId, ScopeState
from pratique.parties.checks import BY_NAME
from pratique.parties.checks.facts import BadComponent, CheckFacts, Drill, ReadFrom
from pratique.parties.model import (
    Claim,
    Contract,
    Evidence,
    EvidenceKind,
    Found,
    Party,
    PartyKind,
    Project,
    Promise,
    PublicKey,
    Received,
    Register,
    Signature,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIB = 1 << 30
KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def acme(**changes: Any) -> Party:
    """A vendor that promised everything."""
    party = Party(
        name="acme",
        kind=PartyKind.VENDOR,
        title="Acme Labelling Ltd",
        sub_processors=("annotators",),
        locations=("DE", "EU"),
        networks=("192.0.2.0/24", "2001:db8::/32"),
        issuers=("https://login.acme.example",),
        keys=(PublicKey(id="acme-2026", pem=KEY),),
        products=("labeler",),
        assets=("acme-*",),
        promises=(Promise(evidence="sbom", every_days=30, product="labeler"),),
    )
    return msgspec.structs.replace(party, **changes)


def annotators(**changes: Any) -> Party:
    """Who works for acme."""
    party = Party(
        name="annotators", kind=PartyKind.VENDOR, title="Annotators Inc", works_for=("acme",),
        locations=("FR",),
    )  # fmt: skip
    return msgspec.structs.replace(party, **changes)


def lab() -> Party:
    return Party(name="lab", kind=PartyKind.CLIENT)


def contract(**changes: Any) -> Contract:
    found = Contract(
        id="acme-msa", party="acme", starts=date(2025, 1, 1), ends=date(2027, 12, 31), notice_hours=24,
        evidence_hours=48, update_hours=24, return_days=30, audit_right=True,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def project(**changes: Any) -> Project:
    found = Project(
        name="coding", vendor="acme", client="lab", purpose="labelling", datasets=("code-tasks",),
        holders=("p-17",), budget_bytes=100 * GIB, residency="EU",
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def piece(entry: int = 50, *, at: datetime | None = None, **changes: Any) -> Received:
    """An SBOM of acme's product that came an hour ago."""
    evidence = Evidence(
        party="acme", kind=EvidenceKind.SBOM, sha256=f"{entry:064x}", size=10,
        media_type="application/json", filename=f"bom-{entry}.json", subjects=("labeler@4.1",),
        made_at=None, expires_at=None, signature=Signature.VALID, signer="acme-2026", claims=(),
        claims_total=0, faults=(),
    )  # fmt: skip
    return Received(
        evidence=msgspec.structs.replace(evidence, **changes),
        at=at or NOW - timedelta(hours=1),
        by="party:acme",
        entry=entry,
        while_suspended=False,
    )


def claims(*told: tuple[str, str, str]) -> tuple[Claim, ...]:
    return tuple(Claim(topic=topic, answer=answer, detail=detail) for topic, answer, detail in told)


def answers(*told: tuple[str, str, str], entry: int = 60, **changes: Any) -> Received:
    """A questionnaire."""
    return piece(
        entry, kind=EvidenceKind.QUESTIONNAIRE, subjects=(), claims=claims(*told), **changes
    )


GOOD_EVIDENCE = (
    piece(),
    answers(("sub-processors", "yes", "Annotators Inc"), ("hash-locked-builds", "yes", "")),
)


def register(
    parties: Iterable[Party] | None = None,
    *,
    projects: Iterable[Project] | None = None,
    contracts: Iterable[Contract] | None = None,
    evidence: Sequence[Received] = GOOD_EVIDENCE,
    **more: Any,
) -> Register:
    """A register in which nothing is wrong, but for what is given."""
    known = [acme(), annotators(), lab()] if parties is None else list(parties)
    works = [project()] if projects is None else list(projects)
    agreed = (
        [contract(), contract(id="lab-1", party="lab")] if contracts is None else list(contracts)
    )
    pieces: dict[str, list[Received]] = {}
    for one in evidence:
        pieces.setdefault(one.evidence.party, []).append(one)
    pieces.setdefault(
        "annotators", [answers(("sub-processors", "none", ""), entry=61, party="annotators")]
    )
    fields: dict[str, Any] = {
        "findings": {},
        "suspensions": {},
        "clocks": {},
        "unreadable": (),
        **more,
    }
    return Register(
        parties={one.name: one for one in known},
        projects={one.id: one for one in works},
        contracts={one.id: one for one in agreed},
        evidence={name: tuple(listed) for name, listed in pieces.items()},
        entries={"party:acme": 1, "project:acme/coding": 2, "contract:acme-msa": 3},
        **fields,
    )


def lease(number: int = 0, **changes: Any) -> Lease:
    """A lease as the contract says."""
    terms: dict[str, Any] = {
        "id": f"PQL{'A' * 16}{chr(ord('A') + number)}",
        "holder": "p-17",
        "vendor": "acme",
        "project": "coding",
        "client": "lab",
        "purpose": "labelling",
        "selectors": ("code-tasks",),
        "budget_bytes": 2 * GIB,
        "granted_at": NOW - timedelta(hours=2),
        "not_before": NOW - timedelta(hours=2),
        "not_after": NOW + timedelta(hours=6),
        "granted_by": "role:labellers",
        **changes,
    }
    return a_lease(**terms)


def scope(name: str, cap: int | None = None, **changes: Any) -> Scope:
    found = Scope(
        id=ScopeId(name), state=ScopeState.LIVE, reason="", incident="", cap_bytes=cap,
        cap_objects=None, reserved_bytes=0, reserved_objects=0, changed_epoch=0,
    )  # fmt: skip
    return replace(found, **changes)


def scopes(*listed: Scope) -> dict[ScopeId, Scope]:
    return {one.id: one for one in listed}


def dataset(**changes: Any) -> Dataset:
    found = Dataset(
        name="code-tasks", client="lab", classification="confidential",
        purposes=frozenset({"labelling"}), residency="EU", sealed=False, seal_key=b"",
        created_at=NOW - timedelta(days=100), shredded_at=None, version=1,
    )  # fmt: skip
    return replace(found, **changes)


def facts(told: Register | None = None, **changes: Any) -> CheckFacts:
    """Facts in which nothing is wrong, but for what is given."""
    leases = changes.pop("leases", (lease(),))
    found: dict[str, Any] = {
        "register": told or register(),
        "leases": tuple(leases),
        "scopes": scopes(scope("project:acme/coding", 50 * GIB), scope("vendor:acme")),
        "datasets": {"code-tasks": dataset()},
        "issuers": {one.id: "https://login.acme.example" for one in leases},
        "reads": (
            ReadFrom("acme", "coding", "p-17", "PQL", "192.0.2.7", NOW - timedelta(days=1), 70),
        ),
        "drills": (Drill("vendor:acme", NOW - timedelta(days=10), 400, 80),),
        "looked_at": frozenset({"acme"}),
        **changes,
    }
    return CheckFacts(**found)


def bad(**changes: Any) -> BadComponent:
    """LiteLLM as it was, in acme's product."""
    found = BadComponent(
        party="acme", asset="vendor/acme/labeler", component="pkg:pypi/litellm@1.82.8",
        source="MAL-2026-2144", poisoned=True, severity="", says="steals credentials", present=True,
        last_at=None, sure=True, entries=(5, 9),
    )  # fmt: skip
    return found._replace(**changes)


def run(rule: str, told: CheckFacts, now: datetime = NOW) -> list[Found]:
    """What a rule finds."""
    return list(BY_NAME[rule].run(told, now))


def subjects(found: Iterable[Found], *, unknown: bool = False) -> list[str]:
    """What known findings (or unknown ones) are about."""
    return [one.subject for one in found if one.unknown is unknown]
