"""One file being vetted while it arrives: the handle that a door holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from pratique.edge.vetting.assignment import CANCEL_SECONDS, Assignment
from pratique.edge.vetting.errors import VettingUnavailableError
from pratique.edge.vetting.files import open_for_worker
from pratique.edge.vetting.frames import Start
from pratique.edge.vetting.held import encoded_bytes
from pratique.edge.vetting.options import MIB, PoolOptions
from pratique.edge.vetting.outcomes import unfinished
from pratique.edge.vetting.process import WorkerProcess
from pratique.errors import InputError
from pratique.vet.exchange import BaseFacts, KnownSource, Vetted
from pratique.vet.model import Context

_BASE_ARCHIVE_BYTES = 1024 * MIB
"""It is read by pieces and costs no memory, but to walk through a packed tar of that size takes seconds."""


_SIBLING_BYTES = 16 * MIB
"""Encoded facts; in memory they take several times that, beside those of the base."""


class Lender(Protocol):
    """What a stream needs of the pool."""

    options: PoolOptions

    async def lend(self, base: str = "") -> WorkerProcess:
        """A worker of our own, rather one that holds that base."""
        ...

    def give_back(self, assignment: Assignment, *, failed: bool) -> None:
        """The job ended."""
        ...

    def register(self, stream: VettingStream) -> None:
        """May be asked to give its worker back."""
        ...

    def forget(self, stream: VettingStream) -> None:
        """May not any more."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""
        ...


