"""Signed notes and checkpoints: how the log says how long it is, and signs it.

Source: C2SP signed-note and tlog-checkpoint, Ed25519 (type 0x01) only, as the specification
recommends choosing one type.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from pratique.ledger.errors import NoteError
from pratique.ledger.merkle import HASH_BYTES

MAX_NOTE_BYTES = 64 * 1024
"""Room for 16 post-quantum cosignatures would be more; we write one Ed25519 signature."""
MAX_SIGNATURES = 100
MAX_NAME_BYTES = 200
"""Origins longer than this serve nobody and would not fit the head record on disk."""
MAX_SIZE_DIGITS = 19

_ED25519 = 0x01
_KEY_BYTES = 32
_ID_BYTES = 4
_PRIVATE_PREFIX = "PRIVATE+KEY+"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def encode_base64(data: bytes) -> str:
    """Standard base64 (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read standard base64 strictly: each byte string has exactly one spelling.

    Raises: NoteError; lax decoders ignore stray characters and spare bits, and what they ignore
    could be changed unnoticed.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"not base64: {text[:60]!r}") from None
    if encode_base64(data) != text:
        raise NoteError(f"not the canonical base64 of its bytes: {text[:60]!r}")
    return data


def check_name(name: str) -> str:
    """Check the name of a key or the origin of a log. Source: C2SP signed-note "Format"."""
    odd = any(c.isspace() or c == "+" or not c.isprintable() for c in name)
    if not name or odd or len(name.encode()) > MAX_NAME_BYTES:
        raise NoteError(
            f"not a name for a log or key: {name[:80]!r}",
            expected=f"1 to {MAX_NAME_BYTES} bytes without blanks, plus signs or control characters",
        )
    return name


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([_ED25519]) + public).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Someone's public key under a name."""

    name: str
    public: bytes
    """32 bytes (RFC 8032)."""

    @property
    def key_id(self) -> bytes:
        """Four bytes that identify the key within its name."""
        return _key_id(self.name, self.public)

    def render(self) -> str:
        """The verifier key string (vkey)."""
        key = encode_base64(bytes([_ED25519]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def holds(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_verifier(vkey: str) -> Verifier:
    """Read a verifier key string.

    Raises: NoteError when it is malformed, of another type or does not have its key id.
    Source: C2SP signed-note "Verifier keys".
    """
    name, public = _parse_key(vkey)
    verifier = Verifier(name=name, public=public)
    if verifier.render() != vkey:
        raise NoteError(f"the verifier key does not have its key id: {vkey[:120]!r}")
    return verifier


def _parse_key(text: str) -> tuple[str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, id, key
        raise NoteError(f"not a key: {text[:40]!r}", expected="NAME+HEXID+BASE64")
    name, _, key = parts
    data = decode_base64(key)
    if len(data) != 1 + _KEY_BYTES or data[0] != _ED25519:
        raise NoteError(f"the key of {name[:80]!r} is not an Ed25519 key")
    return check_name(name), data[1:]


class Signer:
    """A private key under a name. Never shown; `render` is for the key file alone."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        public = private.public_key().public_bytes_raw()
        self.verifier = Verifier(name=check_name(name), public=public)

    @classmethod
    def generate(cls, name: str) -> Signer:
        """Make a new key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, skey: str) -> Signer:
        """Read a private key string.

        Raises: NoteError without a byte of the key when it is malformed.
        Source: the encoding of Go's sumdb/note, which C2SP tools share.
        """
        if not skey.startswith(_PRIVATE_PREFIX):
            raise NoteError("not a private key", expected=f"{_PRIVATE_PREFIX}NAME+HEXID+BASE64")
        try:
            name, seed = _parse_key(skey.removeprefix(_PRIVATE_PREFIX))
        except NoteError:
            raise NoteError("the private key is malformed") from None
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if signer.render() != skey:
            raise NoteError("the private key does not have its key id")
        return signer

    def render(self) -> str:
        """The private key string, for the key file."""
        key = encode_base64(bytes([_ED25519]) + self._private.private_bytes_raw())
        verifier = self.verifier
        return f"{_PRIVATE_PREFIX}{verifier.name}+{verifier.key_id.hex()}+{key}"

    def sign(self, text: str) -> str:
        """Make a signed note of the text.

        Raises: NoteError when the text cannot be a note's.
        """
        _check_text(text)
        verifier = self.verifier
        signature = encode_base64(verifier.key_id + self._private.sign(text.encode()))
        return f"{text}\n— {verifier.name} {signature}\n"

    def sign_envelope(self, payload_type: str, payload: bytes) -> bytes:
        """Sign a payload for a DSSE envelope; gives the bare signature.

        What is signed starts with `DSSEv1 `, so it can never be taken for a note's text.
        """
        return self._private.sign(envelope_text(payload_type, payload))


def envelope_text(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature covers. Source: DSSE v1.0.2 protocol, "PAE"."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text) is not None:
        raise NoteError("a note's text ends in a newline and has no other control characters")


def open_note(note: str, verifier: Verifier) -> str:
    """Check the signature of one known key and give the text it signed.

    Signatures of unknown keys are ignored, as the specification asks; who relies on every byte of
    a note (bundles) checks that there is one signature only.
    Raises: NoteError when the note is malformed, unsigned by the key, or a signature of it is bad.
    """
    text, signatures = split_note(note)
    known = False
    for name, blob in signatures:
        if name != verifier.name or blob[:_ID_BYTES] != verifier.key_id:
            continue
        if not verifier.holds(text, blob[_ID_BYTES:]):
            raise NoteError(f"the signature of {name!r} on the note does not hold")
        known = True
    if not known:
        raise NoteError(f"the note is not signed by the key {verifier.render()!r}")
    return text


def split_note(note: str) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """Take a note apart: its text, and of each signature the name and the bytes, unverified."""
    if len(note.encode("utf-8", "replace")) > MAX_NOTE_BYTES:
        raise NoteError(f"the note is larger than {MAX_NOTE_BYTES} bytes")
    head, blank, tail = note.rpartition("\n\n")
    text = head + "\n"
    if not blank or not tail.endswith("\n"):
        raise NoteError("not a signed note", expected="a text, a blank line, signature lines")
    _check_text(text)
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"the note has more than {MAX_SIGNATURES} signatures")
    return text, tuple(_parse_signature(line) for line in lines)


def _parse_signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":  # noqa: PLR2004 - dash, name, signature
        raise NoteError(f"not a signature line: {line[:80]!r}")
    blob = decode_base64(parts[2])
    if len(blob) <= _ID_BYTES:
        raise NoteError(f"the signature is too short: {line[:80]!r}")
    return check_name(parts[1]), blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head: how long the log is and what its root is."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """Lines that other logs may add; we write none."""

    def render(self) -> str:
        """The text of the note."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint note.

    Raises: NoteError.
    Source: C2SP tlog-checkpoint "Note text".
    """
    if not text.endswith("\n"):
        raise NoteError("not a checkpoint: it does not end in a newline")
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size, root
        raise NoteError("not a checkpoint", expected="origin, size and root on a line each")
    size, root = lines[1], decode_base64(lines[2])
    decimal = size.isascii() and size.isdecimal() and len(size) <= MAX_SIZE_DIGITS
    if not decimal or str(int(size)) != size:
        raise NoteError(f"not a tree size: {size[:40]!r}")
    if len(root) != HASH_BYTES:
        raise NoteError("the root in the checkpoint is not a SHA-256 hash")
    return Checkpoint(origin=lines[0], size=int(size), root=root, extensions=tuple(lines[3:]))


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """Check the signature of a checkpoint and read it.

    Raises: NoteError.
    """
    return parse_checkpoint(open_note(note, verifier))
