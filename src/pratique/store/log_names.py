"""Names in the folder of a log; apart, because finding a file needs no cryptography."""

from __future__ import annotations

from typing import Final

HEAD_FILE: Final = "head"
KEY_FILE: Final = "key"
VERIFIER_FILE: Final = "verifier-key"
SEGMENTS: Final = "segments"
SUFFIX: Final = ".seg"
DIGITS: Final = 19


def segment_name(first: int) -> str:
    """File name of the segment whose first entry is `first`."""
    return f"{first:0{DIGITS}d}{SUFFIX}"


def segment_place(first: int) -> str:
    """Where it lies, and how a damage names it."""
    return f"{SEGMENTS}/{segment_name(first)}"
