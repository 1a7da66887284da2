"""One download, many readers, and no last bytes before the proof."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.upstream import FakeUpstream, drip, flipped_byte, gate, longer, reset, truncated
from pratique.edge.blobs import DiskBlobStore
from pratique.edge.errors import StorageError, UpstreamBrokenError
from pratique.edge.flights import Flight, Flights, SingleFlight
from pratique.edge.upstream import SimpleUpstream
from pratique.errors import IntegrityError, UnavailableError
from pratique.settings import UpstreamSettings
from pratique.values.digests import Sha256

CONTENT = bytes(range(256)) * 4096  # 1 MiB


def digest_of(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


class Stream:
    """An upstream's stream that a test feeds by hand."""

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.opened = 0
        self.closed = 0
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def feed(self, *pieces: bytes | Exception | None) -> None:
        for piece in pieces:
            self._pieces.put_nowait(piece)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1


@pytest.fixture
def blobs(tmp_path: Path) -> DiskBlobStore:
    return DiskBlobStore(tmp_path, cap_bytes=2**30)


@pytest.fixture
async def flights(blobs: DiskBlobStore) -> AsyncIterator[Flights]:
    made = Flights(blobs)
    yield made
    await made.close()


def join(
    flights: Flights, stream: Stream, *, content: bytes | None = CONTENT, size: int | None = None
) -> Flight:
    return flights.join(
        "demo",
        stream.open,
        expected_sha256=None if content is None else digest_of(content),
        expected_size=size,
    )


class Reader:
    """Reads a flight to its end in a task of its own."""

    def __init__(self, flight: Flight, **options: Any) -> None:
        self.got = bytearray()
        self.task = asyncio.create_task(self._read(flight, options))

    async def _read(self, flight: Flight, options: dict[str, Any]) -> None:
        async for chunk in flight.read(**options):
            self.got += chunk

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "incoming").iterdir())


# ── the good case ───────────────────────────────────────────────────────────────────────────


async def test_readers_follow_while_the_file_arrives(
    flights: Flights, blobs: DiskBlobStore
) -> None:
    stream = Stream(length=len(CONTENT))
    flight = join(flights, stream, size=len(CONTENT))
    readers = [Reader(flight, hold_back=1000) for _ in range(5)]
    assert join(flights, stream, size=len(CONTENT)) is flight
    stream.feed(CONTENT[:500_000])
    assert await flight.started() == len(CONTENT)
    await settle()
    assert all(reader.got == CONTENT[:499_000] for reader in readers)
    late = Reader(flight, hold_back=1000)
    stream.feed(CONTENT[500_000:], None)
    await asyncio.gather(*(reader.task for reader in [*readers, late]))
    assert all(reader.got == CONTENT for reader in [*readers, late])
    assert (stream.opened, stream.closed) == (1, 1)
    assert await flight.wait() == await flight.done == digest_of(CONTENT)
    path = blobs.path(digest_of(CONTENT))
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert len(flights) == 0


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5000), max_size=12),
    hold_back=st.integers(0, 6000),
    length_known=st.booleans(),
)
async def test_the_tail_waits_for_the_proof(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    hold_back: int,
    *,
    length_known: bool,
) -> None:
    content = CONTENT[: sum(sizes)]
    flights = Flights(DiskBlobStore(tmp_path_factory.mktemp("tail"), cap_bytes=2**30))
    stream = Stream(length=len(content) if length_known else None)
    allowed = asyncio.Event()

    async def release() -> None:
        await allowed.wait()

    flight = join(flights, stream, content=content)
    reader = Reader(flight, hold_back=hold_back, release=release)
    fed = 0
    for size in sizes:
        stream.feed(content[fed : fed + size])
        fed += size
        await settle()
        assert len(reader.got) == max(0, fed - max(1, hold_back))
    stream.feed(None)
    await flight.wait()
    await settle()
    assert len(reader.got) == max(0, len(content) - max(1, hold_back))
    allowed.set()
    await reader.task
    assert reader.got == content


