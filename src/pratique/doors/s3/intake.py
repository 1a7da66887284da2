"""Keys for what arrives: under the dataset's key, or sealed to the client for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pratique.custody.envelope import KEY_BYTES
from pratique.custody.model import Dataset, Lease, ObjectId
from pratique.custody.ports import KeyBroker
from pratique.custody.sealing import seal_key


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshKey:
    """The key of an object that is about to be written; it is forgotten with this value."""

    object: ObjectId
    key: bytes = field(repr=False)
    wrapped: bytes


async def fresh_key(broker: KeyBroker, lease: Lease, dataset: Dataset) -> FreshKey:
    """A new object's id and key.

    In a sealed dataset the key is made here and sealed to the client's public key: neither the broker
    nor anything that is stored here can open it again.
    Raises: BrokerRefusedError, UnavailableError, SealError.
    """
    object_id = ObjectId(secrets.token_hex(16))
    if dataset.sealed:
        key = secrets.token_bytes(KEY_BYTES)
        sealed = seal_key(
            key, public_key=dataset.seal_key, dataset=dataset.name, object_id=object_id
        )
        return FreshKey(object=object_id, key=key, wrapped=sealed)
    key, wrapped = await broker.new_object_key(lease.certificate, object_id, dataset=dataset.name)
    return FreshKey(object=object_id, key=key, wrapped=wrapped)