class VettingStream:
    """Order: any number of `feed`, then one `finish`, or `cancel` at any time. One task at a time.

    With `growing`, the descriptor of a file that arrives on disk: any number of `grown`, then `judge`
    for the judgement as soon as there is one, then `finish` for the rest.
    As a context manager it cancels what was not finished.
    """

    def __init__(
        self,
        pool: Lender,
        filename: str,
        *,
        context: Context | None,
        base: BaseFacts | None,
        base_archive: Path | None,
        known: KnownSource | None,
        deferrable: bool,
        sibling: BaseFacts | None = None,
        growing: int | None = None,
        thorough: bool = False,
        sha256: str = "",
    ) -> None:
        self._sha256 = sha256
        self._thorough = thorough
        self._growing = growing
        self._size = 0
        self.deferrable = deferrable
        self.opened_at = self.fed_at = time.monotonic()
        self._pool = pool
        self._filename = filename
        self._context = context
        self._base = base
        self._sibling = _bounded(sibling)
        self._base_archive = base_archive
        self._known = known
        self._assignment: Assignment | None = None
        self._unavailable = ""
        self._said = False
        """Whether the worker knows that the file is whole."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.cancel()

    async def open(self, file: int | None = None, *, size: int = 0) -> Assignment | None:
        """Get a worker and begin; `file` is a descriptor of the whole file. Used by the pool."""
        try:
            worker = await self._pool.lend(self._base.key if self._base is not None else "")
        except VettingUnavailableError as error:
            self._unavailable = error.message
            return None
        growing = self._growing is not None and file is None
        file = self._growing if growing else file
        limits = self._pool.options.job
        self._assignment = assignment = Assignment(worker, limits, known=self._known)
        self.opened_at = self.fed_at = time.monotonic()
        with contextlib.ExitStack() as stack:
            descriptors = [] if file is None else [file]
            descriptors += self._open_base_archive(stack)
            start = Start(
                filename=self._filename,
                sha256=self._sha256,
                context=self._context or Context(),
                base=self._base.key if self._base is not None else "",
                sibling=self._sibling,
                file=file is not None,
                growing=growing,
                thorough=self._thorough,
                archive=len(descriptors) > (file is not None),
                ask=self._known is not None,
                cpu_seconds=limits.cpu_seconds,
                cpu_seconds_per_mib=limits.cpu_seconds_per_mib,
            )
            try:
                await assignment.begin(start, self._base, descriptors, size=size)
            except BaseException:
                self.cancel()
                raise
        if growing or file is None:
            self._pool.register(self)
        return assignment

    def _open_base_archive(self, stack: contextlib.ExitStack) -> list[int]:
        """Without it the diff is coarser, not wrong, so a file that is gone is no error."""
        if self._base_archive is None or self._base is None:
            return []
        try:
            descriptor, size = open_for_worker(self._base_archive)
        except InputError:
            return []
        stack.callback(os.close, descriptor)
        return [descriptor] if size <= _BASE_ARCHIVE_BYTES else []

    async def feed(self, chunk: bytes | memoryview) -> None:
        """Hand on the next bytes; returns when there is room for more."""
        if self._assignment is None:
            return
        self.fed_at = time.monotonic()
        try:
            await self._assignment.feed(chunk)
        except BaseException:
            self.cancel()
            raise

    def grown(self, size: int) -> None:
        """So many bytes of the growing file are there."""
        self._size = size
        self.fed_at = time.monotonic()
        if self._assignment is not None:
            self._assignment.grown(size)

    async def judge(self) -> Vetted:
        """The judgement of a growing file that is whole now; facts come with `finish`."""
        assert self._growing is not None
        if self._assignment is None and not self._unavailable:
            opened = await self.open(size=self._size)
            if opened is not None:
                opened.grown(self._size)
        if self._assignment is None:
            return self._unfinished(self._unavailable or "no worker was free for it")
        await self._say_finished(self._assignment, None)
        self._said = True
        try:
            outcome = await self._assignment.judgement()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._unfinished(outcome) if isinstance(outcome, str) else outcome

    async def finish(self, file: Path | None = None) -> Vetted:
        """The judgement; `unknown` with the reason when there is none.

        `file` is the whole file on disk. It is read instead when the stream was deferred, and looked at
        from its end as well: what only readers that begin there would see is `unknown` without it.
        Raises: InputError when that cannot be opened.
        """
        if file is None:
            return await self.finish_with(None)
        descriptor, size = open_for_worker(file)
        try:
            return await self.finish_with(descriptor, size=size)
        finally:
            os.close(descriptor)

    async def finish_with(self, file: int | None, *, size: int = 0) -> Vetted:
        """As `finish`, with a descriptor of the file."""
        if self._assignment is None and file is not None and not self._unavailable:
            await self.open(file, size=size)
        elif self._assignment is not None and not self._said:
            await self._say_finished(self._assignment, file)
        if self._assignment is None:
            return self._unfinished(self._unavailable or "no worker was free for it")
        return await self._settle(self._assignment)

    async def _say_finished(self, assignment: Assignment, file: int | None) -> None:
        self._pool.forget(self)
        try:
            await assignment.finish(file)
        except BaseException:
            self.cancel()
            raise

    def cancel(self, *, patience: float = CANCEL_SECONDS) -> None:
        """Nobody wants the judgement any more. The worker is freed, or killed, in the background.

        It is killed when it does not notice for so many seconds, since it computes.
        """
        assignment, self._assignment = self._assignment, None
        self._pool.forget(self)
        if assignment is not None:
            self._unavailable = "it was cancelled"
            self._pool.spawn(self._abandon(assignment, patience))

    def defer(self) -> None:
        """Give the worker to others: the file will be read from disk in the end. Used by the pool."""
        self.cancel()
        self._unavailable = ""

    async def _abandon(self, assignment: Assignment, patience: float) -> None:
        await assignment.abandon(patience=patience)
        self._pool.give_back(assignment, failed=False)

    async def _settle(self, assignment: Assignment) -> Vetted:
        self._pool.forget(self)
        try:
            outcome = await assignment.outcome()
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._assignment = None
        self._pool.give_back(assignment, failed=isinstance(outcome, str))
        return self._unfinished(outcome) if isinstance(outcome, str) else outcome

    def _unfinished(self, reason: str) -> Vetted:
        return unfinished(reason, context=self._context, base=self._base)


def _bounded(sibling: BaseFacts | None) -> BaseFacts | None:
    """Without it the wheel is judged all the same, so one that is too large is no error."""
    if sibling is None or encoded_bytes(sibling) > _SIBLING_BYTES:
        return None
    return sibling
