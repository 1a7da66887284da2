"""Holds that tests begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kit.custody_samples import T0
from pratique.custody.model import Hold, HoldId, HoldKind

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def hold_id(number: int = 0) -> HoldId:
    """A well-formed id, one per number."""
    return HoldId("S-" + "A" * 10 + _DIGITS[number // 32] + _DIGITS[number % 32])


def a_hold(number: int = 0, **changes: Any) -> Hold:
    """A hold on everything of acme; `changes` replace fields."""
    hold = Hold(
        id=hold_id(number),
        party="vendor acme",
        vendors=frozenset({"acme", "annotators-inc"}),
        client="",
        project="",
        dataset="",
        kind=HoldKind.ANY,
        reason="stolen laptop",
        incident="INC-42",
        since=T0,
        lifted=False,
        changed_epoch=1,
    )
    return replace(hold, **changes)
