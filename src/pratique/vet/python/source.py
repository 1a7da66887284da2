"""From bytes to source text: byte order marks, PEP 263 cookies, odd line ends."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_COOKIE_BYTES = 400
"""The cookie stands in the first two lines; a line longer than this is not a comment about encoding."""
_TEXT_ENCODINGS = frozenset(
    {
        "rot_13",
        "rot13",
        "utf_7",
        "utf-7",
        "unicode_escape",
        "raw_unicode_escape",
        "punycode",
        "idna",
    }
)
"""Codecs that turn harmless-looking text into other text: named in `odd_encoding`."""


def decoded_source(data: bytes) -> tuple[str, str]:
    r"""Source text and, when something about its encoding is worth saying, a sentence.

    Line ends become "\n"; a NUL becomes a blank, as CPython refuses it.
    """
    text, remark = _decoded(data)
    return normalised(text), remark


def normalised(text: str) -> str:
    """Source with one kind of line end and without NULs."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        text = text.replace("\x00", " ")
    return text.removeprefix("\ufeff")


def cookie(data: bytes) -> str:
    """The declared encoding, lower case; "" when there is none."""
    for line in data[:_COOKIE_BYTES].split(b"\n")[:2]:
        found = _COOKIE.match(line)
        if found:
            return found.group(1).decode("ascii", "replace").lower().replace("_", "-")
    return ""


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), ""
    declared = cookie(data)
    if declared in {"", "utf-8", "utf8", "utf-8-sig"}:
        return _as_utf8(data), ""
    return _as_declared(data, declared)


def _as_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Old sources in some 8-bit encoding: the code itself is ASCII, so nothing is lost.
        return data.decode("latin-1")


def _as_declared(data: bytes, declared: str) -> tuple[str, str]:
    remark = ""
    if declared.replace("-", "_") in _TEXT_ENCODINGS or declared in _TEXT_ENCODINGS:
        remark = f"the source declares the unusual encoding {declared}"
    try:
        codec = codecs.lookup(declared)
        if not getattr(codec, "_is_text_encoding", True):
            # zlib, bz2: Python refuses them, and what they unpack has no bound.
            return _as_utf8(data), f"the declared encoding {declared[:40]} is no text encoding"
        text: object = codec.decode(data, "replace")[0]
    except (LookupError, UnicodeError, ValueError, TypeError):
        return _as_utf8(data), f"the declared encoding {declared[:40]} is not known"
    if not isinstance(text, str):
        return _as_utf8(data), f"the declared encoding {declared[:40]} is no text encoding"
    return text, remark