async def test_who_examines_a_file_follows_it_by_its_descriptor(
    flights: Flights, blobs: DiskBlobStore
) -> None:
    stream = Stream()
    flight = join(flights, stream, size=len(CONTENT))
    sizes: list[int] = []
    published: list[bool] = []

    async def examine() -> None:
        async for size in flight.growing():
            sizes.append(size)
            assert os.pread(flight.descriptor, size, 0) == CONTENT[:size]
        published.append(flight.done.done())

    task = asyncio.create_task(examine())
    for begin in range(0, len(CONTENT), 300_000):
        stream.feed(CONTENT[begin : begin + 300_000])
        await settle()
    stream.feed(None)
    await task
    assert sizes == sorted({*sizes, len(CONTENT)})
    assert published == [False]  # what is examined need not wait for the disk
    assert blobs.path(await flight.wait()) is not None


async def test_who_examines_a_file_hears_of_its_failure(flights: Flights) -> None:
    stream = Stream()
    flight = join(flights, stream, size=len(CONTENT))
    stream.feed(CONTENT[:1000], UnavailableError("the upstream broke off"))
    with pytest.raises(UnavailableError, match="broke off"):
        assert [size async for size in flight.growing()] == [1000]
    short = join(flights, Stream(), size=5)
    task = asyncio.create_task(anext(aiter(short.growing())))
    await settle()
    await short.stop()
    with pytest.raises(UnavailableError, match="stopped"):
        await task


async def test_an_empty_file(flights: Flights) -> None:
    stream = Stream(length=0)
    flight = join(flights, stream, content=b"", size=0)
    reader = Reader(flight)
    stream.feed(None)
    await reader.task
    assert reader.got == b""
    assert await flight.wait() == digest_of(b"")


async def test_a_file_without_any_expectation_tells_its_digest(flights: Flights) -> None:
    stream = Stream()
    flight = join(flights, stream, content=None)
    stream.feed(b"abc", None)
    assert await flight.wait() == digest_of(b"abc")


async def test_a_reader_that_comes_late_or_reads_slowly_gets_everything(
    flights: Flights, blobs: DiskBlobStore
) -> None:
    stream = Stream()
    flight = join(flights, stream)
    slow = flight.read(hold_back=10)
    stream.feed(CONTENT[:1000])
    first = await anext(slow)
    stream.feed(CONTENT[1000:], None)
    await flight.wait()
    path = blobs.path(digest_of(CONTENT))
    assert path is not None
    path.unlink()  # evicted, even
    assert first + b"".join([chunk async for chunk in slow]) == CONTENT
    assert b"".join([chunk async for chunk in flight.read()]) == CONTENT


async def test_files_are_closed_once_nobody_holds_the_flight(
    flights: Flights, tmp_path: Path
) -> None:
    stream = Stream()
    flight = join(flights, stream, content=b"abc")
    handle = flight._file
    stream.feed(b"abc", None)
    await flight.wait()
    assert Path(f"/proc/self/fd/{handle}").exists()
    await settle()
    del flight
    gc.collect()
    link = Path(f"/proc/self/fd/{handle}")
    assert not link.exists() or not str(link.readlink()).startswith(str(tmp_path))


# ── lies ────────────────────────────────────────────────────────────────────────────────────


async def test_other_bytes_reach_nobody_completely(
    flights: Flights, blobs: DiskBlobStore, tmp_path: Path
) -> None:
    wrong = CONTENT[:-1] + b"!"
    stream = Stream(length=len(wrong))
    flight = join(flights, stream, size=len(CONTENT))
    readers = [Reader(flight, hold_back=hold) for hold in (0, 1, 1000, 65536)]
    stream.feed(wrong, None)
    for reader, hold in zip(readers, (1, 1, 1000, 65536), strict=True):
        with pytest.raises(IntegrityError, match="SHA-256"):
            await reader.task
        assert len(reader.got) <= len(CONTENT) - hold
    with pytest.raises(IntegrityError):
        await flight.wait()
    assert blobs.path(digest_of(wrong)) is None
    assert incoming(tmp_path) == []


async def test_a_small_file_shows_nothing_before_the_proof(flights: Flights) -> None:
    stream = Stream(length=5)
    reader = Reader(join(flights, stream))
    stream.feed(b"wrong", None)
    with pytest.raises(IntegrityError):
        await reader.task
    assert reader.got == b""


async def test_an_announced_length_that_differs_from_the_page_stops_before_the_first_byte(
    flights: Flights,
) -> None:
    stream = Stream(length=len(CONTENT) + 1)
    flight = join(flights, stream, size=len(CONTENT))
    with pytest.raises(IntegrityError, match="announces"):
        await flight.started()


