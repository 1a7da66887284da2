"""What an encoded or opaque stretch of bytes holds, found and told in time linear in it."""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.vet.content.forms import form_of, looks_like_python

MIN_RUN: Final = 1_000
"""Characters of an encoded stretch that are worth a look: keys, hashes and certificates are shorter."""
MAX_RUNS: Final = 64
"""Stretches told per content; a file with more is a table of pictures or of attacks, and both show."""
MAX_DECODED: Final = 256 * 1024
"""Characters decoded of one stretch: enough for every magic and for a look at text."""
MAX_LAYERS: Final = 4
"""Encodings inside encodings that are peeled off to name what lies inside."""
ENTROPY_SAMPLE: Final = 16 * 1024
OPAQUE: Final = 7.5
"""Bits per byte; text has below 5, machine code about 6.5, compressed or encrypted data 7.9."""

_STRIDE: Final = 500
# A stretch of 1,000 characters holds a place, of those 500 apart, behind which 450 of them stand.
_INSIDE = re.compile(rb"[A-Za-z0-9+/=_\-\r\n]{450}")
_RUN = re.compile(rb"[A-Za-z0-9+/=_\-\r\n]*")
_SET: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\r\n")
_HEX = re.compile(rb"[0-9a-fA-F\s]*")
_MARSHAL: Final = (b"\xe3\x00\x00\x00", b"c\x00\x00\x00", b"\xe3\x01\x00\x00", b"\x63\x00\x00\x00")
_QUIET_FORMS: Final = frozenset({"png", "jpeg", "gif", "ico", "webp", "font", "der", "pem", "mp3",
    "ogg", "wav", "mp4", "bmp",
                                 "tiff", "pdf", "timezone", "numpy", "parquet", "arrow", "flac",
                                 "gettext"})  # fmt: skip
_EXECUTABLES: Final = frozenset({"elf", "pe", "mach-o", "wasm", "dex", "java-class", "jar"})
_ARCHIVES: Final = frozenset(
    {
        "zip",
        "gzip",
        "xz",
        "bzip2",
        "zstd",
        "7z",
        "rar",
        "tar",
        "lz4",
        "cab",
        "wheel",
        "lzma",
        "zlib",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One encoded stretch."""

    start: int
    size: int
    holds: str
    """`executable`, `archive`, `python`, `code-object`, `pickle`, `script`, `text`, `opaque`, or ""
    for pictures, certificates and other contents that are usual in text."""
    layers: int
    encodings: int
    """How many of the layers were base64 or hexadecimal."""
    sample: bytes
    """Beginning of what it comes to."""


def find_blobs(data: bytes) -> Iterator[Blob]:
    """Long stretches of base64 or hexadecimal, line breaks allowed."""
    position, found = 0, 0
    while position < len(data) and found < MAX_RUNS:
        if _INSIDE.match(data, position) is None:
            position += _STRIDE
            continue
        start = position
        floor = max(0, position - _STRIDE)
        while start > floor and data[start - 1] in _SET:
            start -= 1
        end = _RUN.match(data, position).end()  # type: ignore[union-attr] # an empty match is a match
        if end - start >= MIN_RUN and _is_encoded(data[start : start + MIN_RUN]):
            found += 1
            yield describe(data[start:end], start=start)
        position = max(end, position + _STRIDE)


def _is_encoded(run: bytes) -> bool:
    """Not a line of dashes, not a list of names: digits and both cases at the rates of an encoding."""
    if b"-----" in run:
        return False  # keys and certificates between their own marks
    counts = Counter(run)
    if max(counts.values()) > len(run) // 3:
        return False
    digits = sum(counts[c] for c in b"0123456789")
    if not run.translate(None, b"0123456789abcdefABCDEF\r\n"):
        return digits > len(run) // 20 and len(counts) > _HEX_DIGITS // 2
    upper = sum(counts[c] for c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    lower = sum(counts[c] for c in b"abcdefghijklmnopqrstuvwxyz")
    words = counts[0x5F] + counts[0x2D]
    return min(digits * 3, upper, lower) > len(run) // 10 and words < len(run) // 12


_HEX_DIGITS: Final = 16


def describe(run: bytes, *, start: int = 0) -> Blob:
    """What an encoded stretch holds, layers peeled off."""
    inner, layers, encodings = run, 0, 0
    while layers < MAX_LAYERS and (peeled := _peel(inner[:MAX_DECODED])) is not None:
        encodings += inner[0] in _SET and inner[0] != 0x78  # noqa: PLR2004 - ASCII, and what is too short to tell
        inner, layers = peeled, layers + 1
    return Blob(
        start=start, size=len(run), holds=what_is(inner) if layers else "",
        layers=layers, encodings=encodings, sample=inner[:200],
    )  # fmt: skip


def _peel(data: bytes) -> bytes | None:
    """One decoding or decompression, if the bytes are of that kind."""
    head = data[:2048]
    if head[:2] in {b"x\x9c", b"x\xda", b"x\x01", b"\x1f\x8b"}:
        try:
            return zlib.decompressobj(wbits=47).decompress(data, MAX_DECODED)
        except zlib.error:
            return None
    if len(head) < 64:  # noqa: PLR2004 - ASCII, and what is too short to tell
        return None
    compact = data.translate(None, b"\r\n\t ")
    try:
        if _HEX.fullmatch(compact[:2048]):
            return bytes.fromhex(compact[: len(compact) // 2 * 2].decode("ascii"))
        if not compact[:2048].translate(None, bytes(_SET)):
            plain = compact.translate(_URLSAFE).rstrip(b"=")
            return base64.b64decode(plain[: len(plain) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    return None


_URLSAFE: Final = bytes.maketrans(b"-_", b"+/")


def what_is(data: bytes) -> str:
    """What decoded bytes are, in the words of `Blob.holds`."""
    form = form_of(data)
    if form in _EXECUTABLES:
        return "executable"
    if form in _QUIET_FORMS:
        return ""
    if form in _ARCHIVES:
        return "archive"
    if form == "pyc" or data.startswith(_MARSHAL):
        return "code-object"
    if form in {"pickle", "torch"}:
        return "pickle"
    if form in {"shell", "script", "node", "perl", "ruby", "pwsh"}:
        return "script"
    if form == "python" or looks_like_python(data):
        return "python"
    sample = data[:4096]
    printable = sum(1 for byte in sample if 32 <= byte < 127 or byte in b"\t\r\n")  # noqa: PLR2004 - ASCII, and what is too short to tell
    if sample and printable >= len(sample) * 0.95:
        return "python" if b"exec(" in data or b"import " in data else "text"
    return "opaque" if entropy(data) > OPAQUE - 0.3 or len(data) < ENTROPY_SAMPLE else ""


def entropy(data: bytes) -> float:
    """Bits per byte over the first, the middle and the last 16 KiB."""
    if len(data) > 3 * ENTROPY_SAMPLE:
        middle = len(data) // 2
        data = (
            data[:ENTROPY_SAMPLE] + data[middle : middle + ENTROPY_SAMPLE] + data[-ENTROPY_SAMPLE:]
        )
    if not data:
        return 0.0
    total = len(data)
    return -sum(n / total * math.log2(n / total) for n in Counter(data).values())
