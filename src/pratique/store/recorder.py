"""Group commit: many answers, one write to the log.

One writer thread takes what has accumulated, commits it and tells everybody who waits. `record`
waits for durability (`strict`) and shortens the writer's pause; `enqueue` does not (`fast`).

What a failed commit means for each:

- `record`: whoever waits gets the error and refuses the answer, so its entry is not tried again.
- `enqueue`: the answer may be out already, so its entry stays in the queue until it is durable. If
  it is uncertain whether it is, the reopened log tells, and it is never written twice.

While a commit has failed nothing new is accepted. The writer reopens the log with growing pauses;
the first success opens the queue again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from asyncio import Future as AsyncFuture
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import InvalidStateError as AlreadyDoneError
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import TypeAlias

from pratique.errors import PratiqueError
from pratique.ledger.canonical import PreparedDraft, encode_entry, prepare, render_time
from pratique.ledger.entries import Draft
from pratique.ledger.errors import LedgerSaturatedError, LedgerUncertainError
from pratique.ledger.store import LogStore
from pratique.values.instants import Clock

MAX_BATCH = 1_000
"""Entries per commit: beyond this a batch gets slower, not cheaper per entry."""
MAX_QUEUED = 20_000
"""About half a second of what the disk takes; more would only hide that it does not keep up."""
LINGER_SECONDS = 0.05
"""Pause of the writer while nobody waits; a shorter one costs a signature per few entries."""
STRICT_LINGER_SECONDS = 0.001
"""Pause while somebody waits: long enough for those who arrive together."""
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fast:
    """An entry whose answer may be out already."""

    draft: PreparedDraft
    future: Future[int]


@dataclass(frozen=True, slots=True)
class _Strict:
    """An entry whose answer waits for it."""

    draft: PreparedDraft
    future: AsyncFuture[int]
    loop: asyncio.AbstractEventLoop


_Item: TypeAlias = _Fast | _Strict


class GroupCommitRecorder:
    """The queue in front of a log, with its writer thread. Safe to use from any thread."""

    def __init__(
        self,
        log: LogStore,
        *,
        clock: Clock,
        max_batch: int = MAX_BATCH,
        max_queued: int = MAX_QUEUED,
        linger_seconds: float = LINGER_SECONDS,
        strict_linger_seconds: float = STRICT_LINGER_SECONDS,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
    ) -> None:
        """Start the writer. The log stays the caller's: close it after the recorder."""
        self._clock = clock
        self._max_batch = max_batch
        self._max_queued = max_queued
        self._linger = linger_seconds
        self._strict_linger = strict_linger_seconds
        self._first_retry = first_retry_seconds
        # Shared, guarded by _lock.
        self._lock = threading.Lock()
        self._queue: list[_Item] = []
        self._newest: Future[int] | None = None
        self._healthy = True
        self._closing = False
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._give_up = threading.Event()
        self._store = log
        self._pause = first_retry_seconds  # owned by the writer thread
        self._writer = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._writer.start()

    # ── any thread ───────────────────────────────────────────────────────────────────────────

    def enqueue(self, draft: Draft) -> Future[int]:
        """Queue an entry (`fast`); the future yields its sequence number once it is durable.

        Raises: LedgerSaturatedError when the queue is full, closed or cannot drain;
        EntryFormatError when the draft cannot be logged.
        """
        item = _Fast(prepare(draft), Future())
        self._put(item)
        self._newest = item.future
        return item.future

    def record(self, draft: Draft) -> AsyncFuture[int]:
        """Queue an entry and give an awaitable that is done once it is durable (`strict`).

        Raises: as `enqueue`; the awaitable raises what the commit raised.
        """
        loop = asyncio.get_running_loop()
        item = _Strict(prepare(draft), loop.create_future(), loop)
        self._put(item)
        if not self._urgent.is_set():
            self._urgent.set()
        return item.future

    def _put(self, item: _Item) -> None:
        with self._lock:
            if self._closing or not self._healthy:
                raise LedgerSaturatedError(
                    "the ledger's queue is closed" if self._closing else "the ledger cannot write",
                    remedy="the server's log has the reason; it opens again once writing works",
                )
            if len(self._queue) >= self._max_queued:
                raise LedgerSaturatedError(f"{self._max_queued} entries wait for the ledger")
            self._queue.append(item)
            if not self._wake.is_set():
                self._wake.set()

    @property
    def healthy(self) -> bool:
        """False while the queue cannot drain; readiness and strict doors follow it."""
        return self._healthy and not self._closing and len(self._queue) < self._max_queued

    def flush(self, *, seconds: float = 30.0) -> bool:
        """Wait until what `enqueue` took before this call is durable; False when it is not."""
        newest = self._newest
        self._urgent.set()
        try:
            return newest is None or newest.result(timeout=seconds) >= 0
        except (TimeoutError, PratiqueError):
            return False

    def close(self, *, seconds: float = 30.0) -> bool:
        """Accept nothing more, commit what is queued, end the writer.

        Shape: whether everything became durable. What did not within `seconds` fails.
        """
        with self._lock:
            self._closing = True
        self._wake.set()
        self._urgent.set()
        self._writer.join(timeout=seconds)
        self._give_up.set()
        self._writer.join(timeout=seconds)
        with self._lock:
            left, self._queue = self._queue, []
        _fail(left, LedgerSaturatedError("the ledger was closed before this entry was durable"))
        return not left

    # ── the writer thread ────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while self._await_work():
            batch = self._take()
            if batch:
                self._commit(batch)

    def _await_work(self) -> bool:
        """Sleep until there is something to commit and a moment has passed for others to join."""
        self._wake.wait()
        full = len(self._queue) >= self._max_batch
        if not self._closing and self._healthy and not full:
            self._urgent.wait(timeout=self._linger)
            if self._urgent.is_set() and len(self._queue) < self._max_batch:
                time.sleep(self._strict_linger)
        return not self._give_up.is_set() and (not self._closing or bool(self._queue))

    def _take(self) -> list[_Item]:
        with self._lock:
            batch = self._queue[: self._max_batch]
            del self._queue[: self._max_batch]
            if not self._queue and not self._closing:
                self._wake.clear()
                self._urgent.clear()
        return batch

    def _commit(self, batch: Sequence[_Item]) -> None:
        now = self._clock()
        try:
            sequences = self._store.append([item.draft for item in batch], now=now)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._after_failure(batch, error, now)
            return
        self._pause = self._first_retry
        self._healthy = True
        _resolve(batch, sequences)

    def _after_failure(self, batch: Sequence[_Item], error: Exception, now: datetime) -> None:
        _note("ledger commit failed", error, entries=len(batch))
        with self._lock:
            self._healthy = False
            waiting = [item for item in (*batch, *self._queue) if isinstance(item, _Strict)]
            self._queue = [item for item in self._queue if isinstance(item, _Fast)]
        _fail(waiting, error)
        kept = [item for item in batch if isinstance(item, _Fast)]
        if not self._reopen():
            stored = False
        else:
            stored = isinstance(error, LedgerUncertainError) and self._is_stored(batch, error, now)
        if stored and isinstance(error, LedgerUncertainError):
            _resolve(batch, range(error.first, error.first + error.count))
            kept = []
        with self._lock:
            self._queue[:0] = kept
            # With nothing left to prove it by, the next entry shows whether writing works again.
            self._healthy = not self._queue
            if self._queue:
                self._wake.set()

    def _reopen(self) -> bool:
        """Open the log again, with growing pauses; False when told to give up."""
        while not self._give_up.wait(timeout=self._pause):
            self._pause = min(2 * self._pause, LAST_RETRY_SECONDS)
            try:
                self._store.reopen()
                # An empty append waits for whatever another connection of ours still does, so
                # that what it left behind can be read with certainty afterwards.
                self._store.append((), now=self._clock())
            except Exception as error:  # noqa: BLE001 - it stays closed, whatever it is
                _note("ledger cannot be reopened", error, entries=0)
            else:
                _log.warning("ledger reopened")
                return True
        return False

    def _is_stored(
        self, batch: Sequence[_Item], uncertain: LedgerUncertainError, now: datetime
    ) -> bool:
        """Whether the batch lies where it would lie if it was stored."""
        first = uncertain.first
        recorded_at = render_time(now)
        leaves = self._store.leaves(first, first + uncertain.count)
        wanted = (
            encode_entry(item.draft, sequence=first + place, recorded_at=recorded_at)
            for place, item in enumerate(batch)
        )
        return all(leaf == want for leaf, want in zip_longest(leaves, wanted))


