"""Asking real HTTP for pages: honest answers, and every way in which an upstream can lie."""

from __future__ import annotations

import asyncio
import gzip
import os
import ssl
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from kit.distributions import make_wheel
from kit.upstream import (
    JSON_TYPE,
    FakeUpstream,
    compressed,
    drip,
    endless,
    endless_redirects,
    garbage,
    other_bytes,
    redirect,
    redirect_loop,
    reset,
    stall,
    status,
    truncated,
    wrong_length,
)
from kit.waiting import running_clock
from pratique import __version__
from pratique.edge.client import Limits
from pratique.edge.errors import (
    UnsafeLinkError,
    UpstreamBrokenError,
    UpstreamContentError,
    UpstreamError,
    UpstreamLimitError,
    UpstreamStatusError,
)
from pratique.edge.upstream import SimpleUpstream
from pratique.errors import SettingsError
from pratique.index.parse_json import parse_json_page
from pratique.index.ports import FetchedPage, PageMissing, PageUnchanged
from pratique.settings import UpstreamSettings
from pratique.values.names import ProjectName

DEMO = ProjectName("demo")
MARCH = datetime(2026, 3, 24, 10, 39, tzinfo=UTC)
PATIENT = Limits()
"""A busy machine that stands still for a second is no slow upstream."""
QUICK = Limits(page_seconds=2.0, header_seconds=1.5, grace_seconds=0.2, least_bytes_per_second=1000)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        filename, content = make_wheel("demo", "1.0")
        server.add_file("demo", filename, content, upload_time=MARCH, yanked="broken")
        yield server


def settings(server: FakeUpstream, **changes: Any) -> UpstreamSettings:
    return UpstreamSettings(**{"name": "test", "url": server.url, "idle_seconds": 10.0, **changes})


async def fetch(
    server: FakeUpstream, *, etag: str = "", limits: Limits = PATIENT, **changes: Any
) -> Any:
    async with SimpleUpstream(settings(server, **changes), limits=limits) as client:
        return await client.fetch_page(DEMO, etag=etag)


# ── honest answers ──────────────────────────────────────────────────────────────────────────


async def test_a_json_page_is_kept_as_it_came(upstream: FakeUpstream) -> None:
    answer = await fetch(upstream)
    assert isinstance(answer, FetchedPage)
    assert answer.page.files[0].uploaded_at == MARCH
    assert answer.page.last_serial == 2
    assert answer.page.url == upstream.url + "demo/"
    assert answer.etag.startswith('"2-')
    again = parse_json_page(answer.body, url=answer.page.url, project=DEMO)
    assert again.files == answer.page.files


async def test_an_html_page_is_converted_so_that_it_can_be_stored(upstream: FakeUpstream) -> None:
    upstream.html_only = True
    upstream.set_status("demo", "archived", "moved")
    answer = await fetch(upstream)
    page = answer.page
    assert page.files[0].yanked_reason == "broken"
    assert page.last_serial == 3
    again = parse_json_page(answer.body, url=page.url, project=DEMO)
    assert [(f.filename, f.url, f.sha256, f.yanked_reason) for f in again.files] == [
        (f.filename, f.url, f.sha256, f.yanked_reason) for f in page.files
    ]
    assert (again.status, again.status_reason) == (page.status, page.status_reason)
    assert again.last_serial == page.last_serial


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("gzipped", [True, False])
async def test_relative_links_and_compressed_pages(
    upstream: FakeUpstream, *, relative: bool, gzipped: bool
) -> None:
    upstream.relative_urls, upstream.gzip_pages = relative, gzipped
    answer = await fetch(upstream)
    filename, _ = make_wheel("demo", "1.0")
    assert answer.page.files[0].url == upstream.file_url("demo", filename)


async def test_conditional_requests(upstream: FakeUpstream) -> None:
    first = await fetch(upstream)
    assert await fetch(upstream, etag=first.etag) == PageUnchanged()
    upstream.touch("demo")
    assert isinstance(await fetch(upstream, etag=first.etag), FetchedPage)


