"""Records of advisories from wherever the user keeps them: files, folders, archives, a URL.

A URL is the user's own choice (a mirror, a file share). It is asked over TLS, except on the own
machine; every hop and address is checked (`urls.LinkGuard`); size and time are bounded; and what did
not change since the last time is not sent again:

    home/advisories/<hash of the URL>.zip|json     the last answer
    home/advisories/<hash of the URL>.meta         its ETag and Last-Modified
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from yarl import URL

from pratique.edge.advisories import AdvisorySourceError, Progress, RecordFiles
from pratique.edge.bodies import BodyStream, Pace
from pratique.edge.client import Limits, UpstreamClient
from pratique.edge.urls import AddressKind, LinkGuard, Proxies, kind_of_address, shown_url

FOLDER: Final = "advisories"
MAX_DOWNLOAD_BYTES: Final = 2 << 30
"""All records of the largest ecosystem were 0.3 GB packed in 2026."""
_ZIP: Final = b"PK"
_OK, _NOT_MODIFIED = 200, 304


class _Meta(msgspec.Struct, frozen=True):
    """What to ask the next time with."""

    url: str
    name: str
    etag: str = ""
    last_modified: str = ""


@dataclass(slots=True)
class Source:
    """One thing that the user named."""

    text: str
    """As it is shown and recorded: a path, or a URL without user, password and query."""
    reading: RecordFiles = field(default_factory=RecordFiles)
    path: Path | None = None
    unchanged: bool = False
    """Of a URL: the server said that nothing has changed since the last time."""

    @property
    def warnings(self) -> list[str]:
        """Sentences about what could not be read."""
        return self.reading.warnings

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of every record that could be read.

        Raises: AdvisorySourceError when the place does not exist or a limit is exceeded.
        """
        if self.path is not None:
            yield from self.reading.contents((self.path,))


def is_url(text: str) -> bool:
    """Whether the user named a URL and not a file."""
    return text.partition("://")[0].lower() in {"http", "https"} and "://" in text


def open_source(
    text: str,
    *,
    cache: Path,
    progress: Progress | None = None,
    max_bytes: int = MAX_DOWNLOAD_BYTES,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> Source:
    """Find or fetch what the user named.

    `cache` is the folder of downloads. Raises: AdvisorySourceError; UpstreamError.
    """
    if not is_url(text):
        path = Path(text).expanduser()
        return Source(text=text, reading=RecordFiles(progress=progress), path=path)
    url = _checked_url(text)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    fetcher = _Fetcher(url, cache, name, max_bytes=max_bytes, limits=limits or Limits())
    path, unchanged = asyncio.run(fetcher.fetch(tls or ssl.create_default_context()))
    return Source(
        text=shown_url(url),
        reading=RecordFiles(progress=progress),
        path=path,
        unchanged=unchanged,
    )


def _checked_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise AdvisorySourceError("not a URL", expected="https://HOST/PATH") from error
    if url.user or url.password:
        raise AdvisorySourceError(
            f"{shown_url(url)}: a password in a URL ends up in process lists and histories",
            remedy="download the file with your own tool and name the file",
        )
    host = url.host or ""
    local = host == "localhost" or kind_of_address(host) is AddressKind.LOOPBACK
    if url.scheme != "https" and not local:
        raise AdvisorySourceError(
            f"{shown_url(url)} is not asked: anybody on the way could change the records",
            expected="an https URL",
        )
    return url


class _Fetcher:
    """One download, with what is known of the last one."""

    def __init__(
        self, url: URL, folder: Path, name: str, *, max_bytes: int, limits: Limits
    ) -> None:
        self._url = url
        self._folder = folder
        self._name = name
        self._max_bytes = max_bytes
        self._limits = limits

    async def fetch(self, tls: ssl.SSLContext) -> tuple[Path, bool]:
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
