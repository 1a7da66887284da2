"""The master key and what is derived from it."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from pratique.custody.errors import KeyBrokenError
from pratique.edge.custody.broker.key_files import KEY_MODE, write_durably

MASTER_FILE = "master.key"
_MARK = b"PQMASTER1"
_KEY_BYTES = 32
SECRET_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """Keys that come from the master key; it is not kept itself."""

    wrapping: bytes = field(repr=False)
    """Wraps clients' keys."""
    certificates: bytes = field(repr=False)
    """Signs terms of leases."""
    secrets: bytes = field(repr=False)
    """Gives leases their secrets."""
    marks: bytes = field(repr=False)
    """Gives datasets their mark keys; they outlive the data, so that leaks found later have a name."""

    def lease_secret(self, lease: str) -> str:
        """The S3 secret of a lease: 40 characters, 240 bits."""
        digest = hmac.digest(
            self.secrets, b"pratique-lease-secret-1\x00" + lease.encode(), "sha256"
        )
        return base64.urlsafe_b64encode(digest[:30]).decode("ascii")

    def signing_key(self, lease: str, *, date: str, region: str, service: str = "s3") -> bytes:
        """`kSigning` of a lease for a day (SigV4), so that its secret stays here."""
        key = b"AWS4" + self.lease_secret(lease).encode("ascii")
        for step in (date, region, service, "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        return key

    def mark_key(self, mark_id: str) -> bytes:
        """The mark key of a dataset."""
        return hmac.digest(self.marks, b"pratique-marks-1\x00" + mark_id.encode(), "sha256")


def load_master(folder: Path, *, may_make: bool) -> Master:
    """Read the master key; make it when there is none and `may_make` (nothing hangs on one yet).

    Raises: KeyBrokenError when it is missing, readable for others, or no master key.
    """
    path = folder / MASTER_FILE
    if not path.exists():
        if not may_make:
            raise KeyBrokenError(
                f"{path} is missing, and keys here were made under it",
                remedy="put it back from its copy; without it nothing here opens any more",
            )
        write_durably(path, _MARK + secrets.token_bytes(_KEY_BYTES))
    if path.stat().st_mode & 0o077:
        raise KeyBrokenError(
            f"{path} can be read by others", remedy=f"chmod {KEY_MODE:o}, and ask who did read it"
        )
    data = _read(path)
    if len(data) != len(_MARK) + _KEY_BYTES or not data.startswith(_MARK):
        raise KeyBrokenError(f"{path} is no master key", remedy="put it back from its copy")
    return _derived(data[len(_MARK) :])


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        return file.read(1024)


def _derived(master: bytes) -> Master:
    def key(purpose: bytes) -> bytes:
        info = b"pratique-broker-1 " + purpose
        return HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(master)

    return Master(
        wrapping=key(b"wrapping"),
        certificates=key(b"certificates"),
        secrets=key(b"secrets"),
        marks=key(b"marks"),
    )
