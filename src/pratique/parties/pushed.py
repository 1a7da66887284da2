"""Observations that a party pushed of its own systems, as a piece of evidence of the kind `inventory`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pratique.inventory.observed.batches import assets_in, newest_look
from pratique.ledger.entries import Draft
from pratique.parties.entries import evidence_draft
from pratique.parties.evidence.model import MAX_SUBJECTS, claim
from pratique.parties.model import Evidence, EvidenceKind, Party, Signature


def inventory_draft(party: Party, drafts: Sequence[Draft], content: bytes, *, name: str) -> Draft:
    """The entry that a batch came; its looks are entries of their own, its bytes are not kept."""
    assets = sorted(assets_in(drafts))
    evidence = Evidence(
        party=party.name,
        kind=EvidenceKind.INVENTORY,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media_type="application/x-ndjson",
        filename=f"batch {name[:80]}",
        subjects=tuple(assets[:MAX_SUBJECTS]),
        made_at=newest_look(drafts),
        expires_at=None,
        signature=Signature.NONE,
        signer="",
        claims=(claim("assets-observed", str(len(assets))),),
        claims_total=1,
        faults=() if assets else ("the batch observes no asset",),
        asset=assets[0] if len(assets) == 1 else "",
    )
    return evidence_draft(evidence, actor=f"party:{party.name}")
