"""The pool for callers without an event loop: the command line, evaluations.

    with SyncVettingPool(PoolOptions(workers=2)) as pool:
        for job, vetted in pool.map(VetJob(filename=…, data=…) for …):
            …

It runs a loop of its own in the calling thread, and only while it is asked something.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.pool import PoolStatus, VettingPool
from pratique.vet.exchange import BaseFacts, KnownSource, Vetted
from pratique.vet.model import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class VetJob:
    """One file to vet."""

    filename: str
    data: bytes | Path | Callable[[], bytes]
    """The bytes, a file to be read by the worker, or what gives the bytes when their turn comes."""
    key: object = None
    """For whoever asks, to know it again."""
    context: Context | None = None
    base: BaseFacts | None = None
    base_archive: Path | None = None
    known: KnownSource | None = None


class SyncVettingPool:
    """A context manager; belongs to the thread that entered it, which must have no running loop."""

    def __init__(self, options: PoolOptions | None = None) -> None:
        self._pool = VettingPool(options)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        """Start the workers. Raises: VettingUnavailableError."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise AssertionError("inside a running event loop VettingPool is the one to use")
        try:
            self._runner.run(self._pool.__aenter__())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            self._runner.run(self._pool.close())
        finally:
            self._runner.close()

    def status(self) -> PoolStatus:
        """What is going on."""
        return self._pool.status()

    def vet(self, job: VetJob) -> Vetted:
        """Vet one file. Raises: InputError when it cannot be read."""
        return self._runner.run(self._vet(job))

    def map(self, jobs: Iterable[VetJob]) -> Iterator[tuple[VetJob, Vetted]]:
        """Vet many, a few more at a time than there are workers, in the order in which they end."""
        coming = iter(jobs)
        running: dict[asyncio.Task[Vetted], VetJob] = {}
        try:
            while True:
                self._runner.run(self._fill(coming, running))
                if not running:
                    return
                for task in self._runner.run(_any_of(running)):
                    yield running.pop(task), task.result()
        finally:
            self._runner.run(_stop(running))

    async def _fill(
        self, coming: Iterator[VetJob], running: dict[asyncio.Task[Vetted], VetJob]
    ) -> None:
        # One more than workers, so that none waits while the next bytes are made.
        while len(running) <= self._pool.options.workers:
            job = next(coming, None)
            if job is None:
                return
            running[asyncio.create_task(self._vet(job))] = job

    async def _vet(self, job: VetJob) -> Vetted:
        more = {
            "context": job.context,
            "base": job.base,
            "base_archive": job.base_archive,
            "known": job.known,
        }
        if isinstance(job.data, Path):
            return await self._pool.vet_file(job.data, job.filename, **more)  # type: ignore[arg-type] # as above
        data = job.data if isinstance(job.data, bytes) else job.data()
        return await self._pool.vet_bytes(data, job.filename, **more)  # type: ignore[arg-type] # as above


async def _any_of(running: dict[asyncio.Task[Vetted], VetJob]) -> set[asyncio.Task[Vetted]]:
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _stop(running: dict[asyncio.Task[Vetted], VetJob]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
