"""Sealed intake: what arrives is encrypted so that only the client's private key opens it.

The object's key is sealed with HPKE (RFC 9180, base mode: DHKEM X25519, HKDF-SHA256, AES-256-GCM) to
the public key of the client; the parts are ordinary ones (`custody.envelope`). Whoever holds store,
database and broker cannot read them. A *sealed file* is what the client takes away:

    "PQSEALED1" · length (4 bytes) · header (MessagePack) · the parts as stored, one after another
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pratique.custody.envelope import KEY_BYTES, OURS, decrypt_part, part_aad, part_plaintext
from pratique.custody.errors import PartBrokenError, SealError
from pratique.custody.model import ObjectId

PUBLIC_KEY_BYTES: Final = 32
PRIVATE_KEY_BYTES: Final = 32
MAGIC: Final = b"PQSEALED1"
MAX_HEADER: Final = 64 * 1024

_VERSION = b"\x01"
_DOMAIN = b"pratique-sealed-1\x00"
_LENGTH = struct.Struct(">I")
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PRIVATE_MARK = "PRATIQUE-SEAL-PRIVATE-KEY-1"
_OBJECT_ID = re.compile(r"[0-9a-f]{32}")

ReadExactly = Callable[[int], bytes]
"""Gives the next n bytes of a file, fewer only at its end."""


def parse_public_key(data: bytes) -> X25519PublicKey:
    """A client's public key as datasets keep it. Raises: SealError."""
    if len(data) != PUBLIC_KEY_BYTES:
        raise SealError("not a public key to seal to", expected="32 bytes (X25519)")
    return X25519PublicKey.from_public_bytes(data)


def seal_key(object_key: bytes, *, public_key: bytes, dataset: str, object_id: ObjectId) -> bytes:
    """The object's key so that only the client opens it, and only as this object's."""
    key = parse_public_key(public_key)
    try:
        return _VERSION + _SUITE.encrypt(object_key, key, _info(dataset, object_id))
    except ValueError:
        # Points of small order: everybody would know the shared secret.
        raise SealError("a public key that cannot be sealed to") from None


def open_key(
    sealed: bytes, *, private_key: X25519PrivateKey, dataset: str, object_id: ObjectId
) -> bytes:
    """The object's key, with the client's private key. Raises: SealError."""
    if sealed[:1] != _VERSION:
        raise SealError("not a sealed key")
    try:
        key = _SUITE.decrypt(sealed[1:], private_key, _info(dataset, object_id))
    except (InvalidTag, ValueError):
        raise SealError("a sealed key does not open with this private key") from None
    if len(key) != KEY_BYTES:
        raise SealError("a sealed key has the wrong length")
    return key


def make_private_key() -> X25519PrivateKey:
    """A fresh pair for a client."""
    return X25519PrivateKey.generate()


def render_private_key(key: X25519PrivateKey) -> str:
    """One line for a file that only the client keeps."""
    return f"{_PRIVATE_MARK}:{base64.b64encode(key.private_bytes_raw()).decode()}\n"


def parse_private_key(text: str) -> X25519PrivateKey:
    """Read such a line; the error never quotes it. Raises: SealError."""
    mark, _, rest = text.strip().partition(":")
    try:
        data = base64.b64decode(rest, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if mark != _PRIVATE_MARK or len(data) != PRIVATE_KEY_BYTES:
        raise SealError(
            "not a file with a private key", expected=f"one line: {_PRIVATE_MARK}:BASE64"
        )
    return X25519PrivateKey.from_private_bytes(data)


class SealedHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands before the parts of a sealed file."""

    dataset: str
    object: str
    name: str
    """S3 key that the object was put under."""
    size: int
    """Plaintext bytes."""
    sha256: str
    """Of the plaintext."""
    media_type: str
    key: bytes
    """The object's key, sealed."""


def render_sealed_header(header: SealedHeader) -> bytes:
    """The beginning of a sealed file; its parts follow."""
    body = msgspec.msgpack.encode(header)
    return MAGIC + _LENGTH.pack(len(body)) + body


def read_sealed_header(read: ReadExactly) -> SealedHeader:
    """Read up to the first part. Raises: SealError."""
    start = read(len(MAGIC) + _LENGTH.size)
    if len(start) != len(MAGIC) + _LENGTH.size or not start.startswith(MAGIC):
        raise SealError("not a sealed file")
    (length,) = _LENGTH.unpack_from(start, len(MAGIC))
    if length > MAX_HEADER:
        raise SealError("not a sealed file: its header is too long")
    try:
        header = msgspec.msgpack.decode(read(length), type=SealedHeader)
    except msgspec.DecodeError:
        raise SealError("not a sealed file: its header cannot be read") from None
    if header.size < 0 or _OBJECT_ID.fullmatch(header.object) is None:
        raise SealError("not a sealed file: its header cannot be of an object")
    return header


def sealed_parts(size: int) -> Iterator[tuple[int, int]]:
    """(part, ciphertext bytes) of a sealed object with `size` plaintext bytes, in order."""
    part = 0
    while part == 0 or part_plaintext(size, part):
        yield part, OURS.ciphertext(part_plaintext(size, part))
        part += 1


def open_sealed(
    header: SealedHeader, read: ReadExactly, private_key: X25519PrivateKey
) -> Iterator[bytearray]:
    """The plaintext, a part at a time. Believe none of it before the end: then its hash has held.

    Raises: SealError, while it runs.
    """
    object_id = ObjectId(header.object)
    key = open_key(header.key, private_key=private_key, dataset=header.dataset, object_id=object_id)
    digest = hashlib.sha256()
    for part, length in sealed_parts(header.size):
        try:
            plain = decrypt_part(read(length), object_key=key, aad=part_aad(object_id, part, 0))
        except PartBrokenError as error:
            raise SealError(
                f"part {part} of the sealed file does not hold: {error.message}"
            ) from None
        if len(plain) != part_plaintext(header.size, part):
            raise SealError(f"part {part} of the sealed file is cut short")
        digest.update(plain)
        yield plain
    if read(1) or digest.hexdigest() != header.sha256:
        raise SealError("the sealed file is not what was put there")


def _info(dataset: str, object_id: ObjectId) -> bytes:
    return _DOMAIN + dataset.encode("utf-8") + b"\x00" + object_id.encode("ascii")
