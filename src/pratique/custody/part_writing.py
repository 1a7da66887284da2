"""Writing an object part by part, a segment at a time: what has arrived is encrypted at once.

So memory holds the ciphertext of one part and less than one segment of plaintext, and no step takes
longer than its segment. The bytes are those of `envelope.PartCipher.encrypt_into`.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    TAG_BYTES,
    Bytes,
    derive_part_key,
    header_from,
    part_aad,
)
from pratique.custody.model import PART_BYTES, ObjectId

_NONCE: Final = struct.Struct(">IB")
_SEGMENT_PLAIN: Final = OURS.segment - TAG_BYTES
_FIRST_PLAIN: Final = _SEGMENT_PLAIN - HEADER_BYTES


class PartWriter:
    """Encrypts one part that is still arriving. Order: `add` at most `room` bytes, then `finish`."""

    __slots__ = ("_aead", "_at", "_index", "_out", "_pending", "_prefix", "_wanted", "room")

    def __init__(
        self,
        object_key: bytes,
        object_id: ObjectId,
        part: int,
        random: bytes,
        *,
        expected: int = PART_BYTES,
    ) -> None:
        """`random`: `envelope.RANDOM_BYTES` fresh bytes, for this part only; `expected` plaintext."""
        header = header_from(random)
        key = derive_part_key(object_key, header.salt, part_aad(object_id, part, 0))
        self._aead = AESGCM(key)
        self._prefix = header.prefix
        # What is not written yet costs no memory: the pages come when they are touched.
        self._out = bytearray(OURS.ciphertext(min(max(expected, 0), PART_BYTES)))
        self._out[:HEADER_BYTES] = header.render()
        self._at = HEADER_BYTES
        self._pending = bytearray()
        self._wanted = _FIRST_PLAIN
        self._index = 0
        self.room = PART_BYTES
        """Plaintext bytes that still fit."""

    def add(self, data: Bytes) -> None:
        """Take more plaintext in."""
        if len(data) > self.room:
            raise ValueError(f"{len(data)} bytes do not fit into {self.room}")
        self.room -= len(data)
        view = memoryview(data)
        # A segment is sealed once it is known not to be the last: one more byte has come.
        while len(self._pending) + len(view) > self._wanted:
            take = self._wanted - len(self._pending)
            if self._pending:
                self._pending += view[:take]
                self._seal(self._pending, last=False)
                self._pending.clear()
            else:
                self._seal(view[:take], last=False)
            view = view[take:]
            self._wanted = _SEGMENT_PLAIN
        self._pending += view

    def finish(self) -> bytearray:
        """The whole part, header and all."""
        self._seal(self._pending, last=True)
        del self._out[self._at :]
        return self._out

    def _seal(self, plain: Bytes, *, last: bool) -> None:
        end = self._at + len(plain) + TAG_BYTES
        if end > len(self._out):
            self._out += bytes(end - len(self._out))  # more came than was announced
        nonce = self._prefix + _NONCE.pack(self._index, last)
        with memoryview(self._out) as out:
            self._aead.encrypt_into(nonce, plain, None, out[self._at : end])
        self._at = end
        self._index += 1


class ObjectWriter:
    """Cuts one object's bytes into encrypted parts, and hashes them. Parts come out in order."""

    def __init__(
        self, object_key: bytes, object_id: ObjectId, *, first_random: bytes, length: int
    ) -> None:
        """`first_random`: as for `PartWriter`, of part 0; `length`: plaintext that is expected."""
        self._key = object_key
        self._id = object_id
        self._length = length
        self._part = PartWriter(object_key, object_id, 0, first_random, expected=length)
        self._sha256 = sha256()
        self.number = 0
        """Of the part that is being filled."""
        self.size = 0
        """Plaintext bytes so far."""

    @property
    def room(self) -> int:
        """Bytes that `add` takes now; none: `next_part` is due before more can be added."""
        return self._part.room

    def add(self, data: Bytes) -> None:
        """Take in at most `room` bytes."""
        self._part.add(data)
        self._sha256.update(data)
        self.size += len(data)

    def next_part(self, random: bytes) -> bytearray:
        """The part that is full; the one behind it begins."""
        done = self._part.finish()
        self.number += 1
        left = self._length - self.size
        self._part = PartWriter(self._key, self._id, self.number, random, expected=left)
        return done

    def finish(self) -> tuple[bytearray, str]:
        """The last part (an empty object has one, too), and the SHA-256 of everything."""
        return self._part.finish(), self._sha256.hexdigest()
