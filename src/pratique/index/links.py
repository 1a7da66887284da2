"""Links of a project page: what may become a URL that this product fetches or serves."""

from __future__ import annotations

import re
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from pratique.index.errors import UnusableFileError
from pratique.values.names import is_safe_filename

_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?/[A-Za-z0-9._+!/-]+")
"""What nearly all links look like; anything else takes the long way and is judged piece by piece."""

_NOT_IN_URL = re.compile(r'[^!-~]|["<>\\^`{|}]')
"""Characters that RFC 3986 keeps out of URLs. `urlsplit` would silently drop some of them."""

_NOT_IN_SEGMENT = re.compile(r"[\x00-\x1f\x7f/\\]")

_SIDECAR_SUFFIXES = (".metadata", ".provenance", ".asc")
"""Paths that the door answers on behalf of another file; a file of that name would shadow it."""

_LONGEST_FILENAME = 254


def resolve_file_url(link: str, *, page_url: str, filename: str) -> str:
    """Make the absolute URL of a file, without fragment.

    Raises: UnusableFileError unless it is a plain http(s) URL whose last segment is the file name.
    Source: PEP 503 "the URL's last path segment", PEP 691 "url"; RFC 3986 section 5.
    """
    if filename.endswith(_SIDECAR_SUFFIXES):
        raise UnusableFileError("its name is that of a sidecar")
    if (
        link.endswith("/" + filename)
        and filename[:1].isalnum()
        and len(filename) <= _LONGEST_FILENAME
        and _PLAIN.fullmatch(link) is not None
        and ".." not in link
        and "/./" not in link
    ):
        return link
    if not is_safe_filename(filename):
        raise UnusableFileError("its name is not a usable file name")
    url = resolve_link(link, page_url=page_url)
    last = urlsplit(url).path.rpartition("/")[2]
    if unquote(last) != filename:
        raise UnusableFileError("its name is not the last segment of its URL")
    return url


def resolve_link(link: str, *, page_url: str) -> str:
    """Make an absolute http(s) URL, without fragment.

    1. Only characters that a URL may hold.
    2. Only http and https, with a host and without a user name or password.
    3. No segment that could climb out of its folder, written plainly or percent-encoded.

    Raises: UnusableFileError saying which of these failed.
    """
    if not link or _NOT_IN_URL.search(link):  # 1
        raise UnusableFileError("its URL is empty or holds characters that no URL may hold")
    try:
        parts = urlsplit(urljoin(page_url, link))
        host = parts.hostname
        _ = parts.port  # raises ValueError when it is not a port number
    except ValueError:
        raise UnusableFileError("its URL cannot be read") from None
    if parts.scheme not in {"http", "https"} or not host:  # 2
        raise UnusableFileError("its URL is not an http or https URL")
    if "@" in parts.netloc:
        raise UnusableFileError("its URL holds a user name or password")
    segments = [unquote(segment) for segment in parts.path.split("/")]
    if any(s in {".", ".."} or _NOT_IN_SEGMENT.search(s) for s in segments):  # 3
        raise UnusableFileError("its URL has a segment that could climb out of its folder")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
