"""Reads become entries: durable before they are answered, many of one lease in one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kit.custody import a_lease, an_object
from pratique.doors.s3.reads import Read, ReadLog, entry_of
from pratique.ledger.canonical import prepare
from pratique.ledger.entries import Draft
from pratique.ledger.errors import LedgerSaturatedError


class Recorder:
    """Takes drafts and makes them durable when told to."""

    healthy = True

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.waiting: list[asyncio.Future[int]] = []
        self.full = False

    def record(self, draft: Draft) -> asyncio.Future[int]:
        if self.full:
            raise LedgerSaturatedError("full")
        prepare(draft)  # what the ledger cannot take must fail here too
        self.drafts.append(draft)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def enqueue(self, draft: Draft) -> None:
        raise NotImplementedError

    def flush(self, *, seconds: float = 30.0) -> bool:
        raise NotImplementedError


def a_read(number: int, *, dataset: str = "dialogs", agent: str = "boto3") -> Read:
    return Read(
        dataset=dataset,
        object=an_object(number).id,
        variant=0,
        first=number,
        last=number + 1,
        bytes=131_072,
        status=206,
        address="192.0.2.7",
        agent=agent,
    )


def rows(drafts: Sequence[Draft]) -> list[list[object]]:
    return [row for draft in drafts for row in draft.body["reads"]]


async def settle(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_reads_wait_for_their_entry_and_those_of_one_turn_share_it() -> None:
    recorder = Recorder()
    log = ReadLog(recorder)  # type: ignore[arg-type]  # as much of a recorder as is used
    lease = a_lease()
    tasks = [asyncio.create_task(log.record(lease, a_read(n))) for n in range(20)]
    await settle()
    assert len(recorder.drafts) == 1
    assert not any(task.done() for task in tasks), "nothing is answered before it is durable"
    recorder.waiting[0].set_result(7)
    assert await asyncio.gather(*tasks) == [7] * 20
    assert [row[2] for row in rows(recorder.drafts)] == list(range(20))


async def test_later_reads_gather_while_an_entry_is_on_its_way() -> None:
    recorder = Recorder()
    log = ReadLog(recorder)  # type: ignore[arg-type]  # as above
    lease = a_lease()
    first = asyncio.create_task(log.record(lease, a_read(0)))
    await settle()
    later = []
    for number in range(1, 6):
        later.append(asyncio.create_task(log.record(lease, a_read(number))))
        await settle()
    assert len(recorder.drafts) == 1
    recorder.waiting[0].set_result(1)
    await first
    await settle()
    assert len(recorder.drafts) == 2
    assert len(recorder.drafts[1].body["reads"]) == 5
    recorder.waiting[1].set_result(2)
    assert await asyncio.gather(*later) == [2] * 5


async def test_leases_and_datasets_do_not_share_entries() -> None:
    recorder = Recorder()
    log = ReadLog(recorder)  # type: ignore[arg-type]  # as above
    other = a_lease(id="PQL" + "Z" * 17, client="openlab")
    tasks = [
        asyncio.create_task(log.record(a_lease(), a_read(1))),
        asyncio.create_task(log.record(other, a_read(2))),
        asyncio.create_task(log.record(a_lease(), a_read(3, dataset="images"))),
    ]
    await settle()
    assert sorted((d.subject, d.body["dataset"], d.body["client"]) for d in recorder.drafts) == [
        (f"lease:{a_lease().id}", "dialogs", "meta"),
        (f"lease:{a_lease().id}", "images", "meta"),
        (f"lease:{other.id}", "dialogs", "openlab"),
    ]
    for future in recorder.waiting:
        future.set_result(0)
    await asyncio.gather(*tasks)


async def test_who_waits_hears_that_the_ledger_failed() -> None:
    recorder = Recorder()
    log = ReadLog(recorder)  # type: ignore[arg-type]  # as above
    task = asyncio.create_task(log.record(a_lease(), a_read(0)))
    await settle()
    recorder.waiting[0].set_exception(LedgerSaturatedError("lost"))
    with pytest.raises(LedgerSaturatedError):
        await task
    recorder.full = True
    with pytest.raises(LedgerSaturatedError):
        await log.record(a_lease(), a_read(1))
    recorder.full = False
    again = asyncio.create_task(log.record(a_lease(), a_read(2)))
    await settle()
    recorder.waiting[-1].set_result(9)
    assert await again == 9


async def test_who_hung_up_does_not_take_the_others_along() -> None:
    recorder = Recorder()
    log = ReadLog(recorder)  # type: ignore[arg-type]  # as above
    gone = asyncio.create_task(log.record(a_lease(), a_read(0)))
    stays = asyncio.create_task(log.record(a_lease(), a_read(1)))
    await settle()
    gone.cancel()
    recorder.waiting[0].set_result(3)
    assert await stays == 3


def test_as_many_reads_as_an_entry_takes_with_long_names_fit_an_entry() -> None:
    reads = [a_read(n, agent=f"{n:03}" + "ä" * 200) for n in range(100)]
    draft = entry_of(a_lease(), reads)
    assert len(prepare(draft).body) < 60_000
    assert draft.body["names"][draft.body["reads"][7][7]].startswith("007")
