"""Fetching records of advisories from a URL; apart, because only this needs an HTTP client."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from yarl import URL

from pratique.edge.advisories import AdvisorySourceError
from pratique.edge.bodies import BodyStream, Pace
from pratique.edge.client import Limits, UpstreamClient
from pratique.edge.urls import LinkGuard, Proxies, shown_url

_ZIP: Final = b"PK"
_OK, _NOT_MODIFIED = 200, 304


class _Meta(msgspec.Struct, frozen=True):
    """What to ask the next time with."""

    url: str
    name: str
    etag: str = ""
    last_modified: str = ""


def download(
    url: URL,
    folder: Path,
    name: str,
    *,
    max_bytes: int,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> tuple[Path, bool]:
    """The file with the records, and whether it is still the one of the last time.

    Raises: UpstreamError; AdvisorySourceError for an answer that is none.
    """
    fetching = _Download(url, folder, name, max_bytes=max_bytes, limits=limits or Limits())
    return asyncio.run(fetching.run(tls or ssl.create_default_context()))


class _Download:
    """One download, with what is known of the last one."""

    def __init__(
        self, url: URL, folder: Path, name: str, *, max_bytes: int, limits: Limits
    ) -> None:
        self._url = url
        self._folder = folder
        self._name = name
        self._max_bytes = max_bytes
        self._limits = limits

    async def run(self, tls: ssl.SSLContext) -> tuple[Path, bool]:
        """The file with the records, and whether it is still the one of the last time."""
        proxies = Proxies()
        client = UpstreamClient(
            upstream="advisories",
            index_url=self._url,
            guard=LinkGuard(self._url, proxy_hosts=proxies.hosts()),
            authorization="",
            tls=tls,
            connect_seconds=10.0,
            idle_seconds=60.0,
            limits=self._limits,
            proxies=proxies,
            resolver=None,
        )
        try:
            return await self._ask(client)
        finally:
            await client.close()

    async def _ask(self, client: UpstreamClient) -> tuple[Path, bool]:
        known = self._known()
        headers = {"Accept": "application/zip, application/json", "Accept-Encoding": "identity"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        async with client.get(self._url, headers) as answer:
            if answer.status == _NOT_MODIFIED and known is not None:
                return self._folder / known.name, True
            if answer.status != _OK:
                raise AdvisorySourceError(
                    f"{shown_url(self._url)} answered {answer.status}",
                    expected="200 with a record or an all.zip",
                    remedy="check the URL, or download the file yourself and name it",
                )
            pace = Pace(
                total_seconds=self._limits.file_seconds,
                least_bytes_per_second=self._limits.least_bytes_per_second,
                grace_seconds=self._limits.grace_seconds,
            )
            body = BodyStream(
                answer,
                upstream="advisories",
                url=shown_url(self._url),
                max_bytes=self._max_bytes,
                pace=pace,
                translate=lambda error: client.translated(self._url, error),
            )
            path = await self._store(body)
            self._remember(path, answer.headers.get("ETag", ""),
                           answer.headers.get("Last-Modified", ""))  # fmt: skip
        return path, False

    async def _store(self, body: BodyStream) -> Path:
        """Write the answer aside, then put it into its place: never half of it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self._folder / f".{self._name}.new"
        head = b""
        try:
            with aside.open("wb") as out:
                async for chunk in body.chunks():
                    head = head or chunk[:2]
                    out.write(chunk)
            suffix = "zip" if head == _ZIP else "json"
            path = self._folder / f"{self._name}.{suffix}"
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        return path

    def _known(self) -> _Meta | None:
        meta = self._folder / f"{self._name}.meta"
        with suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
            known = msgspec.json.decode(meta.read_bytes(), type=_Meta)
            safe = known.name in {f"{self._name}.zip", f"{self._name}.json"}
            if safe and known.url == shown_url(self._url) and (self._folder / known.name).is_file():
                return known
        return None

    def _remember(self, path: Path, etag: str, last_modified: str) -> None:
        meta = _Meta(url=shown_url(self._url), name=path.name, etag=etag[:1000],
                     last_modified=last_modified[:100])  # fmt: skip
        (self._folder / f"{self._name}.meta").write_bytes(msgspec.json.encode(meta))