def _note(event: str, error: Exception, *, entries: int) -> None:
    _log.error(event, extra={"entries": entries, "error": f"{type(error).__name__}: {error}"})


def _resolve(batch: Iterable[_Item], sequences: Iterable[int]) -> None:
    """Tell everybody their sequence; one wake-up per event loop, however many wait."""
    waiting: dict[asyncio.AbstractEventLoop, list[tuple[AsyncFuture[int], int]]] = {}
    for item, sequence in zip(batch, sequences, strict=True):
        if isinstance(item, _Fast):
            with suppress(AlreadyDoneError):  # cancelled: nobody wants to know
                item.future.set_result(sequence)
        else:
            waiting.setdefault(item.loop, []).append((item.future, sequence))
    for loop, results in waiting.items():
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know
            loop.call_soon_threadsafe(_set_results, results)


def _set_results(results: Iterable[tuple[AsyncFuture[int], int]]) -> None:
    for future, sequence in results:
        if not future.done():
            future.set_result(sequence)


def _fail(items: Iterable[_Item], error: Exception) -> None:
    for item in items:
        if isinstance(item, _Fast):
            with suppress(AlreadyDoneError):
                item.future.set_exception(error)
        else:
            with suppress(RuntimeError):
                item.loop.call_soon_threadsafe(_set_error, item.future, error)


def _set_error(future: AsyncFuture[int], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
