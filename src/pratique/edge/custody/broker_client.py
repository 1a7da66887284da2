"""The door's side of the broker's socket: one connection, any number of calls on their way.

A call that gets no answer within its deadline fails; a connection that breaks is made anew, and calls
that can be repeated are. Fulfils `custody.ports.KeyBroker`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import ObjectId
from pratique.custody.ports import PartAsk, WriteAsk
from pratique.edge.custody.broker.frames import (
    LENGTH,
    MAX_GATEWAY_FRAME,
    Answer,
    Certified,
    MarkBits,
    Mint,
    NewObject,
    Nothing,
    PartBody,
    PartKeys,
    Refused,
    SigningKey,
    WireError,
    WriteBody,
    WriteKeys,
    parse_answer,
    render_call,
)
from pratique.edge.custody.broker.places import reachable
from pratique.errors import UnavailableError

DEADLINE_SECONDS = 2.0

_T = TypeVar("_T")


class BrokerClient:
    """Pipelined calls over one connection. Belongs to one event loop."""

    def __init__(self, socket: Path, *, deadline: float = DEADLINE_SECONDS) -> None:
        self._socket, self._deadline = socket, deadline
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ── KeyBroker ────────────────────────────────────────────────────────────────────────────

    async def signing_key(self, certificate: bytes, *, date: str, region: str) -> bytes:
        """`kSigning` of the lease for a day, 32 bytes."""
        return await self._call("signing-key", certificate, SigningKey(date, region), bytes)

    async def part_keys(self, certificate: bytes, asks: Sequence[PartAsk]) -> Sequence[bytes]:
        """AES keys of parts, paid for at the broker's meter."""
        bodies = (
            PartBody(ask.object, ask.wrapped_key, ask.part, ask.variant, ask.salt) for ask in asks
        )
        keys = await self._call("part-keys", certificate, PartKeys(tuple(bodies)), list[bytes])
        return _as_many(keys, asks)

    async def write_keys(
        self, certificate: bytes, asks: Sequence[WriteAsk]
    ) -> Sequence[tuple[bytes, bytes]]:
        """(salt, AES key) of parts that are about to be written."""
        bodies = (WriteBody(ask.object, ask.wrapped_key, ask.part, ask.variant) for ask in asks)
        pairs = await self._call(
            "write-keys", certificate, WriteKeys(tuple(bodies)), list[tuple[bytes, bytes]]
        )
        return _as_many(pairs, asks)

    async def new_object_key(
        self, certificate: bytes, object_id: ObjectId, *, dataset: str
    ) -> tuple[bytes, bytes]:
        """(key, the same wrapped) for an object that is about to be written."""
        body = NewObject(dataset, object_id)
        return await self._call("new-object-key", certificate, body, tuple[bytes, bytes])

    async def mark_bits(self, certificate: bytes, dataset: str, count: int) -> bytes:
        """The lease's codeword, eight marks to a byte."""
        return await self._call("mark-bits", certificate, MarkBits(dataset, count), bytes)

    # ── besides ──────────────────────────────────────────────────────────────────────────────

    async def mint(
        self, role: bytes, *, lease: str, holder: str, until_us: int
    ) -> tuple[bytes, str]:
        """(certificate, secret) of a lease under a role, for somebody known from elsewhere."""
        made = await self._call("mint", role, Mint(lease, holder, until_us), Certified)
        return made.certificate, made.secret

    async def ping(self) -> None:
        """Whether it answers. Raises: UnavailableError."""
        await self._call("ping", b"", Nothing(), bool)

    async def close(self) -> None:
        """Hang up."""
        task = self._listening
        self._hang_up("the door closes")
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # ── the connection ───────────────────────────────────────────────────────────────────────

    async def _call(
        self, operation: str, certificate: bytes, body: msgspec.Struct, kind: type[_T]
    ) -> _T:
        """One call; once more on a new connection when the old one broke. Every call may be repeated."""
        try:
            async with asyncio.timeout(self._deadline):
                try:
                    answer = await self._once(operation, certificate, body)
                except (OSError, UnavailableError):
                    answer = await self._once(operation, certificate, body)
        except TimeoutError:
            raise self._gone("does not answer") from None
        except OSError as error:
            raise self._gone(f"cannot be reached: {error.strerror}") from None
        return opened(answer, kind)

    async def _once(self, operation: str, certificate: bytes, body: msgspec.Struct) -> Answer:
        writer = self._writer or await self._connected()
        number = next(self._numbers)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            writer.write(render_call(number, operation, certificate, body))
            return await answered
        finally:
            self._waiting.pop(number, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                with reachable(self._socket) as name:
                    reader, self._writer = await asyncio.open_unix_connection(name)
                self._listening = asyncio.create_task(self._listen(reader, self._writer))
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                answer = await _next_answer(reader)
                waiting = self._waiting.get(answer.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (OSError, EOFError, WireError):
            if self._writer is writer:
                self._hang_up("has closed the connection")
            else:
                writer.transport.abort()

    def _hang_up(self, why: str) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = self._listening = None
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            if not each.done():
                each.set_exception(self._gone(why))

    def _gone(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"the key broker {what}", remedy="pratique broker status; nothing opens without it"
        )


async def _next_answer(reader: asyncio.StreamReader) -> Answer:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > MAX_GATEWAY_FRAME:
        raise WireError("a frame that is too long")
    return parse_answer(await reader.readexactly(length))


def _as_many(found: list[_T], asked: Sequence[Any]) -> list[_T]:
    if len(found) != len(asked):
        raise UnavailableError("the key broker answered something else")
    return found


def opened(answer: Answer, kind: type[_T]) -> _T:
    """The body, or the refusal as an error. Raises: BrokerRefusedError, UnavailableError."""
    try:
        if not answer.reason:
            return msgspec.msgpack.decode(answer.body, type=kind)
        refused = msgspec.msgpack.decode(answer.body, type=Refused)
    except msgspec.DecodeError:
        raise UnavailableError("the key broker answered something else") from None
    if answer.reason == "disk":
        raise UnavailableError(refused.message, remedy=refused.remedy)
    raise BrokerRefusedError(
        refused.message, reason=answer.reason, scope=refused.scope, remedy=refused.remedy
    )
