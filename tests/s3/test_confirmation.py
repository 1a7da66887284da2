"""Suspensions reach streams, and silence of the store stops everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kit.custody import a_dataset, a_lease
from kit.holds import a_hold, hold_id
from kit.s3_door import confirmed_for
from kit.waiting import comes
from pratique.custody.model import Refusal, ScopeId, ScopeState, Stop
from pratique.custody.ports import Changes
from pratique.custody.scopes import scopes_of
from pratique.doors.s3.confirmation import CONFIRMED_SECONDS, Confirmation
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.errors import StoreUnavailableError

LEASE = a_lease()
SCOPES = scopes_of(LEASE, "dialogs")


class Store(CustodyStore):
    """The real store, that can be made to fail."""

    broken = False

    def changes(self, after: int) -> Changes:
        if self.broken:
            raise StoreUnavailableError("the database is away")
        return super().changes(after)


class Stream:
    """Something that is being sent."""

    def __init__(self) -> None:
        self.scopes = SCOPES
        self.lease = LEASE
        self.dataset = "dialogs"
        self.cuts: list[tuple[float, Refusal]] = []

    def cut(self, refusal: Refusal) -> None:
        self.cuts.append((time.monotonic(), refusal))


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_custody(Settings(home=tmp_path))
    opened.__class__ = Store
    assert isinstance(opened, Store)
    opened.add_dataset(a_dataset())
    opened.add_lease(LEASE)
    yield opened
    opened.close()


@asynccontextmanager
async def asking(state: Store) -> AsyncIterator[Confirmation]:
    found = Confirmation(state)
    await found.start()
    yield found
    await found.close()


@pytest.fixture
async def confirmation(state: Store) -> AsyncIterator[Confirmation]:
    with confirmed_for():
        async with asking(state) as found:
            yield found


async def until_cut(stream: Stream, *, seconds: float) -> tuple[float, Refusal]:
    assert await comes(lambda: stream.cuts, within=seconds), "the stream was not cut"
    return stream.cuts[0]


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_suspension_of_any_scope_cuts_the_stream_and_says_why(
    state: Store, confirmation: Confirmation, scope: ScopeId
) -> None:
    assert confirmation.stopped(SCOPES, LEASE) is None
    stream = Stream()
    with confirmation.streaming(stream):
        state.set_state(scope, ScopeState.SUSPENDED, reason="break-in", incident="INC-42")
        _, refusal = await until_cut(stream, seconds=2)
    assert refusal.stop is Stop.SUSPENDED
    assert "INC-42" in refusal.sentence
    later = confirmation.stopped(SCOPES, LEASE)
    assert later == refusal


async def test_a_resumed_scope_serves_again(state: Store, confirmation: Confirmation) -> None:
    for wanted in (ScopeState.SUSPENDED, ScopeState.LIVE):
        state.set_state(SCOPES[0], wanted, reason="drill", incident="")
        await confirmation.refresh()
        assert (confirmation.stopped(SCOPES, LEASE) is None) is (wanted is ScopeState.LIVE)


async def test_others_go_on(state: Store, confirmation: Confirmation) -> None:
    stream = Stream()
    with confirmation.streaming(stream):
        state.add_lease(a_lease(id="PQL" + "Z" * 17, vendor="bolt"))
        state.set_state(ScopeId("vendor:bolt"), ScopeState.SUSPENDED, reason="x", incident="")
        await asyncio.sleep(0.2)
    assert stream.cuts == []


async def test_who_was_free_of_one_hold_is_stopped_by_the_next(
    state: Store, confirmation: Confirmation
) -> None:
    """Whether a hold stops a lease is remembered, until anything changes."""

    def refusal() -> Refusal | None:
        return confirmation.stopped(SCOPES, LEASE, "dialogs")

    state.add_hold(a_hold(1, vendors=frozenset({"somebody-else"})), ())
    assert await comes(lambda: confirmation.holds)
    assert refusal() is None
    state.add_hold(a_hold(2, vendors=frozenset({LEASE.vendor})), ())
    assert await comes(lambda: len(confirmation.holds) == 2)
    stopped = refusal()
    assert stopped is not None
    assert stopped.scope == hold_id(2)
    state.lift_hold(hold_id(2), entry=1)
    assert await comes(lambda: len(confirmation.holds) == 1)
    assert refusal() is None


async def test_half_a_second_of_silence_cuts_streams_and_refuses(state: Store) -> None:
    assert CONFIRMED_SECONDS == 0.5
    async with asking(state) as confirmation:
        stream = Stream()
        with confirmation.streaming(stream):
            state.broken = True
            at, refusal = await until_cut(stream, seconds=3)
        assert refusal.stop is Stop.UNSURE
        assert at - confirmation._confirmed >= CONFIRMED_SECONDS, "one lost answer is no reason yet"
        stopped = confirmation.stopped(SCOPES, LEASE)
        assert stopped is not None
        assert stopped.stop is Stop.UNSURE
        state.broken = False
        assert await comes(lambda: confirmation.stopped(SCOPES, LEASE) is None), (
            "it serves again once the store answers"
        )


async def test_nothing_is_served_after_the_end(state: Store) -> None:
    found = Confirmation(state)
    await found.start()
    await found.close()
    assert not found.fresh
