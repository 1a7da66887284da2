"""What a lease may store: the budget's other side.

A lease that may write stores at most as many bytes and objects, in all and for ever, as its budget
has: counted apart from what it discloses, and overwritten or deleted objects count like others.
A budget of nothing (leases that only write were granted without one) means the installation's own limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.custody.budget import Amount
from pratique.custody.model import Lease, Refusal, ScopeId, Stop
from pratique.custody.scopes import describe_scope
from pratique.custody.sizes import human_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimit:
    """What holds where a budget says nothing."""

    bytes: int
    objects: int


def write_scopes(lease: Lease) -> tuple[ScopeId, ...]:
    """Where writes are counted, in the order of locking: who logs in again has no new budget."""
    return lease.scopes[:2]


def write_refusal(
    scope: ScopeId,
    *,
    used: Amount,
    need: Amount,
    caps: tuple[int | None, int | None],
    limit: WriteLimit,
) -> Refusal | None:
    """Why a scope stores no more, or None. A holder without a cap is bounded by its leases."""
    own = scope.startswith("lease:")
    most_bytes = caps[0] or (limit.bytes if own or caps[0] == 0 else None)
    most_objects = caps[1] or (limit.objects if own or caps[1] == 0 else None)
    if most_bytes is not None and used.bytes + need.bytes > most_bytes:
        have = f"{human_bytes(used.bytes)} of {human_bytes(most_bytes)}"
        more = human_bytes(need.bytes)
    elif most_objects is not None and used.objects + need.objects > most_objects:
        have, more = f"{used.objects:,} of {most_objects:,} objects", "one object"
    else:
        return None
    return Refusal(
        stop=Stop.BUDGET,
        sentence=f"write budget used up: {describe_scope(scope)} has stored {have}, and this is {more} more",
        scope=scope,
    )
