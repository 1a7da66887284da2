"""Doing a thing once while many wait for it.

`SingleFlight` shares one answer (a page). `Flights` shares one download that readers follow while
it arrives: their bytes come from the temporary file, and the tail is held back until the whole
file has proved to be the right one. A wheel's central directory is at its end, so a client that is
cut off there holds nothing it could install.

Start reading at `Flights.join`, then `Flight.read`.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Hashable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Generic, TypeVar

from pratique.edge.blobs import storage_error
from pratique.errors import IntegrityError, PratiqueError, UnavailableError
from pratique.index.ports import BlobStore, BlobWriter, UpstreamStream
from pratique.values.digests import Sha256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OpenStream = Callable[[], AbstractAsyncContextManager[UpstreamStream]]
Release = Callable[[], Awaitable[None]]

HOLD_BACK = 65536
"""Bytes held back by default: more than any end-of-archive record, and as much as a zip comment."""
_PIECE = 256 * 1024


class SingleFlight(Generic[K, V]):
    """Runs one coroutine per key at a time; everybody who asks meanwhile gets its outcome."""

    def __init__(self) -> None:
        # Owned by the event loop; each task leaves the table when it ends.
        self._tasks: dict[K, asyncio.Task[V]] = {}

    async def do(self, key: K, start: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The outcome of `start()`, or of the same call that is already under way.

        Exceptions are shared, and are not remembered. Cancelling one waiter cancels nobody else,
        nor the work itself.
        """
        task = self._tasks.get(key)
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(start())
            self._tasks[key] = task
            task.add_done_callback(lambda ended: self._forget(key, ended))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, key: K, task: asyncio.Task[V]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            task.exception()  # every waiter may have left; that is no reason for a warning


