"""Made leases, datasets and objects for tests of custody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.custody.model import Copy, Dataset, Lease, LeaseId, ObjectId, StoredObject, Verb
from pratique.values.digests import Sha256

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def lease_id(number: int = 0) -> LeaseId:
    """An id that is well-formed, one per number."""
    digits = []
    for _ in range(17):
        number, digit = divmod(number, 32)
        digits.append(ALPHABET[digit])
    return LeaseId("PQL" + "".join(reversed(digits)))


def a_lease(**changes: Any) -> Lease:
    """A reading lease of acme for meta's dialogs; `changes` replace fields."""
    lease = Lease(
        id=lease_id(),
        holder="p-17",
        vendor="acme",
        project="dialogs",
        client="meta",
        purpose="labelling",
        selectors=("dialogs",),
        verbs=frozenset({Verb.READ, Verb.LIST}),
        copy=Copy.MARKED,
        budget_bytes=1 << 30,
        budget_objects=1000,
        rate=0,
        networks=(),
        granted_at=NOON,
        not_before=NOON,
        not_after=NOON + timedelta(hours=8),
        granted_by="operator:ana",
        certificate=b"certificate",
    )
    return replace(lease, **changes)


def a_dataset(**changes: Any) -> Dataset:
    """Dialogs of meta."""
    dataset = Dataset(
        name="dialogs",
        client="meta",
        classification="confidential",
        purposes=frozenset({"labelling"}),
        residency="",
        sealed=False,
        seal_key=b"",
        created_at=NOON,
        shredded_at=None,
        version=0,
    )
    return replace(dataset, **changes)


def an_object(number: int = 0, **changes: Any) -> StoredObject:
    """An object of `dialogs`; its bytes are nowhere."""
    stored = StoredObject(
        id=ObjectId(f"{number:032x}"),
        dataset="dialogs",
        key=f"part-{number:05}.jsonl",
        size=1 << 20,
        sha256=Sha256("ab" * 32),
        media_type="application/jsonl",
        metadata=(),
        wrapped_key=b"wrapped",
        created_at=NOON,
        by_lease="",
    )
    return replace(stored, **changes)
