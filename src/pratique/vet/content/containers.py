"""Where pictures and sounds end, and what stands behind."""

from __future__ import annotations

from typing import Final

from pratique.vet.content.forms import form_of

MAX_CHUNKS: Final = 100_000
"""Chunks of a picture or sound; long animations have some ten thousand."""
_EOCD: Final = b"PK\x05\x06"
_EOCD_REACH: Final = 66 * 1024
"""A zip's end stands in the last 64 KiB and 22 bytes."""


def appended(data: bytes) -> bytes:
    """What stands behind the end of a picture or sound; a zip that ends the file counts always."""
    form = form_of(data)
    if form == "png":
        end = _end_of_png(data)
    elif form == "jpeg":
        end = _end_of_jpeg(data)
    elif form == "gif":
        end = _end_of_gif(data)
    elif form in {"wav", "webp", "avi"}:
        size = int.from_bytes(data[4:8], "little")
        end = size + 8 + (size & 1)
    else:
        end = len(data)
    if end < len(data):
        return data[end:]
    at = data.rfind(_EOCD, max(0, len(data) - _EOCD_REACH))
    if at < 0 or form in {"", "zip"}:
        return b""
    start = at - int.from_bytes(data[at + 12 : at + 16], "little")
    first = data.find(b"PK\x03\x04")
    return data[first if 0 <= first < start else max(start, 0) :]


def _end_of_png(data: bytes) -> int:
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            return len(data)
        size = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        position += 12 + size
        if kind == b"IEND":
            return position
    return len(data)


def _end_of_jpeg(data: bytes) -> int:
    """The last end mark: thumbnails inside have end marks of their own."""
    at = data.rfind(b"\xff\xd9")
    return len(data) if at < 0 else at + 2


def _end_of_gif(data: bytes) -> int:
    """Walk the blocks of a GIF to its trailer."""
    flags = data[10] if len(data) > 10 else 0  # noqa: PLR2004 - sizes of the headers
    position = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    for _ in range(MAX_CHUNKS):
        mark = data[position : position + 1]
        if mark == b";":
            return position + 1
        if mark == b"!":
            position = _end_of_blocks(data, position + 2)
        elif mark == b",":
            flags = data[position + 9] if position + 9 < len(data) else 0
            colours = 3 << ((flags & 7) + 1) if flags & 0x80 else 0
            position = _end_of_blocks(data, position + 11 + colours)
        else:
            return len(data)
    return len(data)


def _end_of_blocks(data: bytes, position: int) -> int:
    for _ in range(MAX_CHUNKS):
        size = data[position] if position < len(data) else 0
        position += 1 + size
        if size == 0:
            break
    return position


def sound_data(data: bytes) -> bytes:
    """The samples of a WAV file; nothing for other sounds, which are compressed."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return b""
    position = 12
    for _ in range(MAX_CHUNKS):
        kind = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if kind == b"data":
            return data[position + 8 : position + 8 + size]
        if len(kind) < 4:  # noqa: PLR2004 - sizes of the headers
            return b""
        position += 8 + size + (size & 1)
    return b""
