"""Parts of uploads as they lie: encrypted under the upload's own key, read again only to complete it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PartCipher,
    derive_part_key,
    parse_header,
    part_aad,
    part_name,
    part_plaintext,
)
from pratique.custody.model import PART_BYTES
from pratique.custody.ports import PartStore
from pratique.custody.write_ports import StagedPart

_PIECE_BYTES: Final = 256 * 1024
"""Decrypted at a time; other requests have their turn in between."""


class StagedReader:
    """Reads staged parts of one upload."""

    def __init__(self, parts: PartStore, key: bytes) -> None:
        self._parts = parts
        self._key = key

    async def chunks(self, staged: StagedPart) -> AsyncIterator[bytes | memoryview]:
        """Plaintext of one staged part, in pieces.

        Raises: PartBrokenError, PartMissingError, UnavailableError.
        """
        for part in range(max(1, -(-staged.size // PART_BYTES))):
            name = part_name(staged.stage, part, 0)
            plain = part_plaintext(staged.size, part)
            header = parse_header(await self._parts.read(name, 0, HEADER_BYTES))
            key = derive_part_key(self._key, header.salt, part_aad(staged.stage, part, 0))
            cipher = PartCipher(key, header.prefix)
            for start in range(0, plain, _PIECE_BYTES):
                span = OURS.span(start, min(plain, start + _PIECE_BYTES), plain)
                data = await self._parts.read(name, span.cipher_start, span.cipher_end)
                await asyncio.sleep(0)  # what is cached is read without waiting
                yield cipher.decrypt_into(data, span, bytearray(span.buffer_bytes))
