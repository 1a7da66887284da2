"""What `pratique attribute` says: for people, and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from pratique.custody.marks.attribution import Candidate, DatasetAnswer, Proof
from pratique.custody.marks.tardos import Suspicion
from pratique.custody.model import Lease, LeaseId
from pratique.doors.cli.plain import safe_line
from pratique.values.instants import render_second

if TYPE_CHECKING:
    from pratique.edge.custody.leaked import Looked

_SHOWN: Final = 10

Leases = Mapping[LeaseId, Lease]


def print_answers(looked: Looked, answers: Sequence[DatasetAnswer], leases: Leases) -> None:
    """Everything, for a person."""
    records = looked.records
    for file in looked.unread:
        click.echo(safe_line(f"not read: {file.why}"))
    for one in answers:
        blurred = f", {one.blurred:,} more recognised but made unreadable" if one.blurred else ""
        click.echo(
            f"{one.dataset}: {records:,} records, {len(one.positions):,} readable marks of "
            f"{one.marks:,}{blurred}"
        )
        for suspicion in one.outcome.named:
            _print_named(one, suspicion, leases)
        for suspicion in one.holders:
            _print_holder(one, suspicion)
        if not one.outcome.named and not one.holders:
            _print_nobody(one, leases)


def _print_named(answer: DatasetAnswer, one: Suspicion, leases: Leases) -> None:
    marks = len(answer.positions)
    given = next((c.given for c in answer.candidates if c.lease == one.lease), 0)
    click.echo(f"  lease {one.lease}: {_who(one.lease, leases)}")
    click.echo(
        f"    agrees in {one.agreeing:,} of {marks:,} marks; score {one.score:.1f}, "
        f"threshold {one.threshold:.1f} ({one.by})"
    )
    click.echo(
        f"    the chance that any of {answer.outcome.leases:,} innocent leases scores so is at most "
        f"{one.false_accusation:.1e}"
    )
    click.echo(f"    the log says that it was given {given:,} of these {marks:,} places")
    proof = answer.proofs.get(one.lease)
    if proof is None:
        click.echo("    NOT PROVEN to others: the ledger has no commitment to its marks")
    else:
        click.echo(f"    {_proof_line(proof)}")


def _print_holder(answer: DatasetAnswer, one: Suspicion) -> None:
    under = answer.holder_leases[one.lease]
    holding = sum(lease in answer.proofs and answer.proofs[lease].holds for lease in under)
    click.echo(safe_line(f"  {one.lease}, whose {len(under):,} leases read the data in parts"))
    click.echo(
        f"    agree in {one.agreeing:,} marks that they were given; score {one.score:.1f}, threshold "
        f"{one.threshold:.1f} ({one.by})"
    )
    click.echo(
        "    the chance that any innocent holder of several leases scores so is at most "
        f"{one.false_accusation:.1e}"
    )
    click.echo(f"    {holding:,} of {len(under):,} commitments open; --format json names them")


def _proof_line(proof: Proof) -> str:
    if not proof.opens:
        return f"NOT PROVEN to others: the commitment of ledger entry {proof.entry} does not open"
    before = (
        f", before its first marked read (entry {proof.first_read})" if proof.first_read else ""
    )
    if not proof.holds:
        return (
            f"NOT PROVEN to others: entry {proof.first_read} is a read before the commitment, "
            f"entry {proof.entry}"
        )
    return (
        f"its marks were committed to in ledger entry {proof.entry}{before}; the commitment opens"
    )


def _print_nobody(answer: DatasetAnswer, leases: Leases) -> None:
    marks, needed = len(answer.positions), answer.outcome.needed
    if answer.canonical:
        click.echo("  made from canonical bytes: no marked copy would show these marks so")
        _print_candidates(
            "given canonical bytes of these places", answer.canonical_candidates, leases
        )
        return
    if not marks:
        click.echo(
            "  cannot say: no record with a mark was found. The data is of something else, of records "
            "without marks, or was rewritten"
        )
        return
    if marks < needed:
        click.echo(
            f"  cannot say whose copy it is: {needed - marks:,} more readable marks are needed, most likely"
        )
    else:
        click.echo(
            "  cannot say whose copy it is: no lease agrees clearly enough; copies of many leases may be "
            "mixed, or the data did not come from a lease"
        )
    _print_candidates("given any of these places", answer.candidates, leases)


def _print_candidates(what: str, found: Sequence[Candidate], leases: Leases) -> None:
    click.echo(
        f"  {len(found):,} {'lease was' if len(found) == 1 else 'leases were'} {what}, says the log"
    )
    for one in found[:_SHOWN]:
        click.echo(f"    {one.given:,} of them: {one.lease}: {_who(one.lease, leases)}")
    if len(found) > _SHOWN:
        click.echo(f"    and {len(found) - _SHOWN:,} more; --format json names them")


def _who(lease_id: str, leases: Leases) -> str:
    lease = leases.get(LeaseId(lease_id))
    if lease is None:
        return "not among the leases here"
    return safe_line(
        f"{lease.holder}, vendor {lease.vendor}, project {lease.project}, "
        f"granted {render_second(lease.granted_at)}"
    )


def as_json(
    looked: Looked, answers: Sequence[DatasetAnswer], leases: Leases, *, verifier_key: str
) -> dict[str, Any]:
    """Everything, for a program."""
    return {
        "records": looked.records,
        "unread": [{"path": one.path, "why": one.why} for one in looked.unread],
        "verifier_key": verifier_key,
        "datasets": [_dataset(one, leases) for one in answers],
    }


def _dataset(one: DatasetAnswer, leases: Leases) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "answer": _said(one),
        "marks": one.marks,
        "readable": len(one.positions),
        "unreadable": one.blurred,
        "bound": one.outcome.bound,
        "leases": one.outcome.leases,
        "needed": one.outcome.needed,
        "canonical": one.canonical,
        "marks_entries": list(one.marks_entries),
        "observed": [
            {"mark": mark, "bit": bit} for mark, bit in zip(one.positions, one.leak, strict=True)
        ],
        "named": [_named(one, suspicion, leases) for suspicion in one.outcome.named],
        "holders": [_holder(one, suspicion) for suspicion in one.holders],
        "candidates": [_candidate(found, leases) for found in one.candidates],
        "canonical_candidates": [_candidate(found, leases) for found in one.canonical_candidates],
    }


def _said(one: DatasetAnswer) -> str:
    if one.outcome.named or one.holders:
        return "named"
    return "canonical" if one.canonical else "cannot say"


def _named(answer: DatasetAnswer, one: Suspicion, leases: Leases) -> dict[str, Any]:
    return {
        **_terms(one.lease, leases),
        **_scored(one),
        "given": next((c.given for c in answer.candidates if c.lease == one.lease), 0),
        "proof": _proof(answer.proofs.get(one.lease)),
    }


def _holder(answer: DatasetAnswer, one: Suspicion) -> dict[str, Any]:
    under = answer.holder_leases[one.lease]
    return {
        "scope": one.lease,
        **_scored(one),
        "leases": [{"lease": lease, "proof": _proof(answer.proofs.get(lease))} for lease in under],
    }


def _scored(one: Suspicion) -> dict[str, Any]:
    return {
        "score": one.score,
        "threshold": one.threshold,
        "by": one.by,
        "false_accusation": one.false_accusation,
        "agreeing": one.agreeing,
    }


def _proof(proof: Proof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    return {
        "holds": proof.holds,
        "entry": proof.entry,
        "first_read": proof.first_read,
        "commitment": proof.commitment,
        "marks": proof.marks,
        "salt": proof.salt.hex(),
        "codeword": proof.codeword.hex(),
    }


def _candidate(found: Candidate, leases: Leases) -> dict[str, Any]:
    return {**_terms(found.lease, leases), "given": found.given}


def _terms(lease_id: str, leases: Leases) -> dict[str, Any]:
    lease = leases.get(LeaseId(lease_id))
    return {
        "lease": lease_id,
        "holder": lease.holder if lease is not None else None,
        "vendor": lease.vendor if lease is not None else None,
        "project": lease.project if lease is not None else None,
    }
