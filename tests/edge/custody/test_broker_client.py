"""The client against servers that are no broker, or not any more."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import ObjectId
from pratique.custody.ports import PartAsk
from pratique.edge.custody.broker.frames import LENGTH, parse_call, render_answer
from pratique.edge.custody.broker_client import BrokerClient
from pratique.errors import UnavailableError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ASK = PartAsk(object=ObjectId("a" * 32), wrapped_key=b"", part=0, variant=0, salt=bytes(32))


@asynccontextmanager
async def serving(folder: Path, serve: Serve) -> Any:
    """A client of a server of ours."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(once, str(folder / "sock"))
    async with server, BrokerClient(folder / "sock", deadline=1.0) as client:
        yield client


async def next_call(reader: asyncio.StreamReader) -> Any:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    return parse_call(await reader.readexactly(length))


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\n\r\n", struct.pack(">I", 3) + b"abc", b"\xff" * 8]
)
async def test_what_is_no_broker_is_told(tmp_path: Path, said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next_call(reader)
        writer.write(said)
        await writer.drain()
        await reader.read()

    async with serving(tmp_path, serve) as client:
        with pytest.raises(UnavailableError, match="answered something else"):
            await client.ping()


@pytest.mark.parametrize("body", [["one"], [b"1", b"2"], None, {}])
async def test_keys_that_were_not_asked_for_are_not_taken(tmp_path: Path, body: object) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = await next_call(reader)
        writer.write(render_answer(call.id, "", body))
        await reader.read()

    async with serving(tmp_path, serve) as client:
        with pytest.raises(UnavailableError):
            await client.part_keys(b"", [ASK])


async def test_a_broker_that_was_started_again_is_found_again(tmp_path: Path) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        call = await next_call(reader)
        writer.write(render_answer(call.id, "", True))
        await writer.drain()

    async with serving(tmp_path, serve) as client:
        for _ in range(5):
            await client.ping()
    assert connections == 5


async def test_answers_find_their_calls_in_any_order(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls = [await next_call(reader) for _ in range(50)]
        everything = b"".join(
            render_answer(call.id, "", msgspec.msgpack.decode(call.body)[0].encode())
            for call in reversed(calls)
        )
        # In pieces that respect no frame.
        for at in range(0, len(everything), 7):
            writer.write(everything[at : at + 7])
            await writer.drain()
        await reader.read()

    async with serving(tmp_path, serve) as client:
        days = [f"{number:08}" for number in range(50)]
        found = await asyncio.gather(
            *(client.signing_key(b"", date=day, region="r") for day in days)
        )
    assert found == [day.encode() for day in days]


async def test_a_call_that_is_given_up_leaves_the_others_alone(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, second = await next_call(reader), await next_call(reader)
        writer.write(render_answer(second.id, "", True))
        await asyncio.sleep(1.2)
        writer.write(render_answer(first.id, "", True))
        third = await next_call(reader)
        writer.write(render_answer(third.id, "cap", ["enough", "vendor:acme", "wait"]))
        await reader.read()

    async with serving(tmp_path, serve) as client:
        slow = asyncio.create_task(client.ping())
        await asyncio.sleep(0.05)
        await client.ping()
        with pytest.raises(UnavailableError, match="does not answer"):
            await slow
        await asyncio.sleep(0.3)
        with pytest.raises(BrokerRefusedError) as refused:
            await client.ping()
    assert (refused.value.reason, refused.value.scope) == ("cap", "vendor:acme")
    assert refused.value.retry_helps