async def test_missing_projects(upstream: FakeUpstream) -> None:
    upstream.remove_project("demo")
    assert await fetch(upstream) == PageMissing()
    upstream.fault("/simple/*", status(410))
    assert await fetch(upstream) == PageMissing()


async def test_redirects_within_the_index_are_followed(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/demo/", redirect("/simple/demo/?again"), times=1)
    assert isinstance(await fetch(upstream), FetchedPage)


async def test_requests_say_who_asks_and_nothing_else(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", status(500, headers={"Set-Cookie": "a=b"}), times=1)
    async with SimpleUpstream(settings(upstream), limits=PATIENT) as client:
        with pytest.raises(UpstreamStatusError):
            await client.fetch_page(DEMO)
        await client.fetch_page(DEMO)
    for request in upstream.requests:
        assert request.headers["user-agent"] == f"pratique/{__version__}"
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert request.headers["accept"].startswith(JSON_TYPE + ", ")


# ── status codes ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        *((code, False) for code in (204, 206, 304, 401, 403, 418)),
        *((code, True) for code in (408, 429, 500, 502, 503)),
    ],
)
async def test_other_statuses_are_errors(upstream: FakeUpstream, code: int, *, retry: bool) -> None:
    upstream.fault("/simple/*", status(code))
    with pytest.raises(UpstreamStatusError) as caught:
        await fetch(upstream)
    assert caught.value.status == code
    assert caught.value.retry_helps is retry
    assert caught.value.upstream == "test"


# ── lies about content ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        garbage(),
        garbage("application/json"),
        other_bytes(b"", content_type=JSON_TYPE),
        other_bytes(b"[]", content_type=JSON_TYPE),
        other_bytes(b"\xff\xfe\x00", content_type=JSON_TYPE),
        other_bytes(b"{}", content_type="text/plain"),
        other_bytes(b"{}", content_type="application/octet-stream"),
        compressed(b"{}", encoding="gzip"),
        compressed(gzip.compress(b"x" * 5000)[:-12], encoding="gzip"),
        compressed(b"{}", encoding="br"),
        redirect("http://[::bad/"),
    ],
)
async def test_pages_that_cannot_be_read(upstream: FakeUpstream, fault: Any) -> None:
    upstream.fault("/simple/*", fault)
    with pytest.raises(UpstreamContentError) as caught:
        await fetch(upstream)
    assert not caught.value.retry_helps


async def test_deflated_pages_are_read(upstream: FakeUpstream) -> None:
    body = (await fetch(upstream)).body
    upstream.fault("/simple/*", compressed(zlib.compress(body), encoding="deflate"))
    assert (await fetch(upstream)).body == body


