"""Names of items, made plain as their purl types want them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from pratique.inventory.observed.model import Item

MAX_TEXT: Final = 300
"""Longest name, version or path that enters a sighting; what is longer is cut or refused."""
MAX_NOTE: Final = 600

_DIGEST_LENGTHS: Final = {"sha256": 64, "sha512": 128, "sha384": 96, "sha1": 40, "md5": 32}
"""Algorithms in the order in which they are preferred, and how many digits each has."""
_RANKS: Final = {name: rank for rank, name in enumerate(_DIGEST_LENGTHS)}
_SPELLINGS: Final = {
    "SHA-256": "sha256",
    "SHA256": "sha256",
    "SHA-512": "sha512",
    "sha256": "sha256",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEX = re.compile(r"[0-9a-f]+")


def plain(text: str, most: int = MAX_TEXT) -> str:
    """A text without control characters and lone surrogates, cut where it gets long."""
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    cleaned = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[: most + 1])
    return cleaned if len(cleaned) <= most else cleaned[: most - 1] + "…"


def pypi_item(name: str, version: str, *, digest: str = "", filename: str = "") -> Item:
    """A Python release; its name normalized (PEP 503), its version as written."""
    return Item(
        type="pypi",
        name=canonicalize_name(plain(name)),
        version=plain(version),
        digest=digest,
        filename=plain(filename),
    )


def npm_item(name: str, version: str, *, digest: str = "", filename: str = "") -> Item:
    """A release on npm. Old names have capitals; purl, and what asks for names, writes them small."""
    return Item(
        type="npm",
        name=plain(name).lower(),
        version=plain(version),
        digest=digest,
        filename=plain(filename),
    )


def best_digest(hashes: Mapping[str, object]) -> str:
    """The strongest well-formed hash as `ALGORITHM:HEX`; empty when there is none."""
    digests = (read_digest(algorithm, digits) for algorithm, digits in hashes.items())
    return min((one for one in digests if one), key=_rank, default="")


def _rank(digest: str) -> int:
    return _RANKS[digest.partition(":")[0]]


def read_digest(algorithm: str, digits: object) -> str:
    """`ALGORITHM:HEX` when the digits are as many as the algorithm has, else empty."""
    name = _SPELLINGS.get(algorithm) or algorithm.lower().replace("-", "")
    if not isinstance(digits, str) or len(digits) != _DIGEST_LENGTHS.get(name):
        return ""
    lowered = digits.lower()
    return f"{name}:{lowered}" if _HEX.fullmatch(lowered) else ""


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment, any of which may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a malformed URL)"
    host = parts.netloc.rpartition("@")[2]
    return plain(urlunsplit((parts.scheme, host, parts.path, "", "")))


def last_segment(url: str) -> str:
    """The file name at the end of a URL's path."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return plain(path.rpartition("/")[2])


def join_notes(notes: list[str]) -> str:
    """Sentences as one note."""
    return plain("; ".join(note for note in notes if note), MAX_NOTE)
