"""Encrypted parts: Tink's streaming AEAD (AES256-GCM-HKDF), opened at any place.

A part is a header (one byte of length, 32 of salt, 7 of nonce prefix) and segments of one length
in the ciphertext, the first one shorter by the header, the last one by what is missing. The key of
a segment's part is HKDF-SHA256(object key, salt, aad); its nonce is prefix, index (4 bytes) and
whether it is the last: so no segment opens in another place, another part or a shorter part.

Nothing here copies bytes that it need not: plaintext is decrypted into the caller's buffer, whole
segments side by side, and what was asked for is a view of that buffer.
Source: Tink, "Streaming AEAD wire format", AES-GCM-HKDF; docs/decisions/0010-custody.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pratique.custody.errors import PartBrokenError
from pratique.custody.model import PART_BYTES, ObjectId

KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
PREFIX_BYTES: Final = 7
HEADER_BYTES: Final = 1 + SALT_BYTES + PREFIX_BYTES
TAG_BYTES: Final = 16
SEGMENT_CIPHERTEXT: Final = 64 * 1024
"""Ours: ciphertext of one segment. Tink takes it as a parameter of the key."""
RANDOM_BYTES: Final = SALT_BYTES + PREFIX_BYTES
"""How much randomness one part needs."""

_DOMAIN = b"pratique-part-1"
_SMALLEST_SEGMENT = HEADER_BYTES + TAG_BYTES + 1
_NONCE = struct.Struct(">IB")
_PLACE = struct.Struct(">IB")

Bytes: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands in the clear before the first segment."""

    salt: bytes
    prefix: bytes

    def render(self) -> bytes:
        """The 40 bytes of the file."""
        return bytes((HEADER_BYTES,)) + self.salt + self.prefix


def header_from(random: bytes) -> Header:
    """A new header from `RANDOM_BYTES` of fresh randomness."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a header needs {RANDOM_BYTES} random bytes, not {len(random)}")
    return Header(salt=random[:SALT_BYTES], prefix=random[SALT_BYTES:])


def parse_header(data: Bytes) -> Header:
    """Read the first 40 bytes of a part. Raises: PartBrokenError."""
    if len(data) < HEADER_BYTES or data[0] != HEADER_BYTES:
        raise PartBrokenError("not the beginning of an encrypted part")
    head = bytes(data[:HEADER_BYTES])
    return Header(salt=head[1 : 1 + SALT_BYTES], prefix=head[1 + SALT_BYTES :])


def part_name(object_id: ObjectId, part: int, variant: int) -> str:
    """Where a part lies: `OBJECTID[:2]/OBJECTID/PART.VARIANT`."""
    return f"{object_id[:2]}/{object_id}/{part}.{variant}"


def part_aad(object_id: ObjectId, part: int, variant: int) -> bytes:
    """What binds a part's key to its place: domain, object id (32 ASCII), part, variant."""
    if len(object_id) != 32:  # noqa: PLR2004 - the fixed length makes the concatenation unambiguous
        raise ValueError(f"not an object id: {len(object_id)} characters")
    return _DOMAIN + object_id.encode("ascii") + _PLACE.pack(part, variant)


