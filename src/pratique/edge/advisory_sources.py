"""Records of advisories from wherever the user keeps them: files, folders, archives, a URL.

A URL is the user's own choice (a mirror, a file share). It is asked over TLS, except on the own
machine; every hop and address is checked (`urls.LinkGuard`); size and time are bounded; and what did
not change since the last time is not sent again:

    home/advisories/<hash of the URL>.zip|json     the last answer
    home/advisories/<hash of the URL>.meta         its ETag and Last-Modified
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from yarl import URL

from pratique.edge.advisories import AdvisorySourceError, Progress, RecordFiles
from pratique.edge.urls import AddressKind, kind_of_address, shown_url

FOLDER: Final = "advisories"
MAX_DOWNLOAD_BYTES: Final = 2 << 30
"""All records of the largest ecosystem were 0.3 GB packed in 2026."""


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
) -> Source:
    """Find or fetch what the user named.

    `cache` is the folder of downloads. Raises: AdvisorySourceError; UpstreamError.
    """
    if not is_url(text):
        path = Path(text).expanduser()
        return Source(text=text, reading=RecordFiles(progress=progress), path=path)
    url = _checked_url(text)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    from pratique.edge.advisory_download import download  # noqa: PLC0415 - loads an HTTP client

    path, unchanged = download(url, cache, name, max_bytes=max_bytes)
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
