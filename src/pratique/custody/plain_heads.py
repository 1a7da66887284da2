"""Heads of requests that can be read in one way only, as nearly every client writes them.

A request that is nothing but such a head needs no HTTP parser to be found. Whatever is spelled in
another way, has a body or asks for something of the connection is no plain head, and is the parser's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_LONGEST: Final = 8000
_MOST_LINES: Final = 100
_METHODS: Final = frozenset({"GET", "HEAD"})
_VISIBLE: Final = bytes(range(0x20, 0x7F))
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_CONNECTIONS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class PlainHead(NamedTuple):
    """A whole request."""

    method: str
    target: str
    """Path and query, raw."""
    headers: dict[str, str]
    """As `s3_headers.fold_headers` gives them."""


def parse_plain_head(data: bytes) -> PlainHead | None:
    """Read a GET or HEAD without a body, if `data` is exactly that; None for everything else.

    Source: RFC 9112; stricter than it wherever two servers might read two things.
    """
    if len(data) > _LONGEST or data[-4:] != b"\r\n\r\n":
        return None
    # What is left without visible characters must be ends of lines; one call, not a loop.
    ends = data.translate(None, _VISIBLE)
    if ends != b"\r\n" * (len(ends) // 2) or len(ends) > 2 * _MOST_LINES:
        return None
    request, *lines = data[:-4].decode("ascii").split("\r\n")
    words = request.split(" ")
    if len(words) != 3 or words[0] not in _METHODS or words[2] != "HTTP/1.1":  # noqa: PLR2004  # method, target, version
        return None
    target = words[1]
    if target[:1] != "/" or "#" in target:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        raw, _, value = line.partition(":")
        name, value = _name(raw), value.strip(" ")
        if not name or name in headers:
            return None
        if name in _OF_CONNECTIONS and (name, value.lower()) != ("connection", "keep-alive"):
            return None
        headers[name] = value
    return PlainHead(words[0], target, headers) if "host" in headers else None


@lru_cache(maxsize=1024)
def _name(raw: str) -> str:
    """Lower-case; empty for what is no name."""
    return raw.lower() if _TOKEN.fullmatch(raw) is not None else ""
