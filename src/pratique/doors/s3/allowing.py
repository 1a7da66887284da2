"""May this lease do this to this key: the decision of `custody.authorize`, with what it needs at hand.

Datasets and objects are remembered for a quarter of a second, so that many ranges of one object cost
one look-up. What this process changes itself it sees at once; what another process overwrote is
answered in its former state for that long.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Final, TypeVar

from pratique.custody.authorize import Request, authorize, authorize_lease
from pratique.custody.model import Dataset, Stop, StoredObject, Verb
from pratique.custody.ports import DatasetState
from pratique.custody.s3_errors import of_refusal
from pratique.custody.scopes import dataset_scope
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.confirmation import UNSURE, Confirmation

REMEMBERED_SECONDS: Final = 0.25
_REMEMBERED: Final = 8192

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Allowing:
    """Asks the decision and looks up what it is about. Belongs to the event loop's thread."""

    def __init__(self, state: DatasetState, confirmation: Confirmation) -> None:
        self._state = state
        self._confirmation = confirmation
        self.version = 0
        """Grows with every object that this process changes."""
        self._datasets: OrderedDict[str, tuple[float, Dataset]] = OrderedDict()
        self._objects: OrderedDict[tuple[str, str], tuple[float, StoredObject]] = OrderedDict()

    async def allow(
        self, caller: Caller, asked: Asked, verb: Verb, bucket: str, key: str
    ) -> Dataset:
        """The dataset, if the lease may do this now.

        Raises: S3Error with the reason; UnavailableError.
        """
        dataset = await self.dataset(bucket)
        if not self._confirmation.fresh:
            raise of_refusal(UNSURE)
        request = Request(verb=verb, key=key, address=asked.address)
        scopes, holds = self._confirmation.scopes, self._confirmation.holds.values()
        refusal = authorize(caller.lease, scopes, dataset, request, asked.at, holds=holds)
        if refusal is not None and refusal.stop is Stop.UNSURE:
            # A lease that was granted a moment ago hangs in scopes that nobody has told us of.
            await self._confirmation.refresh()
            refusal = authorize(caller.lease, scopes, dataset, request, asked.at, holds=holds)
        if refusal is not None:
            raise of_refusal(refusal)
        if dataset is None:
            raise of_refusal(UNSURE)
        return dataset

    async def allow_lease(self, caller: Caller, asked: Asked) -> None:
        """Raise unless the lease works at all, now and from there.

        Raises: S3Error with the reason; UnavailableError.
        """
        if not self._confirmation.fresh:
            raise of_refusal(UNSURE)
        scopes, holds = self._confirmation.scopes, self._confirmation.holds.values()
        refusal = authorize_lease(caller.lease, scopes, asked.address, asked.at, holds=holds)
        if refusal is not None and refusal.stop is Stop.UNSURE:
            await self._confirmation.refresh()
            refusal = authorize_lease(caller.lease, scopes, asked.address, asked.at, holds=holds)
        if refusal is not None:
            raise of_refusal(refusal)

    def scopes_of(self, caller: Caller, bucket: str) -> tuple[str, ...]:
        """What a stream of this read depends on."""
        return (*caller.live.scopes, dataset_scope(bucket))

    async def dataset(self, name: str) -> Dataset | None:
        """A dataset by name, shredded ones included."""
        now = time.monotonic()
        kept = self._datasets.get(name)
        if kept is not None and kept[0] > now:
            return kept[1]
        found = await asyncio.to_thread(self._state.dataset, name)
        if found is not None:
            _remember(self._datasets, name, (now + REMEMBERED_SECONDS, found))
        return found

    async def object(self, bucket: str, key: str) -> StoredObject | None:
        """The object at a key; that there is none is asked anew each time."""
        now = time.monotonic()
        kept = self._objects.get((bucket, key))
        if kept is not None and kept[0] > now:
            return kept[1]
        version = self.version
        found = await asyncio.to_thread(self._state.object, bucket, key)
        # What was looked up before this process changed something may be out of date already.
        if found is not None and version == self.version:
            _remember(self._objects, (bucket, key), (now + REMEMBERED_SECONDS, found))
        return found

    def forget(self, bucket: str, key: str) -> None:
        """This process has changed what stands at a key."""
        self.version += 1
        self._objects.pop((bucket, key), None)


def _remember(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _REMEMBERED:
        kept.popitem(last=False)
