"""Reads on their way into the ledger: durable before a byte leaves, many of one lease in one entry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from pratique.custody.model import Lease, ObjectId
from pratique.errors import PratiqueError
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder

_MOST_READS: Final = 100
"""Reads of one entry; 100 with names of their own stay below an entry's 60,000 bytes."""
_AGENT_CHARACTERS: Final = 120


class Read(NamedTuple):
    """One stretch of an object that is about to be disclosed."""

    dataset: str
    object: ObjectId
    variant: int
    """0: canonical bytes; 1: the lease's own copy."""
    first: int
    last: int
    """Segments, both included; -1 for a read of nothing."""
    bytes: int
    status: int
    address: str
    agent: str


@dataclass(slots=True)
class _Batch:
    """Reads that one entry takes, with those who wait for it."""

    lease: Lease
    reads: list[Read] = field(default_factory=list)
    waiting: list[asyncio.Future[int]] = field(default_factory=list)


class ReadLog:
    """Collects the reads of a lease while its entry before them is being made durable.

    Shared state: belongs to the event loop's thread.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[tuple[str, str], _Batch] = {}
        self._flying: set[tuple[str, str]] = set()

    async def record(self, lease: Lease, read: Read) -> int:
        """Wait until the read is durable; gives its entry. Raises: as `Recorder.record`."""
        loop = asyncio.get_running_loop()
        key = (lease.id, read.dataset)
        batch = self._open.get(key)
        if batch is None or len(batch.reads) >= _MOST_READS:
            if batch is not None:
                self._send(key, batch)
            batch = self._open[key] = _Batch(lease)
            if key not in self._flying:
                loop.call_soon(self._send_open, key)  # who asks in the same turn comes along
        batch.reads.append(read)
        durable: asyncio.Future[int] = loop.create_future()
        batch.waiting.append(durable)
        return await durable

    def _send_open(self, key: tuple[str, str]) -> None:
        batch = self._open.pop(key, None)
        if batch is not None:
            self._send(key, batch)

    def _send(self, key: tuple[str, str], batch: _Batch) -> None:
        try:
            recorded = self._recorder.record(entry_of(batch.lease, batch.reads))
        except PratiqueError as error:
            _tell(batch.waiting, error)
            return
        self._flying.add(key)
        recorded.add_done_callback(partial(self._landed, key, batch))

    def _landed(self, key: tuple[str, str], batch: _Batch, recorded: asyncio.Future[int]) -> None:
        self._flying.discard(key)
        error = asyncio.CancelledError() if recorded.cancelled() else recorded.exception()
        _tell(batch.waiting, error if error is not None else recorded.result())
        self._send_open(key)


def _tell(waiting: Sequence[asyncio.Future[int]], answer: int | BaseException) -> None:
    for one in waiting:
        if one.done():
            continue  # cancelled: nobody wants to know
        if isinstance(answer, BaseException):
            one.set_exception(answer)
        else:
            one.set_result(answer)


def entry_of(lease: Lease, reads: Sequence[Read]) -> Draft:
    """The `reads` entry: addresses and agents once, reads as short lists."""
    names: dict[str, int] = {}

    def place(name: str) -> int:
        return names.setdefault(name, len(names))

    rows: list[list[Any]] = [
        [
            read.object,
            read.variant,
            read.first,
            read.last,
            read.bytes,
            read.status,
            place(read.address),
            place(read.agent[:_AGENT_CHARACTERS]),
        ]
        for read in reads
    ]
    return Draft(
        kind="reads",
        subject=f"lease:{lease.id}",
        actor=f"lease:{lease.id}",
        body={
            "client": lease.client,
            "dataset": reads[0].dataset,
            "vendor": lease.vendor,
            "project": lease.project,
            "holder": lease.holder,
            "reads": rows,
            "names": list(names),
        },
    )
