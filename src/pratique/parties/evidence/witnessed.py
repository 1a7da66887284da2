"""Sigstore bundles: who signed is told by a certificate that lasted minutes, and a public log.

The proof itself is checked by a witness (edge/parties/sigstore.py) with a trusted root from a file,
offline. Whose identity it is, the register says: a contact of the role `sigstore-identity` has the
certificate's subject as its address, and `issuers` names who vouched for it.

Source: github.com/sigstore/protobuf-specs, sigstore_bundle.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from pratique.parties.evidence.envelopes import is_envelope, parse_envelope
from pratique.parties.evidence.model import (
    Given,
    Reading,
    UnreadablePieceError,
    Verified,
    earliest,
    line,
    mapping,
)
from pratique.parties.model import EvidenceKind, Party, Signature

ROLE: Final = "sigstore-identity"
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle"
_KEPT: Final = frozenset({EvidenceKind.SBOM})
"""What is the same promise however it is signed; anything else in a bundle is `sigstore`."""

Inner = Callable[[str, bytes, Given], Reading]


def is_bundle(found: Mapping[str, Any]) -> bool:
    """Whether a JSON object says that it is a bundle."""
    kind = found.get("mediaType")
    return isinstance(kind, str) and kind.startswith(_MEDIA_TYPE)


def read_bundle(data: bytes, given: Given, *, inner: Inner) -> Reading:
    """Read a bundle; `inner` reads what it signs. Raises: UnreadablePieceError."""
    found = msgspec.json.decode(data)
    envelope = mapping(found.get("dsseEnvelope"))
    if not is_envelope(envelope):
        raise UnreadablePieceError("the bundle signs a file that is elsewhere; send an attestation")
    inside = parse_envelope(envelope)
    if given.witness is None:
        told = inner(inside.payload_type, inside.payload, given)
        why = given.without_witness or "no trusted root was given to check the bundle with"
        return _as(told, Signature.UNCHECKED, "", why)
    try:
        verified = given.witness.verify(data)
    except UnreadablePieceError as error:
        told = inner(inside.payload_type, inside.payload, given)
        return _as(told, Signature.BROKEN, "", f"the bundle proves nothing: {error}")
    # What is read is what was verified, not what stood beside it.
    told = inner(verified.payload_type, verified.payload, given)
    # Whatever it says: it was made before the log took it.
    told = msgspec.structs.replace(told, made_at=earliest(told.made_at, verified.at))
    signer = line(f"{verified.identity} ({verified.issuer})", 300)
    if _is_of(given.party, verified):
        return _as(told, Signature.VALID, signer)
    return _as(told, Signature.FOREIGN, signer, _stranger(given, verified))


def _as(reading: Reading, signature: Signature, signer: str, *faults: str) -> Reading:
    kind = reading.kind if reading.kind in _KEPT else EvidenceKind.SIGSTORE
    return msgspec.structs.replace(
        reading.faulty(*faults), kind=kind, signature=signature, signer=signer
    )


def _is_of(party: Party, verified: Verified) -> bool:
    identities = {one.address for one in party.contacts if one.role == ROLE}
    return verified.identity in identities and verified.issuer in party.issuers


def _stranger(given: Given, verified: Verified) -> str:
    owners = _owners(given.everybody.values(), verified)
    if owners:
        return f"it is signed by an identity of {', '.join(owners[:3])}, not of {given.party.name}"
    return (
        f"it is signed by {line(verified.identity, 160)}, whom {line(verified.issuer, 120)} vouched for;"
        f" the register does not name this identity ({ROLE}) and issuer for {given.party.name}"
    )


def _owners(everybody: Iterable[Party], verified: Verified) -> list[str]:
    return sorted(one.name for one in everybody if _is_of(one, verified))
