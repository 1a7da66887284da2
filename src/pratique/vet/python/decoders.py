"""Decoding and decompression of folded bytes, bounded; lenient where CPython is lenient."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import lzma
import quopri
import zlib
from collections.abc import Callable
from typing import Any

from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.plain import Folded

_LISTED = 1_000_000
"""Longest list of numbers that is taken as bytes."""
_FAILURES = (
    ValueError,
    TypeError,
    EOFError,
    OSError,
    LookupError,
    zlib.error,
    lzma.LZMAError,
    OverflowError,
    MemoryError,
    AttributeError,
    AssertionError,
)
_CODEC_NAMES = {
    "hex": "hex",
    "hex_codec": "hex",
    "base64": "base64",
    "base_64": "base64",
    "base64_codec": "base64",
    "rot13": "rot13",
    "rot_13": "rot13",
    "zlib": "zlib",
    "zip": "zlib",
    "zlib_codec": "zlib",
    "bz2": "bz2",
    "bz2_codec": "bz2",
    "uu": "uu",
    "uu_codec": "uu",
    "quopri": "quopri",
    "quopri_codec": "quopri",
    "quotedprintable": "quopri",
    "quoted_printable": "quopri",
}


def _bytes(value: Folded) -> bytes:
    if type(value) is str:
        return value.encode("ascii")
    if type(value) in {bytes, bytearray}:
        return bytes(value)
    if type(value) is list and len(value) <= _LISTED:
        return bytes(value)
    raise Spent


def inflate(data: Folded, budget: Budget, *, wbits: int = zlib.MAX_WBITS) -> bytes:
    """zlib, gzip or raw deflate, as `wbits` says."""
    worker = zlib.decompressobj(wbits)
    most = budget.limits.value_bytes
    out = worker.decompress(_bytes(data), most)
    if worker.unconsumed_tail:
        raise Spent
    budget.make(len(out))
    return out


def _gunzip(data: Folded, budget: Budget) -> bytes:
    return inflate(data, budget, wbits=zlib.MAX_WBITS | 16)


def _zlib(
    data: Folded, budget: Budget, *rest: Folded, wbits: Folded = None, bufsize: Folded = None
) -> bytes:
    del bufsize
    bits = rest[0] if rest else wbits
    return inflate(data, budget, wbits=zlib.MAX_WBITS if bits is None else int(bits))


def _bz2(data: Folded, budget: Budget) -> bytes:
    worker = bz2.BZ2Decompressor()
    out = worker.decompress(_bytes(data), budget.limits.value_bytes)
    if not worker.eof:
        raise Spent
    budget.make(len(out))
    return out


def _lzma(data: Folded, budget: Budget, *_rest: Folded, **_options: Folded) -> bytes:
    # The memory limit covers every dictionary that the presets of xz use.
    worker = lzma.LZMADecompressor(memlimit=100_000_000)
    out = worker.decompress(_bytes(data), budget.limits.value_bytes)
    if not worker.eof:
        raise Spent
    budget.make(len(out))
    return out


def _b64(data: Folded, budget: Budget, altchars: Folded = None, validate: Folded = None) -> bytes:
    raw = _bytes(data)
    budget.make(len(raw))
    del validate
    if altchars is not None:
        raw = raw.translate(bytes.maketrans(_bytes(altchars), b"+/"))
    return binascii.a2b_base64(raw)


def _urlsafe(data: Folded, budget: Budget) -> bytes:
    return _b64(data, budget, b"-_")


def _plain(function: Callable[..., bytes], growth: int = 1) -> Callable[..., bytes]:
    def decode(data: Folded, budget: Budget, *rest: Folded, **options: Folded) -> bytes:
        raw = _bytes(data)
        budget.make(growth * len(raw) + 16)
        return function(raw, *rest, **options)

    return decode


def _encoder(function: Callable[..., bytes]) -> Callable[..., bytes]:
    return _plain(function, growth=3)


def _codec(
    data: Folded, budget: Budget, encoding: Folded = "utf-8", errors: Folded = "strict"
) -> Folded:
    word = str(encoding).lower().replace("-", "_").replace(" ", "_")
    name = _CODEC_NAMES.get(word)
    if name is None:
        if type(data) not in {bytes, bytearray}:
            raise Spent
        budget.make(2 * len(data))
        text, _ = codecs.lookup(word).decode(bytes(data), str(errors))
        if type(text) is not str:
            raise Spent
        return text
    if name == "rot13":
        budget.make(len(data))
        return codecs.decode(data, "rot13")
    functions: dict[str, Callable[..., Any]] = {
        "hex": _hex,
        "base64": _b64,
        "zlib": _zlib,
        "bz2": _bz2,
        "uu": _uu,
        "quopri": _quopri,
    }
    return functions[name](data, budget)


def _encode(
    data: Folded, budget: Budget, encoding: Folded = "utf-8", errors: Folded = "strict"
) -> Folded:
    word = str(encoding).lower().replace("-", "_").replace(" ", "_")
    budget.make(4 * len(data) + 64)
    if word in {"rot13", "rot_13"} or (word in {"hex", "hex_codec", "base64", "base64_codec"}):
        return codecs.encode(data, word)
    if type(data) is str:
        return data.encode(word, str(errors))
    raise Spent


def _uu(data: Folded, budget: Budget) -> bytes:
    raw = _bytes(data)
    budget.make(2 * len(raw))
    return bytes(codecs.decode(raw, "uu"))


_hex = _plain(binascii.unhexlify)
_quopri = _plain(quopri.decodestring)


def _from_hex(data: Folded, budget: Budget) -> bytes:
    budget.make(len(data))
    return bytes.fromhex(data)


DECODERS: dict[str, Callable[..., Any]] = {
    "base64.b64decode": _b64,
    "base64.standard_b64decode": _b64,
    "base64.urlsafe_b64decode": _urlsafe,
    "base64.decodebytes": _b64,
    "base64.decodestring": _b64,
    "base64.b32decode": _plain(base64.b32decode),
    "base64.b32hexdecode": _plain(base64.b32hexdecode),
    "base64.b16decode": _plain(base64.b16decode),
    "base64.b85decode": _plain(base64.b85decode),
    "base64.a85decode": _plain(base64.a85decode, 4),
    "binascii.a2b_base64": _b64,
    "binascii.unhexlify": _hex,
    "binascii.a2b_hex": _hex,
    "binascii.a2b_qp": _quopri,
    "quopri.decodestring": _quopri,
    "builtins.bytes.fromhex": _from_hex,
    "builtins.bytearray.fromhex": _from_hex,
    "zlib.decompress": _zlib,
    "gzip.decompress": _gunzip,
    "bz2.decompress": _bz2,
    "lzma.decompress": _lzma,
    "codecs.decode": _codec,
    "pybase64.b64decode": _b64,
    "isal.isal_zlib.decompress": _zlib,
}
"""Functions that undo a disguise: their result is one layer deeper."""

ENCODERS: dict[str, Callable[..., Any]] = {
    "base64.b64encode": _encoder(base64.b64encode),
    "base64.standard_b64encode": _encoder(base64.b64encode),
    "base64.urlsafe_b64encode": _encoder(base64.urlsafe_b64encode),
    "base64.b32encode": _encoder(base64.b32encode),
    "base64.b16encode": _encoder(base64.b16encode),
    "base64.b85encode": _encoder(base64.b85encode),
    "binascii.hexlify": _encoder(binascii.hexlify),
    "binascii.b2a_hex": _encoder(binascii.hexlify),
    "codecs.encode": _encode,
}


def decode(name: str, arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> Folded:
    """Call a decoder or encoder by its dotted name.

    Raises: Spent when the data are not what it takes, or the result would be too large.
    """
    function = DECODERS.get(name) or ENCODERS[name]
    try:
        return function(arguments[0], budget, *arguments[1:], **keywords)
    except _FAILURES as error:
        raise Spent from error
