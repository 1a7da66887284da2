"""Leases, datasets and objects that tests begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.custody.model import Copy, Dataset, Lease, LeaseId, ObjectId, StoredObject, Verb
from pratique.values.digests import Sha256

T0 = datetime(2026, 3, 24, 10, 39, 0, 123456, tzinfo=UTC)
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
SEGMENT = 64 * KIB
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def lease_id(number: int) -> LeaseId:
    text = ""
    for _ in range(17):
        number, digit = divmod(number, 32)
        text = _DIGITS[digit] + text
    return LeaseId("PQL" + text)


def sample_lease(number: int = 1, **changes: Any) -> Lease:
    lease = Lease(
        id=lease_id(number),
        holder=f"p-{number}",
        vendor="acme",
        project="coding",
        client="meta",
        purpose="labelling",
        selectors=("faces",),
        verbs=frozenset({Verb.READ, Verb.LIST}),
        copy=Copy.MARKED,
        budget_bytes=GIB,
        budget_objects=1000,
        rate=0,
        networks=(),
        granted_at=T0 + timedelta(seconds=number),
        not_before=T0,
        not_after=T0 + timedelta(hours=8),
        granted_by="operator:alice",
        certificate=b"PQL1 statement",
    )
    return replace(lease, **changes)


def sample_dataset(name: str = "faces", **changes: Any) -> Dataset:
    dataset = Dataset(
        name=name,
        client="meta",
        classification="biometric",
        purposes=frozenset({"labelling", "evaluation"}),
        residency="EU",
        sealed=False,
        seal_key=b"",
        created_at=T0,
        shredded_at=None,
        version=0,
    )
    return replace(dataset, **changes)


def sample_object(number: int, key: str, **changes: Any) -> StoredObject:
    stored = StoredObject(
        id=ObjectId(f"{number:032x}"),
        dataset="faces",
        key=key,
        size=number,
        sha256=Sha256(f"{number:064x}"),
        media_type="application/octet-stream",
        metadata=(("owner", "größe"),),
        wrapped_key=bytes([number % 256]) * 60,
        created_at=T0 + timedelta(seconds=number),
        by_lease="",
    )
    return replace(stored, **changes)
