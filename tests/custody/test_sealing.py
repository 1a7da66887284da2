"""Sealed intake is RFC 9180's HPKE: another implementation opens it, tried on the RFC's vector."""

from __future__ import annotations

import hashlib
import hmac
import io
import struct
from collections.abc import Callable, Iterator

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.envelope import RANDOM_BYTES, encrypt_part, part_aad
from pratique.custody.errors import SealError
from pratique.custody.model import ObjectId
from pratique.custody.sealing import (
    MAGIC,
    SealedHeader,
    make_private_key,
    open_key,
    open_sealed,
    parse_private_key,
    read_sealed_header,
    render_private_key,
    render_sealed_header,
    seal_key,
    sealed_parts,
)

OBJECT = ObjectId("0123456789abcdef0123456789abcdef")
KEY = bytes(range(32))
PRIVATE = X25519PrivateKey.from_private_bytes(b"\x11" * 32)
PUBLIC = PRIVATE.public_key().public_bytes_raw()


# ── RFC 9180, written again from its text ────────────────────────────────────────────────────


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    out, block = b"", b""
    for count in range(1, 1 + -(-length // 32)):
        block = hmac.digest(prk, block + labelled + bytes([count]), "sha256")
        out += block
    return out[:length]


def hpke_open(
    private: X25519PrivateKey, enc: bytes, ct: bytes, *, info: bytes, aad: bytes, aead: int
) -> bytes:
    """Base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM (1) or AES-256-GCM (2)."""
    kem = b"KEM" + struct.pack(">H", 0x20)
    suite = b"HPKE" + struct.pack(">HHH", 0x20, 1, aead)
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + private.public_key().public_bytes_raw()
    eae = extract(kem, b"", b"eae_prk", shared)
    secret = expand(kem, eae, b"shared_secret", context, 32)
    schedule = (
        b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    )
    prk = extract(suite, secret, b"secret", b"")
    key = expand(suite, prk, b"key", schedule, 16 * aead)
    nonce = expand(suite, prk, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, ct, aad)


def test_the_oracle_opens_the_vector_of_the_rfc() -> None:
    """RFC 9180, A.1.1: setup and first encryption."""
    private = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    )
    plain = hpke_open(
        private,
        bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"),
        bytes.fromhex(
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
        ),
        info=bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
        aad=b"Count-0",
        aead=1,
    )
    assert plain == b"Beauty is truth, truth beauty"


@given(st.binary(min_size=32, max_size=32))
def test_the_oracle_opens_what_we_seal(key: bytes) -> None:
    sealed = seal_key(key, public_key=PUBLIC, dataset="intake", object_id=OBJECT)
    info = b"pratique-sealed-1\0intake\0" + OBJECT.encode()
    assert hpke_open(PRIVATE, sealed[1:33], sealed[33:], info=info, aad=b"", aead=2) == key
    assert open_key(sealed, private_key=PRIVATE, dataset="intake", object_id=OBJECT) == key


def test_nobody_else_opens_it_and_not_as_something_else() -> None:
    sealed = seal_key(KEY, public_key=PUBLIC, dataset="intake", object_id=OBJECT)
    other = make_private_key()
    attempts = [
        (sealed, other, "intake", OBJECT),
        (sealed, PRIVATE, "intake2", OBJECT),
        (sealed, PRIVATE, "intake", ObjectId("f" * 32)),
        (sealed[:-1], PRIVATE, "intake", OBJECT),
        (b"\x02" + sealed[1:], PRIVATE, "intake", OBJECT),
        (b"", PRIVATE, "intake", OBJECT),
        (b"\x01", PRIVATE, "intake", OBJECT),
    ]
    for data, private, dataset, object_id in attempts:
        with pytest.raises(SealError):
            open_key(data, private_key=private, dataset=dataset, object_id=object_id)


def test_public_keys_that_share_nothing_secret_are_refused() -> None:
    for bad in (bytes(32), b"\x01" + bytes(31), b"short", PUBLIC + b"x"):
        with pytest.raises(SealError):
            seal_key(KEY, public_key=bad, dataset="intake", object_id=OBJECT)


def test_private_keys_in_files() -> None:
    text = render_private_key(PRIVATE)
    assert parse_private_key(text).private_bytes_raw() == PRIVATE.private_bytes_raw()
    canary = text.split(":")[1].strip()
    for bad in ("", canary, "PRATIQUE-SEAL-PRIVATE-KEY-1:" + canary[:-6], "x:" + canary):
        with pytest.raises(SealError) as raised:
            parse_private_key(bad)
        assert canary[:10] not in str(raised.value)


# ── sealed files ─────────────────────────────────────────────────────────────────────────────


def sealed_file(plain: bytes, **changes: object) -> bytes:
    header = SealedHeader(
        dataset="intake",
        object=OBJECT,
        name="talks/ann.wav",
        size=len(plain),
        sha256=hashlib.sha256(plain).hexdigest(),
        media_type="audio/wav",
        key=seal_key(KEY, public_key=PUBLIC, dataset="intake", object_id=OBJECT),
    )
    part = encrypt_part(
        plain, object_key=KEY, aad=part_aad(OBJECT, 0, 0), random=bytes(RANDOM_BYTES)
    )
    return render_sealed_header(msgspec.structs.replace(header, **changes)) + part


def opened(data: bytes) -> Iterator[bytearray]:
    source = io.BytesIO(data)
    return open_sealed(read_sealed_header(source.read), source.read, PRIVATE)


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_the_client_opens_a_sealed_file(size: int) -> None:
    plain = b"s" * size
    assert b"".join(opened(sealed_file(plain))) == plain


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:-30] + b"x" + data[-29:],
    ],
)
def test_a_changed_sealed_file_is_told(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SealError):
        list(opened(damage(sealed_file(b"words" * 100))))


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"size": 3}, {"size": 1 << 40}, {"object": "e" * 32}]
)
def test_a_header_that_lies_is_told(change: dict[str, object]) -> None:
    with pytest.raises(SealError):
        list(opened(sealed_file(b"words" * 100, **change)))


@given(st.binary(max_size=80))
def test_noise_is_no_sealed_file(noise: bytes) -> None:
    for data in (noise, MAGIC + noise, MAGIC + struct.pack(">I", len(noise)) + noise):
        with pytest.raises(SealError):
            read_sealed_header(io.BytesIO(data).read)


def test_parts_of_a_sealed_object() -> None:
    mib = 1 << 20
    assert [part for part, _ in sealed_parts(0)] == [0]
    assert [part for part, _ in sealed_parts(64 * mib)] == [0]
    assert [part for part, _ in sealed_parts(64 * mib + 1)] == [0, 1]
