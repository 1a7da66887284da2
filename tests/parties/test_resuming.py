"""What happened before a suspension, or costs nothing, does not lift it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from kit.custody_samples import T0
from pratique.parties.entries import finding_id
from pratique.parties.model import (
    Action,
    Condition,
    Evidence,
    EvidenceKind,
    Finding,
    FindingState,
    Found,
    Party,
    PartyKind,
    Received,
    Register,
    Severity,
    Signature,
    Suspension,
    SuspensionScope,
)
from pratique.parties.resuming import Dead, Rotations, judge

HOUR = timedelta(hours=1)
NOTHING = Rotations(held={}, dead=())


def a_piece(sha256: str, hours: int, **changes: Any) -> Received:
    told: dict[str, Any] = {
        "party": "acme", "kind": EvidenceKind.SBOM, "sha256": sha256 * 64, "size": 1, "media_type": "",
        "filename": f"{hours}.json", "subjects": (), "made_at": None, "expires_at": None,
        "signature": Signature.NONE, "signer": "", "claims": (), "claims_total": 0, "faults": (),
    }  # fmt: skip
    return Received(
        evidence=Evidence(**told | changes), at=T0 + hours * HOUR, by="party:acme",
        entry=hours + 100, while_suspended=hours > 0,
    )  # fmt: skip


def a_finding(subject: str, hours: int, state: FindingState = FindingState.CLOSED) -> Finding:
    found = Found(
        rule="evidence-fresh", party="acme", subject=subject, severity=Severity.HIGH, sentence="x",
        action=Action.ALERT,
    )  # fmt: skip
    at = T0 + hours * HOUR
    return Finding(
        id=finding_id(found), found=found, state=state, owner="", due_at=None, opened_at=T0 - 90 * HOUR,
        changed_at=at, accepted_until=None, reason="", history=(hours + 100,),
    )  # fmt: skip


ACME = Party(name="acme", kind=PartyKind.VENDOR)


def is_met(
    topic: str,
    *,
    pieces: tuple[Received, ...] = (),
    findings: tuple[Finding, ...] = (),
    detail: str = "",
    gone: bool = False,
    unreadable: tuple[int, ...] = (),
    rotations: Rotations = NOTHING,
) -> bool:
    register = Register(
        parties={} if gone else {"acme": ACME}, projects={}, contracts={}, evidence={"acme": pieces},
        findings={one.id: one for one in findings}, suspensions={}, clocks={}, entries={},
        unreadable=unreadable,
    )  # fmt: skip
    suspension = Suspension(
        id="S-AAAAAAAAAAAA", scope=SuspensionScope(party="acme"), vendors=("acme",), client="",
        reason="x", incident="", conditions=(Condition(topic=topic, detail=detail),), evidence_root="",
        leases=0, tokens=0, by="operator:ann", at=T0,
    )  # fmt: skip
    [judged] = judge(register, suspension, rotations)
    return judged.met


@pytest.mark.parametrize("detail", ["", "sbom"])
def test_old_bytes_under_another_name_are_no_new_evidence(detail: str) -> None:
    old, again, new = a_piece("a", -1), a_piece("a", 1), a_piece("b", 2)
    assert not is_met("evidence-received", pieces=(old, again), detail=detail)
    assert is_met("evidence-received", pieces=(old, again, new), detail=detail)
    assert is_met("evidence-received", pieces=(again,), detail=detail)


@pytest.mark.parametrize(
    ("signature", "met"),
    [
        (Signature.BROKEN, False), (Signature.FOREIGN, False),
        (Signature.VALID, True), (Signature.NONE, True),
    ],
)  # fmt: skip
def test_evidence_with_a_refuted_signature_does_not_count(signature: Signature, met: bool) -> None:
    """Also where an entry says nothing of a fault."""
    piece = a_piece("a", 1, signature=signature)
    assert is_met("evidence-received", pieces=(piece,)) == met


def test_evidence_with_a_fault_does_not_count() -> None:
    piece = a_piece("a", 1, faults=("it expired",))
    assert not is_met("evidence-received", pieces=(piece,))


@pytest.mark.parametrize("kind", [EvidenceKind.ACKNOWLEDGEMENT, EvidenceKind.INVENTORY])
def test_what_costs_nothing_counts_only_where_it_was_asked_for(kind: EvidenceKind) -> None:
    piece = a_piece("a", 1, kind=kind)
    assert not is_met("evidence-received", pieces=(piece,))
    assert is_met("evidence-received", pieces=(piece,), detail=kind.value)


def test_findings_that_were_closed_before_prove_nothing() -> None:
    before, since = a_finding("x", -1), a_finding("y", 1)
    assert not is_met("findings-closed", findings=(before,))
    assert not is_met("findings-closed", findings=(before,), detail=before.id)
    assert is_met("findings-closed", findings=(before, since))
    still = msgspec.structs.replace(since, state=FindingState.ACCEPTED)
    assert not is_met("findings-closed", findings=(before, still))


def test_what_closed_because_the_register_forgot_the_party_proves_nothing() -> None:
    since = a_finding("y", 1)
    assert is_met("findings-closed", findings=(since,))
    assert not is_met("findings-closed", findings=(since,), gone=True)
    assert not is_met("findings-closed", findings=(since,), detail=since.id, gone=True)
    assert not is_met("rotation-verified", gone=True)
    assert not is_met("findings-closed", findings=(since,), unreadable=(9,))


@pytest.mark.parametrize("detail", ["", "sbom"])
def test_what_is_at_fault_is_no_evidence(detail: str) -> None:
    faulty = a_piece("a", 1, faults=("it expired",))
    assert not is_met("evidence-received", pieces=(faulty,), detail=detail)
    assert is_met("evidence-received", pieces=(faulty, a_piece("b", 2)), detail=detail)


def a_death(name: str, hours: int) -> Dead:
    return Dead(identity=f"identity:{name}", at=T0 + hours * HOUR, entry=hours + 100)


@pytest.mark.parametrize("detail", ["", "identity:key"])
def test_an_identity_that_was_dead_before_may_have_been_made_again(detail: str) -> None:
    held = {"identity:key": (90,)}
    before = Rotations(held=held, dead=(a_death("key", -1),))
    since = Rotations(held=held, dead=(a_death("key", -1), a_death("key", 0)))
    assert not is_met("rotation-verified", rotations=before, detail=detail)
    assert is_met("rotation-verified", rotations=since, detail=detail)


def test_every_identity_has_to_be_dead() -> None:
    held = {"identity:key": (90,), "identity:role": (91,)}
    one = Rotations(held=held, dead=(a_death("key", 1),))
    both = Rotations(held=held, dead=(a_death("key", 1), a_death("role", 2)))
    assert not is_met("rotation-verified", rotations=one)
    assert is_met("rotation-verified", rotations=both)
