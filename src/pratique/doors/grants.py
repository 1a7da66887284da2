"""Ledger entries of what people grant and take back; written before the grant comes into force."""

from __future__ import annotations

import msgspec

from pratique.index.ports import TokenRecord, Waiver
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


def waiver_revoked_entry(waiver: Waiver, *, actor: str) -> Draft:
    """The entry of a waiver that somebody takes back."""
    return msgspec.structs.replace(waiver_entry(waiver, actor=actor), kind="waiver-revoked")


def token_entry(token: TokenRecord, *, actor: str, kind: str = "token") -> Draft:
    """The entry of a token that was made; never its secret, not even its hash."""
    expires_at = token.expires_at
    return Draft(
        kind=kind,
        subject=f"token:{token.id}",
        actor=actor,
        body={
            "name": token.name,
            "role": token.role,
            "expires_at": render_instant(expires_at) if expires_at is not None else None,
            **({"party": token.party} if token.party else {}),
        },
    )


def token_revoked_entry(token: TokenRecord, *, actor: str) -> Draft:
    """The entry of a token that is taken back."""
    return token_entry(token, actor=actor, kind="token-revoked")
