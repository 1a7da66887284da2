"""Before anybody has proven who they are: what heads, waiting and connections may cost, over raw sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.s3_raw import connected, sign
from pratique.custody.model import Verb
from pratique.doors.s3 import connections, limits
from pratique.doors.s3.limits import HEAD_BYTES, ConnectionLimits, Peers
from pratique.doors.s3.serving import ServingS3
from pratique.settings import CustodySettings, DoorSettings

START = b"GET /dialogs/a HTTP/1.1\r\nHost: x\r\n"
Place = tuple[Custodian, ServingS3]


@pytest.fixture
def head_seconds() -> float:
    """How long a head may take: a machine that stands still for a second ends nobody's."""
    return 4.0


@pytest.fixture
async def place(tmp_path: Path, head_seconds: float) -> AsyncIterator[Place]:
    with custodian(tmp_path, s3_connections_per_peer=12, s3_head_seconds=head_seconds) as made:
        made.dataset()
        made.put("a", b"abc")
        async with s3_door(made.settings) as serving:
            yield made, serving


async def opened(serving: ServingS3) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = urlsplit(serving.url)
    return await asyncio.open_connection(where.hostname, where.port)


async def answer(reader: asyncio.StreamReader, seconds: float = 20.0) -> bytes:
    """Everything until the door hangs up."""
    async with asyncio.timeout(seconds):
        try:
            return await reader.read()
        except OSError:
            return b""


def lines(total: int) -> bytes:
    return b"".join(
        b"x-%06d: %s\r\n" % (number, b"y" * 4000) for number in range(total // 4010 + 1)
    )


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_head_of_a_megabyte_is_cut_after_32_kib(place: Place, at_once: bool) -> None:
    reader, writer = await opened(place[1])
    data = START + lines(400_000)
    step = len(data) if at_once else 3000
    sent = 0
    try:
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await writer.drain()
            sent += step
            await asyncio.sleep(0.002)
            if writer.transport.is_closing():
                break
    except (ConnectionResetError, BrokenPipeError):
        pass
    said = await answer(reader)
    assert at_once or sent < 8 * HEAD_BYTES
    assert not said or b"<Code>RequestHeaderSectionTooLarge</Code>" in said
    assert b"InvalidAccessKey" not in said
    writer.close()


async def test_the_limit_is_told_to_whoever_still_listens(place: Place) -> None:
    reader, writer = await opened(place[1])
    writer.write(START + lines(HEAD_BYTES - 4000))
    await asyncio.sleep(0.1)
    writer.write(b"z: " + b"z" * 5000)
    said = await answer(reader)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestHeaderSectionTooLarge</Code>" in said
    assert b"32 KiB" in said
    writer.close()


@pytest.mark.parametrize("head_seconds", [0.6])
async def test_a_head_that_trickles_is_ended_and_others_are_served(place: Place) -> None:
    made, serving = place
    reader, writer = await opened(serving)
    writer.write(START)
    began = time.monotonic()

    async def trickle() -> None:
        while not writer.transport.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    client = boto(serving.url, *made.grant())
    got = await asyncio.to_thread(client.get_object, Bucket="dialogs", Key="a")
    assert await asyncio.to_thread(got["Body"].read) == b"abc"
    said = await answer(reader)
    assert 0.4 < time.monotonic() - began < 5
    assert not said or b"<Code>RequestTimeout</Code>" in said
    trickling.cancel()
    writer.close()


async def test_what_is_sent_before_the_answer_is_bounded(place: Place) -> None:
    """Pipelined requests wait in memory: not for ever, and not a megabyte of one head."""
    reader, writer = await opened(place[1])
    one = START + b"\r\n"
    writer.write(one * 3)
    async with asyncio.timeout(10):
        for _ in range(3):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 403 ")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
    try:
        for _ in range(400):
            writer.write(one + START + lines(8000))
            await writer.drain()
    except (ConnectionResetError, BrokenPipeError):
        pass
    said = await answer(reader)
    assert said.count(b"AccessDenied") < 400
    writer.close()


async def test_bodies_are_no_heads(place: Place) -> None:
    made, serving = place
    lease, secret = made.grant(verbs=frozenset({Verb.WRITE}))
    body = os.urandom(500_000)
    signed = sign(serving.url, lease.id, secret, headers=(("content-length", str(len(body))),))
    for pieces in (
        (signed.head + body,),
        (signed.head[:-2], signed.head[-2:] + body),
        (signed.head, body),
    ):
        reader, writer = await opened(serving)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_refused_body_is_thrown_away_not_cut(place: Place) -> None:
    _, serving = place
    reader, writer = await opened(serving)
    writer.write(b"PUT /dialogs/k HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
    await asyncio.sleep(0.1)
    for _ in range(3):
        writer.write(bytes(100_000))
        await writer.drain()
        await asyncio.sleep(0.05)
    said = await answer(reader)
    assert said.startswith(b"HTTP/1.1 403 ")
    assert said.count(b"HTTP/1.1") == 1
    writer.close()


async def test_one_address_has_so_many_connections(place: Place) -> None:
    _, serving = place
    held = [await opened(serving) for _ in range(12)]
    await asyncio.sleep(0.1)
    reader, writer = await opened(serving)
    said = await answer(reader)
    assert b"<Code>SlowDown</Code>" in said
    writer.close()
    for _, one in held:
        one.close()
        await one.wait_closed()
    await asyncio.sleep(0.1)
    reader, writer = await opened(serving)
    writer.write(START + b"\r\n")
    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
    writer.close()


def test_proxies_that_are_trusted_bring_everybodys() -> None:
    peers = Peers(ConnectionLimits(per_peer=1, trusted=frozenset({"10.0.0.1"}), head_seconds=1.0))
    assert [peers.enter("10.0.0.1") for _ in range(3)] == [True] * 3
    assert [peers.enter("10.0.0.2") for _ in range(2)] == [True, False]
    peers.leave("10.0.0.2")
    peers.leave("10.0.0.2")
    assert peers.enter("10.0.0.2")


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:0::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("fe80::1%eth0", "fe80::1%eth1", False),
        ("not:an:address", "not:another", False),
    ],
)
def test_a_network_of_one_machine_is_one_address(one: str, other: str, together: bool) -> None:
    """Everybody with IPv6 has 2⁶⁴ addresses."""
    peers = Peers(ConnectionLimits(per_peer=1, trusted=frozenset(), head_seconds=1.0))
    assert peers.enter(one)
    assert peers.enter(other) is not together
    for peer in (one, other):
        peers.leave(peer)
    assert peers.enter(one)


