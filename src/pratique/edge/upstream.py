"""One configured upstream index, asked over HTTP.

Owns: how pages, files and wheel metadata are asked for, and how long and how large an answer may
be. Where requests may go and what they carry is `client`'s. Never does: decide anything about what
it fetched.

Start reading at `SimpleUpstream.fetch_page`.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from pratique.edge.bodies import BodyStream, Pace
from pratique.edge.client import Limits, UpstreamClient
from pratique.edge.converted import render_stored_page
from pratique.edge.endpoint import public_index_url
from pratique.edge.errors import (
    UpstreamBrokenError,
    UpstreamContentError,
    UpstreamLimitError,
    UpstreamStatusError,
)
from pratique.edge.urls import LinkGuard, Proxies, normalized_pattern, shown_url
from pratique.edge.wheel_metadata import TAIL, read_remote_metadata
from pratique.errors import InputError, SettingsError
from pratique.index.parse_json import parse_json_page
from pratique.index.ports import FetchedPage, PageMissing, PageUnchanged
from pratique.settings import UpstreamSettings
from pratique.values.names import ProjectName

ACCEPT_PAGE = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)
_JSON_TYPES = frozenset(
    {
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.latest+json",
        "application/json",
    }
)
_HTML_TYPES = frozenset(
    {
        "application/vnd.pypi.simple.v1+html",
        "application/vnd.pypi.simple.latest+html",
        "text/html",
        "application/xhtml+xml",
    }
)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class SimpleUpstream:
    """An upstream index. Fulfils `index.ports.Upstream`.

    Order: use it inside one event loop; `close` (or `async with`) ends its connections.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        *,
        limits: Limits | None = None,
        environ: Mapping[str, str] = os.environ,
        proxies: Proxies | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Check the settings; no connection is made before the first request.

        Raises: SettingsError for an unusable URL, CA file or a credential variable that is not set.
        """
        self.name = settings.name
        self.private = settings.private
        self.hashless: str = settings.hashless
        self._settings = settings
        self._limits = limits or Limits()
        self._base = _index_url(settings)
        self._patterns = tuple(normalized_pattern(text) for text in settings.names)
        proxies = proxies or Proxies()
        self._client = UpstreamClient(
            upstream=settings.name,
            index_url=self._base,
            guard=LinkGuard(
                self._base, file_hosts=settings.file_hosts, proxy_hosts=proxies.hosts()
            ),
            authorization=_authorization(settings, environ),
            tls=_tls_context(settings),
            connect_seconds=settings.connect_seconds,
            idle_seconds=settings.idle_seconds,
            limits=self._limits,
            proxies=proxies,
            resolver=resolver,
        )
        self._file_slots = asyncio.Semaphore(self._limits.files_at_once)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    def claims(self, project: ProjectName) -> bool:
        """Whether configuration reserves this name for this upstream."""
        return any(fnmatchcase(project, pattern) for pattern in self._patterns)

    # ── pages ───────────────────────────────────────────────────────────────────────────────

    async def fetch_page(
        self, project: ProjectName, *, etag: str = ""
    ) -> FetchedPage | PageUnchanged | PageMissing:
        """Ask for a project page; once more when the connection broke.

        Raises: UpstreamError for everything that is not one of the three answers.
        """
        url = URL(f"{self._base}{project}/", encoded=True)
        headers = {"Accept": ACCEPT_PAGE, "Accept-Encoding": "gzip, deflate"}
        if etag:
            headers["If-None-Match"] = etag
        try:
            async with asyncio.timeout(self._limits.page_seconds):
                try:
                    return await self._fetch_page_once(project, url, headers)
                except UpstreamBrokenError:
                    return await self._fetch_page_once(project, url, headers)
        except TimeoutError as error:
            raise self._limit(url, "the page did not arrive in time") from error

    async def _fetch_page_once(
        self, project: ProjectName, url: URL, headers: dict[str, str]
    ) -> FetchedPage | PageUnchanged | PageMissing:
        async with self._client.get(url, headers) as answer:
            if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                return PageMissing()
            if answer.status == HTTPStatus.NOT_MODIFIED and "If-None-Match" in headers:
                return PageUnchanged()
            if answer.status != HTTPStatus.OK:
                raise self._status(answer)
            stream = self._stream(
                answer,
                max_bytes=self._settings.max_page_bytes,
                total_seconds=self._limits.page_seconds,
            )
            encoding = answer.headers.get("Content-Encoding", "").strip().lower()
            body = await stream.read(encoding=encoding)
            return await self._read_page(project, answer, body)

    async def _read_page(
        self, project: ProjectName, answer: aiohttp.ClientResponse, body: bytes
    ) -> FetchedPage:
        """Content type decides; HTML is parsed in a thread, since a large page takes long."""
        url = str(answer.url)
        serial = answer.headers.get("X-PyPI-Last-Serial", "")
        etag = answer.headers.get("ETag", "")
        try:
            if answer.content_type in _JSON_TYPES:
                page = parse_json_page(body, url=url, project=project, serial_header=serial)
                return FetchedPage(page=page, body=body, etag=etag)
            if answer.content_type in _HTML_TYPES:
                # Imported here, because most installations never meet an HTML-only index.
                from pratique.index.parse_html import parse_html_page  # noqa: PLC0415 - few upstreams speak HTML only

                page = await asyncio.to_thread(
                    parse_html_page, body, url=url, project=project, serial_header=serial
                )
                return FetchedPage(page=page, body=render_stored_page(page), etag=etag)
        except InputError as error:
            raise self._content(answer.url, f"unreadable page: {error.message}") from error
        raise self._content(answer.url, f"page with content type {answer.content_type[:60]!r}")

    # ── files ───────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def open_file(
        self, url: str, *, max_bytes: int | None = None
    ) -> AsyncIterator[BodyStream]:
        """Start downloading a file, its sidecar or its provenance, exactly as it is stored.

        Raises: UpstreamError; UpstreamStatusError with status 404 when it does not exist.
        """
        most = self._settings.max_file_bytes
        if max_bytes is not None:
            most = min(most, max_bytes)
        async with self._file_slots, self._open(url, {}) as answer:
            if answer.status != HTTPStatus.OK:
                raise self._status(answer)
            yield self._stream(answer, max_bytes=most, total_seconds=self._limits.file_seconds)

    async def fetch_wheel_metadata(self, url: str, *, size: int | None) -> bytes | None:
        """Read `*.dist-info/METADATA` out of a wheel by range requests.

        Shape: None when the upstream has no ranges or the archive has no readable METADATA.
        The bytes are the upstream's word: nothing ties them to the wheel's hash before the wheel
        itself has been downloaded.
        """
        filename = unquote(URL(url, encoded=True).raw_path.rpartition("/")[2])
        known_tail = b""
        try:
            async with asyncio.timeout(self._limits.page_seconds):
                if size is None:
                    known_tail, size = await self._fetch_tail(url)
                total = size

                async def fetch_range(start: int, stop: int) -> bytes:
                    if known_tail and (start, stop) == (total - len(known_tail), total):
                        return known_tail
                    return await self._fetch_exactly(url, start, stop, total)

                return await read_remote_metadata(fetch_range, size=total, filename=filename)
        except _NoRangesError:
            return None
        except TimeoutError as error:
            raise self._limit(URL(url, encoded=True), "ranges did not arrive in time") from error

    async def _fetch_exactly(self, url: str, start: int, stop: int, total: int) -> bytes:
        asked = f"bytes={start}-{stop - 1}"
        content, at, whole = await self._fetch_range(url, asked, stop - start)
        if (at, len(content), whole) != (start, stop - start, total):
            raise _NoRangesError
        return content

    async def _fetch_tail(self, url: str) -> tuple[bytes, int]:
        content, start, whole = await self._fetch_range(url, f"bytes=-{TAIL}", TAIL)
        if start + len(content) != whole or len(content) != min(TAIL, whole):
            raise _NoRangesError
        return content, whole

    async def _fetch_range(self, url: str, asked: str, most: int) -> tuple[bytes, int, int]:
        """Bytes, where they begin, and the size of the whole file."""
        async with self._file_slots, self._open(url, {"Range": asked}) as answer:
            if answer.status in {HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
                raise _NoRangesError
            if answer.status != HTTPStatus.PARTIAL_CONTENT:
                raise self._status(answer)
            told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if told is None:
                raise _NoRangesError
            stream = self._stream(answer, max_bytes=most, total_seconds=self._limits.page_seconds)
            content = await stream.read(encoding="identity")
            return content, int(told[1]), int(told[3])

    @asynccontextmanager
    async def _open(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Begin an answer; once more when the connection broke before there was any."""
        target = URL(url, encoded=True).with_fragment(None)
        own = {**headers, "Accept-Encoding": "identity"}
        attempt = self._client.get(target, own)
        try:
            answer = await attempt.__aenter__()
        except UpstreamBrokenError:
            attempt = self._client.get(target, own)
            answer = await attempt.__aenter__()
        try:
            yield answer
        finally:
            await attempt.__aexit__(None, None, None)

    def _stream(
        self, answer: aiohttp.ClientResponse, *, max_bytes: int, total_seconds: float
    ) -> BodyStream:
        return BodyStream(
            answer,
            upstream=self.name,
            url=shown_url(answer.url),
            max_bytes=max_bytes,
            pace=Pace(
                total_seconds=total_seconds,
                least_bytes_per_second=self._limits.least_bytes_per_second,
                grace_seconds=self._limits.grace_seconds,
            ),
            translate=lambda error: self._client.translated(answer.url, error),
        )

    # ── errors ──────────────────────────────────────────────────────────────────────────────

    def _status(self, answer: aiohttp.ClientResponse) -> UpstreamStatusError:
        hint = ""
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = " (are username_env and password_env right?)"
        return UpstreamStatusError(
            upstream=self.name,
            url=shown_url(answer.url),
            what=f"answered {answer.status}{hint}",
            status=answer.status,
        )

    def _limit(self, url: URL, what: str) -> UpstreamLimitError:
        return UpstreamLimitError(
            upstream=self.name, url=shown_url(url), what=what, retry_helps=True
        )

    def _content(self, url: URL, what: str) -> UpstreamContentError:
        return UpstreamContentError(
            upstream=self.name, url=shown_url(url), what=what, retry_helps=False
        )


