"""The pool: confined workers that are kept warm, lent to one job at a time and exchanged.

    async with VettingPool(PoolOptions(workers=2)) as pool:
        stream = await pool.vet_stream("litellm-1.82.8-py3-none-any.whl", context=context, base=base)
        async for chunk in arriving:
            await stream.feed(chunk)
        vetted = await stream.finish()      # never raises for what is in the file

Whatever becomes of a worker costs the job it had, which gets a report that says `unknown` and why.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

from pratique.edge.vetting.assignment import Assignment
from pratique.edge.vetting.confinement import Confinement
from pratique.edge.vetting.errors import VettingUnavailableError
from pratique.edge.vetting.files import hold_in_memory
from pratique.edge.vetting.held import KEPT_BYTES, encoded_bytes
from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.process import WorkerProcess
from pratique.edge.vetting.stream import VettingStream
from pratique.vet.exchange import BaseFacts, KnownSource, Vetted
from pratique.vet.model import Context

log = logging.getLogger(__name__)

_RETRY_SECONDS = (0.1, 0.5, 2.0, 10.0)
"""Pauses before another attempt to start a worker; the last one for all further attempts."""
_LOOK_SECONDS = 0.25
"""How often somebody who waits for a worker looks whether one can be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """For `pratique up`, readiness and metrics."""

    workers: int
    """That live now."""
    busy: int
    confinement: Confinement
    jobs: int
    failed: int
    """Jobs whose worker was killed, crashed or failed."""
    exchanged: int
    """Workers that were replaced, for whatever reason."""
    trouble: str = ""
    """Why no worker could be started the last time; empty when one could."""
    pids: tuple[int, ...] = ()
    """Of the workers, for whoever measures them."""

    @property
    def problem(self) -> str:
        """What keeps files from being vetted, in a sentence; empty when nothing does."""
        if self.workers or not self.trouble:
            return ""
        return f"files that nobody has vetted wait: {self.trouble}"

    @property
    def sentence(self) -> str:
        """One line: `2 vetting workers, confinement: landlock abi 6, seccomp, rlimits`."""
        if not self.workers:
            return self.problem or "vetting workers are starting"
        many = "s" if self.workers > 1 else ""
        return f"{self.workers} vetting worker{many}, confinement: {self.confinement.sentence}"


class _More(TypedDict):
    """What every way to vet takes besides the bytes."""

    context: Context | None
    base: BaseFacts | None
    base_archive: Path | None
    known: KnownSource | None