@pytest.mark.parametrize("announced", [True, False])
async def test_too_many_and_too_few_bytes(
    flights: Flights, tmp_path: Path, *, announced: bool
) -> None:
    size = None if announced else len(CONTENT)
    for content, why in ((CONTENT + b"!", "more bytes"), (CONTENT[:-1], "sent 1048575")):
        stream = Stream(length=len(CONTENT) if announced else None)
        reader = Reader(join(flights, stream, size=size), hold_back=1)
        stream.feed(content, None)
        with pytest.raises(IntegrityError, match=why):
            await reader.task
        assert len(reader.got) < len(CONTENT)
    assert incoming(tmp_path) == []


async def test_a_huge_announcement_does_not_let_the_tail_out(flights: Flights) -> None:
    stream = Stream(length=10**12)
    reader = Reader(join(flights, stream), hold_back=65536)
    stream.feed(CONTENT)
    await settle()
    assert len(reader.got) == len(CONTENT) - 65536
    await reader.leave()


# ── failures ────────────────────────────────────────────────────────────────────────────────


async def test_a_failed_download_fails_for_all_and_poisons_nothing(
    flights: Flights, tmp_path: Path
) -> None:
    error = UpstreamBrokenError(upstream="t", url="u", what="broke", retry_helps=True)
    stream = Stream()
    flight = join(flights, stream)
    readers = [Reader(flight) for _ in range(3)]
    stream.feed(CONTENT[:1000], error)
    for reader in readers:
        with pytest.raises(UpstreamBrokenError):
            await reader.task
    assert incoming(tmp_path) == []
    again = Stream()
    flight = join(flights, again)
    again.feed(CONTENT, None)
    assert await flight.wait() == digest_of(CONTENT)


async def test_the_next_caller_gets_a_new_download_even_in_the_same_moment(
    flights: Flights,
) -> None:
    again = Stream()
    retried: list[Flight] = []

    class FailsWhileSomebodyIsComing(Stream):
        async def chunks(self) -> AsyncIterator[bytes]:
            # Runs after the failure, and before anything that waits for the failure.
            asyncio.get_running_loop().call_soon(lambda: retried.append(join(flights, again)))
            raise RuntimeError("x")
            yield b""

    flight = join(flights, FailsWhileSomebodyIsComing())
    with pytest.raises(UnavailableError, match="RuntimeError"):
        await flight.wait()
    await settle()
    assert retried[0] is not flight
    assert join(flights, again) is retried[0]
    again.feed(CONTENT, None)
    await retried[0].wait()


async def test_failing_to_open_is_known_before_the_first_byte(flights: Flights) -> None:
    @asynccontextmanager
    async def refuse() -> AsyncIterator[Stream]:
        raise UpstreamBrokenError(upstream="t", url="u", what="broke", retry_helps=True)
        yield

    flight = flights.join("demo", refuse, expected_sha256=None, expected_size=None)
    with pytest.raises(UpstreamBrokenError):
        await flight.started()


