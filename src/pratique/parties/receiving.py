"""Taking a piece of evidence: kept, read, recorded with the look that an SBOM becomes.

1. The bytes are kept, so that whatever is said of them can be checked later.
2. They are read; what is wrong with them stands in the record and satisfies no promise.
3. The record, the look at the product's asset, the fact whose asset it is and the end of clocks that
   waited for evidence are one append.

The same bytes again, with the same outcome, are recorded once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Look,
    PlaceKind,
)
from pratique.inventory.observed.model import Evidence as Origin
from pratique.ledger.entries import Draft
from pratique.parties.entries import clock_met_draft, evidence_draft
from pratique.parties.evidence import (
    MAX_EVIDENCE_BYTES,
    Given,
    Piece,
    oversized_piece,
    read_evidence,
)
from pratique.parties.model import SLIGHT, Evidence, EvidenceKind, Received, Register
from pratique.parties.reach_facts import SOURCE, operator_fact
from pratique.parties.register_file import file_of
from pratique.values.instants import Instant

COLLECTOR = "party/evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingParts:
    """What receiving works with."""

    register: Callable[[], Register]
    append: Callable[[Sequence[Draft]], range]
    """Make drafts durable, all or none."""
    is_recorded: Callable[[str], bool]
    """Whether a content is in the ledger."""
    is_operated: Callable[[str, str], bool]
    """Whether a standing fact says that this asset is operated by this entity."""
    keep: Callable[[bytes], str]
    """Keep bytes. Raises: StorageError when they do not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a piece."""

    evidence: Evidence
    entry: int
    """Where it is recorded."""
    new: bool
    """False: the same was recorded before, at `entry`."""


def receive(parts: ReceivingParts, data: bytes, given: Given, *, actor: str) -> Receipt:
    """Take one piece. Raises: what keeping and appending raise; never over its contents."""
    register = parts.register()
    known = register.evidence.get(given.party.name, ())
    piece = read_evidence(data, replace(given, newest=newest_bills(known)))
    if (before := _before(known, piece)) is not None:
        return before
    if len(data) <= MAX_EVIDENCE_BYTES:
        parts.keep(data)
    drafts = [evidence_draft(piece.evidence, actor=actor)]
    drafts += _look(parts, register, piece, given, now=given.now)
    drafts += _clocks_met(register, known, piece.evidence, actor=actor)
    entries = parts.append(drafts)
    return Receipt(evidence=piece.evidence, entry=entries[0], new=True)


def receive_oversized(
    parts: ReceivingParts, sha256: str, size: int, given: Given, *, actor: str
) -> Receipt:
    """Record that a piece came which is too large; nothing of it is kept."""
    piece = oversized_piece(sha256, size, given)
    known = parts.register().evidence.get(given.party.name, ())
    if (before := _before(known, piece)) is not None:
        return before
    entries = parts.append([evidence_draft(piece.evidence, actor=actor)])
    return Receipt(evidence=piece.evidence, entry=entries[0], new=True)


def _before(known: Sequence[Received], piece: Piece) -> Receipt | None:
    """Where the same was recorded with the same outcome."""
    for one in reversed(known):
        if one.evidence == piece.evidence:
            return Receipt(evidence=one.evidence, entry=one.entry, new=False)
    return None


def _clocks_met(
    register: Register, known: Sequence[Received], evidence: Evidence, *, actor: str
) -> list[Draft]:
    """A new piece without faults is what a party that owes evidence was asked for."""
    again = any(one.evidence.sha256 == evidence.sha256 for one in known)
    if evidence.faults or again or evidence.kind in SLIGHT:
        return []
    how = f"{evidence.kind.value} came, sha256 {evidence.sha256[:16]}"
    return [
        clock_met_draft(clock, how=how, actor=actor)
        for clock in register.clocks.values()
        if clock.party == evidence.party and clock.duty == "evidence" and clock.met_at is None
    ]


def newest_bills(known: Sequence[Received]) -> dict[str, Instant]:
    """Of each product: when the newest SBOM without faults says it was made."""
    found: dict[str, Instant] = {}
    for one in known:
        evidence = one.evidence
        if evidence.kind is EvidenceKind.SBOM and evidence.asset and evidence.made_at is not None:
            product = evidence.asset.split("/", 2)[2]
            found[product] = max(evidence.made_at, found.get(product, evidence.made_at))
    return found


def _look(
    parts: ReceivingParts, register: Register, piece: Piece, given: Given, *, now: Instant
) -> list[Draft]:
    """The SBOM as a look at its product, and the fact that the vendor operates it."""
    evidence, document = piece.evidence, piece.sbom
    if document is None or not evidence.asset:
        return []
    claimed = f", by its own account of {document.claimed_at}" if document.claimed_at else ""
    look = Look(
        asset=evidence.asset,
        asset_kind=AssetKind.VENDOR_SYSTEM,
        place_kind=PlaceKind.SBOM,
        locator="evidence",
        at_lo=now,
        at_hi=now,
        sightings=document.sightings(at=f"{document.format}{claimed}"),
        evidence=(
            Origin(
                sha256=evidence.sha256,
                media_type=evidence.media_type,
                locator=evidence.filename,
                size=evidence.size,
            ),
        ),
        evidence_class=EvidenceClass.DECLARED,
        collector=COLLECTOR,
    )
    drafts = look_drafts(look, base=None, is_recorded=parts.is_recorded)
    if not parts.is_operated(f"asset:{evidence.asset}", given.party.entity):
        facts = operator_fact(file_of(register), evidence.asset, today=now.date())
        drafts += facts_drafts(facts, source=SOURCE, actor=f"collector:{COLLECTOR}")
    return drafts


def evidence_plain(received: Received) -> dict[str, object]:
    """A piece for a program, with what its lines are worth."""
    plain: dict[str, object] = msgspec.to_builtins(received.evidence)
    return {
        "entry": received.entry,
        "at": received.at,
        "by": received.by,
        "standing": received.evidence.standing.value,
        "while_suspended": received.while_suspended,
        **plain,
    }
