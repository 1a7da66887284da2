"""Whether this process still knows the state of scopes, and what it does when they change.

A thread of its own asks the store every 50 ms. Each answer confirms that the store is there and brings
what changed; 500 ms without an answer and nothing is served (fail closed). The loop is woken for
changes only, so that an idle door costs next to nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from pratique.custody.holds import standing_refusal
from pratique.custody.model import (
    Hold,
    HoldId,
    Lease,
    LeaseId,
    Refusal,
    Scope,
    ScopeId,
    ScopeState,
    Stop,
)
from pratique.custody.ports import Changes, LeaseState
from pratique.custody.scopes import state_refusal
from pratique.errors import PratiqueError

POLL_SECONDS: Final = 0.05
CONFIRMED_SECONDS: Final = 0.5
"""How long an answer of the store counts."""
_WATCH_SECONDS: Final = 0.1
"""How often the loop looks whether streams must end because nothing is confirmed."""
_MOST_JUDGED: Final = 65_536
"""Leases and datasets for which it is remembered whether a hold stops them."""

_log = logging.getLogger(__name__)


class Stream(Protocol):
    """Something that is being sent under a lease."""

    @property
    def scopes(self) -> Sequence[str]:
        """The scopes it depends on, its dataset's included."""
        ...

    @property
    def lease(self) -> Lease:
        """Under which lease."""
        ...

    @property
    def dataset(self) -> str:
        """Of which dataset."""
        ...

    def cut(self, refusal: Refusal) -> None:
        """End at once; called from the loop's thread."""
        ...


UNSURE: Final = Refusal(
    stop=Stop.UNSURE,
    sentence="the door cannot confirm that the lease is still good; nothing is served until it can",
    retry_seconds=1.0,
)


class Confirmation:
    """The stopped scopes, no older than half a second, and the streams that depend on them."""

    def __init__(
        self,
        state: LeaseState,
        *,
        poll_seconds: float = POLL_SECONDS,
        clock_right: Callable[[], bool] = lambda: True,
    ) -> None:
        """`clock_right`: whether the door knows what time it is; nothing is fresh while it does not."""
        self._state = state
        self._clock_right = clock_right
        self._poll = poll_seconds
        # Owned by the loop's thread.
        self._streams: set[Stream] = set()
        self._scopes: dict[ScopeId, Scope] = {}
        self._stopped: dict[str, Scope] = {}
        self._holds: dict[HoldId, Hold] = {}
        self._judged: dict[tuple[LeaseId, str], Refusal | None] = {}
        self.version = 0
        """Changes whenever a scope does: what was decided before is decided again."""
        self._watching: asyncio.Task[None] | None = None
        # One question at a time, so that answers are applied in their order.
        self._asking = threading.Lock()
        self._epoch = -1
        self._thread: threading.Thread | None = None
        # Written by the polling thread, read by all.
        self._confirmed = 0.0
        self._ended = threading.Event()

    async def start(self) -> None:
        """Learn the present state, then keep asking. Raises: UnavailableError."""
        loop = asyncio.get_running_loop()
        await self.refresh()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="scopes", daemon=True)
        self._thread.start()
        self._watching = loop.create_task(self._watch())

    async def refresh(self) -> None:
        """Ask now: a lease that was granted a moment ago brings scopes of its own.

        Raises: UnavailableError.
        """
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._ask, loop)
        await asyncio.sleep(0)  # what was found is applied in this turn of the loop

    async def close(self) -> None:
        """End the thread; nothing is served afterwards."""
        self._ended.set()
        self._confirmed = 0.0
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)

    @property
    def fresh(self) -> bool:
        """Whether the state is known well enough to serve."""
        return time.monotonic() - self._confirmed < CONFIRMED_SECONDS and self._clock_right()

    @property
    def scopes(self) -> Mapping[ScopeId, Scope]:
        """All scopes, for the decision; look at `fresh` too."""
        return self._scopes

    @property
    def stops(self) -> Mapping[str, Scope]:
        """Those that are suspended or have ended, by id."""
        return self._stopped

    @property
    def holds(self) -> Mapping[HoldId, Hold]:
        """Suspensions of parties that stand; look at `fresh` too."""
        return self._holds

    def stopped(
        self, scopes: Iterable[str], lease: Lease | None, dataset: str = ""
    ) -> Refusal | None:
        """Why nothing may be served under these scopes; cheap, asked for every piece that is sent.

        Whoever serves says under which lease, and of which dataset: holds depend on its terms. None:
        nothing is served, the question is about scopes alone.
        """
        return self.known_stop(scopes, lease, dataset) if self.fresh else UNSURE

    def known_stop(
        self, scopes: Iterable[str], lease: Lease | None, dataset: str = ""
    ) -> Refusal | None:
        """As `stopped`, by what is known, however old it is: for dropping, never for serving."""
        if self._stopped:
            for scope in scopes:
                found = self._stopped.get(scope)
                if found is not None:
                    return state_refusal(found)
        return self.held(lease, dataset) if self._holds and lease is not None else None

    def held(self, lease: Lease, dataset: str = "") -> Refusal | None:
        """The hold that stops a lease for a dataset, as far as is known."""
        key = (lease.id, dataset)
        if key not in self._judged:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            self._judged[key] = standing_refusal(self._holds.values(), lease, dataset)
        return self._judged[key]

    @contextmanager
    def streaming(self, stream: Stream) -> Iterator[None]:
        """Within the block the stream is cut as soon as it may not go on."""
        self._streams.add(stream)
        try:
            yield
        finally:
            self._streams.discard(stream)

    # ── the polling thread ───────────────────────────────────────────────────────────────────

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._ended.wait(self._poll):
            try:
                self._ask(loop)
            except PratiqueError as error:
                _log.warning("scopes not confirmed", extra={"error": type(error).__name__})

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        """One question; it counts from before it was asked, and once its answer is with the loop."""
        with self._asking:
            asked = time.monotonic()
            changes = self._state.changes(self._epoch)
            if changes.epoch < self._epoch:
                # The store was set back, to a copy or a replica that lags: all it says is news.
                changes = self._state.changes(-1)
            if changes.scopes or changes.holds:
                with suppress(RuntimeError):  # the loop has ended, and so will this thread
                    loop.call_soon_threadsafe(self._apply, changes)
            self._epoch = changes.epoch
            self._confirmed = asked

    # ── the loop's thread ────────────────────────────────────────────────────────────────────

    def _apply(self, changes: Changes) -> None:
        self.version += 1
        for scope in changes.scopes:
            self._scopes[scope.id] = scope
            if scope.state is ScopeState.LIVE:
                self._stopped.pop(scope.id, None)
            else:
                self._stopped[scope.id] = scope
        for hold in changes.holds:
            self._holds[hold.id] = hold
            if hold.lifted:
                del self._holds[hold.id]
        self._judged.clear()
        for stream in tuple(self._streams):
            refusal = self.stopped(stream.scopes, stream.lease, stream.dataset)
            if refusal is not None:
                stream.cut(refusal)

    async def _watch(self) -> None:
        """Cut everything while nothing is confirmed: a stream that waits for its reader asks nobody."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self.fresh:
                for stream in tuple(self._streams):
                    stream.cut(UNSURE)
