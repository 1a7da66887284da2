"""Group commit: what is answered is durable, what fails is refused, and it heals by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kit.faulty_disk import FaultyDisk
from kit.logs import NOW, check_log, draft, segment_log
from kit.waiting import happens
from pratique.ledger.canonical import PreparedDraft
from pratique.ledger.entries import Draft
from pratique.ledger.errors import (
    EntryFormatError,
    LedgerSaturatedError,
    LedgerUnavailableError,
    LedgerUncertainError,
)
from pratique.store.recorder import GroupCommitRecorder
from pratique.store.segment_log import SegmentLog

SECONDS = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    assert happens(condition), "never happened"


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(tmp_path: Path, disk: FaultyDisk) -> Iterator[SegmentLog]:
    log = segment_log(tmp_path / "ledger", disk)
    yield log
    disk.disarm()
    log.close()


class CountingLog:
    """A log that remembers how it was called; everything else is the real one's."""

    def __init__(self, log: SegmentLog) -> None:
        self._log = log
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        assert self.gate.wait(SECONDS)
        self.batches.append(len(drafts))
        return self._log.append(drafts, now=now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def recorder(log: Any, **options: Any) -> GroupCommitRecorder:
    options.setdefault("linger_seconds", 0.005)
    options.setdefault("first_retry_seconds", 0.005)
    return GroupCommitRecorder(log, clock=lambda: NOW, **options)


def test_queued_entries_become_durable_in_order(log: SegmentLog) -> None:
    one = recorder(log)
    futures = [one.enqueue(draft(number)) for number in range(2500)]
    assert [future.result(SECONDS) for future in futures] == list(range(2500))
    assert one.close()
    assert check_log(log) == list(range(2500))


async def test_an_awaited_entry_is_durable_when_the_answer_comes(
    log: SegmentLog, tmp_path: Path
) -> None:
    one = recorder(log)
    other = segment_log(tmp_path / "ledger")
    for number in range(5):
        sequence = await asyncio.wait_for(one.record(draft(number)), SECONDS)
        assert sequence == number
        assert other.size() > sequence
    assert one.close()
    other.close()


async def test_those_who_arrive_together_share_a_commit(log: SegmentLog) -> None:
    counting = CountingLog(log)
    one = recorder(counting)
    results = await asyncio.gather(*(one.record(draft(number)) for number in range(300)))
    assert sorted(results) == list(range(300))
    assert len(counting.batches) <= 5
    assert one.close()


def test_a_batch_has_a_limit(log: SegmentLog) -> None:
    counting = CountingLog(log)
    counting.gate.clear()
    one = recorder(counting, max_batch=10)
    futures = [one.enqueue(draft(number)) for number in range(35)]
    counting.gate.set()
    assert [future.result(SECONDS) for future in futures] == list(range(35))
    assert max(counting.batches) == 10
    assert one.close()


def test_a_full_queue_refuses_and_drains(log: SegmentLog) -> None:
    counting = CountingLog(log)
    counting.gate.clear()
    one = recorder(counting, max_queued=5, max_batch=2)
    first = one.enqueue(draft(0))
    eventually(lambda: one._queue == [])  # the writer holds the first one
    accepted = [one.enqueue(draft(number)) for number in range(1, 6)]
    assert not one.healthy
    with pytest.raises(LedgerSaturatedError, match="5 entries wait"):
        one.enqueue(draft(6))
    counting.gate.set()
    assert [f.result(SECONDS) for f in (first, *accepted)] == list(range(6))
    assert one.healthy
    assert one.enqueue(draft(6)).result(SECONDS) == 6
    assert one.close()
    assert check_log(log) == list(range(7))


def test_a_bad_draft_is_refused_at_once_and_harms_nobody(log: SegmentLog) -> None:
    one = recorder(log)
    good = one.enqueue(draft(0))
    with pytest.raises(EntryFormatError):
        one.enqueue(draft(1, price=1.5))
    assert good.result(SECONDS) == 0
    assert one.healthy
    assert one.close()


async def test_whoever_waits_for_a_failed_commit_is_told(log: SegmentLog, disk: FaultyDisk) -> None:
    one = recorder(log)
    disk.arm(0, "before")
    with pytest.raises(LedgerUnavailableError):
        await asyncio.wait_for(one.record(draft(0)), SECONDS)
    eventually(lambda: one.healthy)
    assert await asyncio.wait_for(one.record(draft(1)), SECONDS) == 0
    assert one.close()
    assert check_log(log) == [1]


def test_a_queued_entry_survives_failures_and_is_written_once(
    log: SegmentLog, disk: FaultyDisk
) -> None:
    one = recorder(log)
    disk.arm(0, "before", lasting=True)
    futures = [one.enqueue(draft(number)) for number in range(3)]
    eventually(lambda: not one.healthy)
    with pytest.raises(LedgerSaturatedError, match="cannot write"):
        one.enqueue(draft(9))
    time.sleep(0.05)  # several attempts fail
    assert not any(future.done() for future in futures)
    disk.disarm()
    assert [future.result(SECONDS) for future in futures] == [0, 1, 2]
    eventually(lambda: one.healthy)
    assert one.enqueue(draft(3)).result(SECONDS) == 3
    assert one.close()
    assert check_log(log) == [0, 1, 2, 3]


@pytest.mark.parametrize("mode", ["before", "half", "after"])
@pytest.mark.parametrize("step", range(9))
def test_a_failure_at_any_touch_loses_and_doubles_nothing(
    log: SegmentLog, disk: FaultyDisk, step: int, mode: Any
) -> None:
    one = recorder(log)
    disk.arm(step, mode)
    futures = [one.enqueue(draft(number)) for number in range(3)]
    assert [future.result(SECONDS) for future in futures] == [0, 1, 2]
    eventually(lambda: one.healthy)
    assert one.close()
    assert check_log(log) == [0, 1, 2]


class UncertainOnce(CountingLog):
    """Says once that it does not know, after the real log stored the batch (or did not)."""

    def __init__(self, log: SegmentLog, *, stored: bool) -> None:
        super().__init__(log)
        self._stored = stored
        self._told = False

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        if self._told or not drafts:
            return super().append(drafts, now=now)
        self._told = True
        first = self._log.size()
        if self._stored:
            super().append(drafts, now=now)
        raise LedgerUncertainError("who knows", first=first, count=len(drafts))


@pytest.mark.parametrize("stored", [False, True])
def test_an_uncertain_batch_is_looked_up_and_never_doubled(log: SegmentLog, stored: bool) -> None:
    log.append([draft(100)], now=NOW)
    one = recorder(UncertainOnce(log, stored=stored))
    futures = [one.enqueue(draft(number)) for number in range(3)]
    assert [future.result(SECONDS) for future in futures] == [1, 2, 3]
    assert one.close()
    assert check_log(log) == [100, 0, 1, 2]


def test_a_strangers_batch_in_that_place_is_not_taken_for_ours(log: SegmentLog) -> None:
    class Overtaken(UncertainOnce):
        def reopen(self) -> None:
            self._log.append([draft(number) for number in range(50, 53)], now=NOW)

    one = recorder(Overtaken(log, stored=False))
    futures = [one.enqueue(draft(number)) for number in range(3)]
    assert [future.result(SECONDS) for future in futures] == [3, 4, 5]
    assert one.close()
    assert check_log(log) == [50, 51, 52, 0, 1, 2]


async def test_a_waiter_that_left_disturbs_nobody(log: SegmentLog) -> None:
    counting = CountingLog(log)
    counting.gate.clear()
    one = recorder(counting)
    gone, stays = one.record(draft(0)), one.record(draft(1))
    left = one.enqueue(draft(2))
    gone.cancel()
    left.cancel()
    counting.gate.set()
    assert await asyncio.wait_for(stays, SECONDS) == 1
    assert one.close()
    assert check_log(log) == [0, 1, 2]


def test_closing_drains_and_then_refuses(log: SegmentLog) -> None:
    one = recorder(log, linger_seconds=5.0)
    futures = [one.enqueue(draft(number)) for number in range(1500)]
    started = time.monotonic()
    assert one.close()
    assert time.monotonic() - started < 4
    assert [future.result(0) for future in futures] == list(range(1500))
    assert not one.healthy
    with pytest.raises(LedgerSaturatedError, match="closed"):
        one.enqueue(draft(0))


def test_closing_over_a_dead_disk_ends_and_says_so(log: SegmentLog, disk: FaultyDisk) -> None:
    one = recorder(log)
    disk.arm(0, "before", lasting=True)
    future = one.enqueue(draft(0))
    eventually(lambda: not one.healthy)
    assert not one.close(seconds=0.2)
    with pytest.raises(LedgerSaturatedError, match="before this entry was durable"):
        future.result(SECONDS)


def test_flush_waits_for_what_was_queued(log: SegmentLog) -> None:
    one = recorder(log, linger_seconds=5.0)
    assert one.flush()
    for number in range(10):
        one.enqueue(draft(number))
    started = time.monotonic()
    assert one.flush()
    assert time.monotonic() - started < 4
    assert log.size() == 10
    assert one.close()


def test_a_waiter_from_a_loop_that_is_gone_disturbs_nobody(log: SegmentLog) -> None:
    counting = CountingLog(log)
    counting.gate.clear()
    one = recorder(counting)

    async def leave() -> None:
        one.record(draft(0))

    asyncio.run(leave())
    counting.gate.set()
    assert one.enqueue(draft(1)).result(SECONDS) == 1
    assert one.close()


def test_queueing_is_cheap(log: SegmentLog) -> None:
    # The bar of the hot path is about 50 µs for everything; this leaves room for slow machines.
    one = recorder(log, linger_seconds=1.0)
    drafts = [draft(number) for number in range(2000)]
    best = min(_seconds_to_enqueue(one, drafts[i : i + 200]) for i in range(0, 2000, 200))
    assert best / 200 < 100e-6
    assert one.close()


def _seconds_to_enqueue(one: GroupCommitRecorder, drafts: list[Draft]) -> float:
    started = time.perf_counter()
    for item in drafts:
        one.enqueue(item)
    return time.perf_counter() - started
