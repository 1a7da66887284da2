"""The door's side of the broker's socket: one connection, any number of calls on their way.

A call that gets no answer within its deadline fails; a connection that breaks is made anew, and calls
that can be repeated are. Fulfils `custody.ports.KeyBroker`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Hold, ObjectId, Scope
from pratique.custody.ports import PartAsk, WriteAsk
from pratique.edge.custody.broker.frames import (
    LENGTH,
    MAX_GATEWAY_FRAME,
    Answer,
    Certified,
    MarkBits,
    MarkCommitment,
    Mint,
    NewObject,
    Nothing,
    PartBody,
    PartKeys,
    Refused,
    SigningKey,
    StagingKey,
    StopParties,
    Stopped,
    StopScopes,
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

    def __init__(
        self,
        socket: Path,
        *,
        deadline: float = DEADLINE_SECONDS,
        rewrapped: Callable[[ObjectId], Awaitable[bytes]] | None = None,
    ) -> None:
        """`rewrapped`: an object's wrapped key as it is now, for reads that a rotation overtook."""
        self._rewrapped = rewrapped
        self._socket, self._deadline = socket, deadline
        self._numbers = itertools.count(1)
        self._wire: _Wire | None = None
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

    async def signing_key(
        self, certificate: bytes, *, date: str, region: str, service: str = "s3"
    ) -> bytes:
        """`kSigning` of the lease for a day, 32 bytes."""
        return await self._call(
            "signing-key", certificate, SigningKey(date, region, service), bytes
        )

    async def part_keys(self, certificate: bytes, asks: Sequence[PartAsk]) -> Sequence[bytes]:
        """AES keys of parts, paid for at the broker's meter."""
        try:
            return await self._part_keys(certificate, asks)
        except BrokerRefusedError as error:
            if error.reason != "rotated" or self._rewrapped is None:
                raise
            # A long read still has the key as it was wrapped when it began.
            objects = sorted({ask.object for ask in asks})
            now = {one: await self._rewrapped(one) for one in objects}
            asks = [replace(ask, wrapped_key=now[ask.object]) for ask in asks]
            return await self._part_keys(certificate, asks)

    async def _part_keys(self, certificate: bytes, asks: Sequence[PartAsk]) -> Sequence[bytes]:
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

    async def staging_key(
        self, certificate: bytes, upload: str, *, dataset: str, wrapped: bytes = b""
    ) -> tuple[bytes, bytes]:
        """(key, the same wrapped) of an upload in parts; a new one without `wrapped`."""
        body = StagingKey(dataset, upload, wrapped)
        return await self._call("staging-key", certificate, body, tuple[bytes, bytes])

    async def mark_bits(self, certificate: bytes, dataset: str, count: int) -> bytes:
        """The lease's codeword, eight marks to a byte."""
        return await self._call("mark-bits", certificate, MarkBits(dataset, count), bytes)

    async def mark_commitment(self, certificate: bytes, dataset: str, count: int) -> str:
        """What the ledger is to say of that codeword before its first read."""
        body = MarkCommitment(dataset, count)
        return await self._call("mark-commitment", certificate, body, str)

    # ── besides ──────────────────────────────────────────────────────────────────────────────

    async def mint(self, role: bytes, *, holder: str, until_us: int) -> tuple[bytes, str]:
        """(certificate, secret) of a new lease under a role, for somebody known from elsewhere."""
        made = await self._call("mint", role, Mint(holder, until_us), Certified)
        return made.certificate, made.secret

    async def suspend(self, scopes: Sequence[Scope]) -> None:
        """Let the broker refuse these by itself; only an operator resumes them there."""
        stopped = (Stopped(one.id, one.reason, one.incident, one.changed_epoch) for one in scopes)
        await self._call("suspend", b"", StopScopes(tuple(stopped)), bool)

    async def hold(self, holds: Sequence[Hold]) -> None:
        """Let the broker refuse by these suspensions of parties; only an operator releases them there."""
        await self._call("hold", b"", StopParties(tuple(holds)), bool)

    async def ping(self) -> None:
        """Whether it answers. Raises: UnavailableError."""
        await self._call("ping", b"", Nothing(), bool)

    async def close(self) -> None:
        """Hang up."""
        self._hang_up("the door closes")

    # ── the connection ───────────────────────────────────────────────────────────────────────

    async def _call(
        self, operation: str, certificate: bytes, body: msgspec.Struct, kind: type[_T]
    ) -> _T:
        """One call; once more on a new connection when the old one broke. Every call may be repeated."""
        until = asyncio.get_running_loop().time() + self._deadline
        try:
            try:
                answer = await self._once(operation, certificate, body, until)
            except (ConnectionError, UnavailableError):
                answer = await self._once(operation, certificate, body, until)
        except TimeoutError:
            raise _gone("does not answer") from None
        except OSError as error:
            raise _gone(f"cannot be reached: {error.strerror}") from None
        return opened(answer, kind)

    async def _once(
        self, operation: str, certificate: bytes, body: msgspec.Struct, until: float
    ) -> Answer:
        loop = asyncio.get_running_loop()
        wire = self._wire
        if wire is None:
            async with asyncio.timeout_at(until):
                wire = await self._connected()
        number = next(self._numbers)
        answered: asyncio.Future[Answer] = loop.create_future()
        wire.waiting[number] = answered
        # A timer of its own: asyncio.timeout costs ten times as much, and this is each first read.
        timer = loop.call_at(until, _give_up, answered)
        try:
            wire.send(render_call(number, operation, certificate, body))
            return await answered
        finally:
            timer.cancel()
            wire.waiting.pop(number, None)

    async def _connected(self) -> _Wire:
        async with self._connecting:
            if self._wire is None:
                with reachable(self._socket) as name:
                    _, self._wire = await asyncio.get_running_loop().create_unix_connection(
                        lambda: _Wire(self._lost), name
                    )
            return self._wire

    def _lost(self, wire: _Wire) -> None:
        if self._wire is wire:
            self._wire = None

    def _hang_up(self, why: str) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.hang_up(why)


