"""What a case consists of, signed: an in-toto Statement in a DSSE envelope.

Source: in-toto attestation framework, Statement v1; DSSE v1.0.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from pratique.ledger.canonical import canonical_json
from pratique.ledger.notes import Signer, encode_base64
from pratique.values.statements import PAYLOAD_TYPE, STATEMENT_TYPE

PREDICATE_TYPE: Final = "urn:pratique:exposure/v1"
MANIFEST: Final = "MANIFEST"


def render_statement(members: Mapping[str, bytes], predicate: dict[str, Any]) -> bytes:
    """The statement: the hash of every member, and what the case is about."""
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "predicate": predicate,
            "predicateType": PREDICATE_TYPE,
            "subject": [
                {"digest": {"sha256": hashlib.sha256(members[name]).hexdigest()}, "name": name}
                for name in sorted(members)
            ],
        }
    )


def render_manifest(
    members: Mapping[str, bytes], predicate: dict[str, Any], *, signer: Signer
) -> bytes:
    """The envelope with the ledger's signature."""
    payload = render_statement(members, predicate)
    return canonical_json(
        {
            "payload": encode_base64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {
                    "keyid": signer.verifier.key_id.hex(),
                    "sig": encode_base64(signer.sign_envelope(PAYLOAD_TYPE, payload)),
                }
            ],
        }
    )
