"""Signed statements about custody: in-toto Statements in DSSE envelopes, signed with the log's key.

Source: in-toto attestation framework, Statement v1; DSSE v1.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pratique.ledger.canonical import canonical_json
from pratique.ledger.errors import BundleError, NoteError
from pratique.ledger.notes import Signer, Verifier, decode_base64, encode_base64, envelope_text
from pratique.values.statements import PAYLOAD_TYPE, STATEMENT_TYPE

MAX_STATEMENT: Final = 512 << 20


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An in-toto Statement."""

    type_: str = msgspec.field(name="_type")
    predicate: dict[str, Any]
    predicate_type: str = msgspec.field(name="predicateType")
    subject: tuple[Subject, ...]


class _Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # Declared in the order RFC 8785 sorts them.
    payload: str
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[_Signature, ...]


def is_envelope(data: bytes) -> bool:
    """Whether a file looks like one of ours; it is checked elsewhere."""
    return data.startswith(b'{"payload":')


def render_envelope(
    subject: Sequence[tuple[str, str]],
    predicate_type: str,
    predicate: Mapping[str, Any],
    *,
    signer: Signer,
) -> bytes:
    """A signed statement, without a line end. `subject`: (name, SHA-256 in hex)."""
    payload = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "predicate": dict(predicate),
            "predicateType": predicate_type,
            "subject": [{"digest": {"sha256": digest}, "name": name} for name, digest in subject],
        }
    )
    signature = signer.sign_envelope(PAYLOAD_TYPE, payload)
    return canonical_json(
        {
            "payload": encode_base64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": signer.verifier.key_id.hex(), "sig": encode_base64(signature)}
            ],
        }
    )


def read_envelope(data: bytes) -> tuple[Statement, bytes, bytes]:
    """The statement, its payload and its signature, none of them checked yet.

    Raises: BundleError when it is not spelled as `render_envelope` spells.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        payload = decode_base64(envelope.payload)
        [signature] = envelope.signatures
        raw = decode_base64(signature.sig)
        statement = msgspec.json.decode(payload, type=Statement)
    except (msgspec.MsgspecError, NoteError, ValueError, UnicodeError, RecursionError) as error:
        raise BundleError(
            f"not a signed statement: {error}", expected="a DSSE envelope with one signature"
        ) from None
    if msgspec.json.encode(envelope) != data:
        raise BundleError(
            "the statement is not spelled canonically (RFC 8785)",
            remedy="use the file as it was made; do not reformat it",
        )
    if envelope.payload_type != PAYLOAD_TYPE or statement.type_ != STATEMENT_TYPE:
        raise BundleError(f"not an in-toto statement: {envelope.payload_type[:80]!r}")
    return statement, payload, raw


def open_envelope(data: bytes, verifier: Verifier) -> Statement:
    """Check the signature and give the statement. Raises: BundleError."""
    statement, payload, signature = read_envelope(data)
    keyid = msgspec.json.decode(data, type=_Envelope).signatures[0].keyid
    if keyid != verifier.key_id.hex():
        raise BundleError("the statement is signed with another key", expected=verifier.render())
    if not verifier.holds(envelope_text(PAYLOAD_TYPE, payload).decode(), signature):
        raise BundleError("the statement's signature is not good")
    return statement