class _Wire(asyncio.Protocol):
    """One connection: frames in, frames out."""

    def __init__(self, lost: Callable[[_Wire], None]) -> None:
        self.waiting: dict[int, asyncio.Future[Answer]] = {}
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Other event loops have transports of their own class.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, frame: bytes) -> None:
        """Write a frame. Raises: UnavailableError when the connection is gone."""
        if self._transport is None or self._transport.is_closing():
            raise _gone("has closed the connection")
        self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        """Every whole frame goes to whoever waits for it; what is no answer ends the connection."""
        self._buffer += data
        try:
            del self._buffer[: self._deliver()]
        except WireError:
            self.hang_up("answered something else")

    def _deliver(self) -> int:
        """Hand out whole frames; gives how many bytes they were. Raises: WireError."""
        buffer, at = self._buffer, 0
        while len(buffer) >= at + LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, at)
            if length > MAX_GATEWAY_FRAME:
                raise WireError("a frame that is too long")
            ends = at + LENGTH.size + length
            if len(buffer) < ends:
                break
            answer = parse_answer(bytes(buffer[at + LENGTH.size : ends]))
            waiting = self.waiting.get(answer.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)
            at = ends
        return at

    def connection_lost(self, _error: Exception | None) -> None:
        self.hang_up("has closed the connection")

    def hang_up(self, why: str) -> None:
        """End the connection; whoever waits is told why."""
        self._lost(self)
        if self._transport is not None:
            self._transport.abort()
        for each in self.waiting.values():
            if not each.done():
                each.set_exception(_gone(why))


def _give_up(answered: asyncio.Future[Answer]) -> None:
    if not answered.done():
        answered.set_exception(TimeoutError())


def _gone(what: str) -> UnavailableError:
    return UnavailableError(
        f"the key broker {what}", remedy="pratique broker status; nothing opens without it"
    )


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