@pytest.mark.parametrize("size", [200_000, 3 << 20])
async def test_who_takes_no_answer_does_not_keep_the_place(
    place: Place, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Answers that wait for their reader are memory, and its lease may have ended since."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.5)
    made, serving = place
    made.put("k", bytes(size))
    lease, secret = made.grant()
    ask = sign(serving.url, lease.id, secret, method="GET").head
    where = urlsplit(serving.url)
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect((where.hostname, where.port))
        for _ in range(4):  # more than the kernel holds, whichever way they are answered
            await asyncio.to_thread(peer.sendall, ask)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        peer.settimeout(10)
        got = 0
        with suppress(ConnectionResetError):
            while more := await asyncio.to_thread(peer.recv, 65_536):
                got += len(more)
        assert 0 < got < 4 * size


async def test_who_reads_slowly_gets_it_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1.0)
    made, serving = place
    made.put("k", bytes(1 << 20))
    lease, secret = made.grant()
    async with connected(serving.url) as (reader, writer):
        writer.write(sign(serving.url, lease.id, secret, method="GET").head)
        await reader.readuntil(b"\r\n\r\n")
        got = 0
        for _ in range(16):
            got += len(await reader.readexactly(65_536))
            await asyncio.sleep(0.1)
        assert got == 1 << 20


async def test_a_handshake_that_never_comes_is_given_up(tmp_path: Path) -> None:
    """Until it is done, the connection is counted by nobody."""
    with custodian(tmp_path, s3_head_seconds=0.6) as made:
        settings = structs.replace(made.settings, door=DoorSettings(tls_certificate="auto"))
        async with s3_door(settings) as serving:
            reader, writer = await opened(serving)
            began = time.monotonic()
            assert await answer(reader) == b""
            assert 0.4 < time.monotonic() - began < 10
            writer.close()
            trusted = ssl.create_default_context(cafile=str(serving.authority))
            where = urlsplit(serving.url)
            reader, writer = await asyncio.open_connection(
                where.hostname, where.port, ssl=trusted, server_hostname=where.hostname
            )
            writer.write(START + b"\r\n")
            async with asyncio.timeout(10):
                assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
            writer.close()


def test_the_limits_are_those_that_are_documented() -> None:
    assert limits.HEAD_BYTES == 32 * 1024
    custody = CustodySettings()
    assert (custody.s3_head_seconds, custody.s3_connections_per_peer) == (10.0, 1000)
