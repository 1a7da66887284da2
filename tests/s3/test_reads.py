"""Reads become entries: announced or durable before they are answered, many of one lease in one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from kit.custody import a_lease, an_object
from pratique.custody.model import SEGMENT_BYTES, LeaseId
from pratique.doors.s3.reads import Journal, Read, ReadLog
from pratique.ledger.canonical import prepare
from pratique.ledger.entries import Draft
from pratique.ledger.errors import LedgerSaturatedError


class Recorder:
    """Takes drafts and makes them durable when told to."""

    def __init__(self) -> None:
        self.healthy = True
        self.drafts: list[Draft] = []
        self.queued: list[Draft] = []
        self.waiting: list[asyncio.Future[int]] = []
        self.full = False

    def record(self, draft: Draft) -> asyncio.Future[int]:
        if self.full:
            raise LedgerSaturatedError("full")
        prepare(draft)  # what the ledger cannot take must fail here too
        self.drafts.append(draft)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def enqueue(self, draft: Draft) -> Future[int]:
        if self.full:
            raise LedgerSaturatedError("full")
        prepare(draft)
        self.queued.append(draft)
        return Future()

    def flush(self, *, seconds: float = 30.0) -> bool:
        raise NotImplementedError


STORED = an_object(1, size=100 * SEGMENT_BYTES)


def a_read(first: int, last: int | None = None, *, agent: str = "boto3") -> Read:
    last = first if last is None else last
    return Read(STORED.id, 0, first, last, 65_536, 206, "192.0.2.7", agent)


def a_log(recorder: Recorder) -> ReadLog:
    return ReadLog(recorder, process="p1")


def journal(dataset: str = "dialogs", **changes: Any) -> Journal:
    return Journal(a_lease(**changes), dataset)


def rows(drafts: Sequence[Draft]) -> list[list[object]]:
    return [row for draft in drafts for row in draft.body["reads"]]


async def settle(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


# ── reads that wait ──────────────────────────────────────────────────────────────────────────


async def test_reads_wait_for_their_entry_and_those_of_one_turn_share_it() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    tasks = [asyncio.create_task(log.record(journal(), a_read(n))) for n in range(20)]
    await settle()
    assert len(recorder.drafts) == 1
    assert not any(task.done() for task in tasks), "nothing is answered before it is durable"
    recorder.waiting[0].set_result(7)
    await asyncio.gather(*tasks)
    assert [row[2] for row in rows(recorder.drafts)] == list(range(20))


async def test_later_reads_gather_while_an_entry_is_on_its_way() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    first = asyncio.create_task(log.record(journal(), a_read(0)))
    await settle()
    later = []
    for number in range(1, 6):
        later.append(asyncio.create_task(log.record(journal(), a_read(number))))
        await settle()
    assert len(recorder.drafts) == 1
    recorder.waiting[0].set_result(1)
    await first
    await settle()
    assert len(recorder.drafts) == 2
    assert len(recorder.drafts[1].body["reads"]) == 5
    recorder.waiting[1].set_result(2)
    await asyncio.gather(*later)


async def test_leases_and_datasets_do_not_share_entries() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    other = journal(id=LeaseId("PQL" + "Z" * 17), client="openlab")
    tasks = [
        asyncio.create_task(log.record(journal(), a_read(1))),
        asyncio.create_task(log.record(other, a_read(2))),
        asyncio.create_task(log.record(journal("images"), a_read(3))),
    ]
    await settle()
    assert sorted((d.subject, d.body["dataset"], d.body["client"]) for d in recorder.drafts) == [
        (f"lease:{a_lease().id}", "dialogs", "meta"),
        (f"lease:{a_lease().id}", "images", "meta"),
        (f"lease:{other.lease.id}", "dialogs", "openlab"),
    ]
    for future in recorder.waiting:
        future.set_result(0)
    await asyncio.gather(*tasks)


async def test_who_waits_hears_that_the_ledger_failed() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    task = asyncio.create_task(log.record(journal(), a_read(0)))
    await settle()
    recorder.waiting[0].set_exception(LedgerSaturatedError("lost"))
    with pytest.raises(LedgerSaturatedError):
        await task
    recorder.full = True
    with pytest.raises(LedgerSaturatedError):
        await log.record(journal(), a_read(1))
    recorder.full = False
    again = asyncio.create_task(log.record(journal(), a_read(2)))
    await settle()
    recorder.waiting[-1].set_result(9)
    await again


async def test_who_hung_up_does_not_take_the_others_along() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    gone = asyncio.create_task(log.record(journal(), a_read(0)))
    stays = asyncio.create_task(log.record(journal(), a_read(1)))
    await settle()
    gone.cancel()
    assert len(recorder.drafts) == 1, "one entry for both"
    recorder.waiting[0].set_result(3)
    await stays
    assert gone.cancelled()


# ── announced reads ──────────────────────────────────────────────────────────────────────────


async def announce(log: ReadLog, recorder: Recorder, read: Read, who: Journal) -> None:
    task = asyncio.create_task(log.announce(who, STORED, read))
    await settle()
    assert not log.announced(who, read), "not before it is durable"
    recorder.waiting[-1].set_result(0)
    await task


async def test_a_block_is_announced_once_and_used_a_second_less_than_it_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("pratique.doors.s3.reads.time.monotonic", lambda: now[0])
    recorder = Recorder()
    log, who = a_log(recorder), journal()
    await announce(log, recorder, a_read(17), who)
    [draft] = recorder.drafts
    assert (draft.kind, draft.body["seconds"], draft.body["process"]) == ("reads-ahead", 10, "p1")
    assert draft.body["ahead"] == [[STORED.id, 0, 16, 31]]
    assert log.announced(who, a_read(16, 31))
    assert not log.announced(who, a_read(31, 32)), "the next block was not"
    assert not log.announced(journal(id=LeaseId("PQL" + "Z" * 17)), a_read(17)), "nor another's"
    now[0] += 8.9
    assert log.announced(who, a_read(17))
    now[0] += 0.2
    assert not log.announced(who, a_read(17))


async def test_a_reader_that_goes_on_is_announced_further() -> None:
    recorder = Recorder()
    log, who = a_log(recorder), journal()
    await announce(log, recorder, a_read(0), who)
    await announce(log, recorder, a_read(16), who)
    assert [draft.body["ahead"][0][2:] for draft in recorder.drafts] == [[0, 15], [16, 99]]
    assert log.announced(who, a_read(99)), "eight blocks, or to the object's end"
    other = a_log(recorder)
    await announce(other, recorder, a_read(48), who)
    assert recorder.drafts[-1].body["ahead"][0][2:] == [48, 63], "who jumps is not"


async def test_an_announcement_ends_where_the_object_does() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    await announce(log, recorder, a_read(99), journal())
    assert recorder.drafts[0].body["ahead"] == [[STORED.id, 0, 96, 99]]


async def test_noted_reads_come_soon_and_all_of_them() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    for number in range(250):
        log.note(journal(), a_read(number))
    assert recorder.queued == []
    for _ in range(400):  # a busy machine
        await asyncio.sleep(0.01)
        if recorder.queued:
            break
    assert [len(draft.body["reads"]) for draft in recorder.queued] == [100, 100, 50]
    assert [row[2] for row in rows(recorder.queued)] == list(range(250))


async def test_entries_are_numbered_per_client() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    for client in ("meta", "lab", "meta"):
        who = journal(client=client)
        task = asyncio.create_task(log.record(who, a_read(1)))
        await settle()
        recorder.waiting[-1].set_result(1)
        await task
    found = [(draft.body["client"], draft.body["number"]) for draft in recorder.drafts]
    assert found == [("meta", 0), ("lab", 0), ("meta", 1)]


async def test_what_the_ledger_does_not_take_stays_and_nothing_more_is_answered() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    log.note(journal(), a_read(1))
    recorder.full, recorder.healthy = True, False
    await asyncio.sleep(0.12)
    assert recorder.queued == []
    with pytest.raises(LedgerSaturatedError):
        log.note(journal(), a_read(2))
    recorder.full, recorder.healthy = False, True
    for _ in range(200):
        if recorder.queued:
            break
        await asyncio.sleep(0.02)
    assert [row[2] for row in rows(recorder.queued)] == [1]
    assert recorder.queued[0].body["number"] == 0, "what was refused took no number"


async def test_an_orderly_end_says_that_nothing_is_missing() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    log.note(journal(), a_read(1))
    log.close()
    assert [draft.kind for draft in recorder.queued] == ["reads", "reads-ended"]
    assert recorder.queued[1].body == {"process": "p1", "client": "meta", "entries": 1}
    broken = Recorder()
    broken_log = a_log(broken)
    broken_log.note(journal(), a_read(1))
    broken.full = True
    broken_log.close()
    broken.full = False
    assert broken.queued == [], "an end is not told while reads are missing"


async def test_as_many_reads_as_an_entry_takes_with_long_names_fit() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    for number in range(100):
        log.note(journal(), a_read(number, agent=f"{number:03}" + "ä" * 200))
    log.close()
    draft = recorder.queued[0]
    assert len(prepare(draft).body) < 60_000
    assert draft.body["names"][draft.body["reads"][7][7]].startswith("007")


# ── announced before it is needed ────────────────────────────────────────────────────────────


async def announced_of(log: ReadLog, recorder: Recorder, read: Read) -> None:
    task = asyncio.create_task(log.announce(journal(), STORED, read))
    await settle()
    recorder.waiting[-1].set_result(len(recorder.waiting))
    await task


async def test_who_goes_on_in_a_row_waits_for_no_announcement() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    await announced_of(log, recorder, a_read(0))  # block 0
    await announced_of(log, recorder, a_read(16))  # blocks 1 to 6, where the object ends
    large = an_object(1, size=4000 * SEGMENT_BYTES)
    for block in range(1, 5):
        log.go_on(journal(), large, a_read(16 * block))
    await settle()
    assert len(recorder.drafts) == 2, "enough is announced as yet"
    log.note(journal(), a_read(80))
    log.go_on(journal(), large, a_read(80))
    log.go_on(journal(), large, a_read(81))
    await settle()
    assert [row[2:] for row in recorder.drafts[2].body["ahead"]] == [[144, 207]]
    assert len(recorder.drafts) == 3, "once"
    assert rows(recorder.queued), "what waits goes with it"
    assert not log.announced(journal(), a_read(144)), "not before it is durable"
    recorder.waiting[2].set_result(3)
    await settle()
    assert log.announced(journal(), a_read(144, 207))
    assert not log.announced(journal(), a_read(208)), "its block and seven more"


async def test_a_reader_here_and_there_is_announced_nothing_ahead() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    large = an_object(1, size=4000 * SEGMENT_BYTES)
    await announced_of(log, recorder, a_read(48))
    log.go_on(journal(), large, a_read(48))
    await settle()
    assert len(recorder.drafts) == 1


async def test_an_announcement_that_fails_is_made_again_by_who_needs_it() -> None:
    recorder = Recorder()
    log = a_log(recorder)
    large = an_object(1, size=4000 * SEGMENT_BYTES)
    await announced_of(log, recorder, a_read(0))
    await announced_of(log, recorder, a_read(16))
    log.go_on(journal(), large, a_read(96))
    await settle()
    recorder.waiting[2].set_exception(LedgerSaturatedError("full"))
    await settle()
    assert not log.announced(journal(), a_read(144))
    log.go_on(journal(), large, a_read(96))
    await settle()
    assert len(recorder.drafts) == 4
