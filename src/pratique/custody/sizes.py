"""Sizes as people read and write them."""

from __future__ import annotations

import re
from typing import Final

from pratique.errors import InputError

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_POWERS: Final = {
    "": 1, "b": 1, "bytes": 1,
    "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3,
    "t": 1000**4, "tb": 1000**4,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,6}))? ?([A-Za-z]{0,5})")
_MOST: Final = 1 << 53
"""Numbers beyond it are not exact in JSON."""


def human_bytes(count: int) -> str:
    """`0 bytes`, `64.0 KiB`, `1.5 GiB`; rounded down, so that nobody is promised too much."""
    unit = min((max(count, 1).bit_length() - 1) // 10, len(_UNITS) - 1)
    if unit == 0:
        return f"{count} bytes"
    tenths = count * 10 >> 10 * unit
    return f"{tenths // 10}.{tenths % 10} {_UNITS[unit]}"


def parse_bytes(text: str) -> int:
    """Read `500`, `64KiB`, `2 GiB`, `1.5TB` (KiB is 1,024, KB is 1,000).

    Raises: InputError.
    """
    match = _SIZE.fullmatch(text.strip())
    power = _POWERS.get(match[3].lower()) if match else None
    if match is None or power is None:
        raise InputError(f"not a size: {text[:40]!r}", expected="such as 500MiB, 2GiB or 1.5TB")
    fraction = match[2] or ""
    size = int(match[1] + fraction) * power // int("1" + "0" * len(fraction))
    if size > _MOST:
        raise InputError(f"too large: {text[:40]!r}", expected="at most 8192TiB")
    return size
