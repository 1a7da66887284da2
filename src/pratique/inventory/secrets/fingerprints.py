"""Keyed fingerprints: one secret at two places is seen to be one, and nobody can guess it from that.

Keyed, because a plain hash of a short secret can be found by trying, and the ledger is given to
auditors and clients. The key stays in home. Values that could be guessed even so by a thief of the
key (passwords) get no fingerprint at all. Source: docs/explain/reach.md.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import Counter
from typing import Final

MIN_LENGTH: Final = 16
MIN_BITS: Final = 60.0
"""Of entropy as letter counts show it: `correct horse` has 40, an API key 90 or more."""
_DIGITS: Final = 32
_PURPOSE: Final = b"pratique secret fingerprint 1\0"
_PLACEHOLDERS: Final = (
    "${",
    "<",
    "changeme",
    "change-me",
    "example",
    "xxxx",
    "your",
    "todo",
    "****",
)


class Fingerprints:
    """Makes fingerprints with the key of one home; without a key it makes none."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes, or nothing."""
        self._key = key

    def __repr__(self) -> str:
        """Never the key."""
        return f"Fingerprints({'keyed' if self._key else 'none'})"

    def of(self, value: str | bytes) -> str:
        """The fingerprint of a value; empty when there is no key or the value could be guessed."""
        data = value.strip().encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        if not self._key or not is_strong(data):
            return ""
        digest = hmac.new(self._key, _PURPOSE + data, hashlib.sha256).hexdigest()
        return f"hmac-sha256:{digest[:_DIGITS]}"


def is_strong(data: bytes) -> bool:
    """Whether a value is long and mixed enough that nobody finds it by trying."""
    if len(data) < MIN_LENGTH:
        return False
    lowered = data[:200].lower()
    if any(word.encode() in lowered for word in _PLACEHOLDERS):
        return False
    counts = Counter(data[:4096])
    total = sum(counts.values())
    bits = -sum(count * math.log2(count / total) for count in counts.values())
    return bits >= MIN_BITS
