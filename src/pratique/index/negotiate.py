"""Which representation of a page a client gets (PEP 691 "Content negotiation", RFC 9110 §12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Final

from pratique.errors import InputError


class NotAcceptableError(InputError):
    """The client accepts none of the representations there are (status 406)."""


class Representation(Enum):
    """A representation of a page; the value is its content type."""

    JSON = "application/vnd.pypi.simple.v1+json"
    HTML_V1 = "application/vnd.pypi.simple.v1+html"
    HTML = "text/html"

    # Members are unique, so their identity will do; Enum's own hash is Python code, run for each
    # look-up of a page.
    __hash__ = object.__hash__

    @property
    def content_type(self) -> str:
        """Value of `Content-Type`, with the character set where the type has one."""
        return "text/html; charset=utf-8" if self is Representation.HTML else self.value

    @property
    def short(self) -> str:
        """`json`, `v1html` or `html`."""
        return _SHORT[self]


_SHORT: Final = {
    Representation.JSON: "json",
    Representation.HTML_V1: "v1html",
    Representation.HTML: "html",
}


class Encoding(Enum):
    """A content coding; the value is its name in `Content-Encoding`."""

    IDENTITY = "identity"
    GZIP = "gzip"

    __hash__ = object.__hash__  # as above


_NAMED: Final = {
    "application/vnd.pypi.simple.v1+json": Representation.JSON,
    "application/vnd.pypi.simple.v1+html": Representation.HTML_V1,
    "text/html": Representation.HTML,
    "application/vnd.pypi.simple.latest+json": Representation.JSON,
    "application/vnd.pypi.simple.latest+html": Representation.HTML_V1,
}
_RANGES: Final = {
    # In order of preference. Whoever asks for anything is likely a browser or an old client.
    "*/*": (Representation.HTML, Representation.JSON, Representation.HTML_V1),
    "application/*": (Representation.JSON, Representation.HTML_V1),
    "text/*": (Representation.HTML,),
}
_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


_HEADERS_KEPT = 64
"""Different headers whose meaning is remembered: clients send a handful, over and over."""


@lru_cache(maxsize=_HEADERS_KEPT)
def negotiate(accept: str | None, format_param: str | None) -> Representation:
    """Choose the representation of a page.

    `?format=` names a content type and wins over `Accept`. Of equally wanted types JSON wins over
    HTML; where only wildcards match, plain HTML wins. No `Accept` at all means plain HTML.

    Raises: NotAcceptableError when nothing fits.
    Source: PEP 691 "Version + Format Selection".
    """
    if format_param is not None:
        # A plus sign that was not percent-encoded arrives as a blank.
        chosen = _NAMED.get(format_param.strip().lower().replace(" ", "+"))
        if chosen is None:
            raise _refusal(f"format={format_param[:80]!a}")
        return chosen
    if accept is None or not accept.strip():
        return Representation.HTML
    named, ranges = _wishes(accept)
    best = max(named, key=lambda r: (named[r], -_PREFERENCE.index(r)), default=Representation.HTML)
    weight = named.get(best, 0.0)
    for pattern in sorted(ranges, key=lambda p: p == "*/*"):  # the narrower range speaks first
        for representation in _RANGES[pattern]:
            if representation not in named:
                named[representation] = ranges[pattern]
                if ranges[pattern] > weight:
                    best, weight = representation, ranges[pattern]
    if weight <= 0:
        raise _refusal(f"Accept: {accept[:80]!a}")
    return best


_PREFERENCE: Final = (Representation.JSON, Representation.HTML_V1, Representation.HTML)


def _wishes(accept: str) -> tuple[dict[Representation, float], dict[str, float]]:
    named: dict[Representation, float] = {}
    ranges: dict[str, float] = {}
    for name, weight in _weighted(accept):
        representation = _NAMED.get(name)
        if representation is not None:
            named[representation] = max(weight, named.get(representation, 0.0))
        elif name in _RANGES:
            ranges[name] = max(weight, ranges.get(name, 0.0))
    return named, ranges


def _refusal(asked: str) -> NotAcceptableError:
    return NotAcceptableError(
        f"no representation of this page fits {asked}",
        expected=", ".join(representation.value for representation in Representation),
    )


@lru_cache(maxsize=_HEADERS_KEPT)
def negotiate_encoding(accept_encoding: str | None) -> Encoding:
    """Choose gzip where the client takes it at least as gladly as plain bytes.

    A client that accepts nothing we have gets plain bytes, as RFC 9110 §12.5.3 allows.
    """
    weights = dict(_weighted(accept_encoding or ""))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    identity = weights.get("identity", 0.0)
    return Encoding.GZIP if gzip > 0 and gzip >= identity else Encoding.IDENTITY


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    """Elements of a header list with their quality; an unreadable quality counts as zero."""
    for element in header.split(","):
        name, *parameters = (part.strip() for part in element.lower().split(";"))
        if not name:
            continue
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                text = value.strip()
                weight = float(text) if _QVALUE.fullmatch(text) else 0.0
        yield name, weight
