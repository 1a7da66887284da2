"""A Sigstore of our own: a certificate authority, two logs, a trusted root, and bundles they vouch for.

Source: RFC 6962 (SCTs, leaf hashes); C2SP signed notes; Sigstore's client specification, bundle 0.3.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from kit.parties import encoded, pae

SCTS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
IDENTITY = "release@acme.example"
PROVIDER = "https://login.acme.example"
SIGNED_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
LOG = "rekor.example"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(SHA256()))


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(slots=True)
class World:
    """Keys of everybody whom a verifier trusts."""

    ca_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ca: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigstore.example")])
        usage = _usage(signs_certificates=True)
        self.ca = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.ca_key.public_key())
            .serial_number(1)
            .not_valid_before(SIGNED_AT - timedelta(days=100))
            .not_valid_after(SIGNED_AT + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.ca_key.public_key()), False
            )
            .sign(self.ca_key, SHA256())
        )

    def trusted_root(self) -> bytes:
        """What a verifier is given."""
        valid = {"start": (SIGNED_AT - timedelta(days=100)).isoformat().replace("+00:00", "Z")}

        def log(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
            public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                      "validFor": valid}  # fmt: skip
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public,
                    "logId": {"keyId": b64(key_id(key))}}  # fmt: skip

        return encoded(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [log(self.log_key, f"https://{LOG}")],
                "ctlogs": [log(self.ct_key, "https://ct.example")],
                "certificateAuthorities": [
                    {
                        "subject": {"organization": "sigstore.example", "commonName": "sigstore"},
                        "uri": "https://fulcio.example",
                        "certChain": {"certificates": [{"rawBytes": b64(_der(self.ca))}]},
                        "validFor": valid,
                    }
                ],
                "timestampAuthorities": [],
            }
        )

    def bundle(
        self,
        payload: object,
        *,
        identity: str = IDENTITY,
        kind: str = "application/vnd.in-toto+json",
    ) -> dict[str, Any]:
        """A signed statement with everything that proves who signed it, and when."""
        key = new_key()
        certificate = self._certificate(key, identity)
        body = encoded(payload)
        signature = sign(key, pae(kind, body))
        envelope = {
            "payload": b64(body),
            "payloadType": kind,
            "signatures": [{"sig": b64(signature)}],
        }
        pem = certificate.public_bytes(Encoding.PEM)
        logged = canonical(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256",
                                     "value": hashlib.sha256(canonical(envelope)).hexdigest()},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(body).hexdigest()},
                    "signatures": [{"signature": b64(signature), "verifier": b64(pem)}],
                },
            }
        )  # fmt: skip
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(_der(certificate))},
                "tlogEntries": [self._entry(logged)],
            },
            "dsseEnvelope": envelope,
        }

    def _entry(self, body: bytes) -> dict[str, Any]:
        """The only entry of a log."""
        seconds = int(SIGNED_AT.timestamp())
        leaf = hashlib.sha256(b"\0" + body).digest()
        note = f"{LOG} - 1\n1\n{b64(leaf)}\n".encode()
        name = key_id(self.log_key)
        stamp = b64(name[:4] + sign(self.log_key, note))
        promise = canonical({"body": b64(body), "integratedTime": seconds, "logID": name.hex(),
                             "logIndex": 0})  # fmt: skip
        return {
            "logIndex": "0",
            "logId": {"keyId": b64(name)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.log_key, promise))},
            "inclusionProof": {
                "logIndex": "0", "treeSize": "1", "rootHash": b64(leaf), "hashes": [],
                "checkpoint": {"envelope": note.decode() + f"\n\u2014 {LOG} {stamp}\n"},
            },
            "canonicalizedBody": b64(body),
        }  # fmt: skip

    def _certificate(self, key: ec.EllipticCurvePrivateKey, identity: str) -> x509.Certificate:
        """A certificate of ten minutes; the log's receipt is over all of it but itself."""
        serial = x509.random_serial_number()
        draft = self._signed(key, identity, serial, _octets(_listed(b"\0")))
        receipt = self._receipt(draft.tbs_precertificate_bytes)
        return self._signed(key, identity, serial, _octets(_listed(receipt)))

    def _signed(
        self, key: ec.EllipticCurvePrivateKey, identity: str, serial: int, receipts: bytes
    ) -> x509.Certificate:
        provider = PROVIDER.encode()
        issuer = x509.UnrecognizedExtension(ISSUER, bytes([0x0C, len(provider)]) + provider)
        who: x509.GeneralName = x509.RFC822Name(identity)
        if identity.startswith("https://"):
            who = x509.UniformResourceIdentifier(identity)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.ca.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(SIGNED_AT - timedelta(minutes=1))
            .not_valid_after(SIGNED_AT + timedelta(minutes=9))
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(authority, critical=False)
            .add_extension(x509.SubjectAlternativeName([who]), critical=True)
            .add_extension(issuer, critical=False)
            .add_extension(x509.UnrecognizedExtension(SCTS, receipts), critical=False)
            .sign(self.ca_key, SHA256())
        )

    def _receipt(self, tbs: bytes) -> bytes:
        millis = int(SIGNED_AT.timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(spki(self.ca_key)).digest()
        signed = b"\0\0" + millis + b"\0\1" + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = sign(self.ct_key, signed)
        size = len(signature).to_bytes(2, "big")
        return b"\0" + key_id(self.ct_key) + millis + b"\0\0" + b"\4\3" + size + signature


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _listed(receipt: bytes) -> bytes:
    one = len(receipt).to_bytes(2, "big") + receipt
    return len(one).to_bytes(2, "big") + one


def _octets(data: bytes) -> bytes:
    head = bytes([4, len(data)]) if len(data) < 128 else bytes([4, 0x81, len(data)])
    return head + data
