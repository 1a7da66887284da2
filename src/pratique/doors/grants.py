"""Ledger entries of what people grant and take back; written before the grant comes into force."""

from __future__ import annotations

from pratique.index.ports import Waiver
from pratique.ledger.entries import Draft
from pratique.values.instants import render_instant


def waiver_entry(waiver: Waiver, *, actor: str) -> Draft:
    """The entry of a granted waiver (docs/reference/ledger-entries.md)."""
    return Draft(
        kind="waiver",
        subject=f"sha256:{waiver.sha256}",
        actor=actor,
        body={
            "waiver": waiver.id,
            "filename": waiver.filename,
            "index": waiver.index,
            "asset": waiver.asset,
            "reason": waiver.reason,
            "expires_at": render_instant(waiver.expires_at),
            "overrides_deny": waiver.overrides_deny,
        },
    )
