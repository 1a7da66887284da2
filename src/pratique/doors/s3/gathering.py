"""Rows that wait for one entry: whoever asks while the entry before is on its way shares the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from pratique.errors import PratiqueError
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Batch(Generic[Row]):
    """Rows of one entry, with those who wait for it."""

    rows: list[Row] = field(default_factory=list)
    waiting: list[asyncio.Future[int]] = field(default_factory=list)


class Gathering(Generic[Key, Row]):
    """Makes rows durable (`strict`), many of one key in one entry. Belongs to the event loop's thread."""

    def __init__(
        self, recorder: Recorder, render: Callable[[Key, Sequence[Row]], Draft], *, most: int
    ) -> None:
        """`render` writes the entry; `most` rows fit into one."""
        self._recorder = recorder
        self._render = render
        self._most = most
        self._open: dict[Key, _Batch[Row]] = {}
        self._flying: set[Key] = set()

    async def record(self, key: Key, row: Row) -> int:
        """Wait until the row is durable; gives its entry. Raises: as `Recorder.record`."""
        return await self.begin(key, row)

    def begin(self, key: Key, row: Row) -> asyncio.Future[int]:
        """As `record`, for whoever goes on meanwhile: a failure is the future's."""
        loop = asyncio.get_running_loop()
        batch = self._open.get(key)
        if batch is None or len(batch.rows) >= self._most:
            if batch is not None:
                self._send(key, batch)
            batch = self._open[key] = _Batch()
            if key not in self._flying:
                loop.call_soon(self._send_open, key)  # who asks in the same turn comes along
        batch.rows.append(row)
        durable: asyncio.Future[int] = loop.create_future()
        batch.waiting.append(durable)
        return durable

    def _send_open(self, key: Key) -> None:
        batch = self._open.pop(key, None)
        if batch is not None:
            self._send(key, batch)

    def _send(self, key: Key, batch: _Batch[Row]) -> None:
        try:
            recorded = self._recorder.record(self._render(key, batch.rows))
        except PratiqueError as error:
            _tell(batch.waiting, error)
            return
        self._flying.add(key)
        recorded.add_done_callback(partial(self._landed, key, batch))

    def _landed(self, key: Key, batch: _Batch[Row], recorded: asyncio.Future[int]) -> None:
        self._flying.discard(key)
        error = asyncio.CancelledError() if recorded.cancelled() else recorded.exception()
        _tell(batch.waiting, error if error is not None else recorded.result())
        self._send_open(key)


def _tell(waiting: Sequence[asyncio.Future[int]], answer: int | BaseException) -> None:
    for one in waiting:
        if one.done():
            continue  # cancelled: nobody wants to know
        if isinstance(answer, BaseException):
            one.set_exception(answer)
        else:
            one.set_result(answer)