class Flights:
    """Downloads into the blob store, at most one at a time for the same file."""

    def __init__(self, blobs: BlobStore, *, orphan_seconds: float = 300.0) -> None:
        """`orphan_seconds`: how long a download goes on after its last reader has left."""
        self._blobs = blobs
        self._orphan_seconds = orphan_seconds
        self._flights: dict[Hashable, Flight] = {}

    def join(
        self,
        key: Hashable,
        open_stream: OpenStream,
        *,
        expected_sha256: Sha256 | None,
        expected_size: int | None,
    ) -> Flight:
        """The download of this file: the one under way, or a new one.

        Order: ask `BlobStore.path` first, without waiting in between; a flight that has ended well
        is no longer here but there. One that failed is forgotten: the next caller tries anew.
        Raises: StorageError when the disk is full.
        """
        # Different expectations are different downloads, whatever the caller calls them.
        whole_key = (key, expected_sha256, expected_size)
        flight = self._flights.get(whole_key)
        if flight is None or flight.done.done():
            flight = Flight(
                writer=self._blobs.begin(),
                open_stream=open_stream,
                expected_sha256=expected_sha256,
                expected_size=expected_size,
                orphan_seconds=self._orphan_seconds,
            )
            self._flights[whole_key] = flight
            flight.done.add_done_callback(lambda ended: self._forget(whole_key, ended))
        return flight

    def __len__(self) -> int:
        return len(self._flights)

    async def close(self) -> None:
        """Stop all downloads; their readers get an UnavailableError."""
        for flight in list(self._flights.values()):
            await flight.stop()

    def _forget(self, key: Hashable, ended: asyncio.Future[Sha256]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.done is ended:
            del self._flights[key]


class Flight:
    """One download and everybody who follows it. Owned by the event loop it was started in."""

    def __init__(
        self,
        *,
        writer: BlobWriter,
        open_stream: OpenStream,
        expected_sha256: Sha256 | None,
        expected_size: int | None,
        orphan_seconds: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Sha256] = loop.create_future()
        """Ends with the digest once the blob is published. Looking at it does not keep the
        download going; `wait` and `read` do."""
        self.length: int | None = expected_size
        """Bytes of the whole file, if anybody said; final once `started` has returned."""
        self._writer = writer
        self._open_stream = open_stream
        self._expected_sha256 = expected_sha256
        self._expected_size = expected_size
        self._orphan_seconds = orphan_seconds
        self._orphaned: asyncio.TimerHandle | None = None
        self._readers = 0
        self._arrived = False
        self._file = _open_to_follow(writer)
        # Readers that joined may come late, so the file stays open as long as anybody holds us.
        weakref.finalize(self, os.close, self._file)
        self._opened = asyncio.Event()
        self._progress = asyncio.Event()
        self.done.add_done_callback(self._ended)
        self._task = loop.create_task(self._run())
        self._task.add_done_callback(self._task_ended)
        self._watch_orphan()

    async def started(self) -> int | None:
        """Wait until the upstream has begun to answer; gives `length`.

        Raises: what the download failed with, if it failed before its first byte. The time to
        choose a status code is after this.
        """
        with self._reading():
            await self._opened.wait()
            if self.done.done():
                self.done.result()
            return self.length

    async def wait(self) -> Sha256:
        """Wait until the blob is published.

        Raises: what the download failed with.
        """
        with self._reading():
            return await asyncio.shield(self.done)

    async def read(
        self, *, hold_back: int = HOLD_BACK, release: Release | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes as they arrive, except the last `hold_back` (at least one) of those received.

        The tail follows when hash and length agree and `release()` has returned; whatever
        `release` raises ends the reader instead.
        Raises: IntegrityError when the bytes are not the expected ones, UnavailableError
        when the download failed or was stopped.
        """
        behind = max(1, hold_back)
        position = 0
        with self._reading():
            while not self.done.done():
                progress = self._progress
                visible = self._writer.written - behind
                while position < visible and not self.done.done():
                    piece = self._read_at(position, min(_PIECE, visible - position))
                    position += len(piece)
                    yield piece
                # Progress made while this reader was sending has set the event already.
                await progress.wait()
            self.done.result()
            if release is not None:
                await release()
            while position < self._writer.written:
                piece = self._read_at(position, _PIECE)
                position += len(piece)
                yield piece

    async def growing(self) -> AsyncGenerator[int, None]:
        """How many bytes have arrived, each time there are more, the tail included.

        For somebody who examines them by `descriptor` and hands nothing on. Ends when all are there:
        they are neither published then, nor proved to have the right hash (`wait` does that).
        Raises: what the download failed with. Being examined keeps the download going.
        """
        seen = 0
        with self._reading():
            while True:
                progress, over = self._progress, self._arrived or self.done.done()
                if self._writer.written > seen:
                    seen = self._writer.written
                    yield seen
                if over:
                    break
                await progress.wait()
            if self.done.done():
                self.done.result()

    @property
    def descriptor(self) -> int:
        """The file that bytes are written to, open for reading as long as somebody holds this flight."""
        return self._file

    async def stop(self) -> None:
        """End the download now."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # ── the download ────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        """Download, publish, tell everybody. The only place that ends `done`."""
        try:
            await self._download()
            digest = await self._publish()
        except PratiqueError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - readers must end whatever went wrong
            self._fail(UnavailableError(f"the download failed: {type(error).__name__}: {error}"))
        else:
            self.done.set_result(digest)

    async def _download(self) -> None:
        async with self._open_stream() as stream:
            self._check_announced(stream.length)
            self._opened.set()
            async for chunk in stream.chunks():
                if self.length is not None and self._writer.written + len(chunk) > self.length:
                    raise IntegrityError(
                        "the upstream sends more bytes than the file has",
                        expected=f"{self.length} bytes",
                    )
                self._writer.write(chunk)
                self._pulse()
        if self.length is not None and self._writer.written != self.length:
            raise IntegrityError(
                f"the upstream sent {self._writer.written} bytes", expected=f"{self.length} bytes"
            )
        self._arrived = True
        self._pulse()

    def _check_announced(self, announced: int | None) -> None:
        if self._expected_size is None:
            self.length = announced
        elif announced is not None and announced != self._expected_size:
            raise IntegrityError(
                f"the upstream announces {announced} bytes",
                expected=f"{self._expected_size} bytes, as its page says",
            )

    async def _publish(self) -> Sha256:
        """Commit in a thread (it waits for the disk), and see it through even when cancelled."""
        commit = asyncio.ensure_future(
            asyncio.to_thread(self._writer.commit, self._expected_sha256)
        )
        try:
            return await asyncio.shield(commit)
        except asyncio.CancelledError:
            return await commit

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and not self.done.done():
            self._fail(UnavailableError("the download was stopped", remedy="try again"))

    def _fail(self, error: PratiqueError) -> None:
        self._writer.abandon()
        self.done.set_exception(error)
        self.done.exception()  # nobody may be left to look at it

    # ── the readers ─────────────────────────────────────────────────────────────────────────

    def _read_at(self, position: int, size: int) -> bytes:
        """Bytes that were just written, hence in the page cache: not worth a thread."""
        piece = os.pread(self._file, size, position)
        if not piece:
            raise IntegrityError("the temporary file of a download was cut short")
        return piece

    def _pulse(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    def _ended(self, _: asyncio.Future[Sha256]) -> None:
        self._opened.set()
        self._progress.set()
        self._watch_orphan()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._readers += 1
        self._watch_orphan()
        try:
            yield
        finally:
            self._readers -= 1
            self._watch_orphan()

    def _watch_orphan(self) -> None:
        """Stop a download in a while if nobody follows it."""
        if self._orphaned is not None:
            self._orphaned.cancel()
            self._orphaned = None
        if not self._readers and not self.done.done():
            loop = asyncio.get_running_loop()
            self._orphaned = loop.call_later(self._orphan_seconds, self._task.cancel)


def _open_to_follow(writer: BlobWriter) -> int:
    try:
        return os.open(writer.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        writer.abandon()
        raise storage_error("cannot follow a download", error) from error
