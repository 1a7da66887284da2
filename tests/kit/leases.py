"""Leases for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.custody.model import Copy, Lease, LeaseId, Verb

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def a_lease(**terms: Any) -> Lease:
    """A lease with ordinary terms, but for those given."""
    lease = Lease(
        id=LeaseId("PQLAAAAAAAAAAAAAAAAA"),
        holder="ann",
        vendor="acme",
        project="dictation",
        client="lab",
        purpose="annotation",
        selectors=("corpus", "images/train/"),
        verbs=frozenset({Verb.LIST, Verb.READ}),
        copy=Copy.MARKED,
        budget_bytes=100 * 1024 * 1024,
        budget_objects=1000,
        rate=50_000_000,
        networks=("192.0.2.0/24",),
        granted_at=START,
        not_before=START,
        not_after=START + timedelta(hours=12),
        granted_by="operator:olga",
        certificate=b"",
    )
    return replace(lease, **terms)
