"""Downloading through real HTTP, and everything an upstream can do instead of sending the file."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from kit.distributions import make_wheel
from kit.upstream import (
    FakeUpstream,
    compressed,
    drip,
    endless,
    redirect,
    redirect_loop,
    reset,
    stall,
    status,
    wrong_length,
)
from kit.waiting import running_clock
from pratique.edge.client import Limits
from pratique.edge.errors import (
    UnsafeLinkError,
    UpstreamBrokenError,
    UpstreamError,
    UpstreamLimitError,
    UpstreamStatusError,
)
from pratique.edge.upstream import SimpleUpstream
from pratique.settings import UpstreamSettings

NAME, WHEEL = make_wheel("demo", "1.0", files={"demo/data.bin": bytes(range(256)) * 2000})
PATIENT = Limits()
"""A busy machine that stands still for a second is no slow upstream."""
QUICK = Limits(header_seconds=1.5, grace_seconds=0.2, least_bytes_per_second=1_000_000)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        server.add_file("demo", NAME, WHEEL, provenance={"version": 1}, core_metadata=True)
        yield server


def client(server: FakeUpstream, *, limits: Limits = PATIENT, **changes: Any) -> SimpleUpstream:
    given = {"name": "test", "url": server.url, "idle_seconds": 10.0, **changes}
    return SimpleUpstream(UpstreamSettings(**given), limits=limits)


async def download(
    server: FakeUpstream, *, url: str = "", max_bytes: int | None = None, **changes: Any
) -> tuple[int | None, bytes]:
    async with (
        client(server, **changes) as upstream,
        upstream.open_file(url or server.file_url("demo", NAME), max_bytes=max_bytes) as stream,
    ):
        return stream.length, b"".join([chunk async for chunk in stream.chunks()])


async def test_a_file_arrives_as_it_is(upstream: FakeUpstream) -> None:
    assert await download(upstream) == (len(WHEEL), WHEEL)
    (request,) = upstream.requests
    assert request.headers["accept-encoding"] == "identity"


async def test_quoted_paths_are_sent_as_published(upstream: FakeUpstream) -> None:
    file = upstream.add_file("demo", "demo-1.0+local.tar.gz", b"content")
    assert "%2B" in file.path
    url = upstream.file_url("demo", "demo-1.0+local.tar.gz")
    assert (await download(upstream, url=url + "#sha256=00"))[1] == b"content"
    assert upstream.requests[-1].path == file.path


async def test_compressed_transfers_are_not_unpacked(upstream: FakeUpstream) -> None:
    packed = gzip.compress(WHEEL)
    upstream.fault("/packages/*", compressed(packed, encoding="gzip"))
    assert (await download(upstream))[1] == packed


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_to_where_the_file_is(upstream: FakeUpstream, code: int) -> None:
    upstream.fault("/moved/*", redirect(upstream.file_url("demo", NAME), code=code))
    assert (await download(upstream, url=upstream.origin + "/moved/x"))[1] == WHEEL


async def test_a_redirect_loop_ends(upstream: FakeUpstream) -> None:
    upstream.fault("/packages/*", redirect_loop())
    with pytest.raises(UpstreamLimitError, match="circles"):
        await download(upstream)


@pytest.mark.parametrize(("code", "retry"), [(404, False), (403, False), (503, True)])
async def test_statuses(upstream: FakeUpstream, code: int, *, retry: bool) -> None:
    upstream.fault("/packages/*", status(code))
    with pytest.raises(UpstreamStatusError) as caught:
        await download(upstream)
    assert (caught.value.status, caught.value.retry_helps) == (code, retry)


async def test_endless_bodies_end_at_the_limit(upstream: FakeUpstream) -> None:
    upstream.fault("/packages/*", endless())
    with pytest.raises(UpstreamLimitError, match="larger than 300000 bytes"):
        await download(upstream, max_bytes=300_000)
    with pytest.raises(UpstreamLimitError, match="larger than 200000 bytes"):
        await download(upstream, max_bytes=300_000, max_file_bytes=200_000)


async def test_a_file_announced_too_large_is_not_begun(upstream: FakeUpstream) -> None:
    with pytest.raises(UpstreamLimitError, match="larger"):
        await download(upstream, max_bytes=len(WHEEL) - 1)
    assert (await download(upstream, max_bytes=len(WHEEL)))[1] == WHEEL


async def test_a_body_shorter_than_announced_breaks(upstream: FakeUpstream) -> None:
    upstream.fault("/packages/*", wrong_length(+1))
    with pytest.raises(UpstreamBrokenError):
        await download(upstream)


async def test_a_body_longer_than_announced_is_never_more_than_announced(
    upstream: FakeUpstream,
) -> None:
    upstream.fault("/packages/*", wrong_length(-10))
    try:
        got = await download(upstream)
    except UpstreamError:  # when the surplus arrives together with the answer's head
        return
    assert got == (len(WHEEL) - 10, WHEEL[:-10])


@pytest.mark.parametrize("after", [None, 100])
async def test_stalls_end(upstream: FakeUpstream, after: int | None) -> None:
    upstream.fault("/packages/*", stall(after=after))
    with running_clock() as ran:
        with pytest.raises(UpstreamLimitError):
            await download(upstream, limits=QUICK, idle_seconds=0.3)
        assert ran() < 1.5


async def test_a_slow_drip_ends(upstream: FakeUpstream) -> None:
    upstream.fault("/packages/*", drip(piece=100, seconds=0.05))
    with pytest.raises(UpstreamLimitError, match="too slow"):
        await download(upstream, limits=QUICK)


async def test_a_steady_download_has_a_last_moment(upstream: FakeUpstream) -> None:
    upstream.fault("/packages/*", drip(piece=100, seconds=0.02))
    limits = Limits(file_seconds=0.3, grace_seconds=60)
    with pytest.raises(UpstreamLimitError, match="too slow"):
        await download(upstream, limits=limits)


async def test_a_slow_consumer_is_not_taken_for_a_slow_upstream(upstream: FakeUpstream) -> None:
    limits = Limits(grace_seconds=1.5, least_bytes_per_second=2_000_000)
    async with (
        client(upstream, limits=limits) as asked,
        asked.open_file(upstream.file_url("demo", NAME)) as stream,
    ):
        got, waited = 0, 0.0
        async for chunk in stream.chunks():
            got, waited = got + len(chunk), waited + 2.0
            await asyncio.sleep(2.0)
    assert got == len(WHEEL)
    assert waited > 1.5 + len(WHEEL) / 2_000_000, "slower than an upstream may be"


async def test_a_reset_before_the_answer_is_tried_again_but_not_one_in_the_middle(
    upstream: FakeUpstream,
) -> None:
    upstream.fault("/packages/*", reset(), times=1)
    assert (await download(upstream))[1] == WHEEL
    upstream.fault("/packages/*", reset(after=1000), times=1)
    with pytest.raises(UpstreamBrokenError):
        await download(upstream)


async def test_leaving_early_does_not_poison_the_connection(upstream: FakeUpstream) -> None:
    url = upstream.file_url("demo", NAME)
    async with client(upstream) as asked:
        for _ in range(3):
            async with asked.open_file(url) as stream:
                async for _chunk in stream.chunks():
                    break
        async with asked.open_file(url) as stream:
            assert b"".join([chunk async for chunk in stream.chunks()]) == WHEEL


async def test_only_so_many_files_at_once(upstream: FakeUpstream) -> None:
    url = upstream.file_url("demo", NAME)
    async with client(upstream, limits=Limits(files_at_once=1)) as asked:
        async with asked.open_file(url):
            second = asyncio.create_task(asked.fetch_wheel_metadata(url, size=len(WHEEL)))
            await asyncio.sleep(0.1)
            assert upstream.count("/packages/*") == 1
        assert await second


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/a.whl",
        "http://files.example/a.whl",
        "file:///etc/passwd",
        "https://user:hunter2@files.example/a.whl",
    ],
)
async def test_links_to_inner_places_are_not_followed(upstream: FakeUpstream, url: str) -> None:
    with pytest.raises(UnsafeLinkError) as caught:
        await download(upstream, url=url)
    assert "hunter2" not in str(caught.value)


async def test_credentials_do_not_go_to_the_file_host(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", "hunter2")
    with FakeUpstream() as files:
        files.add_file("demo", NAME, WHEEL)
        link = files.file_url("demo", NAME)
        assert (await download(upstream, url=link, password_env="TEST_SECRET"))[1] == WHEEL
        upstream.fault("/packages/*", redirect(link))
        assert (await download(upstream, password_env="TEST_SECRET"))[1] == WHEEL
        assert [r.headers.get("authorization") for r in files.requests] == [None, None]
        assert "authorization" in upstream.requests[0].headers


# ── names that lead elsewhere ───────────────────────────────────────────────────────────────


class Names(AbstractResolver):
    """A name server of the test's own."""

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = {f"{name}.example": found for name, found in addresses.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses[host]
        ]

    async def close(self) -> None:
        return


