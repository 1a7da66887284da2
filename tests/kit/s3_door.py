"""A whole S3 door on loopback: real broker, real store, real ledger, made datasets."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from kit.custody import a_dataset, a_lease, lease_id
from kit.waiting import comes
from pratique.custody.certificate import terms_of
from pratique.custody.envelope import encrypt_part, part_aad, part_name
from pratique.custody.model import PART_BYTES, Lease, ObjectId, StoredObject
from pratique.doors.s3 import confirmation
from pratique.doors.s3.serving import ServingS3, bind_s3, serve_s3
from pratique.edge.custody.broker_admin import BrokerAdmin, broker_running
from pratique.settings import CustodySettings, Settings
from pratique.store.custody import CustodyStore, open_custody
from pratique.values.digests import Sha256
from pratique.values.instants import now_utc

CLIENT_CONFIG = Config(
    signature_version="s3v4",
    retries={"max_attempts": 1, "mode": "standard"},
    s3={"addressing_style": "path"},
    connect_timeout=5,
    read_timeout=60,
)


@dataclass(kw_only=True)
class Custodian:
    """What a test works with before and beside the door."""

    settings: Settings
    state: CustodyStore
    admin: BrokerAdmin
    leases: int = 0

    def dataset(self, name: str = "dialogs", **changes: Any) -> None:
        """Make a dataset with its keys."""
        dataset = a_dataset(name=name, **changes)
        if not any(key.name == dataset.client for key in self.admin.all_keys()):
            self.admin.make_client(dataset.client)
        self.admin.make_dataset(name, dataset.client)
        self.state.add_dataset(dataset)

    def put(self, key: str, data: bytes, *, dataset: str = "dialogs") -> StoredObject:
        """Store an object, encrypted, as registering does."""
        object_id = ObjectId(secrets.token_hex(16))
        object_key, wrapped = self.admin.new_object_key(dataset, object_id)
        for part in range(max(1, -(-len(data) // PART_BYTES))):
            plain = data[part * PART_BYTES : (part + 1) * PART_BYTES]
            aad = part_aad(object_id, part, 0)
            path = self.settings.home / "parts" / part_name(object_id, part, 0)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                encrypt_part(plain, object_key=object_key, aad=aad, random=secrets.token_bytes(39))
            )
        stored = StoredObject(
            id=object_id,
            dataset=dataset,
            key=key,
            size=len(data),
            sha256=Sha256(hashlib.sha256(data).hexdigest()),
            media_type="application/octet-stream",
            metadata=(("origin", "test"),),
            wrapped_key=wrapped,
            created_at=now_utc(),
            by_lease="",
        )
        self.state.put_object(stored)
        return stored

    def grant(self, **changes: Any) -> tuple[Lease, str]:
        """A lease and its secret."""
        now = now_utc()
        self.leases += 1
        lease = a_lease(
            id=lease_id(self.leases),
            granted_at=now,
            not_before=now - timedelta(minutes=1),
            not_after=now + timedelta(hours=1),
        )
        lease = replace(lease, **changes)
        certificate, secret = self.admin.certify(terms_of(lease))
        lease = replace(lease, certificate=certificate)
        self.state.add_lease(lease)
        return lease, secret


@contextmanager
def custodian(home: Path, **custody: Any) -> Iterator[Custodian]:
    """A home with a broker that runs."""
    settings = Settings(home=home, custody=CustodySettings(s3_listen="127.0.0.1:0", **custody))
    with broker_running(settings) as admin:
        state = open_custody(settings)
        try:
            yield Custodian(settings=settings, state=state, admin=admin)
        finally:
            state.close()


@contextmanager
def confirmed_for(seconds: float = 20.0) -> Iterator[None]:
    """How long an answer of the store counts at doors in this process.

    By default so long that nothing is refused because a busy machine stood still for a second. Tests of
    what silence of the store stops give the product's own `CONFIRMED_SECONDS`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confirmation, "CONFIRMED_SECONDS", seconds)
        yield


@asynccontextmanager
async def s3_door(settings: Settings, **told: Any) -> AsyncIterator[ServingS3]:
    """The door, in this process; `told` as `serve_s3` takes it."""
    with confirmed_for(told.pop("confirmed_seconds", 20.0)), bind_s3(settings) as bound:
        async with serve_s3(settings, bound, **told) as serving:
            yield serving


async def settled(serving: ServingS3, scope: str, *, stopped: bool) -> None:
    """Wait until a door in this process knows that a scope is stopped, or that it works again."""
    known = serving.open.ground.confirmation
    assert await comes(
        lambda: (known.fresh and known.stopped([scope], None) is not None) is stopped
    ), f"the door was not told of {scope}"


def boto(url: str, lease: Lease, secret: str, **config: Any) -> Any:
    """boto3, unmodified, with a lease."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=lease.id,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=CLIENT_CONFIG.merge(Config(**config)),
    )
