"""What a drill reads: random bytes of its own, wherever the scope that is suspended wants them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pratique.custody.entries import dataset_entry, object_entry, object_removed_entry
from pratique.custody.envelope import RANDOM_BYTES, encrypt_part, part_aad, part_name
from pratique.custody.model import Dataset, ObjectId, ScopeId, StoredObject
from pratique.custody.scopes import describe_scope
from pratique.doors.cli.custody_desk import CustodyDesk
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.values.digests import Sha256
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.edge.custody.broker_admin import BrokerAdmin

NAME: Final = "pratique-drill"
"""Client and dataset of drills: random bytes, nobody's data."""
OBJECT_BYTES: Final = 64 << 20
_KEY: Final = "stream.bin"
_GUEST_KEY: Final = f".{NAME}/{_KEY}"
"""In somebody else's dataset, for as long as the drill takes."""
_CLIENT_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the drill's object lies."""

    dataset: str
    client: str
    key: str
    guest: bool
    """Whether the dataset is somebody's, and the object leaves it again."""

    @property
    def path(self) -> str:
        """As the door's clients write it."""
        return f"/{self.dataset}/{self.key}"


def place_of(desk: CustodyDesk, scope: ScopeId) -> Place:
    """Where the object must lie so that suspending the scope stops its readers. Raises: InputError."""
    kind, _, name = scope.partition(":")
    if kind == "dataset":
        found = readable_dataset(desk.custody, name)
        if found.sealed:
            raise InputError(
                f"no drill on {describe_scope(scope)}: it is sealed, nothing in it can be read here",
                remedy=f"drill what stands above it: --scope client:{found.client}",
            )
        return Place(dataset=name, client=found.client, key=_GUEST_KEY, guest=True)
    if kind == "client":
        if not any(one.client == name for one in desk.custody.datasets()):
            raise InputError(f"no scope {scope!r}: nothing in custody is theirs")
        # A name that is a bucket's, whatever the client is called.
        digest = hashlib.sha256(name.encode()).hexdigest()[:_CLIENT_CHARACTERS]
        return Place(dataset=f"{NAME}-{digest}", client=name, key=_KEY, guest=False)
    return Place(dataset=NAME, client=NAME, key=_KEY, guest=False)


def prepare(desk: CustodyDesk, place: Place) -> None:
    """Have the object there; a dataset of the drill's own is made the first time."""
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - starts a process

    with broker_running(desk.settings) as admin:
        if desk.custody.dataset(place.dataset) is None:
            _make_dataset(desk, admin, place)
        if desk.custody.object(place.dataset, place.key) is None:
            _store(desk, admin, place)


def clear(desk: CustodyDesk, place: Place) -> None:
    """Leave somebody's dataset as it was found; a version that was sealed meanwhile keeps what it has."""
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - as above

    stored = desk.custody.object(place.dataset, place.key) if place.guest else None
    if stored is None:
        return
    desk.custody.remove_object(place.dataset, place.key, at=now_utc(), only=stored.id)
    desk.stores.record(object_removed_entry(stored, actor=operator()), now=now_utc())
    kept = any(one.id == stored.id for one in desk.custody.kept_objects(place.dataset))
    if not kept:
        with open_parts(desk.settings) as parts:
            asyncio.run(parts.delete(part_name(stored.id, 0, 0)))


def _make_dataset(desk: CustodyDesk, admin: BrokerAdmin, place: Place) -> None:
    if not any((key.kind, key.name) == ("client", place.client) for key in admin.all_keys()):
        admin.make_client(place.client)
    admin.make_dataset(place.dataset, place.client)
    made = Dataset(
        name=place.dataset, client=place.client, classification="public",
        purposes=frozenset({"drill"}), residency="", sealed=False, seal_key=b"",
        created_at=now_utc(), shredded_at=None, version=0,
    )  # fmt: skip
    desk.stores.record(dataset_entry(made, actor=operator()), now=made.created_at)
    desk.custody.add_dataset(made)


def _store(desk: CustodyDesk, admin: BrokerAdmin, place: Place) -> None:
    """One part of random bytes. 1. The part is durable. 2. Its entry is. 3. It can be read."""
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - only the first drill stores

    object_id = ObjectId(secrets.token_hex(16))
    key, wrapped = admin.new_object_key(place.dataset, object_id)
    plain = secrets.token_bytes(OBJECT_BYTES)
    sealed = encrypt_part(
        plain,
        object_key=key,
        aad=part_aad(object_id, 0, 0),
        random=secrets.token_bytes(RANDOM_BYTES),
    )
    stored = StoredObject(
        id=object_id, dataset=place.dataset, key=place.key, size=len(plain),
        sha256=Sha256(hashlib.sha256(plain).hexdigest()), media_type="application/octet-stream",
        metadata=(), wrapped_key=wrapped, created_at=now_utc(), by_lease="",
    )  # fmt: skip
    with open_parts(desk.settings) as parts:
        asyncio.run(parts.write(part_name(object_id, 0, 0), sealed))
    draft = object_entry(stored, reason="registered", actor=operator())
    desk.stores.record(draft, now=stored.created_at)
    desk.custody.put_object(stored)