async def test_a_name_that_leads_inside_is_refused_when_it_resolves(
    upstream: FakeUpstream,
) -> None:
    names = Names(evil=["127.0.0.1"], index=["127.0.0.1"])
    given = UpstreamSettings(name="test", url="https://index.example/simple/")
    async with SimpleUpstream(given, limits=PATIENT, resolver=names) as asked:
        with pytest.raises(UnsafeLinkError, match="not public"):
            async with asked.open_file(f"https://evil.example:{upstream.port}/x"):
                pass
    named = UpstreamSettings(
        name="test",
        url=f"http://index.example:{upstream.port}/simple/",
        file_hosts=("evil.example",),
    )
    async with SimpleUpstream(named, limits=PATIENT, resolver=names) as asked:
        path = upstream.projects["demo"].files[NAME].path
        async with asked.open_file(f"http://evil.example:{upstream.port}{path}") as stream:
            assert stream.length == len(WHEEL)


async def test_of_several_addresses_only_public_ones_are_tried(upstream: FakeUpstream) -> None:
    names = Names(mixed=["127.0.0.1", "192.0.2.1"])
    given = UpstreamSettings(name="test", url="https://index.example/simple/")
    async with SimpleUpstream(given, limits=PATIENT, resolver=names) as asked:
        with pytest.raises(UpstreamError):
            async with asked.open_file(f"https://mixed.example:{upstream.port}/x"):
                pass
    assert upstream.requests == []


