"""Small reads that are answered at once: the same answers, the same refusals, the same entries.

`S3Connection` stands on attributes of aiohttp's `RequestHandler` that are not promised: `_waiter`,
`_messages`, `_paused`, `_close`, `_force_close`, `_next_keepalive_close_time`, `_keepalive_timeout`. Each of
them has a test here that fails where it is gone or means something else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kit.s3_door import Custodian, boto, custodian, s3_door, settled
from kit.s3_raw import answer, connected, sign
from kit.waiting import comes
from pratique.custody.model import Lease, ScopeId, ScopeState, Verb
from pratique.custody.plain_heads import PlainHead, parse_plain_head
from pratique.doors.s3 import allowing, metering, views
from pratique.doors.s3.connections import S3Server
from pratique.doors.s3.limits import ConnectionLimits
from pratique.doors.s3.quick import QuickReads
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log

KIB = 1024
DATA = secrets.token_bytes(1 << 20)


class Place:
    """A door that tells which requests it answered at once."""

    def __init__(
        self, made: Custodian, serving: ServingS3, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.made = made
        self.serving = serving
        self.url = serving.url
        self.quick: list[bool] = []
        self.reads: QuickReads | None = None
        original = QuickReads.answer

        def told(this: QuickReads, *asked: Any) -> bool:
            self.reads = this
            self.quick.append(original(this, *asked))
            return self.quick[-1]

        monkeypatch.setattr(QuickReads, "answer", told)
        # A quarter of a second is long enough for a door, and too short for a test on a busy machine.
        monkeypatch.setattr(allowing, "REMEMBERED_SECONDS", 20.0)
        monkeypatch.setattr(views, "_COUNTED_SECONDS", 20.0)
        monkeypatch.setattr(metering, "_FRESH_SECONDS", 20.0)

    def head(
        self, credentials: tuple[Lease, str], path: str = "/dialogs/data", **more: Any
    ) -> bytes:
        lease, secret = credentials
        return sign(self.url, lease.id, secret, path=path, method="GET", **more).head

    async def warm(self, credentials: tuple[Lease, str], path: str = "/dialogs/data") -> None:
        """Read once the ordinary way: then all that a quick answer needs is at hand."""
        span = [("range", f"bytes=0-{len(DATA) - 1}")]
        async with connected(self.url) as (reader, writer):
            for _ in range(2):
                head = self.head(credentials, path, headers=span)
                writer.write(head[:20])
                await asyncio.sleep(0.05)
                writer.write(head[20:])
                assert (await answer(reader))[0] == 206
        self.quick.clear()


@asynccontextmanager
async def opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> AsyncIterator[Place]:
    with custodian(folder, **options) as made:
        made.dataset()
        made.put("data", DATA)
        made.put("tiny", b"tiny")
        async with s3_door(made.settings) as serving:
            yield Place(made, serving, monkeypatch)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with opened(tmp_path, monkeypatch) as one:
        yield one


def ranged(first: int, last: int) -> list[tuple[str, str]]:
    return [("Range", f"bytes={first}-{last}")]


async def whole(reader: asyncio.StreamReader) -> tuple[list[bytes], bytes]:
    """Lines of an answer's head, and its body."""
    async with asyncio.timeout(20):
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
        lengths = [int(one[15:]) for one in lines if one.startswith(b"Content-Length:")]
        return lines, await reader.readexactly(sum(lengths))


def told_apart(lines: list[bytes]) -> list[bytes]:
    """Sorted, without what differs between any two answers."""
    return sorted(one for one in lines if not one.startswith((b"Date:", b"x-amz-request-id:")))


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        ("/dialogs/data", "", ranged(100, 70_000)),
        ("/dialogs/data", "", ranged(0, 256 * KIB - 1)),
        ("/dialogs/data", "", ranged((1 << 20) - 5, 1 << 21)),
        ("/dialogs/data", "", [("Range", "bytes=-3")]),
        ("/dialogs/data", "partNumber=1", [("Range", "bytes=9-9")]),
        ("/dialogs/tiny", "", []),
        ("/dialogs/tiny", "partNumber=1", []),
        ("/dialogs/tiny", "", [("x-amz-checksum-mode", "ENABLED")]),
        ("/dialogs/tiny", "", [("If-None-Match", "*")]),
        ("/dialogs/tiny", "", [("If-Match", '"no"')]),
        ("/dialogs/tiny", "response-content-type=text%2Fplain", []),
        ("/dialogs/nothing", "", []),
    ],
)
async def test_both_ways_answer_alike(
    place: Place, path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    head = place.head(credentials, path, query=query, headers=headers)
    found = []
    for pieces in ([head[:20], head[20:]], [head], [head]):
        async with connected(place.url) as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.05)
            lines, body = await whole(reader)
            if lines[0].split()[1] in {b"200", b"206"}:
                found.append((told_apart(lines), body))
            else:
                found.append(([lines[0]], b""))
    assert found[0] == found[1] == found[2]


