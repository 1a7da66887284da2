"""DSSE envelopes: a payload, and who signed it.

Source: github.com/secure-systems-lab/dsse, protocol.md and envelope.md, version 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.errors import InputError
from pratique.parties.evidence.documents import decode_base64
from pratique.parties.evidence.model import UnreadablePieceError, line, rows
from pratique.parties.keys import is_signed, parse_public_key
from pratique.parties.model import Party, PublicKey, Signature

MAX_SIGNATURES: Final = 10
_FOREIGN_KEYS: Final = 2_000
"""Keys of others that a signature is tried with, so that nobody keeps us busy."""
_FOREIGN_SIGNATURES: Final = 2
_FOREIGN_BYTES: Final = 1 << 30
"""That are hashed for it: each key hashes all of a payload anew. Keys that are named come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope as it stands there; nothing of it is proven."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    """Id of the key, as the signer calls it, and the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of an envelope's signatures."""

    signature: Signature
    signer: str = ""
    faults: tuple[str, ...] = ()


def is_envelope(found: Mapping[str, Any]) -> bool:
    """Whether a JSON object has an envelope's keys."""
    return {"payload", "payloadType", "signatures"} <= found.keys()


def parse_envelope(found: Mapping[str, Any]) -> Envelope:
    """Read an envelope. Raises: UnreadablePieceError."""
    kind = found.get("payloadType")
    if not isinstance(kind, str) or not kind:
        raise UnreadablePieceError("the envelope has no payloadType")
    listed = rows(found.get("signatures"))
    if len(listed) > MAX_SIGNATURES:
        raise UnreadablePieceError(f"the envelope has more than {MAX_SIGNATURES} signatures")
    return Envelope(
        payload_type=kind,
        payload=decode_base64(found.get("payload"), "the envelope's payload"),
        signatures=tuple(
            (line(one.get("keyid")), decode_base64(one.get("sig"), "a signature")) for one in listed
        ),
    )


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature is over: the pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def check_envelope(envelope: Envelope, party: Party, everybody: Mapping[str, Party]) -> Checked:
    """Whether the party signed it: with a key that the register names for this party."""
    if not envelope.signatures:
        return Checked(
            signature=Signature.NONE, faults=("the envelope carries no signature at all",)
        )
    message = signed_bytes(envelope.payload_type, envelope.payload)
    signer = _signer(envelope, message, party.keys)
    if signer:
        return Checked(signature=Signature.VALID, signer=signer)
    for name, key in _keys_of_others(envelope, party, everybody):
        if _signer(envelope, message, [key], most=_FOREIGN_SIGNATURES):
            return Checked(
                signature=Signature.FOREIGN,
                signer=f"{name}/{key.id}",
                faults=(f"it is signed with a key of {name}, not of {party.name}",),
            )
    if not party.keys:
        why = f"the register has no key of {party.name} to check its signature with"
        remedy = f"see: pratique party set {party.name} --key ID=FILE"
        return Checked(signature=Signature.UNCHECKED, faults=(f"{why}; {remedy}",))
    named = ", ".join(name for name, _ in envelope.signatures if name)
    by = f" by {named}" if named else ""
    why = f"its signature{by} fits none of the keys of {party.name}: bytes or key are others"
    return Checked(signature=Signature.BROKEN, faults=(why,))


def _signer(
    envelope: Envelope, message: bytes, keys: Iterable[PublicKey], *, most: int = MAX_SIGNATURES
) -> str:
    """Id of the first of these keys that signed; empty when none did."""
    listed = list(keys)
    for named, signature in envelope.signatures[:most]:
        # The id is the signer's own word: it says where to look first, and decides nothing.
        for key in sorted(listed, key=lambda one: one.id != named):
            try:
                read = parse_public_key(key.pem)
            except InputError:
                continue  # the register cannot hold such a key; an old entry might
            if is_signed(read.key, message, signature):
                return key.id
    return ""


def _keys_of_others(
    envelope: Envelope, party: Party, everybody: Mapping[str, Party]
) -> Iterator[tuple[str, PublicKey]]:
    named = {name for name, _ in envelope.signatures}
    others = [
        (one.name, key) for one in everybody.values() if one.name != party.name for key in one.keys
    ]
    others.sort(key=lambda pair: pair[1].id not in named)
    each = _FOREIGN_SIGNATURES * max(1, len(envelope.payload))
    yield from others[: min(_FOREIGN_KEYS, max(1, _FOREIGN_BYTES // each))]
