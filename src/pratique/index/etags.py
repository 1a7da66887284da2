"""Validators of pages and files (RFC 9110 sections 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from pratique.index.negotiate import Encoding, Representation

_DIGITS: Final = 32
_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')


def strong_etag(body: bytes, *, representation: Representation, encoding: Encoding) -> str:
    """A strong validator of a page: a hash of its uncompressed bytes, its format and encoding.

    Shape: quotes included. Bytes that differ in any way never share a tag, since each encoding is
    deterministic.
    """
    digest = hashlib.sha256(body).hexdigest()[:_DIGITS]
    return f'"{digest}-{representation.short}-{encoding.value}"'


def if_none_match(header: str, etag: str) -> bool:
    """Whether the client's `If-None-Match` names this tag, so that 304 is right.

    Compared weakly, as the RFC asks for this header; `*` names everything. A header that is not a
    list of entity tags names nothing: the client then gets the whole body.
    """
    text = header.strip()
    if text == "*":
        return True
    wanted = etag.removeprefix("W/")
    position = 0
    found = False
    while position < len(text):
        if text[position] in " \t,":
            position += 1
            continue
        match = _ENTITY_TAG.match(text, position)
        if match is None or text[match.end() : match.end() + 1] not in {"", ",", " ", "\t"}:
            return False
        found = found or match.group(1) == wanted
        position = match.end()
    return found
