"""Links of a project page: what may become a URL that this product fetches or serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from pratique.index.errors import UnusableFileError
from pratique.values.names import is_safe_filename

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,4})?/")
_PLAIN = re.compile(r"[A-Za-z0-9._+!:/-]*")
_PLAIN_NAMES = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._+!-]*\n)*")
"""What nearly all links and names look like; anything else is judged piece by piece."""

_NOT_IN_URL = re.compile(r'[^!-~]|["<>\\^`{|}]')
"""Characters that RFC 3986 keeps out of URLs. `urlsplit` would silently drop some of them."""

_NOT_IN_SEGMENT = re.compile(r"[\x00-\x1f\x7f/\\]")

_SIDECAR_SUFFIXES = (".metadata", ".provenance", ".asc")
"""Paths that the door answers on behalf of another file; a file of that name would shadow it."""

_LONGEST_FILENAME = 254


def resolve_file_urls(
    links: Sequence[str], filenames: Sequence[str], *, page_url: str
) -> list[str | UnusableFileError]:
    """Make absolute URLs of files, without fragment, or say why one cannot be used.

    Source: PEP 503 "the URL's last path segment", PEP 691 "url"; RFC 3986 section 5.
    """
    if _are_all_plain(links, filenames):
        return list(links)
    resolved: list[str | UnusableFileError] = []
    for link, filename in zip(links, filenames, strict=True):
        try:
            resolved.append(resolve_file_url(link, page_url=page_url, filename=filename))
        except UnusableFileError as error:
            resolved.append(error)
    return resolved


def _are_all_plain(links: Sequence[str], filenames: Sequence[str]) -> bool:
    """Prove of all links at once what `resolve_file_url` checks one by one.

    1. All lie on one origin, and each ends with its file's name.
    2. No character needs quoting, and no segment climbs.
    3. Each name begins with a letter or digit, holds no slash, and is not that of a sidecar. (A
       name cannot hold the line break that joins names here: it is the end of a checked link.)
    """
    origin = _ORIGIN.match(links[0]) if links else None
    if origin is None:
        return False
    start = origin.group()
    text = "/".join(links)
    names = "\n".join(filenames) + "\n"
    return (
        all(  # 1
            link.startswith(start) and link.endswith("/" + name)
            for link, name in zip(links, filenames, strict=True)
        )
        and _PLAIN.fullmatch(text) is not None  # 2
        and ".." not in text
        and "/./" not in text
        and _PLAIN_NAMES.fullmatch(names) is not None  # 3
        and max(map(len, filenames)) <= _LONGEST_FILENAME
        and not any(suffix + "\n" in names for suffix in _SIDECAR_SUFFIXES)
    )


def resolve_file_url(link: str, *, page_url: str, filename: str) -> str:
    """Make the absolute URL of one file, without fragment.

    Raises: UnusableFileError unless it is a plain http(s) URL whose last segment is the file name.
    """
    if filename.endswith(_SIDECAR_SUFFIXES):
        raise UnusableFileError("its name is that of a sidecar")
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
        given = urlsplit(link)
        parts = urlsplit(urljoin(page_url, link))
        host = parts.hostname
        _ = parts.port  # raises ValueError when it is not a port number
    except ValueError:
        raise UnusableFileError("its URL cannot be read") from None
    # `https:///path` would be joined to the page's own host; other readers see another host there.
    if (
        parts.scheme not in {"http", "https"} or not host or (given.scheme and not given.netloc)
    ):  # 2
        raise UnusableFileError("its URL is not an http or https URL")
    if "@" in parts.netloc:
        raise UnusableFileError("its URL holds a user name or password")
    segments = [unquote(segment) for segment in parts.path.split("/")]
    if any(s in {".", ".."} or _NOT_IN_SEGMENT.search(s) for s in segments):  # 3
        raise UnusableFileError("its URL has a segment that could climb out of its folder")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
