"""Ids that are drawn: long enough that nobody guesses one, short enough to be read out."""

from __future__ import annotations

import secrets
from typing import Final

from pratique.custody.model import HoldId, LeaseId

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LEASE_LETTERS: Final = 17
_HOLD_LETTERS: Final = 12


def draw_lease_id() -> LeaseId:
    """`PQL` and 17 letters or digits: an access key id, as S3 clients expect them."""
    return LeaseId(f"PQL{_drawn(_LEASE_LETTERS)}")


def draw_hold_id() -> HoldId:
    """`S-` and 12 letters or digits: a suspension of a party."""
    return HoldId(f"S-{_drawn(_HOLD_LETTERS)}")


def _drawn(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
