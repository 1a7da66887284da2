"""Budgets in a serving process, over the real store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.custody import NOON, a_dataset, a_lease, an_object
from pratique.custody.model import SEGMENT_BYTES, Lease, Refusal, ScopeId, ScopeState, Stop
from pratique.custody.scopes import lease_scope
from pratique.doors.s3 import metering
from pratique.doors.s3.metering import Meter, Meters
from pratique.errors import UnavailableError
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture
def state(tmp_path: Path) -> Iterator[CustodyStore]:
    opened = open_custody(Settings(home=tmp_path))
    opened.add_dataset(a_dataset())
    yield opened
    opened.close()


def grant(state: CustodyStore, lease: Lease) -> Lease:
    state.add_lease(lease)
    return lease


def reserved(state: CustodyStore, lease: Lease) -> int:
    scope = state.scope(lease_scope(lease.id))
    assert scope is not None
    return scope.reserved_bytes


async def test_bytes_are_paid_for_once(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_bytes=4 * SEGMENT_BYTES))
    meters = Meters(state, clock=lambda: NOON)
    meter, stored = meters.of(lease), an_object()
    for _ in range(3):
        assert await meter.charge(stored, 0, 2 * SEGMENT_BYTES, patience=0) is None
    await meters.close()
    assert reserved(state, lease) == 2 * SEGMENT_BYTES, "what was not used went back"
    again = Meters(state, clock=lambda: NOON)
    assert await again.of(lease).charge(stored, 0, 2 * SEGMENT_BYTES, patience=0) is None
    await again.close()
    assert reserved(state, lease) == 2 * SEGMENT_BYTES, "another process knows what was paid for"


async def test_what_the_store_did_not_take_is_told_again(
    state: CustodyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = grant(state, a_lease(budget_bytes=4 * SEGMENT_BYTES))
    meter, stored = Meters(state, clock=lambda: NOON).of(lease), an_object()
    assert await meter.charge(stored, 0, SEGMENT_BYTES, patience=0) is None
    with monkeypatch.context() as away:
        away.setattr(state, "add_coverage", lost)
        with pytest.raises(UnavailableError):
            await meter.flush()
    assert state.coverage(lease.id, [stored.id]) == {}
    await meter.flush()
    assert state.coverage(lease.id, [stored.id])[stored.id][0] == 1


def lost(*_: object) -> None:
    raise UnavailableError("the database does not answer")


async def test_640_readers_at_once_get_what_the_budget_has(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_bytes=100 * SEGMENT_BYTES))
    meters = Meters(state, clock=lambda: NOON)
    stored = an_object(size=640 * SEGMENT_BYTES)
    answers = await asyncio.gather(
        *(
            meters.of(lease).charge(stored, n * SEGMENT_BYTES, n * SEGMENT_BYTES + 1, patience=0)
            for n in range(640)
        )
    )
    assert sum(answer is None for answer in answers) == 100
    refused = [answer for answer in answers if answer is not None]
    assert {answer.stop for answer in refused} == {Stop.BUDGET}
    assert "lease" in refused[0].sentence
    await meters.close()
    assert reserved(state, lease) == 100 * SEGMENT_BYTES


async def test_two_processes_never_hand_out_more_than_the_budget(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_bytes=50 * SEGMENT_BYTES))
    one, other = Meters(state, clock=lambda: NOON), Meters(state, clock=lambda: NOON)
    stored = an_object(size=200 * SEGMENT_BYTES)
    granted = 0
    for n in range(200):
        meter = (one, other)[n % 2].of(lease)
        refusal = await meter.charge(stored, n * SEGMENT_BYTES, n * SEGMENT_BYTES + 1, patience=0)
        granted += refusal is None
    assert granted <= 50
    await one.close()
    await other.close()
    assert reserved(state, lease) == granted * SEGMENT_BYTES


async def test_what_dies_with_its_process_is_forfeited(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_bytes=64 * SEGMENT_BYTES))
    stored = an_object(size=64 * SEGMENT_BYTES)
    died = Meters(state, clock=lambda: NOON)
    assert await died.of(lease).charge(stored, 0, 1, patience=0) is None
    held = reserved(state, lease)
    after = Meters(state, clock=lambda: NOON)
    granted = 0
    for n in range(64):
        refusal = await after.of(lease).charge(
            stored, n * SEGMENT_BYTES, n * SEGMENT_BYTES + 1, patience=0
        )
        granted += refusal is None
    assert granted == 64 - held // SEGMENT_BYTES


async def test_objects_are_counted_too(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_objects=2))
    meter = Meters(state, clock=lambda: NOON).of(lease)
    empty = an_object(1, size=0)
    assert await meter.charge(empty, 0, 0, patience=0) is None
    assert await meter.charge(an_object(2), 0, 1, patience=0) is None
    refusal = await meter.charge(an_object(3), 0, 1, patience=0)
    assert isinstance(refusal, Refusal)
    assert "objects" in refusal.sentence
    assert await meter.charge(empty, 0, 0, patience=0) is None, "known objects stay readable"


async def test_a_rate_is_waited_for_within_patience_only(state: CustodyStore) -> None:
    lease = grant(state, a_lease(rate=4 * SEGMENT_BYTES))
    moment = [NOON]
    meter = Meter(lease, state, lambda: moment[0])
    stored = an_object(size=64 * SEGMENT_BYTES)
    assert await meter.charge(stored, 0, 4 * SEGMENT_BYTES, patience=0) is None
    refusal = await meter.charge(stored, 4 * SEGMENT_BYTES, 8 * SEGMENT_BYTES, patience=0)
    assert isinstance(refusal, Refusal)
    assert refusal.stop is Stop.RATE
    assert refusal.retry_seconds is not None
    moment[0] = NOON + timedelta(seconds=1)
    assert await meter.charge(stored, 4 * SEGMENT_BYTES, 8 * SEGMENT_BYTES, patience=0) is None


async def test_idle_slabs_go_back(state: CustodyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = grant(state, a_lease(budget_bytes=1 << 30))
    meters = Meters(state, clock=lambda: NOON)
    assert await meters.of(lease).charge(an_object(), 0, 1, patience=0) is None
    assert reserved(state, lease) > SEGMENT_BYTES
    monkeypatch.setattr("pratique.doors.s3.metering.IDLE_SECONDS", 0.0)
    await meters.settle_idle()
    assert reserved(state, lease) == SEGMENT_BYTES


async def test_a_slab_pays_for_its_own_dataset_only(state: CustodyStore) -> None:
    """Else a slab from before would buy what its dataset's cap was never charged for."""
    state.add_dataset(a_dataset(name="images"))
    dialogs, images = ScopeId("dataset:dialogs"), ScopeId("dataset:images")
    state.set_caps(images, cap_bytes=2 * SEGMENT_BYTES, cap_objects=None)
    lease = grant(state, a_lease(selectors=("dialogs", "images")))
    meter = Meters(state, clock=lambda: NOON).of(lease)
    state.set_state(images, ScopeState.SUSPENDED, reason="a question", incident="")
    assert await meter.charge(an_object(1), 0, 1, patience=0) is None
    state.set_state(images, ScopeState.LIVE, reason="", incident="")
    image = an_object(2, dataset="images")
    answers = [
        await meter.charge(image, n * SEGMENT_BYTES, n * SEGMENT_BYTES + 1, patience=0)
        for n in range(8)
    ]
    assert [answer is None for answer in answers] == [True, True, *[False] * 6]
    await meter.release()
    for scope, paid in ((dialogs, 1), (images, 2)):
        found = state.scope(scope)
        assert found is not None
        assert found.reserved_bytes == paid * SEGMENT_BYTES, "no dataset pays for another"