def derive_part_key(object_key: bytes, salt: bytes, aad: bytes) -> bytes:
    """The AES-256 key of one part, as Tink derives it."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=aad).derive(object_key)


def part_plaintext(size: int, part: int) -> int:
    """Plaintext bytes of a part of an object with `size` bytes."""
    return max(0, min(PART_BYTES, size - part * PART_BYTES))


# A Struct: one is built for every read, in a fifth of the time of a frozen dataclass.
class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a part a plaintext range needs: ask for `[cipher_start, cipher_end)`, decrypt, cut."""

    first: int
    """Segment that holds the first byte."""
    last: int
    """Segment that holds the last byte."""
    cipher_start: int
    cipher_end: int
    skip: int
    """Plaintext before the range in its first segment."""
    length: int
    """Plaintext that was asked for."""
    buffer_bytes: int
    """Plaintext of all the segments: what the buffer must hold."""
    final: bool
    """Whether the part's last segment is among them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in parts whose segments have this length."""

    segment: int = SEGMENT_CIPHERTEXT
    """Ciphertext bytes of a whole segment, its tag included."""

    def __post_init__(self) -> None:
        if self.segment < _SMALLEST_SEGMENT:
            raise ValueError(f"segments have at least {_SMALLEST_SEGMENT} bytes")

    def segments(self, plain: int) -> int:
        """How many segments a part with `plain` plaintext bytes has; an empty one has one."""
        return max(1, -(-(plain + HEADER_BYTES) // (self.segment - TAG_BYTES)))

    def ciphertext(self, plain: int) -> int:
        """Length of the whole part, header included."""
        return HEADER_BYTES + plain + TAG_BYTES * self.segments(plain)

    def plaintext(self, ciphertext: int) -> int:
        """Plaintext of a part of this length. Raises: PartBrokenError when no part has it."""
        segments = max(1, -(-ciphertext // self.segment))
        plain = ciphertext - HEADER_BYTES - TAG_BYTES * segments
        if plain < 0 or self.segments(plain) != segments:
            raise PartBrokenError(f"no encrypted part has {ciphertext} bytes")
        return plain

    def span(self, start: int, end: int, plain: int) -> Span:
        """What the plaintext range `[start, end)` of a part with `plain` bytes needs.

        Raises: ValueError for a range that is not within the part; an empty one only in an empty part.
        """
        if not 0 <= start <= end <= plain or (start == end and plain > 0):
            raise ValueError(f"no range of {plain} bytes: {start}-{end}")
        inner = self.segment - TAG_BYTES
        first = (start + HEADER_BYTES) // inner
        last = (max(start, end - 1) + HEADER_BYTES) // inner
        opens = max(0, first * inner - HEADER_BYTES)
        closes = min(plain, (last + 1) * inner - HEADER_BYTES)
        return Span(
            first=first,
            last=last,
            cipher_start=max(HEADER_BYTES, first * self.segment),
            cipher_end=closes + HEADER_BYTES + TAG_BYTES * (last + 1),
            skip=start - opens,
            length=end - start,
            buffer_bytes=closes - opens,
            final=closes == plain,
        )


OURS: Final = Layout()
"""The layout of every part that Pratique writes."""


class PartCipher:
    """One part's key at work. Keep it for as long as the part is read: making it costs 1 µs."""

    __slots__ = ("_aead", "_layout", "_prefix")

    def __init__(self, part_key: bytes, prefix: bytes, *, layout: Layout = OURS) -> None:
        self._aead = AESGCM(part_key)
        self._prefix = prefix
        self._layout = layout

    def decrypt_into(self, ciphertext: Bytes, span: Span, buffer: Bytes) -> memoryview:
        """Decrypt a span's segments into the caller's buffer; gives a view of the range asked for.

        Shape: `ciphertext` is exactly `[span.cipher_start, span.cipher_end)` of the part; `buffer` has
        at least `span.buffer_bytes`. What else lands in it belongs to the same segments.
        Raises: PartBrokenError when one byte is not what was written at this place.
        """
        expected = span.cipher_end - span.cipher_start
        if len(ciphertext) != expected:
            raise PartBrokenError(
                "an encrypted part is cut short",
                expected=f"{expected} bytes, not {len(ciphertext)}",
            )
        source, target = memoryview(ciphertext), memoryview(buffer)
        open_segment, pack, prefix = self._aead.decrypt_into, _NONCE.pack, self._prefix
        at = out = 0
        whole = self._layout.segment
        ends = (span.first + 1) * whole - span.cipher_start
        try:
            for index in range(span.first, span.last):
                plain = ends - at - TAG_BYTES
                nonce = prefix + pack(index, 0)
                open_segment(nonce, source[at:ends], None, target[out : out + plain])
                at, out, ends = ends, out + plain, ends + whole
            nonce = prefix + pack(span.last, span.final)
            open_segment(nonce, source[at:], None, target[out : span.buffer_bytes])
        except InvalidTag:
            raise PartBrokenError(
                "an encrypted part does not hold: its bytes were changed"
            ) from None
        return target[span.skip : span.skip + span.length]

    def encrypt_into(self, plaintext: Bytes, out: Bytes) -> int:
        """Encrypt a whole part behind its header: `out` has `layout.ciphertext(len(plaintext))` bytes.

        The header's 40 bytes are the caller's to write. Gives the number of bytes of the part. A key
        and prefix encrypt one part, once.
        """
        plain = len(plaintext)
        segments = self._layout.segments(plain)
        total = HEADER_BYTES + plain + TAG_BYTES * segments
        source, target = memoryview(plaintext), memoryview(out)
        if len(target) < total:
            raise ValueError(f"a part of {plain} bytes needs {total}, not {len(target)}")
        seal, pack, prefix = self._aead.encrypt_into, _NONCE.pack, self._prefix
        start, at = 0, HEADER_BYTES
        for index in range(segments - 1):
            ends = (index + 1) * self._layout.segment
            stop = start + ends - at - TAG_BYTES
            seal(prefix + pack(index, 0), source[start:stop], None, target[at:ends])
            start, at = stop, ends
        seal(prefix + pack(segments - 1, 1), source[start:], None, target[at:total])
        return total


def encrypt_part(
    plaintext: Bytes, *, object_key: bytes, aad: bytes, random: bytes, layout: Layout = OURS
) -> bytearray:
    """A whole part, header and all, in one new buffer.

    `random` are `RANDOM_BYTES` fresh bytes; two parts never share them.
    """
    header = header_from(random)
    out = bytearray(layout.ciphertext(len(plaintext)))
    out[:HEADER_BYTES] = header.render()
    key = derive_part_key(object_key, header.salt, aad)
    PartCipher(key, header.prefix, layout=layout).encrypt_into(plaintext, out)
    return out


def decrypt_part(
    ciphertext: Bytes, *, object_key: bytes, aad: bytes, layout: Layout = OURS
) -> bytearray:
    """A whole part in one new buffer. Raises: PartBrokenError."""
    header = parse_header(ciphertext)
    plain = layout.plaintext(len(ciphertext))
    out = bytearray(plain)
    key = derive_part_key(object_key, header.salt, aad)
    span = layout.span(0, plain, plain)
    PartCipher(key, header.prefix, layout=layout).decrypt_into(
        memoryview(ciphertext)[HEADER_BYTES:], span, out
    )
    return out
