"""Parts as an operator's command reads and writes them: keys from the broker's admin socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PREFIX_BYTES,
    Header,
    PartCipher,
    parse_header,
    part_name,
    part_plaintext,
)
from pratique.custody.model import PART_BYTES, ObjectId, StoredObject
from pratique.custody.ports import PartAsk, PartStore, WriteAsk
from pratique.edge.custody.broker_admin import BrokerAdmin


class OperatorParts:
    """Whole parts of objects, of any variant. Not charged to any lease."""

    def __init__(self, parts: PartStore, admin: BrokerAdmin) -> None:
        self._parts, self._admin = parts, admin

    async def read(
        self, object_id: ObjectId, wrapped_key: bytes, part: int, variant: int, *, plain: int
    ) -> bytearray:
        """A part with `plain` bytes of plaintext. Raises: UnavailableError, PartBrokenError."""
        name = part_name(object_id, part, variant)
        data = await self._parts.read(name, 0, OURS.ciphertext(plain))
        head = parse_header(data)
        ask = PartAsk(
            object=object_id, wrapped_key=wrapped_key, part=part, variant=variant, salt=head.salt
        )
        (key,) = await asyncio.to_thread(self._admin.check_keys, [ask])
        out = bytearray(plain)
        PartCipher(key, head.prefix).decrypt_into(
            memoryview(data)[HEADER_BYTES:], OURS.span(0, plain, plain), out
        )
        return out

    async def canonical(self, stored: StoredObject) -> AsyncIterator[bytearray]:
        """An object's bytes as registered, part by part."""
        for part in range(stored.parts):
            plain = part_plaintext(stored.size, part)
            yield await self.read(stored.id, stored.wrapped_key, part, 0, plain=plain)

    async def read_all(
        self, object_id: ObjectId, wrapped_key: bytes, size: int, *, variant: int = 0
    ) -> bytes:
        """Everything of one variant."""
        return b"".join(
            [
                await self.read(
                    object_id, wrapped_key, part, variant, plain=part_plaintext(size, part)
                )
                for part in range(max(1, -(-size // PART_BYTES)))
            ]
        )

    async def write(
        self,
        object_id: ObjectId,
        wrapped_key: bytes,
        part: int,
        variant: int,
        plaintext: bytes | bytearray | memoryview,
    ) -> None:
        """Keep a part durably, under a key that opens nothing written before."""
        ask = WriteAsk(object=object_id, wrapped_key=wrapped_key, part=part, variant=variant)
        ((salt, key),) = await asyncio.to_thread(self._admin.write_keys, [ask])
        header = Header(salt=salt, prefix=os.urandom(PREFIX_BYTES))
        out = bytearray(OURS.ciphertext(len(plaintext)))
        out[:HEADER_BYTES] = header.render()
        PartCipher(key, header.prefix).encrypt_into(plaintext, out)
        await self._parts.write(part_name(object_id, part, variant), out)

    async def write_all(
        self, object_id: ObjectId, wrapped_key: bytes, data: bytes | bytearray, *, variant: int
    ) -> None:
        """Keep a whole variant."""
        view = memoryview(data)
        for part in range(max(1, -(-len(data) // PART_BYTES))):
            piece = view[part * PART_BYTES : (part + 1) * PART_BYTES]
            await self.write(object_id, wrapped_key, part, variant, piece)