async def test_a_full_disk_ends_every_reader(
    flights: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream()
    flight = join(flights, stream)
    reader = Reader(flight)

    def full(*_: object) -> None:
        raise OSError(28, "full")

    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        stream.feed(CONTENT)
        with pytest.raises(StorageError, match="full"):
            await reader.task
    assert incoming(tmp_path) == []
    assert stream.closed == 1


async def test_a_disk_that_fails_at_the_commit(
    flights: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "broken")

    monkeypatch.setattr("os.fsync", broken)
    stream = Stream()
    reader = Reader(join(flights, stream), hold_back=1)
    stream.feed(CONTENT, None)
    with pytest.raises(StorageError):
        await reader.task
    assert len(reader.got) < len(CONTENT)
    assert incoming(tmp_path) == []


async def test_different_expectations_are_different_downloads(flights: Flights) -> None:
    first, second = Stream(), Stream()
    one, two = join(flights, first), join(flights, second, content=b"other")
    assert one is not two
    first.feed(CONTENT, None)
    second.feed(b"other", None)
    assert await one.wait() == digest_of(CONTENT)
    assert await two.wait() == digest_of(b"other")


async def test_what_release_raises_ends_that_reader_only(flights: Flights) -> None:
    async def refuse() -> None:
        raise PermissionError("denied meanwhile")

    stream = Stream()
    flight = join(flights, stream)
    refused, other = Reader(flight, hold_back=100, release=refuse), Reader(flight, hold_back=100)
    stream.feed(CONTENT, None)
    with pytest.raises(PermissionError):
        await refused.task
    assert refused.got == CONTENT[:-100]
    await other.task
    assert other.got == CONTENT


# ── leaving ─────────────────────────────────────────────────────────────────────────────────


async def test_a_reader_that_leaves_disturbs_nobody(flights: Flights) -> None:
    stream = Stream()
    flight = join(flights, stream)
    leaving, staying = Reader(flight), Reader(flight)
    stream.feed(CONTENT[:200_000])
    await settle()
    await leaving.leave()
    async with aclosing(flight.read()) as chunks:
        async for _chunk in chunks:
            break
    stream.feed(CONTENT[200_000:], None)
    await staying.task
    assert staying.got == CONTENT


async def test_a_download_goes_on_for_a_while_without_readers(blobs: DiskBlobStore) -> None:
    flights = Flights(blobs, orphan_seconds=0.15)
    stream = Stream()
    flight = join(flights, stream)
    reader = Reader(flight)
    stream.feed(CONTENT[:100])
    await settle()
    await asyncio.sleep(0.2)
    assert not flight.done.done()  # it has a reader
    await reader.leave()
    waiting = asyncio.create_task(flight.wait())  # somebody came back in time
    await asyncio.sleep(0.2)
    assert not flight.done.done()
    flight._orphan_seconds = 20.0  # what is left to do may take its time
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    stream.feed(CONTENT[100:], None)
    await asyncio.wait_for(asyncio.shield(flight.done), 5)
    assert blobs.path(digest_of(CONTENT)) is not None


async def test_and_then_stops(blobs: DiskBlobStore, tmp_path: Path) -> None:
    flights = Flights(blobs, orphan_seconds=0.05)
    stream = Stream()
    flight = join(flights, stream)
    reader = Reader(flight)
    await settle()
    await reader.leave()
    with pytest.raises(UnavailableError, match="stopped"):
        await asyncio.wait_for(asyncio.shield(flight.done), 5)
    assert incoming(tmp_path) == []
    assert stream.closed == stream.opened


async def test_closing_stops_everything(flights: Flights, tmp_path: Path) -> None:
    never_run = join(flights, Stream(), content=b"never run")
    stream = Stream()
    flight = join(flights, stream)
    reader = Reader(flight)
    await flights.close()
    with pytest.raises(UnavailableError, match="stopped"):
        await reader.task
    with pytest.raises(UnavailableError, match="stopped"):
        never_run.done.result()
    assert incoming(tmp_path) == []
    assert len(flights) == 0


async def test_stopping_during_the_commit_sees_it_through(
    flights: Flights, blobs: DiskBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on, real = threading.Event(), threading.Event(), os.fsync

    def slow(handle: int) -> None:
        entered.set()
        go_on.wait(5)
        real(handle)

    monkeypatch.setattr(os, "fsync", slow)
    stream = Stream()
    flight = join(flights, stream)
    stream.feed(CONTENT, None)
    while not entered.is_set():
        await asyncio.sleep(0.001)
    stopping = asyncio.create_task(flight.stop())
    await asyncio.sleep(0.01)
    go_on.set()
    await stopping
    assert flight.done.result() == digest_of(CONTENT)
    assert blobs.path(digest_of(CONTENT)) is not None


# ── against a real server ───────────────────────────────────────────────────────────────────


async def over_http(
    flights: Flights, server: FakeUpstream, readers: int = 1, **options: Any
) -> list[bytes | BaseException]:
    file = server.projects["demo"].files["demo-1.0.tar.gz"]
    async with SimpleUpstream(
        UpstreamSettings(name="t", url=server.url, idle_seconds=2)
    ) as upstream:
        url = server.origin + file.path

        async def read() -> bytes:
            flight = flights.join(
                url,
                lambda: upstream.open_file(url),
                expected_sha256=digest_of(CONTENT),
                expected_size=options.get("size"),
            )
            return b"".join([chunk async for chunk in flight.read()])

        return await asyncio.gather(*(read() for _ in range(readers)), return_exceptions=True)


async def test_fifty_readers_cost_one_request(flights: Flights) -> None:
    with FakeUpstream() as server:
        server.add_file("demo", "demo-1.0.tar.gz", CONTENT)
        server.fault("/packages/*", drip(piece=100_000, seconds=0.01))
        assert await over_http(flights, server, readers=50) == [CONTENT] * 50
        assert server.count("/packages/*") == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (flipped_byte(at=-1), IntegrityError),
        (flipped_byte(at=0), IntegrityError),
        (truncated(keep=900_000), IntegrityError),
        (longer(b"more"), IntegrityError),
        (reset(after=500_000), UnavailableError),
    ],
)
@pytest.mark.parametrize("size", [None, len(CONTENT)])
async def test_lies_over_http_reach_nobody_and_the_next_attempt_succeeds(
    flights: Flights, blobs: DiskBlobStore, fault: Any, error: type[Exception], size: int | None
) -> None:
    with FakeUpstream() as server:
        server.add_file("demo", "demo-1.0.tar.gz", CONTENT)
        server.fault("/packages/*", fault, times=1)
        outcomes = await over_http(flights, server, readers=3, size=size)
        assert all(isinstance(outcome, error) for outcome in outcomes)
        assert blobs.path(digest_of(CONTENT)) is None
        assert await over_http(flights, server, size=size) == [CONTENT]