async def test_a_name_that_does_not_exist_is_an_ordinary_failure(upstream: FakeUpstream) -> None:
    class Nowhere(Names):
        async def resolve(self, *args: Any) -> list[ResolveResult]:
            raise OSError(None, "no such name")

    given = UpstreamSettings(name="test", url="https://index.example/simple/")
    async with SimpleUpstream(given, limits=PATIENT, resolver=Nowhere()) as asked:
        with pytest.raises(UpstreamError, match="cannot connect") as caught:
            async with asked.open_file("https://index.example/x"):
                pass
    assert caught.value.retry_helps
    assert not isinstance(caught.value, UnsafeLinkError)


# ── metadata by ranges ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size_known", [True, False])
async def test_metadata_needs_few_bytes(upstream: FakeUpstream, *, size_known: bool) -> None:
    name, wheel = make_wheel(
        "big",
        "2.0",
        files={"big/data.bin": bytes(range(256)) * 8000},
        requires=["helper>=2"],
        compression=0,
    )
    upstream.add_file("big", name, wheel)
    async with client(upstream) as asked:
        size = len(wheel) if size_known else None
        found = await asked.fetch_wheel_metadata(upstream.file_url("big", name), size=size)
    assert found is not None
    assert b"Requires-Dist: helper>=2" in found
    assert upstream.count("/packages/*") == 1  # the tail holds METADATA of so small a directory
    assert "range" in upstream.requests[0].headers


async def test_an_upstream_without_ranges_sends_no_wheel(upstream: FakeUpstream) -> None:
    upstream.ranges = False
    url = upstream.file_url("demo", NAME)
    async with client(upstream) as asked:
        assert await asked.fetch_wheel_metadata(url, size=len(WHEEL)) is None
        assert await asked.fetch_wheel_metadata(url, size=None) is None


async def test_a_wrong_size_on_the_page_is_noticed(upstream: FakeUpstream) -> None:
    url = upstream.file_url("demo", NAME)
    async with client(upstream) as asked:
        assert await asked.fetch_wheel_metadata(url, size=len(WHEEL) - 1) is None
        assert await asked.fetch_wheel_metadata(url, size=len(WHEEL) + 100_000) is None


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes 0-9/10", "bytes */10", f"bytes 5-{len(WHEEL)}/*", "items 0-1/2"],
)
async def test_answers_that_are_not_the_range_are_not_used(
    upstream: FakeUpstream, content_range: str
) -> None:
    upstream.fault("/packages/*", status(206, headers={"Content-Range": content_range}))
    url = upstream.file_url("demo", NAME)
    async with client(upstream) as asked:
        assert await asked.fetch_wheel_metadata(url, size=len(WHEEL)) is None
        assert await asked.fetch_wheel_metadata(url, size=None) is None


async def test_an_upstream_that_fails_says_so(upstream: FakeUpstream) -> None:
    url = upstream.file_url("demo", NAME)
    async with client(upstream, idle_seconds=1.5) as asked:
        upstream.fault("/packages/*", status(503), times=1)
        with pytest.raises(UpstreamStatusError):
            await asked.fetch_wheel_metadata(url, size=len(WHEEL))
        upstream.fault("/packages/*", endless(), times=1)
        assert await asked.fetch_wheel_metadata(url, size=len(WHEEL)) is None
        upstream.fault("/packages/*", stall(), times=1)
        with pytest.raises(UpstreamLimitError):
            await asked.fetch_wheel_metadata(url, size=len(WHEEL))


async def test_closing_twice_is_fine(upstream: FakeUpstream) -> None:
    asked = client(upstream)
    await asked.close()
    async with asked.open_file(upstream.file_url("demo", NAME)):
        pass
    await asked.close()
    await asked.close()
