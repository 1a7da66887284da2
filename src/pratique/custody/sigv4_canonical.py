"""The canonical spelling of a request, as AWS Signature Version 4 hashes it.

Requests arrive as clients spell them: `%7e`, `+`, unordered queries. Two spellings that mean the
same get one canonical form; two that mean different things never do, which is why `+` in a query
is a space here, exactly as it is where the query is read (`custody.requests`).

Source: "Signature Calculations for the Authorization Header", Amazon S3 API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_UNRESERVED_AND_SLASH: Final = _UNRESERVED + b"/"


def canonical_path(raw: str) -> str:
    """Canonical URI of a path as it stood in the request line, without query.

    Slashes stay, also several in a row: S3 does not normalize paths.
    """
    # Deleting the plain bytes leaves nothing of most paths; that costs 0.1 µs, a loop would 10.
    if raw.isascii() and not raw.encode("ascii").translate(None, _UNRESERVED_AND_SLASH):
        return raw
    return _spelled_path(raw)


@lru_cache(maxsize=1024)
def _spelled_path(raw: str) -> str:
    plain = unquote_to_bytes(raw.encode("utf-8", "surrogateescape"))
    return quote_from_bytes(plain, safe="/")


def canonical_query(raw: str, *, without: str = "") -> str:
    """Canonical query of a raw one: every name and value encoded alike, sorted, `=` always there.

    `without` is a name to leave out: a presigned request does not sign its own signature.
    """
    if not raw:
        return ""
    pairs = []
    for piece in raw.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            # The raw name: `X-Amz-Signatur%65` is not what was left out, and must not be added.
            if name != without:
                pairs.append((_canonical_word(name), _canonical_word(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _canonical_word(raw: str) -> str:
    if raw.isascii() and not raw.encode("ascii").translate(None, _UNRESERVED):
        return raw
    return _spelled_word(raw)


@lru_cache(maxsize=1024)
def _spelled_word(raw: str) -> str:
    plain = unquote_to_bytes(raw.replace("+", " ").encode("utf-8", "surrogateescape"))
    return quote_from_bytes(plain, safe="")


def canonical_headers(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Lines of the signed headers; names are lower-case and sorted.

    Raises: KeyError with the name of a header that was signed and did not arrive.
    """
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    if "  " in lines or "\t" in lines:
        return "".join([f"{name}:{_single_spaced(headers[name])}\n" for name in names])
    return lines


def _single_spaced(value: str) -> str:
    if "  " in value or "\t" in value:
        return " ".join([word for word in value.replace("\t", " ").split(" ") if word])
    return value