async def test_small_reads_are_quick_and_written_down(place: Place) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    async with connected(place.url) as (reader, writer):
        for n in range(16):
            span = ranged(n * 64 * KIB, (n + 1) * 64 * KIB - 1)
            writer.write(place.head(credentials, headers=[*span, ("User-Agent", f"quick-{n}")]))
            status, body = await answer(reader)
            assert (status, body) == (206, DATA[n * 64 * KIB : (n + 1) * 64 * KIB])
    assert sum(place.quick) >= 12, "a few may come as what is remembered for a moment is renewed"
    seen: set[str] = set()
    for _ in range(100):
        log = open_log(place.made.settings)
        try:
            bodies = [one.body for one in log.entries() if one.kind == "reads"]
        finally:
            log.close()
        seen = {str(name) for body in bodies for name in body["names"]}
        if {f"quick-{n}" for n in range(16)} <= seen:
            break
        await asyncio.sleep(0.05)
    assert {f"quick-{n}" for n in range(16)} <= seen


async def test_web_pages_get_their_headers_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "https://labels.example"
    async with opened(tmp_path, monkeypatch, s3_origins=(page,)) as place:
        credentials = place.made.grant()
        await place.warm(credentials)
        async with connected(place.url) as (reader, writer):
            for origin in ("", page, "https://evil.example"):
                more = [("Origin", origin)] if origin else []
                writer.write(place.head(credentials, headers=ranged(0, 9) + more))
                lines, body = await whole(reader)
                assert body == DATA[:10]
                assert b"Vary: Origin" in lines, "else its answer could be kept for another page"
                assert (f"Access-Control-Allow-Origin: {page}".encode() in lines) == (
                    origin == page
                )
        assert place.quick == [True, False, False]


async def test_what_was_overwritten_is_not_answered_with(place: Place) -> None:
    credentials = place.made.grant(verbs=frozenset(Verb))
    await place.warm(credentials)
    client = boto(place.url, *credentials)
    async with connected(place.url) as (reader, writer):
        for new in (secrets.token_bytes(1000), secrets.token_bytes(2000)):
            await asyncio.to_thread(client.put_object, Bucket="dialogs", Key="data", Body=new)
            writer.write(place.head(credentials, headers=ranged(0, 499)))
            _, body = await whole(reader)
            assert body == new[:500]


