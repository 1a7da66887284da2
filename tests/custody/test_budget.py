"""Arithmetic of budgets: what a slab holds, what a rate allows, what could still leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.custody_samples import GIB, MIB, SEGMENT, T0, sample_lease
from pratique.custody.budget import (
    SLAB_BYTES,
    Amount,
    in_hand,
    slab_bytes,
    slab_objects,
    take,
    tokens_at,
)
from pratique.custody.model import Lease, Refusal, Scope, ScopeId, ScopeState, Stop
from pratique.custody.worst_case import worst_case


def _scope(
    name: str,
    *,
    cap: int | None = None,
    used: int = 0,
    objects: int | None = None,
    used_objects: int = 0,
    state: ScopeState = ScopeState.LIVE,
) -> Scope:
    return Scope(
        id=ScopeId(name),
        state=state,
        reason="",
        incident="",
        cap_bytes=cap,
        cap_objects=objects,
        reserved_bytes=used,
        reserved_objects=used_objects,
        changed_epoch=1,
    )


@pytest.mark.parametrize(
    ("need", "rest", "rate", "slab"),
    [
        (SEGMENT, 100 * GIB, 0, SLAB_BYTES),
        (SEGMENT, 16 * MIB, 0, MIB),
        (SEGMENT, 17 * SEGMENT, 0, SEGMENT),
        (SEGMENT, 0, 0, SEGMENT),
        (SEGMENT, 100 * GIB, 10 * SEGMENT + 5, 10 * SEGMENT),
        (SEGMENT, 100 * GIB, 1, SEGMENT),
        (100 * MIB, 100 * GIB, 0, 100 * MIB),
    ],
)
def test_a_slab_is_64_mib_and_smaller_where_little_is_left(
    need: int, rest: int, rate: int, slab: int
) -> None:
    assert slab_bytes(need=need, rest=rest, rate=rate) == slab


def test_a_slab_brings_objects_so_that_small_ones_cost_no_commit_each() -> None:
    assert slab_objects(need=1, rest=1_000_000) == 256
    assert slab_objects(need=1, rest=160) == 10
    assert slab_objects(need=1, rest=3) == 1
    assert slab_objects(need=500, rest=1_000_000) == 500


_RESTS = st.none() | st.integers(0, 5000)


@given(
    caps=st.lists(
        st.tuples(_RESTS, st.integers(0, 6000), _RESTS, st.integers(0, 6000)),
        min_size=1,
        max_size=6,
    ),
    need=st.integers(0, 2000),
    objects=st.integers(0, 2000),
    want=st.integers(0, 9000),
    tokens=st.none() | st.integers(0, 4000),
)
def test_what_is_taken_fits_every_cap_and_what_is_refused_does_not(
    caps: list[tuple[int | None, int, int | None, int]],
    need: int,
    objects: int,
    want: int,
    tokens: int | None,
) -> None:
    scopes = [
        _scope(f"vendor:v{at}", cap=cap, used=used, objects=most, used_objects=gone)
        for at, (cap, used, most, gone) in enumerate(caps)
    ]
    wanted = max(need, want)
    answer = take(
        scopes, need=Amount(bytes=need, objects=objects), want_bytes=wanted, tokens=tokens, rate=100
    )

    def fits(size: int, count: int) -> bool:
        # A scope whose cap was lowered below what is given has nothing left; nothing of nothing fits.
        return all(
            (cap is None or size == 0 or used + size <= cap)
            and (most is None or count == 0 or gone + count <= most)
            for cap, used, most, gone in caps
        )

    if isinstance(answer, Refusal):
        assert not fits(need, objects) or (tokens is not None and tokens < need)
        assert answer.stop is (Stop.BUDGET if not fits(need, objects) else Stop.RATE)
    else:
        assert need <= answer.bytes <= wanted
        assert answer.objects >= objects
        assert fits(answer.bytes, answer.objects)
        assert tokens is None or answer.bytes <= tokens


@pytest.mark.parametrize("more", [{"bytes": 1}, {"objects": 1}])
def test_the_last_byte_is_given_and_one_more_is_not(more: dict[str, int]) -> None:
    scope = _scope("vendor:v", cap=100, used=30, objects=9, used_objects=4)
    last = {"bytes": 70, "objects": 5}
    given_all = take([scope], need=Amount(**last), want_bytes=70, tokens=None, rate=0)
    assert given_all == Amount(**last)
    over = Amount(**{name: count + more.get(name, 0) for name, count in last.items()})
    refused = take([scope], need=over, want_bytes=71, tokens=None, rate=0)
    assert isinstance(refused, Refusal)
    assert refused.stop is Stop.BUDGET


def test_a_clock_that_goes_back_and_forth_brings_nothing() -> None:
    kept, at = 0, 10_000_000
    for now in (9_000_000, 10_000_000) * 5:
        bucket = tokens_at(kept=kept, kept_at=at, now=now, rate=100, need=1)
        assert bucket == (0, 10_000_000)
        kept, at = bucket
    assert tokens_at(kept=0, kept_at=at, now=10_500_000, rate=100, need=1) == (50, 10_500_000)


@given(
    rate=st.integers(1, 10_000),
    steps=st.lists(
        st.tuples(st.integers(-3_000_000, 5_000_000), st.integers(1, 5_000)),
        min_size=1,
        max_size=30,
    ),
)
def test_a_rate_holds_over_any_clocks(rate: int, steps: list[tuple[int, int]]) -> None:
    """Together never more than the rate over the time that any clock showed, and one bucket."""
    kept, kept_at, now, given_bytes, largest = None, 0, 10**12, 0, rate
    shown = [now]
    for step, need in steps:
        now = max(0, now + step)
        bucket = tokens_at(kept=kept, kept_at=kept_at, now=now, rate=rate, need=need)
        assert bucket is not None
        tokens, at = bucket
        if tokens < need:
            continue
        shown.append(now)
        largest = max(largest, need)
        kept, kept_at = tokens - need, at
        given_bytes += need
    assert given_bytes <= largest + rate * (max(shown) - 10**12) / 1_000_000 + rate * (
        max(0, 10**12 - min(shown)) / 1_000_000
    )
    assert tokens_at(kept=5, kept_at=0, now=9, rate=0, need=1) is None


# ── the worst case ───────────────────────────────────────────────────────────────────────────


def _leases(*numbers: int, budget: int = GIB) -> list[Lease]:
    return [sample_lease(number, budget_bytes=budget) for number in numbers]


def _own(lease: Lease, *, used: int = 0, state: ScopeState = ScopeState.LIVE) -> Scope:
    return _scope(lease.scopes[0], cap=lease.budget_bytes, used=used, state=state)


def test_the_worst_case_is_what_is_left_under_nested_caps() -> None:
    one, two, other = [*_leases(1, 2), sample_lease(3, project="video", budget_bytes=5 * GIB)]
    scopes = [_own(one, used=GIB // 2), _own(two), _own(other)]
    leases = [one, two, other]
    assert worst_case(scopes, leases) == 6 * GIB + GIB // 2
    project = _scope("project:acme/coding", cap=2 * GIB, used=GIB)
    assert worst_case([*scopes, project], leases) == 6 * GIB
    vendor = _scope("vendor:acme", cap=3 * GIB)
    assert worst_case([*scopes, project, vendor], leases) == 3 * GIB
    client = _scope("client:meta", cap=8 * GIB, used=7 * GIB)
    assert worst_case([*scopes, project, vendor, client], leases) == GIB
    stopped = replace(vendor, state=ScopeState.SUSPENDED)
    assert worst_case([*scopes, stopped], leases) == 0
    ended = _own(other, state=ScopeState.ENDED)
    assert worst_case([_own(one), _own(two), ended], leases) == 2 * GIB
    assert worst_case([], []) == 0


@pytest.mark.slow
@given(data=st.data())
def test_no_story_discloses_more_than_the_worst_case(data: st.DataObject) -> None:
    """Whatever order leases are drained in, under all caps, the printed number is a bound."""
    leases = [
        sample_lease(
            at,
            vendor=f"v{data.draw(st.integers(0, 1))}",
            project=f"p{data.draw(st.integers(0, 1))}",
            holder=f"h{data.draw(st.integers(0, 2))}",
            client=f"c{data.draw(st.integers(0, 1))}",
            budget_bytes=data.draw(st.integers(0, 50)),
        )
        for at in range(data.draw(st.integers(1, 5)))
    ]
    names = sorted({name for lease in leases for name in lease.scopes[1:]})
    scopes = {lease.scopes[0]: _own(lease) for lease in leases}
    for name in names:
        cap = data.draw(st.none() | st.integers(0, 80))
        used = data.draw(st.integers(0, 20))
        state = data.draw(st.sampled_from([*[ScopeState.LIVE] * 4, ScopeState.SUSPENDED]))
        scopes[name] = _scope(name, cap=cap, used=used, state=state)
    bound = worst_case(scopes.values(), leases)
    drained = 0
    for lease in data.draw(st.permutations(leases)):
        chain = [scopes[name] for name in lease.scopes]
        rest = [s.cap_bytes - s.reserved_bytes for s in chain if s.cap_bytes is not None]
        take_now = max(0, min(rest)) if all(s.state is ScopeState.LIVE for s in chain) else 0
        drained += take_now
        for one in chain:
            scopes[one.id] = replace(one, reserved_bytes=one.reserved_bytes + take_now)
    assert drained <= bound
    assert bound <= sum(lease.budget_bytes for lease in leases)


def test_what_doors_hold_below_a_stopped_scope_leaves_no_more() -> None:
    one, two = sample_lease(1), sample_lease(2, vendor="globex")
    held = {one.id: MIB, two.id: 2 * MIB}
    living = [_scope(scope) for lease in (one, two) for scope in lease.scopes]
    assert in_hand(held, living, [one, two]) == 3 * MIB
    assert in_hand(held, living, [two]) == 2 * MIB
    ended = _scope(f"lease:{one.id}", state=ScopeState.ENDED)
    assert in_hand(held, [*living, ended], [one, two]) == 2 * MIB
    vendor = _scope("vendor:globex", state=ScopeState.SUSPENDED)
    assert in_hand(held, [*living, vendor], [one, two]) == MIB


def test_more_budget_never_makes_the_worst_case_smaller() -> None:
    worst = [
        worst_case([_scope("vendor:acme", cap=4 * GIB)], _leases(1, 2, budget=size * GIB))
        for size in range(1, 6)
    ]
    assert all(one <= two for one, two in pairwise(worst))
    assert worst[-1] == 4 * GIB


def test_a_lease_without_a_stored_scope_counts_whole() -> None:
    lease = sample_lease(not_after=T0 + timedelta(hours=1))
    assert worst_case([], [lease]) == lease.budget_bytes
