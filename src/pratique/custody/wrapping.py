"""Keys under keys: AES-256-GCM whose context says whose key it is and which key opens it.

A wrapped object key names its dataset and the generation of its dataset's key in the clear, and both
are authenticated with the object's id: it opens for nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pratique.custody.envelope import KEY_BYTES, TAG_BYTES
from pratique.custody.errors import KeyBrokenError
from pratique.custody.model import ObjectId

NONCE_BYTES: Final = 12

_VERSION = 1
_HEAD = struct.Struct(">BIB")
"""Version, generation, length of the dataset's name."""
_DOMAIN = b"pratique-object-key-1\x00"
_STAGING_DOMAIN = b"pratique-staging-key-1\x00"
"""An upload's key is no object's: neither opens as the other."""


def wrap(key: bytes, *, under: bytes, context: bytes, nonce: bytes) -> bytes:
    """Encrypt a key under another; `context` must be told again to open it."""
    return nonce + AESGCM(under).encrypt(nonce, key, context)


def unwrap(wrapped: bytes, *, under: bytes, context: bytes) -> bytes:
    """The key. Raises: KeyBrokenError for another context, another key or changed bytes."""
    try:
        key = AESGCM(under).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise KeyBrokenError("a wrapped key does not open") from None
    if len(key) != KEY_BYTES:
        raise KeyBrokenError("a wrapped key has the wrong length")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedObjectKey:
    """A wrapped object key, taken apart; nothing of it is verified before it opens."""

    dataset: str
    generation: int
    head: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A wrapped key that must come under its dataset's newest one, and whose it is."""

    wrapped: bytes
    object: str = ""
    """Id of the object; empty of an upload."""
    upload: str = ""
    lease: str = ""


def wrap_object_key(
    key: bytes, *, under: bytes, dataset: str, generation: int, object_id: ObjectId, nonce: bytes
) -> bytes:
    """An object's key under its dataset's key."""
    name = dataset.encode("ascii")
    head = _HEAD.pack(_VERSION, generation, len(name)) + name
    return head + wrap(key, under=under, context=_context(head, object_id), nonce=nonce)


def parse_wrapped(wrapped: bytes) -> WrappedObjectKey:
    """Which dataset's key opens it. Raises: KeyBrokenError."""
    try:
        version, generation, length = _HEAD.unpack_from(wrapped)
        name = wrapped[_HEAD.size : _HEAD.size + length].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        raise KeyBrokenError("not a wrapped object key") from None
    at = _HEAD.size + length
    if version != _VERSION or len(wrapped) != at + NONCE_BYTES + KEY_BYTES + TAG_BYTES:
        raise KeyBrokenError("not a wrapped object key")
    return WrappedObjectKey(
        dataset=name, generation=generation, head=wrapped[:at], sealed=wrapped[at:]
    )


def unwrap_object_key(parsed: WrappedObjectKey, *, under: bytes, object_id: ObjectId) -> bytes:
    """The object's key. Raises: KeyBrokenError when it is another object's."""
    return unwrap(parsed.sealed, under=under, context=_context(parsed.head, object_id))


def wrap_staging_key(
    key: bytes,
    *,
    under: bytes,
    dataset: str,
    generation: int,
    upload: str,
    lease: str,
    nonce: bytes,
) -> bytes:
    """An upload's key under its dataset's key, for the lease that began it."""
    name = dataset.encode("ascii")
    head = _HEAD.pack(_VERSION, generation, len(name)) + name
    context = _staging_context(head, upload, lease)
    return head + wrap(key, under=under, context=context, nonce=nonce)


def unwrap_staging_key(parsed: WrappedObjectKey, *, under: bytes, upload: str, lease: str) -> bytes:
    """The upload's key. Raises: KeyBrokenError for another upload or lease."""
    return unwrap(parsed.sealed, under=under, context=_staging_context(parsed.head, upload, lease))


def _staging_context(head: bytes, upload: str, lease: str) -> bytes:
    return _STAGING_DOMAIN + head + b"\x00" + f"{upload}\x00{lease}".encode("ascii")


def _context(head: bytes, object_id: ObjectId) -> bytes:
    return _DOMAIN + head + b"\x00" + object_id.encode("ascii")