class Holding(asyncio.Transport):
    """Holds what it is given, as a transport over TLS does while its reader takes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Any] = []

    def write(self, data: Any) -> None:
        self.held.append(data)

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.held))


async def test_bytes_that_wait_to_be_sent_stay_what_they_were(place: Place) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    async with connected(place.url) as (reader, writer):
        writer.write(place.head(credentials, headers=ranged(0, 9)))
        await whole(reader)
    assert place.reads is not None
    transport = Holding()
    for first in (0, 1000, 2000):
        head = parse_plain_head(place.head(credentials, headers=ranged(first, first + 499)))
        assert head is not None
        assert place.reads.answer(head, "127.0.0.1", transport)
    bodies = [bytes(one).partition(b"\r\n\r\n")[2] for one in transport.held]
    assert bodies == [DATA[first : first + 500] for first in (0, 1000, 2000)]


async def test_a_quick_read_pays(place: Place) -> None:
    credentials = place.made.grant(budget_bytes=64 << 20, budget_objects=32)
    async with connected(place.url) as (reader, writer):
        for first in range(0, 1 << 20, 64 * KIB):
            writer.write(place.head(credentials, headers=ranged(first, first + 64 * KIB - 1)))
            assert (await answer(reader))[0] == 206
    assert any(place.quick)
    await place.serving.open.ground.meters.settle_idle()
    stored = place.made.state.object("dialogs", "data")
    assert stored is not None
    bits = place.made.state.coverage(credentials[0].id, [stored.id])[stored.id]
    assert int.from_bytes(bits, "little").bit_count() == 16


async def test_what_is_refused_is_refused_on_the_same_connection(place: Place) -> None:
    lease, secret = place.made.grant()
    await place.warm((lease, secret))
    async with connected(place.url) as (reader, writer):
        head = place.head((lease, secret), headers=ranged(0, 99))
        writer.write(head)
        assert await answer(reader) == (206, DATA[:100])
        assert place.quick == [True]
        wrong = head[:-10] + (b"0" if head[-10:-9] != b"0" else b"1") + head[-9:]
        writer.write(wrong)
        status, body = await answer(reader)
        assert status == 403
        assert b"SignatureDoesNotMatch" in body
        place.made.state.set_state(
            ScopeId(f"lease:{lease.id}"), ScopeState.SUSPENDED, reason="looked odd", incident=""
        )
        await settled(place.serving, f"lease:{lease.id}", stopped=True)
        writer.write(place.head((lease, secret), headers=ranged(0, 99)))
        status, body = await answer(reader)
        assert status == 403
        assert b"lease suspended: looked odd" in body
    assert place.quick == [True, False, False]


async def test_a_head_within_a_head_is_no_request(place: Place) -> None:
    """Whoever sends half a head first must not have what follows taken for a request of its own."""
    credentials = place.made.grant()
    await place.warm(credentials)
    inner = place.head(credentials, headers=ranged(0, 99))
    async with connected(place.url) as (reader, writer):
        writer.write(b"GET /dialogs/tiny HTTP/1.1\r\nHost: a\r\nX-Smuggled: ")
        await asyncio.sleep(0.05)
        writer.write(inner)
        status, _ = await answer(reader)
        assert status in {400, 403}
    assert not place.quick


async def test_bodies_are_no_requests(place: Place) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    inner = place.head(credentials, headers=ranged(0, 99))
    async with connected(place.url) as (reader, writer):
        writer.write(
            b"PUT /dialogs/new HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(inner)
        )
        await asyncio.sleep(0.05)
        writer.write(inner)
        status, _ = await answer(reader)
        assert status == 403
        while (more := await answer(reader))[0]:
            assert more[0] != 206
    assert not place.quick


async def test_answers_keep_the_order_of_their_requests(place: Place) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    async with connected(place.url) as (reader, writer):
        writer.write(place.head(credentials))  # a megabyte, the ordinary way
        await asyncio.sleep(0)
        writer.write(place.head(credentials, headers=ranged(5, 9)))
        assert await answer(reader) == (200, DATA)
        assert await answer(reader) == (206, DATA[5:10])


async def test_a_reader_that_takes_nothing_gets_no_more(place: Place) -> None:
    credentials = place.made.grant()
    await place.warm(credentials)
    span = ranged(0, 256 * KIB - 1)
    async with connected(place.url) as (reader, writer):
        sent = 0
        while sent < 120:
            writer.write(place.head(credentials, headers=span))
            sent += 1
            if not await comes(lambda: len(place.quick) == sent, within=2.0):  # noqa: B023  # asked at once
                break
        assert place.quick.count(False) <= 4, "what is remembered for a moment is renewed"
        assert len(place.quick) == sent - 1, (
            "what the kernel and one transport hold, and then no more"
        )
        for _ in range(sent):
            assert await answer(reader) == (206, DATA[: 256 * KIB])


# ── connections ──────────────────────────────────────────────────────────────────────────────


class Always(QuickReads):
    """Answers everything."""

    def __init__(self) -> None:
        """Needs nothing."""

    def answer(self, head: PlainHead, peer: str, transport: asyncio.Transport) -> bool:
        text = f"{head.target} {peer}".encode()
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
        return True


@asynccontextmanager
async def a_server(**more: Any) -> AsyncIterator[tuple[str, web.ServerRunner]]:
    async def ordinary(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="ordinary")

    limits = ConnectionLimits(per_peer=10, trusted=(), head_seconds=10.0)
    runner = web.ServerRunner(S3Server(ordinary, Always(), limits, access_log=None, **more))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}", runner
    finally:
        await runner.cleanup()


HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_quick_answers_keep_a_connection_alive_and_silence_ends_it() -> None:
    async with a_server(keepalive_timeout=3.0) as (url, _), connected(url) as (reader, writer):
        for _ in range(5):
            writer.write(HEAD)
            assert await answer(reader) == (200, b"/a 127.0.0.1")
            await asyncio.sleep(0.7)
        assert await answer(reader, seconds=10) == (0, b"")


async def test_ordinary_answers_come_between() -> None:
    async with a_server() as (url, _), connected(url) as (reader, writer):
        for _ in range(2):
            writer.write(HEAD)
            assert await answer(reader) == (200, b"/a 127.0.0.1")
        writer.write(HEAD[:5])
        await asyncio.sleep(0.05)
        writer.write(HEAD[5:])
        assert await answer(reader) == (200, b"ordinary")
        writer.write(HEAD)
        assert await answer(reader) == (200, b"ordinary"), "only the parser knows where it is now"


async def test_a_door_that_closes_answers_nothing_more() -> None:
    async with a_server() as (url, runner), connected(url) as (reader, writer):
        writer.write(HEAD)
        assert await answer(reader) == (200, b"/a 127.0.0.1")
        assert runner.server is not None
        runner.server.pre_shutdown()
        writer.write(HEAD)
        with pytest.raises(TimeoutError):
            await answer(reader, seconds=0.5)
