"""Parties with keys, and pieces of evidence as they would send them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.parties.evidence import Given
from pratique.parties.model import Contact, Party, PartyKind, PublicKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Signer = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ACME_KEY = Ed25519PrivateKey.from_private_bytes(b"acme" * 8)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"othr" * 8)


def pem(key: Signer) -> str:
    """The public half as the register has it."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


ACME = Party(
    name="acme",
    kind=PartyKind.VENDOR,
    products=("labeler", "pkg:generic/acme/exporter"),
    assets=("acme-*",),
    keys=(PublicKey(id="acme-1", pem=pem(ACME_KEY)),),
    issuers=("https://login.acme.example",),
    contacts=(Contact(role="sigstore-identity", address="release@acme.example"),),
)
OTHER = Party(
    name="other",
    kind=PartyKind.VENDOR,
    products=("viewer",),
    keys=(PublicKey(id="other-1", pem=pem(OTHER_KEY)),),
)


def given(**more: Any) -> Given:
    """How a piece of acme's arrives."""
    plain: dict[str, Any] = {
        "party": ACME,
        "everybody": {"acme": ACME, "other": OTHER},
        "now": NOW,
        "filename": "piece.json",
    }
    return Given(**plain | more)


def encoded(value: object) -> bytes:
    """As JSON."""
    return json.dumps(value).encode()


def signature(key: Signer, message: bytes) -> bytes:
    """As signers of DSSE envelopes make them."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        digest = SHA384() if isinstance(key.curve, ec.SECP384R1) else SHA256()
        return key.sign(message, ec.ECDSA(digest))
    scheme = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
    return key.sign(message, scheme, SHA256())


def pae(kind: str, payload: bytes) -> bytes:
    """What DSSE signs, spelled out once more."""
    return b" ".join(
        [b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(payload)).encode(), payload]
    )


def envelope(
    payload: object,
    key: Signer = ACME_KEY,
    *,
    kind: str = "application/vnd.in-toto+json",
    keyid: str = "acme-1",
) -> dict[str, Any]:
    """A signed envelope."""
    body = payload if isinstance(payload, bytes) else encoded(payload)
    signed = signature(key, pae(kind, body))
    return {
        "payloadType": kind,
        "payload": base64.b64encode(body).decode(),
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signed).decode()}],
    }


def statement(predicate: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An in-toto statement of a product."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "labeler-4.1.tar.gz", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {"verificationResult": "PASSED", "timeVerified": "2026-11-20T10:00:00Z"}
        if predicate is None
        else dict(predicate),
        **more,
    }


def bill(
    name: str = "labeler",
    version: str = "4.1",
    components: tuple[str, ...] = ("pkg:pypi/litellm@1.82.8",),
    **more: Any,
) -> dict[str, Any]:
    """A CycloneDX document."""
    listed = [
        {"type": "library", "name": one.split("/")[1].split("@")[0], "purl": one, "bom-ref": one}
        for one in components
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {
            "timestamp": "2026-11-20T00:00:00Z",
            "component": {"type": "application", "name": name, "version": version},
        },
        "components": listed,
        **more,
    }


DECLARATIONS: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"timestamp": "2026-11-01T00:00:00Z"},
    "definitions": {
        "standards": [
            {
                "bom-ref": "ssdf",
                "requirements": [
                    {"bom-ref": "r1", "identifier": "PS.1.2"},
                    {"bom-ref": "r2", "identifier": "PW.3.1"},
                    {"bom-ref": "r3", "identifier": "PW.3.2"},
                ],
            }
        ]
    },
    "declarations": {
        "targets": {"organizations": [{"bom-ref": "acme", "name": "Acme Labelling Ltd"}]},
        "claims": [{"bom-ref": "c1", "target": "acme", "predicate": "All data is encrypted"}],
        "evidence": [{"bom-ref": "e1", "expires": "2027-01-01T00:00:00Z"}],
        "attestations": [
            {
                "summary": "SSDF",
                "map": [
                    {"requirement": "r1", "claims": ["c1"], "conformance": {"score": 1},
                     "confidence": {"score": 0.8}},
                    {"requirement": "r2", "conformance": {"score": 0.5}},
                    {"requirement": "r3", "conformance": {"score": 1}, "counterClaims": ["c2"]},
                ],
            }
        ],
    },
}  # fmt: skip

ASSESSMENT: dict[str, Any] = {
    "assessment-results": {
        "uuid": "1",
        "metadata": {
            "title": "Acme SOC 2", "last-modified": "2026-10-01T00:00:00Z", "version": "1",
            "oscal-version": "1.1.2",
        },
        "results": [
            {
                "title": "October",
                "start": "2026-09-01T00:00:00Z",
                "observations": [{"expires": "2027-10-01T00:00:00Z"}],
                "findings": [
                    {"title": "MFA", "target": {"type": "objective-id", "target-id": "ia-2",
                                                "status": {"state": "satisfied"}}},
                    {"title": "Logs", "target": {"type": "objective-id", "target-id": "au-6",
                                                 "status": {"state": "not-satisfied"}}},
                ],
            }
        ],
    }
}  # fmt: skip

CAIQ = (
    "Consensus Assessments Initiative Questionnaire,,\n"
    "Question ID,Question,CSP CAIQ Answer,Comments\n"
    'IAM-14.1,"Is strong authentication used?",Yes,"MFA, for all"\n'
    "A&A-01.1,Are policies reviewed?,no,\n"
    "LOG-01.1,Are logs kept?,,\n"
)
CERTIFICATE = (
    '[certificate]\nstandard = "ISO/IEC 27001:2022"\nissuer = "Certifier Ltd"\nnumber = "IS 1"\n'
    'scope = "Labelling"\nissued = 2025-06-01\nexpires = 2028-05-31\n'
)
