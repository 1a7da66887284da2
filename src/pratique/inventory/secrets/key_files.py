"""Files that are one key or one token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import NotUnderstoodError

_PRIVATE: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-"
)
_MAX_TOKEN: Final = 8192


def _has_key(data: bytes) -> bool:
    return _PRIVATE.search(data) is not None


def _identity(kind: str, path: str, data: bytes, fingerprints: Fingerprints) -> Identity:
    # Line ends differ between copies of one key.
    plain = b"\n".join(line.strip() for line in data.strip().splitlines())
    return Identity(
        kind=kind, name=path, locator=path, fingerprint=fingerprints.of(plain), local=True
    )


def ssh(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A private key among the files of `.ssh`; public keys, hosts and settings are none."""
    if _has_key(data):
        yield _identity("ssh-key", path, data, fingerprints)


def ssh_host(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """The key by which a machine shows that it is itself."""
    yield _identity("ssh-host-key", path, data, fingerprints)


def private_key(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A private key in PEM; certificates alone are none."""
    if _has_key(data):
        yield _identity("key-file", path, data, fingerprints)


def whole_token(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A file whose whole content is a token."""
    if len(data) > _MAX_TOKEN:
        raise NotUnderstoodError("it is too long to be a token")
    yield Identity(
        kind="vault-token",
        name=path,
        locator=path,
        fingerprint=fingerprints.of(data.strip()),
        local=True,
    )