async def test_meters_that_nobody_uses_are_dropped_and_lose_nothing(
    state: CustodyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = grant(state, a_lease(budget_bytes=4 * SEGMENT_BYTES))
    meters = Meters(state, clock=lambda: NOON)
    old, stored = meters.of(lease), an_object()
    assert await old.charge(stored, 0, 1, patience=0) is None
    await old.release()
    monkeypatch.setattr(metering, "_FORGET_SECONDS", -1.0)
    monkeypatch.setattr(metering, "IDLE_SECONDS", -1.0)
    await meters.settle_idle()
    assert meters.of(lease) is not old
    assert await old.charge(stored, 0, 2 * SEGMENT_BYTES, patience=0) is None
    assert meters.of(lease).paid(stored, 0, 2 * SEGMENT_BYTES), "whoever had the old one pays there"
    await meters.close()
    assert reserved(state, lease) == 2 * SEGMENT_BYTES


async def test_the_next_slab_is_had_before_the_last_is_spent(state: CustodyStore) -> None:
    lease = grant(state, a_lease(budget_bytes=256 * MIB))
    meter = Meters(state, clock=lambda: NOON).of(lease)
    stored = an_object(size=64 * MIB)
    assert await meter.charge(stored, 0, SEGMENT_BYTES, patience=0) is None
    slab = reserved(state, lease)
    assert slab == 16 * MIB
    waited = []
    for at in range(SEGMENT_BYTES, 40 * MIB, SEGMENT_BYTES):
        if not meter.pay_at_once(stored, at, at + SEGMENT_BYTES):
            waited.append(at)
            assert meter.pay_at_once(stored, at, at + SEGMENT_BYTES), "others go on meanwhile"
            following = at + SEGMENT_BYTES
            charged = await meter.charge(stored, following, following + 1, patience=0)
            assert charged is None
    assert 2 <= len(waited) <= 4
    assert waited[0] < slab, "early"
    assert reserved(state, lease) <= 256 * MIB


async def test_near_the_end_of_a_budget_what_is_refused_early_is_refused_to_nobody(
    state: CustodyStore,
) -> None:
    lease = grant(state, a_lease(budget_bytes=16 * MIB))
    meter = Meters(state, clock=lambda: NOON).of(lease)
    stored = an_object(size=64 * MIB)
    for at in range(0, 16 * MIB, SEGMENT_BYTES):
        if not meter.pay_at_once(stored, at, at + SEGMENT_BYTES):
            assert await meter.charge(stored, at, at + SEGMENT_BYTES, patience=0) is None
    assert not meter.pay_at_once(stored, 16 * MIB, 17 * MIB)
    refusal = await meter.charge(stored, 16 * MIB, 17 * MIB, patience=0)
    assert refusal is not None
    assert refusal.stop is Stop.BUDGET
    assert reserved(state, lease) == 16 * MIB