async def test_bytes_come_before_the_upstream_has_finished(flights: Flights) -> None:
    opened = threading.Event()
    with FakeUpstream() as server:
        server.add_file("demo", "demo-1.0.tar.gz", CONTENT)
        server.fault("/packages/*", gate(opened, after=500_000))
        url = server.file_url("demo", "demo-1.0.tar.gz")
        async with SimpleUpstream(UpstreamSettings(name="t", url=server.url)) as upstream:
            flight = flights.join(
                url,
                lambda: upstream.open_file(url),
                expected_sha256=digest_of(CONTENT),
                expected_size=len(CONTENT),
            )
            got = bytearray()
            async for chunk in flight.read():
                got += chunk
                if len(got) >= 300_000:
                    opened.set()
                assert len(got) <= 500_000 - 65536 or opened.is_set()
            assert got == CONTENT


# ── single flight ───────────────────────────────────────────────────────────────────────────


class Work:
    """Something that is done when the test says so."""

    def __init__(self) -> None:
        self.started = 0
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.started += 1
        return await asyncio.shield(self.outcome)


async def test_one_answer_for_all_who_ask_meanwhile() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    work, other = Work(), Work()
    asking = [asyncio.create_task(flight.do("a", work)) for _ in range(10)]
    beside = asyncio.create_task(flight.do("b", other))
    await settle()
    work.outcome.set_result("page")
    other.outcome.set_result("other")
    assert await asyncio.gather(*asking) == ["page"] * 10
    assert await beside == "other"
    assert (work.started, other.started) == (1, 1)
    assert await flight.do("a", work) == "page"
    assert work.started == 2


async def test_failures_are_shared_but_not_remembered() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    work, again = Work(), Work()
    asking = [asyncio.create_task(flight.do("a", work)) for _ in range(3)]
    await settle()
    work.outcome.set_exception(UnavailableError("down"))
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 3
    again.outcome.set_result("up")
    assert await flight.do("a", again) == "up"


async def test_who_comes_at_the_moment_of_a_failure_starts_anew() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    again = Work()
    again.outcome.set_result("up")
    late: list[asyncio.Task[str]] = []

    async def fail_while_somebody_is_coming() -> str:
        late.append(asyncio.create_task(flight.do("a", again)))
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        await flight.do("a", fail_while_somebody_is_coming)
    assert await late[0] == "up"


async def test_leaving_cancels_nobody_else() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    work = Work()
    first = asyncio.create_task(flight.do("a", work))
    second = asyncio.create_task(flight.do("a", work))
    await settle()
    first.cancel()
    await settle()
    work.outcome.set_result("page")
    assert await second == "page"
    assert first.cancelled()


async def test_all_leaving_lets_the_work_end_without_a_warning() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    work = Work()
    only = asyncio.create_task(flight.do("a", work))
    await settle()
    only.cancel()
    await settle()
    work.outcome.set_exception(UnavailableError("down"))
    await settle()
    gc.collect()
    again = Work()
    again.outcome.set_result("new")
    assert await flight.do("a", again) == "new"


async def test_closing_cancels_the_work() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    asking = asyncio.create_task(flight.do("a", Work()))
    await settle()
    await flight.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