class VettingPool:
    """An async context manager; belongs to the event loop and thread that entered it.

    With `in_background` entering it waits for no worker: whoever needs one waits instead, and one that
    cannot be started is tried again until it can.
    """

    def __init__(self, options: PoolOptions | None = None, *, in_background: bool = False) -> None:
        self.options = options or PoolOptions()
        self._in_background = in_background
        self._started = asyncio.Event()
        self._trouble = ""
        self._workers: set[WorkerProcess] = set()
        self._idle: deque[WorkerProcess] = deque()
        self._waiters: deque[asyncio.Future[WorkerProcess]] = deque()
        self._streams: set[VettingStream] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._confinement = Confinement()
        self._jobs = self._failed = self._exchanged = 0
        self._closing = False

    async def __aenter__(self) -> Self:
        """Start all workers. Raises: VettingUnavailableError, unless that happens in the background."""
        if self._in_background:
            self.spawn(self._start_beside())
            return self
        started = await asyncio.gather(
            *(self._start_worker() for _ in range(self.options.workers)), return_exceptions=True
        )
        failures = [one for one in started if isinstance(one, BaseException)]
        if failures:
            await self.close()
            raise failures[0]
        self._all_started()
        return self

    async def started(self) -> None:
        """Wait until all workers have been started once."""
        await self._started.wait()

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Kill every worker and leave nothing behind; jobs under way end as `unknown`."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiter in self._waiters:
            waiter.cancel()
        ends = (worker.end("the pool was closed") for worker in tuple(self._workers))
        await asyncio.gather(*ends)
        self._workers.clear()
        self._idle.clear()

    def status(self) -> PoolStatus:
        """What is going on now."""
        alive = sum(not worker.gone.is_set() for worker in self._workers)
        return PoolStatus(
            workers=alive,
            busy=alive - sum(not worker.gone.is_set() for worker in self._idle),
            confinement=self._confinement,
            jobs=self._jobs,
            failed=self._failed,
            exchanged=self._exchanged,
            trouble=self._trouble,
            pids=tuple(sorted(worker.pid for worker in self._workers)),
        )

    @property
    def can_spare(self) -> bool:
        """Whether it has a worker beside another's at all."""
        return self.options.workers > 1

    @property
    def quiet(self) -> bool:
        """Whether nobody is using it, and somebody who came would find a worker beside another's."""
        return len(self._idle) == len(self._workers) > 1 and not self._waiters

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────

    async def vet_stream(
        self,
        filename: str,
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
        deferrable: bool = False,
        sibling: BaseFacts | None = None,
        growing: int | None = None,
        sha256: str = "",
    ) -> VettingStream:
        """Begin to vet a file that arrives in pieces.

        With `deferrable` the caller promises to have the whole file on disk in the end and to name
        it in `finish`: then nobody waits for a worker here, and a stream that is slow gives its
        worker back when others wait.

        With `growing`, a descriptor of the file while it arrives on disk, no bytes are handed over: the
        worker reads them there. It must stay open until the stream has ended. `sha256` is given by
        whoever proves it before the outcome counts.
        """
        stream = VettingStream(
            self,
            filename,
            context=context,
            base=base,
            base_archive=base_archive,
            known=known,
            deferrable=deferrable or growing is not None,
            sibling=sibling,
            growing=growing,
            sha256=sha256,
        )
        if not stream.deferrable or (self._idle and not self._waiters):
            await stream.open()
        return stream

    async def vet_bytes(
        self,
        data: bytes | memoryview,
        filename: str,
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
    ) -> Vetted:
        """Vet a file that is in memory."""
        more: _More = {
            "context": context,
            "base": base,
            "base_archive": base_archive,
            "known": known,
        }
        descriptor = hold_in_memory(data)
        if descriptor is None:
            async with await self.vet_stream(filename, **more) as stream:
                await stream.feed(data)
                return await stream.finish()
        try:
            stream = VettingStream(self, filename, deferrable=True, **more)
            return await stream.finish_with(descriptor, size=len(data))
        finally:
            os.close(descriptor)

    async def vet_file(
        self,
        path: Path,
        filename: str = "",
        *,
        context: Context | None = None,
        base: BaseFacts | None = None,
        base_archive: Path | None = None,
        known: KnownSource | None = None,
        sibling: BaseFacts | None = None,
        thorough: bool = False,
    ) -> Vetted:
        """Vet a file on disk: the worker is handed a descriptor and reads it by itself.

        With `thorough` for its facts: all of it is read, as is worth it for what later ones are
        compared with.
        Raises: InputError when it cannot be opened or is no regular file.
        """
        stream = VettingStream(
            self,
            filename or path.name,
            context=context,
            base=base,
            base_archive=base_archive,
            known=known,
            deferrable=True,
            sibling=sibling,
            thorough=thorough,
        )
        return await stream.finish(path)

    def warm(self, base: BaseFacts) -> None:
        """Let a worker make a base ready, since a release will probably be judged against it soon.

        Nothing is done when no worker is free for it, or one has it already.
        """
        held = any(base.key in worker.bases for worker in self._workers)
        if self._idle and not self._waiters and not held and encoded_bytes(base) <= KEPT_BYTES:
            self.spawn(self._warm(base))

    async def _warm(self, base: BaseFacts) -> None:
        # A job that is cancelled before its first byte: by then its base is ready, and stays. It takes
        # part of a second; on a busy machine, longer than a cancelled worker is otherwise left alive.
        stream = await self.vet_stream("warm-1-py3-none-any.whl", base=base)
        stream.cancel(patience=self.options.job.wait_seconds(0))

    # ── lending workers, for `stream.py` ─────────────────────────────────────────────────────

    async def lend(self, base: str = "") -> WorkerProcess:
        """A living worker, as soon as there is one, rather one that holds that base.

        Raises: VettingUnavailableError when closed.
        """
        while True:
            worker = await self._next_worker(base)
            if worker.alive:
                return worker

    async def _next_worker(self, base: str) -> WorkerProcess:
        if self._closing:
            raise VettingUnavailableError("the vetting pool is closed")
        if not self._waiters and self._idle:
            worker = next((one for one in self._idle if base in one.bases), self._idle[0])
            self._idle.remove(worker)
            return worker
        waiter: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            while not waiter.done():
                self._take_back_one()
                await asyncio.wait({waiter}, timeout=_LOOK_SECONDS)
            if waiter.cancelled():
                raise VettingUnavailableError("the vetting pool was closed")
            return waiter.result()
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._put_back(waiter.result())
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def give_back(self, assignment: Assignment, *, failed: bool) -> None:
        """A job has ended, one way or another."""
        self._jobs += 1
        self._failed += failed
        worker = assignment.worker
        assignment.release()
        worn = (
            assignment.spent
            or worker.jobs >= self.options.jobs_per_worker
            or worker.resident_bytes() > self.options.recycle_bytes
        )
        if self._closing:
            return
        if worker.gone.is_set() or worn:
            self.spawn(self._exchange(worker))
        else:
            self._put_back(worker)

    def register(self, stream: VettingStream) -> None:
        """A stream has a worker now."""
        self._streams.add(stream)

    def forget(self, stream: VettingStream) -> None:
        """It has none any more."""
        self._streams.discard(stream)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something to its end beside everything else; the pool's end cancels it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _put_back(self, worker: WorkerProcess) -> None:
        worker.lost = functools.partial(self._died_idle, worker)
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)

    def _died_idle(self, worker: WorkerProcess) -> None:
        """Between jobs: nobody's fault but the machine's."""
        if worker in self._idle:
            self._idle.remove(worker)
        if not self._closing:
            self.spawn(self._exchange(worker))

    def _take_back_one(self) -> None:
        """From the stream that has used its worker least, if one has done so for too long."""
        now = time.monotonic()
        slow = [
            stream
            for stream in self._streams
            if stream.deferrable
            and (
                now - stream.fed_at > self.options.idle_seconds
                or now - stream.opened_at > self.options.hold_seconds
            )
        ]
        if slow:
            min(slow, key=lambda stream: stream.fed_at).defer()

    # ── workers ──────────────────────────────────────────────────────────────────────────────

    async def _start_beside(self) -> None:
        await asyncio.gather(*(self._keep_starting() for _ in range(self.options.workers)))
        self._all_started()

    def _all_started(self) -> None:
        self._started.set()
        log.info("vetting workers started", extra={"confinement": self._confinement.sentence})
        if not self._confinement.walled:
            log.warning(
                "vetting workers are held by resource limits only: this kernel offers neither "
                "Landlock nor seccomp",
                extra={"lacking": "; ".join(self._confinement.lacking)},
            )

    async def _start_worker(self) -> None:
        worker = await WorkerProcess.start(
            prepare=self.options.prepare,
            walls=self.options.walls_or_all(),
            known_bad=self.options.known_bad,
        )
        if self.options.require_confinement and not worker.confinement.walled:
            await worker.end("the worker was not confined")
            raise VettingUnavailableError(
                "vetting workers cannot be confined on this system: "
                + "; ".join(worker.confinement.lacking),
                expected="Linux with Landlock (5.13 and later) or seccomp",
                remedy="use such a kernel, or set require_confinement = false under [vet]",
            )
        self._confinement = worker.confinement
        self._workers.add(worker)
        self._put_back(worker)

    async def _exchange(self, worker: WorkerProcess) -> None:
        self._exchanged += 1
        await worker.end("the worker was exchanged")
        self._workers.discard(worker)
        await self._keep_starting()

    async def _keep_starting(self) -> None:
        """Start one worker, trying again until it lives or the pool is closed."""
        attempt = 0
        while not self._closing:
            try:
                await self._start_worker()
            except VettingUnavailableError as error:
                self._trouble = error.message
                log.exception("a vetting worker cannot be started", extra={"error": str(error)})
            else:
                self._trouble = ""
                return
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
