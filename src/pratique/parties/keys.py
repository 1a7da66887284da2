"""Keys that parties sign with: Ed25519, ECDSA on P-256 or P-384, RSA of 2,048 bits and more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from pratique.errors import InputError

_MAX_PEM: Final = 8_192
_MIN_BITS: Final = 2_048
_MAX_BITS: Final = 8_192

Key: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadKey:
    """A key that can verify, and its one spelling."""

    key: Key
    pem: str


@lru_cache(maxsize=20_000)
def parse_public_key(pem: str) -> ReadKey:
    """Read a public key. Raises: InputError."""
    expected = "SubjectPublicKeyInfo in PEM (-----BEGIN PUBLIC KEY-----)"
    if len(pem) > _MAX_PEM:
        raise InputError("a key that is too long to be one", expected=expected)
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(f"not a public key: {pem.strip()[:40]!r}", expected=expected) from None
    if not isinstance(key, Key) or not _is_fit(key):
        raise InputError(
            "a key of a sort that is not used here",
            expected="Ed25519, ECDSA on P-256 or P-384, or RSA of 2,048 to 8,192 bits",
        )
    spelled = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return ReadKey(key=key, pem=spelled)


def _is_fit(key: Key) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    if isinstance(key, rsa.RSAPublicKey):
        return _MIN_BITS <= key.key_size <= _MAX_BITS
    return True


def is_signed(key: Key, message: bytes, signature: bytes) -> bool:
    """Whether this key made this signature over this message.

    ECDSA is hashed as long as its curve, RSA is PSS or PKCS #1 v1.5 with SHA-256, as signers of
    DSSE envelopes do.
    """
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            digest = SHA384() if isinstance(key.curve, ec.SECP384R1) else SHA256()
            key.verify(signature, message, ec.ECDSA(digest))
        else:
            return _is_signed_rsa(key, message, signature)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_signed_rsa(key: rsa.RSAPublicKey, message: bytes, signature: bytes) -> bool:
    schemes = (
        padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO),
        padding.PKCS1v15(),
    )
    for scheme in schemes:
        try:
            key.verify(signature, message, scheme, SHA256())
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
