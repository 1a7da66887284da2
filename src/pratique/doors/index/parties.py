"""Whether the party of a token is suspended: custody's state is asked, as the S3 door asks it.

Only tokens that belong to a party depend on it. While custody does not answer, these are refused, and
those of the own organisation work on: developers do not stop because custody is down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pratique.custody.holds import token_refusal
from pratique.custody.model import Hold
from pratique.errors import PratiqueError

POLL_SECONDS: Final = 0.05
CONFIRMED_SECONDS: Final = 0.5
"""How long an answer counts, as at the S3 door."""
_PAUSE_SECONDS: Final = 0.5
"""Between attempts to open a state that cannot be opened."""
_FIRST_SECONDS: Final = 0.3
"""How long the first question may wait for its answer."""

_log = logging.getLogger(__name__)


class HoldState(Protocol):
    """Custody's state, as far as it is asked here. Raises: UnavailableError."""

    def standing_holds(self) -> Sequence[Hold]:
        """Suspensions of parties that stand."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class PartyHolds:
    """What stops tokens of parties. A thread of its own asks, from the first such token on."""

    def __init__(self, open_state: Callable[[], HoldState]) -> None:
        self._open = open_state
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._answered = threading.Event()
        self._ended = threading.Event()
        # Written by the thread, as one value; read by all.
        self._known: tuple[float, Sequence[Hold]] = (0.0, ())

    def watch(self) -> None:
        """Begin to ask, if nobody did: a door that knows of such tokens does so at its start."""
        with self._starting:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="holds", daemon=True)
                self._thread.start()

    def stopped(self, party: str) -> str | None:
        """Why tokens of a party do not work; empty: they do; None: that cannot be told now."""
        if self._thread is None:
            self.watch()
            self._answered.wait(_FIRST_SECONDS)
        confirmed, holds = self._known
        if time.monotonic() - confirmed >= CONFIRMED_SECONDS:
            return None
        return token_refusal(holds, party)

    def close(self) -> None:
        """End the thread; tokens of parties are refused afterwards."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5.0)
        self._known = (0.0, ())

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                state = self._open()
            except PratiqueError as error:
                _log.warning("holds cannot be read", extra={"error": type(error).__name__})
                self._ended.wait(_PAUSE_SECONDS)
                continue
            try:
                self._ask(state)
            finally:
                state.close()

    def _ask(self, state: HoldState) -> None:
        """Until the end, or until what was opened is no longer what there is."""
        while not self._ended.is_set():
            asked = time.monotonic()
            try:
                self._known = (asked, state.standing_holds())
            except PratiqueError as error:
                _log.warning("holds not confirmed", extra={"error": type(error).__name__})
                self._ended.wait(_PAUSE_SECONDS)
                return
            self._answered.set()
            self._ended.wait(POLL_SECONDS)