async def test_a_page_cut_short_is_tried_again_and_then_given_up(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", wrong_length(+100), times=1)
    assert isinstance(await fetch(upstream), FetchedPage)
    upstream.fault("/simple/*", wrong_length(+100))
    with pytest.raises(UpstreamBrokenError):
        await fetch(upstream)
    assert upstream.count("/simple/*") == 4


async def test_a_page_ended_early_without_length_does_not_parse(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", truncated(keep=100))
    with pytest.raises(UpstreamContentError):
        await fetch(upstream)


# ── size ────────────────────────────────────────────────────────────────────────────────────


async def test_endless_pages_end_at_the_limit(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", endless(content_type=JSON_TYPE))
    with pytest.raises(UpstreamLimitError, match="larger than 100000 bytes"):
        await fetch(upstream, max_page_bytes=100_000)


async def test_a_page_announced_too_large_is_not_read(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", other_bytes(b" " * 2_000_000, content_type=JSON_TYPE))
    with pytest.raises(UpstreamLimitError, match="larger"):
        await fetch(upstream, max_page_bytes=100_000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_bombs_are_stopped_while_they_unpack(upstream: FakeUpstream, encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    bomb = pack(b" " * 50_000_000)
    assert len(bomb) < 100_000  # all of it arrives in the first pieces
    upstream.fault("/simple/*", compressed(bomb, encoding=encoding))
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamLimitError, match="larger"):
            await fetch(upstream, max_page_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


async def test_a_body_of_exactly_the_limit_passes(upstream: FakeUpstream) -> None:
    body = (await fetch(upstream)).body
    for fault in (
        compressed(gzip.compress(body), encoding="gzip"),
        other_bytes(body, content_type=JSON_TYPE),
    ):
        upstream.fault("/simple/*", fault)
        # The compressed form of so small a page is smaller than the page.
        assert (await fetch(upstream, max_page_bytes=len(body))).body == body
        with pytest.raises(UpstreamLimitError):
            await fetch(upstream, max_page_bytes=len(body) - 1)


# ── time ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [None, 0, 50])
async def test_stalls_end_after_the_idle_time(upstream: FakeUpstream, after: int | None) -> None:
    upstream.fault("/simple/*", stall(after=after))
    with running_clock() as ran:
        with pytest.raises(UpstreamLimitError) as caught:
            await fetch(upstream, limits=QUICK, idle_seconds=0.3)
        assert ran() < 1.5
    assert caught.value.retry_helps


async def test_a_slow_drip_is_given_up_though_it_never_stalls(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", drip(piece=1, seconds=0.02))
    with pytest.raises(UpstreamLimitError, match="too slow"):
        await fetch(upstream, limits=QUICK)


async def test_the_whole_page_has_a_deadline(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", drip(piece=1, seconds=0.02))
    limits = Limits(page_seconds=0.4, grace_seconds=60)
    async with SimpleUpstream(settings(upstream), limits=limits) as client:
        with pytest.raises(UpstreamLimitError):
            await client.fetch_page(DEMO)


# ── connections ─────────────────────────────────────────────────────────────────────────────


async def test_a_reset_is_tried_once_more(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", reset(), times=1)
    assert isinstance(await fetch(upstream), FetchedPage)
    upstream.fault("/simple/*", reset(after=20), times=1)
    assert isinstance(await fetch(upstream), FetchedPage)


async def test_a_second_reset_is_an_error(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/*", reset(after=20))
    with pytest.raises(UpstreamBrokenError) as caught:
        await fetch(upstream)
    assert caught.value.retry_helps
    assert upstream.count("/simple/*") == 2


async def test_an_upstream_that_goes_down_and_comes_back(upstream: FakeUpstream) -> None:
    async with SimpleUpstream(settings(upstream), limits=PATIENT) as client:
        assert isinstance(await client.fetch_page(DEMO), FetchedPage)
        upstream.down()
        with pytest.raises(UpstreamError, match="cannot connect") as caught:
            await client.fetch_page(DEMO)
        assert caught.value.retry_helps
        upstream.up()
        assert isinstance(await client.fetch_page(DEMO), FetchedPage)


# ── redirects and credentials ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [redirect_loop(), endless_redirects()])
async def test_redirects_end(upstream: FakeUpstream, fault: Any) -> None:
    upstream.fault("/simple/*", fault)
    with pytest.raises(UpstreamLimitError, match="redirects"):
        await fetch(upstream)
    assert upstream.count() <= 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://files.example/",
        "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/simple/demo/",
        "http://other.example/simple/demo/",
        "https://user:hunter2@files.example/simple/demo/",
    ],
)
async def test_redirects_to_inner_places_are_refused(upstream: FakeUpstream, location: str) -> None:
    upstream.fault("/simple/*", redirect(location))
    with pytest.raises(UnsafeLinkError) as caught:
        await fetch(upstream)
    assert "hunter2" not in str(caught.value)


async def test_credentials_stay_with_the_index(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_USER", "reader")
    monkeypatch.setenv("TEST_SECRET", "hunter2")
    upstream.credentials = ("reader", "hunter2")
    secrets = {"username_env": "TEST_USER", "password_env": "TEST_SECRET"}
    assert isinstance(await fetch(upstream, **secrets), FetchedPage)
    with FakeUpstream() as other:
        other.add_project("demo")
        upstream.fault("/simple/demo/", redirect(other.url + "demo/"))
        assert isinstance(await fetch(upstream, **secrets), FetchedPage)
        assert other.count("/simple/demo/") == 1
        assert all("authorization" not in request.headers for request in other.requests)
    assert all("authorization" in request.headers for request in upstream.requests)


async def test_wrong_credentials_are_named_but_not_shown(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", "hunter3")
    upstream.credentials = ("__token__", "hunter2")
    with pytest.raises(UpstreamStatusError, match="password_env") as caught:
        await fetch(upstream, password_env="TEST_SECRET")
    assert "hunter3" not in repr(caught.value) + str(caught.value)
    upstream.credentials = ("__token__", "hunter3")
    assert isinstance(await fetch(upstream, password_env="TEST_SECRET"), FetchedPage)


async def test_errors_show_no_query(upstream: FakeUpstream) -> None:
    upstream.fault("/simple/demo/", redirect("/elsewhere?token=hunter2"))
    upstream.fault("/elsewhere", status(500))
    with pytest.raises(UpstreamStatusError) as caught:
        await fetch(upstream)
    assert "hunter2" not in str(caught.value)
    assert caught.value.url == upstream.origin + "/elsewhere"


async def test_netrc_is_not_read(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    await fetch(upstream)
    assert "authorization" not in upstream.requests[0].headers


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_private_authority_needs_ca_file(
    authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FakeUpstream(tls=tls) as server:
        server.add_project("demo")
        with pytest.raises(UpstreamError, match="TLS") as caught:
            await fetch(server)
        assert not caught.value.retry_helps
        answer = await fetch(server, ca_file=str(tmp_path / "ca.pem"))
        assert isinstance(answer, FetchedPage)


async def test_never_from_https_to_http(
    authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path, upstream: FakeUpstream
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FakeUpstream(tls=tls) as server:
        server.fault("/simple/*", redirect(upstream.url + "demo/"))
        with pytest.raises(UnsafeLinkError, match="from https to http"):
            await fetch(server, ca_file=str(tmp_path / "ca.pem"))
    assert upstream.requests == []


# ── settings ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://user:hunter2@index.example/simple/"},
        {"url": "ftp://index.example/simple/"},
        {"url": "index.example/simple"},
        {"url": "https://index.example/simple/?a=b"},
        {"url": "https://[bad/simple/"},
        {"password_env": "PRATIQUE_TEST_NOT_SET"},
        {"ca_file": os.devnull + "/nothing"},
    ],
)
def test_unusable_settings_are_refused_at_once(changes: dict[str, str]) -> None:
    given = {"name": "test", "url": "https://index.example/simple/", **changes}
    with pytest.raises(SettingsError) as caught:
        SimpleUpstream(UpstreamSettings(**given))
    assert "hunter2" not in str(caught.value)


def test_reserved_names_are_matched_in_normal_form() -> None:
    upstream = SimpleUpstream(
        UpstreamSettings(name="t", url="https://index.example/simple", names=("Acme_*", "solo"))
    )
    assert upstream.claims(ProjectName("acme-core"))
    assert upstream.claims(ProjectName("solo"))
    assert not upstream.claims(ProjectName("acme"))
    assert not upstream.claims(ProjectName("solo-2"))


async def test_many_pages_at_once_share_connections(upstream: FakeUpstream) -> None:
    limits = Limits(connections_per_host=2)
    async with SimpleUpstream(settings(upstream), limits=limits) as client:
        answers = await asyncio.gather(*(client.fetch_page(DEMO) for _ in range(20)))
    assert all(isinstance(answer, FetchedPage) for answer in answers)
