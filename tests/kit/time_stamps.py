"""A time stamp authority for tests: certificates, and stamps made by OpenSSL."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
CONFIG = """[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
ess_cert_id_chain = no
"""


class Authority:
    """A root and a certificate that may stamp, in a folder."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            if os.environ.get("PRATIQUE_TEST_REQUIRE_ALL") == "1":
                pytest.fail("openssl is needed")
            pytest.skip("needs openssl")
        self.folder = folder
        folder.mkdir()
        root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        root = self._certificate("Test root", root_key, root_key, "Test root", ca=True)
        leaf = self._certificate("Test authority", key, root_key, "Test root", ca=False)
        self.root = root.public_bytes(serialization.Encoding.PEM)
        self.leaf = leaf.public_bytes(serialization.Encoding.PEM)
        (folder / "root.pem").write_bytes(self.root)
        (folder / "tsa.pem").write_bytes(self.leaf)
        (folder / "tsa.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / "serial").write_text("01\n")
        (folder / "openssl.cnf").write_text(CONFIG)

    @staticmethod
    def _certificate(
        name: str, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey, issuer: str, *, ca: bool
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(END)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(signer, hashes.SHA256())

    def stamp(self, message: bytes) -> bytes:
        """A response over a message, with the signer's certificate in it."""
        (self.folder / "message").write_bytes(message)
        self._run("-query", "-data", "message", "-sha256", "-cert", "-out", "query.tsq")
        return self.answer((self.folder / "query.tsq").read_bytes())

    def answer(self, query: bytes, *extra: str) -> bytes:
        """A response to a request."""
        (self.folder / "query.tsq").write_bytes(query)
        self._run(
            "-reply", "-config", "openssl.cnf", "-section", "one", "-queryfile", "query.tsq",
            "-out", "reply.tsr", *extra,
        )  # fmt: skip
        return (self.folder / "reply.tsr").read_bytes()

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", "ts", *arguments], cwd=self.folder, check=True, capture_output=True,
            timeout=30,
        )  # fmt: skip
