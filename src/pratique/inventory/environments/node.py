"""Installed npm packages: `package.json` of each, and npm's own list of them.

Source: npm documentation, "package.json"; "package-lock.json", section "Hidden Lockfiles".
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import npm_item, read_digest
from pratique.inventory.observed.model import Sighting, Stage

MAX_PACKAGE_BYTES: Final = 4 << 20
MAX_HIDDEN_LOCK_BYTES: Final = 256 << 20
HIDDEN_LOCK: Final = ".package-lock.json"


class NodePackage(msgspec.Struct, frozen=True, gc=False):
    """Name and version as `package.json` says."""

    name: str
    version: str


class Locked(msgspec.Struct, frozen=True, gc=False):
    """What the hidden lock says of one folder."""

    name: str
    version: str
    digest: str


class _Package(msgspec.Struct, gc=False):
    name: Any = None
    version: Any = None


class _LockedPackage(msgspec.Struct, gc=False):
    name: Any = None
    version: Any = None
    integrity: Any = None
    link: Any = None


class _HiddenLock(msgspec.Struct):
    packages: dict[str, _LockedPackage] = {}


_PACKAGE = msgspec.json.Decoder(_Package)
_HIDDEN = msgspec.json.Decoder(_HiddenLock)


def parse_package_json(data: bytes) -> NodePackage | None:
    """Name and version; None when it is no JSON object or names nothing."""
    try:
        read = _PACKAGE.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(read.name, str) or not read.name:
        return None
    return NodePackage(read.name, read.version if isinstance(read.version, str) else "")


def parse_hidden_lock(data: bytes) -> dict[str, Locked] | None:
    """Packages by their folder (`node_modules/a/node_modules/b`); None when it is no such list."""
    try:
        read = _HIDDEN.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    found: dict[str, Locked] = {}
    for folder, package in read.packages.items():
        if package.link or not isinstance(package.version, str):
            continue
        named = package.name if isinstance(package.name, str) else ""
        name = named or folder.rpartition("node_modules/")[2]
        found[folder] = Locked(name, package.version, read_integrity(package.integrity))
    return found


def read_integrity(text: object) -> str:
    """`ALGORITHM:HEX` of a subresource integrity such as `sha512-…`; the strongest of several."""
    if not isinstance(text, str):
        return ""
    best = ""
    for part in text.split()[:8]:
        algorithm, dash, told = part.partition("-")
        try:
            digits = base64.b64decode(told.partition("?")[0], validate=True).hex() if dash else ""
        except (binascii.Error, ValueError):
            continue
        digest = read_digest(algorithm, digits)
        if digest and (not best or algorithm > best.partition(":")[0]):
            best = digest
    return best


def installed_sighting(
    package: NodePackage, *, at: str, locked: Locked | None, since: tuple[str, str]
) -> Sighting:
    """A package in `node_modules`. The lock's digest counts only for the release it names."""
    same = locked is not None and (locked.name, locked.version) == (package.name, package.version)
    differs = locked is not None and not same
    return Sighting(
        item=npm_item(
            package.name, package.version, digest=locked.digest if locked and same else ""
        ),
        stage=Stage.INSTALLED,
        since_lo=since[0],
        since_hi=since[1],
        at=at,
        note=f"{HIDDEN_LOCK} says {locked.name} {locked.version}" if locked and differs else "",
    )


def absent_sighting(locked: Locked, *, at: str) -> Sighting:
    """A package that npm wrote down as installed and whose folder is gone: some remove themselves."""
    return Sighting(
        item=npm_item(locked.name, locked.version, digest=locked.digest),
        stage=Stage.INSTALLED,
        at=at,
        note=f"{HIDDEN_LOCK} lists it; it is not there any more",
    )