class _NoRangesError(Exception):
    """The upstream does not answer range requests in a usable way."""


def _index_url(settings: UpstreamSettings) -> URL:
    text = settings.url or public_index_url()
    try:
        url = URL(text)
    except ValueError as error:
        raise SettingsError(
            f"upstream {settings.name!r}: the url cannot be read", expected="https://…/simple/"
        ) from error
    if url.user or url.password:
        raise SettingsError(
            f"upstream {settings.name!r}: the url holds a user name or password",
            remedy="name environment variables in username_env and password_env instead",
        )
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
        raise SettingsError(
            f"upstream {settings.name!r}: unusable url {shown_url(text)!r}",
            expected="the base of a Simple API, such as https://index.example/simple/",
        )
    return URL(str(url).rstrip("/") + "/", encoded=True)


def _authorization(settings: UpstreamSettings, environ: Mapping[str, str]) -> str:
    for variable in filter(None, (settings.username_env, settings.password_env)):
        if not environ.get(variable):
            raise SettingsError(
                f"upstream {settings.name!r}: the environment variable {variable} is not set",
                remedy="set it, or remove username_env and password_env",
            )
    if not settings.password_env:
        return ""
    user = environ[settings.username_env] if settings.username_env else "__token__"
    pair = f"{user}:{environ[settings.password_env]}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _tls_context(settings: UpstreamSettings) -> ssl.SSLContext:
    """The system's authorities, and those of `ca_file` beside them."""
    context = ssl.create_default_context()
    if settings.ca_file:
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"upstream {settings.name!r}: cannot read ca_file {settings.ca_file!r}: {error}",
                expected="certificates in PEM format",
            ) from error
    return context
