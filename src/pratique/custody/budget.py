"""Arithmetic of budgets: how much a process takes at once, and what may still leave.

Budgets count distinct segments. A process takes a *slab* durably before it discloses anything; what
it holds when it dies is forfeited, so every error is against the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.custody.model import (
    SEGMENT_BYTES,
    Lease,
    LeaseId,
    Refusal,
    Scope,
    ScopeId,
    ScopeState,
    Stop,
)
from pratique.custody.scopes import describe_scope
from pratique.custody.sizes import human_bytes

SLAB_BYTES: Final = 64 * 1024 * 1024
SLAB_OBJECTS: Final = 256
_SHARE: Final = 16
"""At most one sixteenth of what is left goes into one slab, so that a crash costs little."""


def slab_bytes(*, need: int, rest: int, rate: int) -> int:
    """How much to ask for when `need` bytes are needed now.

    64 MiB; less when little is left of the budget, or when the rate allows less in a second. Whole
    segments, and never less than needed. `take` says so again for what is left of every scope.
    """
    want = min(SLAB_BYTES, rest // _SHARE)
    if rate:
        want = min(want, rate)
    return max(need, want // SEGMENT_BYTES * SEGMENT_BYTES)


def slab_objects(*, need: int, rest: int) -> int:
    """How many objects a slab comes with when `need` are needed now; never more than the rest."""
    return max(need, min(SLAB_OBJECTS, rest // _SHARE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a slab is made of."""

    bytes: int
    objects: int


def take(
    scopes: Sequence[Scope], *, need: Amount, want_bytes: int, tokens: int | None, rate: int
) -> Amount | Refusal:
    """What can be given out of these scopes, narrowest first, or which of them has too little.

    `tokens`: what the rate allows now; None when there is none.
    """
    for scope in scopes:
        refusal = _too_little(scope, need)
        if refusal is not None:
            return refusal
    if tokens is not None and tokens < need.bytes:
        return _too_fast(scopes[0].id, rate=rate, missing=need.bytes - tokens)
    left_bytes = [
        r // _SHARE // SEGMENT_BYTES * SEGMENT_BYTES
        for scope in scopes
        if (r := rest_bytes(scope)) is not None
    ]
    left_objects = [r for scope in scopes if (r := rest_objects(scope)) is not None]
    if tokens is not None:
        left_bytes.append(tokens)
    most = min(left_objects, default=SLAB_OBJECTS * _SHARE)
    return Amount(
        bytes=max(need.bytes, min([want_bytes, *left_bytes])),
        objects=slab_objects(need=need.objects, rest=most) if need.objects else 0,
    )


def tokens_at(
    *, kept: int | None, kept_at: int, now: int, rate: int, need: int
) -> tuple[int, int] | None:
    """Bytes that a rate allows now, and the instant that stands for; None without a rate.

    Units: instants are microseconds. `kept` None: nothing was ever taken. A bucket holds one second
    of the rate, or what one request needs where that is more. A clock that lies behind the last one
    adds nothing, so that clocks that differ give at most one bucket.
    """
    if not rate:
        return None
    most = max(rate, need)
    if kept is None:
        return most, now
    passed = max(0, now - kept_at)
    return min(most, kept + passed * rate // 1_000_000), max(now, kept_at)


def rest_bytes(scope: Scope) -> int | None:
    """Bytes that a scope still has; None without a cap."""
    return None if scope.cap_bytes is None else max(0, scope.cap_bytes - scope.reserved_bytes)


def rest_objects(scope: Scope) -> int | None:
    """Objects that a scope still has; None without a cap."""
    if scope.cap_objects is None:
        return None
    return max(0, scope.cap_objects - scope.reserved_objects)


def in_hand(held: Mapping[LeaseId, int], scopes: Iterable[Scope], leases: Iterable[Lease]) -> int:
    """Bytes that doors hold for these leases and may still let out, besides the worst case.

    What is held below a scope that is stopped is lost: doors cut it.
    """
    stopped = {scope.id for scope in scopes if scope.state is not ScopeState.LIVE}
    return sum(held.get(one.id, 0) for one in leases if stopped.isdisjoint(one.scopes))


def _too_little(scope: Scope, need: Amount) -> Refusal | None:
    has_bytes, has_objects = rest_bytes(scope), rest_objects(scope)
    if has_bytes is not None and has_bytes < need.bytes:
        have = f"{human_bytes(has_bytes)} left of {human_bytes(scope.cap_bytes or 0)}"
        wanted = f"{human_bytes(need.bytes)} are needed"
    elif has_objects is not None and has_objects < need.objects:
        have = f"{has_objects:,} objects left of {scope.cap_objects or 0:,}"
        wanted = f"{need.objects:,} {'is' if need.objects == 1 else 'are'} needed"
    else:
        return None
    return Refusal(
        stop=Stop.BUDGET,
        sentence=f"budget used up: {describe_scope(scope.id)} has {have}, and {wanted}",
        scope=scope.id,
    )


def _too_fast(scope: ScopeId, *, rate: int, missing: int) -> Refusal:
    seconds = missing / rate
    return Refusal(
        stop=Stop.RATE,
        sentence=(
            f"too fast: {describe_scope(scope)} may disclose {human_bytes(rate)} a second; "
            f"try again in {max(seconds, 0.1):.1f} s"
        ),
        scope=scope,
        retry_seconds=seconds,
    )
