"""What stops is told to the broker by the doors, and keys that were let out for it are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.s3_door import Custodian, boto, confirmed_for, custodian, s3_door
from kit.waiting import comes
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Scope, ScopeId, ScopeState
from pratique.custody.ports import Changes
from pratique.doors.s3.confirmation import Confirmation
from pratique.edge.custody.broker import suspensions
from pratique.edge.custody.broker.frames import Stopped
from pratique.edge.custody.broker.suspensions import Suspensions
from pratique.edge.custody.broker_admin import tell_of_scope
from pratique.settings import CustodySettings, Settings

VENDOR, DATASET = ScopeId("vendor:acme"), ScopeId("dataset:dialogs")


@pytest.fixture
def patiently() -> Iterator[None]:
    with confirmed_for():
        yield


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Custodian]:
    with custodian(tmp_path) as found:
        found.dataset()
        found.put("x", b"some bytes")
        yield found


def _read(s3: Any) -> bytes:
    return bytes(s3.get_object(Bucket="dialogs", Key="x")["Body"].read())


def stop(made: Custodian, scope: ScopeId, state: ScopeState = ScopeState.SUSPENDED) -> None:
    """As the rule of velocity does it: nobody else hears of it."""
    made.state.set_state(scope, state, reason="too fast", incident="INC-7")


async def test_the_broker_hears_what_stopped_while_doors_run(made: Custodian) -> None:
    made.grant()
    async with s3_door(made.settings):
        stop(made, VENDOR)
        assert await comes(lambda: VENDOR in made.admin.status().suspended, within=3.0)
        live = made.state.set_state(VENDOR, ScopeState.LIVE, reason="", incident="")
        assert live is not None
        assert made.admin.resume(VENDOR, epoch=live.changed_epoch)
        await asyncio.sleep(0.5)
        assert VENDOR not in made.admin.status().suspended
        stop(made, VENDOR)
        assert await comes(lambda: VENDOR in made.admin.status().suspended, within=3.0), (
            "a second time"
        )


async def test_the_broker_hears_what_stopped_while_nothing_ran(made: Custodian) -> None:
    lease, _ = made.grant()
    own = lease.scopes[0]
    stop(made, VENDOR)
    stop(made, own, ScopeState.ENDED)
    assert made.admin.status().suspended == {}
    async with s3_door(made.settings):
        assert set(made.admin.status().suspended) == {VENDOR, own}


@pytest.mark.parametrize("scope", [VENDOR, DATASET])
async def test_keys_of_parts_are_dropped_with_what_stopped(made: Custodian, scope: ScopeId) -> None:
    lease, secret = made.grant()
    async with s3_door(made.settings) as serving:
        s3 = boto(serving.url, lease, secret)
        await asyncio.to_thread(_read, s3)
        kept = serving.open.ground.plaintext._kept
        assert len(kept) == 1
        stop(made, scope, ScopeState.ENDED)
        assert await comes(lambda: not kept, within=3.0)


def stopped(scope: str, epoch: int = 5) -> Stopped:
    return Stopped(scope, "too fast", "", epoch)


def test_gateways_stop_only_what_was_not_resumed_since(tmp_path: Path) -> None:
    held = Suspensions(tmp_path)
    held.suspend_for_gateway([stopped(VENDOR)])
    assert Suspensions(tmp_path).all()[VENDOR].reason == "too fast", "durable"
    assert held.resume(VENDOR, epoch=6)
    held.suspend_for_gateway([stopped(VENDOR)])
    assert held.all() == {}, "it was late"
    held.suspend_for_gateway([stopped(VENDOR, epoch=7)])
    assert set(held.all()) == {VENDOR}


def test_gateways_leave_room_for_operators_and_their_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspensions, "_MAX_OF_GATEWAYS", 3)
    held = Suspensions(tmp_path)
    held.suspend("vendor:acme", reason="break-in", incident="INC-42")
    held.suspend_for_gateway([stopped(VENDOR), *(stopped(f"vendor:v{n}") for n in range(3))])
    assert held.all()[VENDOR].incident == "INC-42"
    with pytest.raises(BrokerRefusedError, match="too many"):
        held.suspend_for_gateway([stopped("vendor:more")])
    with pytest.raises(BrokerRefusedError, match="not a scope"):
        held.suspend_for_gateway([stopped("nonsense")])
    held.suspend("vendor:more", reason="x", incident="")


@pytest.mark.usefixtures("patiently")
async def test_a_store_that_was_set_back_is_read_anew(made: Custodian) -> None:
    """A replica that lagged takes over: its numbers begin again below those that are known."""
    made.grant()
    offset = [1000]

    class SetBack:
        def changes(self, after: int) -> Changes:
            found = made.state.changes(after - offset[0] if after >= 0 else after)
            return Changes(epoch=found.epoch + offset[0], scopes=found.scopes)

    store: object = SetBack()
    confirmation = Confirmation(store)  # type: ignore[arg-type]  # all that it asks of a store
    await confirmation.start()
    try:
        assert confirmation.stopped([VENDOR], None) is None
        offset[0] = 0
        stop(made, VENDOR)
        assert await comes(lambda: confirmation.stopped([VENDOR], None) is not None, within=1.0)
    finally:
        await confirmation.close()


def test_whoever_cannot_tell_the_broker_is_told_what_that_means(tmp_path: Path) -> None:
    """Doors stop scopes there by themselves; so one that it does not hear of stays stopped."""
    away = str(tmp_path / "elsewhere" / "gateway.sock")
    settings = Settings(home=tmp_path, custody=CustodySettings(broker_socket=away))
    scope = Scope(
        id=VENDOR, state=ScopeState.LIVE, reason="", incident="", cap_bytes=None, cap_objects=None,
        reserved_bytes=0, reserved_objects=0, changed_epoch=3,
    )  # fmt: skip
    assert "pratique scope resume vendor:acme" in tell_of_scope(settings, scope)
    stopped_one = replace(scope, state=ScopeState.SUSPENDED, reason="x")
    assert "the doors know, and refuse" in tell_of_scope(settings, stopped_one)
