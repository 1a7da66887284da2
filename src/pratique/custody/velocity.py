"""The rule of velocity: who suddenly discloses far more than ever is stopped, and told so.

An hour counts once something was handed out in it. The rule compares the running hour with the
95th percentile of the hours of seven days: one past peak does not move it, and a slow rise needs
days. A scope with few such hours has no habit yet: then the floor alone holds for a holder, and
nothing for wider scopes, whose caps stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pratique.custody.model import ScopeId
from pratique.custody.scopes import describe_scope
from pratique.custody.sizes import human_bytes
from pratique.values.instants import Instant
from pratique.values.spans import to_micros

MEASURED: Final = ("holder", "project", "vendor")
"""Kinds of scopes that are measured; whichever is too fast, the holder who asks is suspended."""
HISTORY_HOURS: Final = 7 * 24
HABIT_HOURS: Final = 20
"""Hours with disclosure that make a habit; of 20, the 95th percentile leaves the largest out."""
BY_RULE: Final = "velocity"

_HOUR_MICROS: Final = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VelocityRule:
    """How far above its habit a scope may go."""

    factor: float
    """0: the rule is off."""
    floor_bytes: int
    """What an hour may always disclose."""


def hour_of(moment: Instant) -> int:
    """Number of the hour since 1970."""
    return to_micros(moment) // _HOUR_MICROS


def percentile_95(values: Sequence[int]) -> int:
    """Nearest rank; 0 of nothing."""
    if not values:
        return 0
    rank = -(-95 * len(values) // 100)
    return sorted(values)[rank - 1]


def hourly_limit(scope: ScopeId, history: Sequence[int], rule: VelocityRule) -> int | None:
    """Bytes that this hour may disclose; None: as many as caps let.

    Shape: `history` holds past hours with disclosure, of the last `HISTORY_HOURS`, in any order.
    """
    if rule.factor <= 0:
        return None
    if len(history) >= HABIT_HOURS:
        return max(rule.floor_bytes, int(rule.factor * percentile_95(history)))
    return rule.floor_bytes if scope.startswith("holder:") else None


def velocity_reason(scope: ScopeId, *, hour_bytes: int, limit: int) -> str:
    """Why somebody is suspended, as they and their operator read it."""
    return (
        f"suspended by the velocity rule: {describe_scope(scope)} would have disclosed "
        f"{human_bytes(hour_bytes)} this hour, and its limit is {human_bytes(limit)}"
    )


def is_measured(scope: ScopeId) -> bool:
    """Whether the rule looks at this scope."""
    return scope.partition(":")[0] in MEASURED
