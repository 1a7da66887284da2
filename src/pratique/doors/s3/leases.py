"""Leases as the door keeps them: looked up once, with what every request asks made ready."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pratique.custody.certificate import is_certified
from pratique.custody.model import Lease, LeaseId, Refusal, ScopeId, Stop
from pratique.custody.ports import KeyBroker, LeaseState
from pratique.custody.s3_errors import Code, S3Error

_KEPT: Final = 16_384
_KEPT_SECONDS: Final = 30.0
"""How long a lease's terms are kept. They never change; what can change is asked for every time."""
_UNKNOWN_SECONDS: Final = 2.0
"""How long an unknown id stays unknown, so that guessing does not reach the database each time."""
_DAYS_KEPT: Final = 4
"""Signing keys of one lease: today and yesterday, in two regions."""
_AT_ONCE: Final = 2
"""Unknown ids that are looked up at a time: each holds a thread."""
_MOST_GUESSES: Final = 8
"""Unknown ids that wait for that; more are told to come back."""
_log = logging.getLogger(__name__)
_LEASE: Final = re.compile(r"PQL[A-Z2-7]{17}")
_Value = TypeVar("_Value")

UNKNOWN: Final = Refusal(
    stop=Stop.UNKNOWN_LEASE,
    sentence="no lease has this access key; ask for one: pratique lease grant",
)


@dataclass(slots=True, eq=False)
class LiveLease:
    """A lease with its scopes written out and the day keys that the broker gave."""

    lease: Lease
    scopes: tuple[str, ...]
    until: float
    keys: OrderedDict[tuple[str, str, str], bytes] = field(default_factory=OrderedDict)
    """By (date, region, service)."""


class LeaseBook:
    """Leases by access key. Shared state: belongs to the event loop's thread."""

    def __init__(
        self, state: LeaseState, broker: KeyBroker, *, known: Container[ScopeId] = frozenset()
    ) -> None:
        """`known` are the scopes of leases that are there; a new one may be missing for a moment."""
        self._state = state
        self._broker = broker
        self._scopes = known
        self._guesses = asyncio.Semaphore(_AT_ONCE)
        self._asking: dict[LeaseId, asyncio.Future[Lease | None]] = {}
        self._kept: OrderedDict[LeaseId, LiveLease] = OrderedDict()
        self._unknown: OrderedDict[LeaseId, float] = OrderedDict()

    async def find(self, lease_id: LeaseId) -> LiveLease | None:
        """The lease; None when there is none.

        Raises: UnavailableError; S3Error (SlowDown) for an unknown one while others are looked up, and
        (AccessDenied) for one whose row was changed.
        """
        known = self.known(lease_id)
        if known is not None:
            return known
        now, kept = time.monotonic(), self._kept.get(lease_id)
        if self._unknown.get(lease_id, 0.0) > now:
            return None
        if _LEASE.fullmatch(lease_id) is None:
            return None
        if ScopeId(f"lease:{lease_id}") in self._scopes:
            lease = await asyncio.to_thread(self._state.lease, lease_id)
        else:
            lease = await self._guessed(lease_id)
        if lease is None:
            _keep(self._unknown, lease_id, now + _UNKNOWN_SECONDS)
            return None
        if not is_certified(lease):
            _log.error("a lease is not what was certified", extra={"lease": lease_id})
            raise S3Error(
                Code.ACCESS_DENIED,
                "the terms of this lease are not those that the key broker signed; ask for a new one",
            )
        live = LiveLease(lease, tuple(lease.scopes), now + _KEPT_SECONDS)
        if kept is not None:
            live.keys = kept.keys
        _keep(self._kept, lease_id, live)
        return live

    def known(self, lease_id: LeaseId) -> LiveLease | None:
        """A lease that was looked up a moment ago."""
        kept = self._kept.get(lease_id)
        return kept if kept is not None and kept.until > time.monotonic() else None

    async def _guessed(self, lease_id: LeaseId) -> Lease | None:
        """One that nobody has told us of: few at a time, so that guessing leaves threads for others.

        A lease granted a moment ago is used by many requests at once: they share one look-up.
        """
        asking = self._asking.get(lease_id)
        if asking is None:
            if len(self._asking) >= _MOST_GUESSES:
                raise S3Error(
                    Code.SLOW_DOWN, "many unknown access keys at once; try again", retry_seconds=1.0
                )
            asking = asyncio.ensure_future(self._ask(lease_id))
            self._asking[lease_id] = asking
            asking.add_done_callback(lambda _: self._asking.pop(lease_id, None))
        return await asyncio.shield(asking)

    async def _ask(self, lease_id: LeaseId) -> Lease | None:
        async with self._guesses:
            return await asyncio.to_thread(self._state.lease, lease_id)

    async def signing_key(
        self, live: LiveLease, *, date: str, region: str, service: str = "s3"
    ) -> bytes:
        """The lease's key for a day, from the broker the first time.

        Raises: BrokerRefusedError, UnavailableError.
        """
        key = live.keys.get((date, region, service))
        if key is None:
            key = await self._broker.signing_key(
                live.lease.certificate, date=date, region=region, service=service
            )
            live.keys[date, region, service] = key
            if len(live.keys) > _DAYS_KEPT:
                live.keys.popitem(last=False)
        return key


def _keep(kept: OrderedDict[LeaseId, _Value], key: LeaseId, value: _Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _KEPT:
        kept.popitem(last=False)
