"""Digests of file contents."""

from __future__ import annotations

import re
from typing import NewType

from pratique.errors import ValueFormatError

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits; the identity of a file."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def parse_sha256(text: str) -> Sha256:
    """Read a SHA-256 digest written in hexadecimal, in either case.

    Raises: ValueFormatError when it is not 64 hexadecimal digits.
    Source: FIPS 180-4; PEP 691 "hashes".
    """
    lowered = text.strip().lower()
    if _SHA256.fullmatch(lowered) is None:
        raise ValueFormatError(
            f"not a SHA-256 digest: {text[:80]!r}", expected="64 hexadecimal digits"
        )
    return Sha256(lowered)
