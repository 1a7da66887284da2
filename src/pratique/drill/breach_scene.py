"""The scene of the breach: several clients' data in custody, many leases, one of them stolen."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from pratique.custody.certificate import terms_of
from pratique.custody.envelope import RANDOM_BYTES, encrypt_part, part_aad, part_name
from pratique.custody.model import (
    Copy,
    Dataset,
    Lease,
    ObjectId,
    StoredObject,
    Verb,
)
from pratique.custody.worst_case import worst_case
from pratique.edge.custody.broker_admin import BrokerAdmin
from pratique.edge.custody.drawn_ids import draw_lease_id
from pratique.edge.custody.part_places import open_parts
from pratique.settings import Settings
from pratique.store.custody import CustodyStore
from pratique.values.digests import Sha256
from pratique.values.instants import Instant, now_utc

CLIENTS: Final = ("lab-a", "lab-b", "lab-c")
VENDORS: Final = ("acme", "globex", "initech")
OBJECT_BYTES: Final = 2 << 20
_PARTS_MORE: Final = 4
_LEASES_EACH: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What stands before the attack."""

    settings: Settings
    stored: tuple[StoredObject, ...]
    plaintext: Mapping[tuple[str, str], bytes]
    """By dataset and key."""
    leases: tuple[Lease, ...]
    stolen: Lease
    secret: str
    worst_case: int
    """What the console prints: every lease in the wrong hands."""
    parts_per_hour: int
    """The broker's cap: what a door that is owned could have in an hour."""

    @property
    def all_bytes(self) -> int:
        """Everything in custody."""
        return sum(one.size for one in self.stored)

    @property
    def broker_bound(self) -> int:
        """What the broker lets out in an hour, whoever asks: each object here is one small part."""
        return self.parts_per_hour * OBJECT_BYTES


def write_caps(settings: Settings, *, objects: int) -> None:
    """`broker.toml` of the scene, before the broker starts: a sixth of all parts, and a few more."""
    parts = objects + _PARTS_MORE
    options = settings.home / "broker" / "broker.toml"
    options.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = f"[caps]\nparts_per_hour = {parts}\nall_parts_per_hour = {parts}\n"
    options.write_text(text, "utf-8")
    options.chmod(0o600)


def prepare(
    settings: Settings, state: CustodyStore, admin: BrokerAdmin, *, objects: int, budget: int
) -> Scene:
    """Two datasets of each client, `objects` in each, and leases of three vendors."""
    stored: list[StoredObject] = []
    plaintext: dict[tuple[str, str], bytes] = {}
    for client in CLIENTS:
        admin.make_client(client)
        for name in (f"{client}-dialogs", f"{client}-video"):
            admin.make_dataset(name, client)
            state.add_dataset(_dataset(name, client))
            for number in range(objects):
                one, plain = _stored(settings, admin, name, f"{number:04}.bin")
                state.put_object(one)
                stored.append(one)
                plaintext[name, one.key] = plain
    granted = [
        _granted(state, admin, vendor, client, number, budget)
        for vendor in VENDORS
        for client in CLIENTS
        for number in range(_LEASES_EACH)
    ]
    leases = tuple(lease for lease, _ in granted)
    return Scene(
        settings=settings, stored=tuple(stored), plaintext=plaintext, leases=leases,
        stolen=granted[0][0], secret=granted[0][1], worst_case=worst_case(state.scopes(), leases),
        parts_per_hour=objects + _PARTS_MORE,
    )  # fmt: skip


def _dataset(name: str, client: str) -> Dataset:
    return Dataset(
        name=name, client=client, classification="confidential", purposes=frozenset({"labelling"}),
        residency="", sealed=False, seal_key=b"", created_at=now_utc(), shredded_at=None, version=0,
    )  # fmt: skip


def _stored(
    settings: Settings, admin: BrokerAdmin, dataset: str, key: str
) -> tuple[StoredObject, bytes]:
    object_id = ObjectId(secrets.token_hex(16))
    object_key, wrapped = admin.new_object_key(dataset, object_id)
    plain = secrets.token_bytes(OBJECT_BYTES)
    sealed = encrypt_part(
        plain,
        object_key=object_key,
        aad=part_aad(object_id, 0, 0),
        random=secrets.token_bytes(RANDOM_BYTES),
    )
    with open_parts(settings) as parts:
        asyncio.run(parts.write(part_name(object_id, 0, 0), sealed))
    stored = StoredObject(
        id=object_id, dataset=dataset, key=key, size=len(plain),
        sha256=Sha256(hashlib.sha256(plain).hexdigest()), media_type="application/octet-stream",
        metadata=(), wrapped_key=wrapped, created_at=now_utc(), by_lease="",
    )  # fmt: skip
    return stored, plain


def _granted(
    state: CustodyStore, admin: BrokerAdmin, vendor: str, client: str, number: int, budget: int
) -> tuple[Lease, str]:
    now: Instant = now_utc()
    asked = Lease(
        id=draw_lease_id(),
        holder=f"p-{number}", vendor=vendor, project="labelling", client=client,
        purpose="labelling", selectors=(f"{client}-dialogs",),
        verbs=frozenset({Verb.READ, Verb.LIST}), copy=Copy.CANONICAL, budget_bytes=budget,
        budget_objects=1000, rate=0, networks=(), granted_at=now, not_before=now,
        not_after=now + timedelta(hours=1), granted_by="operator:drill", certificate=b"",
    )  # fmt: skip
    certificate, secret = admin.certify(terms_of(asked))
    lease = replace(asked, certificate=certificate)
    state.add_lease(lease)
    return lease, secret
