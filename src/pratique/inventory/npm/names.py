"""Names, descriptors and integrity values, as the npm tools write them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from pratique.inventory.addresses import redact
from pratique.inventory.listings.model import Listed
from pratique.inventory.observed.model import Item

ANY_VERSION = "*"
_NAME = re.compile(r"(?:@[^@/\s]+/)?[^@/\s]+")
_STRENGTH = ("sha512", "sha384", "sha256", "sha1")
_BYTES = {"sha512": 64, "sha384": 48, "sha256": 32, "sha1": 20}
_COMMIT = re.compile(r"[#/=]([0-9a-f]{40})$")
_MAX_NAME = 256
_MAX_NOTE = 300


def npm_name(text: str) -> str:
    """A package's name as purl spells it, in lower case; empty when it is none."""
    if len(text) > _MAX_NAME or _NAME.fullmatch(text) is None:
        return ""
    return text.lower()


def split_descriptor(text: str) -> tuple[str, str]:
    """`@scope/name@range` as name and range; the range is empty when there is none."""
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def digest_of(integrity: str) -> str:
    """The strongest hash of a Subresource Integrity value as `ALGORITHM:HEX`; empty when none is.

    Source: W3C Subresource Integrity; ssri, which npm uses.
    """
    found: dict[str, str] = {}
    for word in integrity.split():
        algorithm, _, encoded = word.partition("-")
        if algorithm not in _BYTES:
            continue
        try:
            raw = base64.b64decode(encoded.partition("?")[0], validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) == _BYTES[algorithm]:
            found.setdefault(algorithm, raw.hex())
    return next((f"{name}:{found[name]}" for name in _STRENGTH if name in found), "")


def commit_of(address: str) -> str:
    """`sha1:COMMIT` when an address of a repository ends with a full commit; else empty."""
    found = _COMMIT.search(address)
    return f"sha1:{found.group(1)}" if found else ""


def from_elsewhere(address: str) -> str:
    """What a person should know of an address that is no registry's; empty for those."""
    if address.startswith(("git+", "git:", "git@", "github:", "gitlab:", "bitbucket:", "ssh:")):
        return f"from a repository: {redact(address)}"[:_MAX_NOTE]
    if address.startswith("file:"):
        return f"from a file: {address}"[:_MAX_NOTE]
    return ""


def entry(
    *,
    name: str,
    version: str,
    digest: str = "",
    names: Iterable[str],
    requires: Iterable[str] = (),
    note: str = "",
) -> Listed | None:
    """A release; None when it has no readable name."""
    spelled = npm_name(name)
    if not spelled:
        return None
    return Listed(
        item=Item(type="npm", name=spelled, version=version, digest=digest),
        names=tuple(names),
        requires=tuple(requires),
        range="" if version else ANY_VERSION,
        note=note,
    )
