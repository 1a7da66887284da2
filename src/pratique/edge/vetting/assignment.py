"""One job on one worker, seen from the pool: deadlines, questions, the outcome or why there is none.

Order: begin, feed or grown as often as needed, finish; then JUDGED and OUTCOME or FAILED come, or
the worker goes.
`abandon` at any time: CANCEL is sent, and CANCELLED comes or the worker is killed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from pratique.edge.vetting.frames import (
    DATA_BYTES,
    Ask,
    Failed,
    Finish,
    Kind,
    KnownFacts,
    Payload,
    Start,
    grown,
)
from pratique.edge.vetting.options import JobLimits
from pratique.edge.vetting.process import WorkerProcess
from pratique.vet.engine import ContentKey
from pratique.vet.exchange import BaseFacts, KnownSource, StoredContent, Vetted

log = logging.getLogger(__name__)

CANCEL_SECONDS = 1.0
"""A worker that waits for bytes notices at once; one that computes is killed rather than waited for."""
_ROOM_SECONDS = 0.001
_ROUND_SECONDS = 0.5


class Assignment:
    """A job that a worker has been given."""

    def __init__(
        self, worker: WorkerProcess, limits: JobLimits, *, known: KnownSource | None
    ) -> None:
        self.worker = worker
        self.spent = False
        """Whether the worker said that it goes away."""
        self._limits = limits
        self._known = known
        self._bytes = 0
        self._waited = 0.0
        loop = asyncio.get_running_loop()
        self._judged: asyncio.Future[Vetted | str] = loop.create_future()
        """The judgement, maybe without facts; settled with the outcome at the latest."""
        self._settled: asyncio.Future[Vetted | str] = loop.create_future()
        self._cancelled = asyncio.Event()
        self._answering: asyncio.Task[None] | None = None
        worker.receive = self._receive
        worker.lost = self._lost
        worker.jobs += 1
        if worker.gone.is_set():
            self._lost()

    async def begin(
        self, start: Start, base: BaseFacts | None, descriptors: list[int], *, size: int = 0
    ) -> None:
        """Hand over what the job starts with."""
        self._bytes = size
        hand_over = base is not None and base.key not in self.worker.bases
        start = msgspec.structs.replace(start, hand_over=hand_over)
        if descriptors:
            await self._wait(self._send_with(Kind.START, start, descriptors))
        else:
            self.worker.send(Kind.START, start)
            self._started(start)
        if hand_over and base is not None and not self._settled.done():
            # After START, so that descriptors need not wait until all of it is through.
            self.worker.send(Kind.BASE, base)
            self.worker.bases.hold(base, kept=True)

    async def _send_with(self, kind: Kind, payload: Payload, descriptors: list[int]) -> None:
        await self.worker.drain_all()
        while not self._settled.done():
            try:
                self.worker.send_with(kind, payload, descriptors)
            except BlockingIOError:  # the socket itself is full for a moment
                await asyncio.sleep(_ROOM_SECONDS)
            except OSError:
                return  # it has gone, which `_lost` tells
            if isinstance(payload, Start):
                self._started(payload)
            return

    def _started(self, start: Start) -> None:
        # At once with START: a job that is cancelled before it must not make us count otherwise than
        # the worker does, which would then miss a base that we think it holds.
        self.worker.bases.use(start.base)

    async def feed(self, chunk: bytes | memoryview) -> None:
        """Send the next bytes; returns when there is room for more, or nobody wants them any more."""
        if self._settled.done():
            return
        self._bytes += len(chunk)
        view = memoryview(chunk)
        for begin in range(0, len(view), DATA_BYTES):
            # Asked each time: while this waited, the worker may have been given to another job.
            if self._settled.done():
                return
            self.worker.send_data(view[begin : begin + DATA_BYTES])
            if self.worker.crowded:
                await self._wait(self.worker.drain())

    def grown(self, size: int) -> None:
        """Say how much of a growing file is there."""
        if not self._settled.done():
            self._bytes = size
            self.worker.send_raw(grown(size))

    async def finish(self, archive: int | None = None) -> None:
        """Say that all bytes were sent; `archive` is a descriptor of the whole file."""
        if self._settled.done():
            return
        if archive is None:
            self.worker.send(Kind.FINISH)
            return
        await self._wait(self._send_with(Kind.FINISH, Finish(), [archive]))

    async def outcome(self) -> Vetted | str:
        """The outcome, or a clause that says why there is none."""
        return await self._end_of(self._settled)

    async def judgement(self) -> Vetted | str:
        """The judgement, as soon as there is one; its facts may be missing. As `outcome` else."""
        return await self._end_of(self._judged)

    async def _end_of(self, awaited: asyncio.Future[Vetted | str]) -> Vetted | str:
        await self._wait(_until(awaited))
        if not awaited.done():
            await self.worker.gone.wait()
        ended = await awaited
        if ended == "":
            await self.worker.reaped()
            return self.worker.ending
        return ended

    async def abandon(self, *, patience: float = CANCEL_SECONDS) -> None:
        """Nobody wants the outcome: afterwards the worker is free for another job, or dead."""
        self._settle("it was cancelled")
        if self._answering is not None:
            self._answering.cancel()
        if not self.worker.gone.is_set():
            self.worker.send(Kind.CANCEL)
            try:
                async with asyncio.timeout(patience):
                    await self._cancelled.wait()
            except TimeoutError:
                self.worker.kill("it was killed because nobody wanted its answer")
                await self.worker.gone.wait()

    def release(self) -> None:
        """The worker may be given to the next."""
        if self._answering is not None:
            self._answering.cancel()
        self.worker.forget_job()

    async def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that depends on the worker, and kill it when the job waits too long in all.

        Counted in short rounds, none for more than its length: when this very process was busy for a
        minute, the worker's answer may lie here unread.
        """
        allowed = self._limits.wait_seconds(self._bytes)
        task = asyncio.create_task(work)
        try:
            while not task.done() and self._waited < allowed:
                length = min(_ROUND_SECONDS, allowed - self._waited)
                began = time.monotonic()
                await asyncio.wait({task}, timeout=length)
                self._waited += min(length, time.monotonic() - began)
            if task.done():
                task.result()
            else:
                self.worker.kill(f"the worker did not answer within {allowed:.0f} s")
        finally:
            task.cancel()

    # ── what the worker says ─────────────────────────────────────────────────────────────────

    def _receive(self, kind: Kind, payload: bytes) -> None:
        """Take one frame. Raises: MsgspecError, ValueError for one that no worker sends."""
        match kind:
            case Kind.JUDGED:
                vetted = msgspec.msgpack.decode(payload, type=Vetted)
                if not self._judged.done():
                    self._judged.set_result(vetted)
            case Kind.OUTCOME:
                self._settle(msgspec.msgpack.decode(payload, type=Vetted))
            case Kind.FAILED:
                failed = msgspec.msgpack.decode(payload, type=Failed)
                self.spent = failed.spent
                self._settle(failed.sentence or "it failed without a word")
            case Kind.ASK:
                asked = msgspec.msgpack.decode(payload, type=Ask)
                self._answering = asyncio.create_task(self._answer(asked.keys))
            case Kind.CANCELLED:
                self._cancelled.set()
                self._settle("it was cancelled")
            case _:
                raise ValueError(kind)

    async def _answer(self, keys: tuple[ContentKey, ...]) -> None:
        found: Mapping[ContentKey, bytes] = {}
        if self._known is not None:
            try:
                found = await self._known(keys)
            except Exception as error:  # noqa: BLE001 - without a store everything is analysed anew
                log.warning("kept facts could not be read", extra={"error": str(error)})
        contents = tuple(
            StoredContent(sha256=sha256, language=language, facts=facts)
            for (sha256, language), facts in found.items()
        )
        self.worker.send(Kind.KNOWN, KnownFacts(contents=contents))

    def _lost(self) -> None:
        self._cancelled.set()
        self._settle("")

    def _settle(self, outcome: Vetted | str) -> None:
        for future in (self._judged, self._settled):
            if not future.done():
                future.set_result(outcome)


async def _until(future: asyncio.Future[Vetted | str]) -> None:
    await asyncio.wait({future})
