"""Second forms of pictures and of fragmented MP4 that the operator prepared, and how each is recognised.

A prepared file stands in for the registered one, filled up to its length where readers skip: behind the
end of a PNG or JPEG picture, in a `free` box of MP4. Of fragmented MP4 each fragment is a mark, where both
files have the same beginning and the fragment fits. Recognised is content that was not encoded again: the
image data of a picture, the samples of a fragment; names and metadata do not matter. What survives more (a
mark in the pixels) is the business of whoever prepares the second file, and of their detector: `pratique
attribute --observed` takes what it says.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_BOX_HEAD: Final = 8
_SMALLEST_BOX: Final = 8
_LARGE: Final = 16
_BASE_OFFSET_FLAG: Final = 1
"""`tfhd`: offsets count from the file's beginning; such a fragment cannot be moved."""


class MediaError(ValueError):
    """A second file that cannot stand in for the first; its message is a sentence for the operator."""


class Box(NamedTuple):
    """A box of MP4 at the top of a file."""

    kind: bytes
    start: int
    end: int


class Stand(NamedTuple):
    """Bytes `[start, start + len(second))` of the first file with their second form, and both digests."""

    start: int
    second: bytes
    first_digest: bytes
    second_digest: bytes


def stand_ins(first: bytes, second: bytes) -> list[Stand]:
    """What of a prepared file may stand in for the registered one. Raises: MediaError."""
    if first.startswith(_PNG) and second.startswith(_PNG):
        return [_whole(first, second)]
    if first.startswith(_JPEG) and second.startswith(_JPEG):
        return [_whole(first, second)]
    if _is_mp4(first) and _is_mp4(second):
        return _fragments(first, second)
    raise MediaError("the second file is not of the same kind (PNG, JPEG or fragmented MP4)")


def content_digests(data: bytes) -> tuple[bytes, ...]:
    """Digests of what a file shows, apart from its metadata; of nothing for other kinds."""
    if data.startswith(_PNG):
        return (_png_digest(data),)
    if data.startswith(_JPEG):
        return (_jpeg_digest(data),)
    if _is_mp4(data):
        return tuple(
            _digest(data[box.start + _head(data, box) : box.end]) for box in _samples(data)
        )
    return ()


def _whole(first: bytes, second: bytes) -> Stand:
    room = len(first) - len(second)
    if room < 0:
        raise MediaError(
            f"the second file is {-room} bytes longer than the registered one; compress it a little more"
        )
    digests = content_digests(first)[0], content_digests(second)[0]
    if digests[0] == digests[1]:
        raise MediaError("both files show the same")
    return Stand(0, second + bytes(room), *digests)


def _png_digest(data: bytes) -> bytes:
    """Of header, palette and image data: chunks that are not text, time or padding."""
    digest, at = hashlib.sha256(), len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in {b"IHDR", b"PLTE", b"IDAT", b"tRNS"}:
            digest.update(kind + data[at + 8 : at + 8 + length])
        at += 12 + length
        if kind == b"IEND":
            break
    return digest.digest()


def _jpeg_digest(data: bytes) -> bytes:
    """Of tables and scans: segments that are not applications' (EXIF, ICC) nor comments."""
    digest, at = hashlib.sha256(), 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - a marker
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: the rest is image data up to its end
            end = data.rfind(b"\xff\xd9")
            digest.update(data[at : end if end > at else len(data)])
            break
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):  # noqa: PLR2004 - APPn, COM
            digest.update(data[at : at + 2 + length])
        at += 2 + max(2, length)
    return digest.digest()


def _is_mp4(data: bytes) -> bool:
    return data[4:8] in {b"ftyp", b"styp", b"moof"}


def _boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    end = len(data) if end is None else end
    while start + _BOX_HEAD <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size == 1 and start + _LARGE <= end:
            (size,) = struct.unpack_from(">Q", data, start + _BOX_HEAD)
        elif size == 0:
            size = end - start
        if size < _SMALLEST_BOX or start + size > end:
            raise MediaError("a box of the MP4 file is broken")
        yield Box(kind, start, start + size)
        start += size


def _head(data: bytes, box: Box) -> int:
    return _LARGE if int.from_bytes(data[box.start : box.start + 4], "big") == 1 else _BOX_HEAD


def _samples(data: bytes) -> list[Box]:
    try:
        return [box for box in _boxes(data) if box.kind == b"mdat"]
    except MediaError:
        return []


def _pairs(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """What stands before the first fragment, and the spans of the fragments (`moof` and `mdat`)."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for box in _boxes(data):
        if box.kind == b"moof":
            opened = box.start
        elif box.kind == b"mdat":
            if opened is None:
                raise MediaError("only fragmented MP4 can be marked (`moof` before each `mdat`)")
            found.append((opened, box.end))
            opened = None
    if not found:
        raise MediaError("the MP4 file has no fragments")
    before = b"".join(
        data[box.start : box.end]
        for box in _boxes(data)
        if box.end <= found[0][0] and box.kind not in {b"sidx", b"free", b"styp"}
    )
    return before, found


def _fragments(first: bytes, second: bytes) -> list[Stand]:
    (head, spans), (other_head, others) = _pairs(first), _pairs(second)
    if head != other_head or len(spans) != len(others):
        raise MediaError("the two MP4 files differ in more than their fragments' content")
    stands = []
    for (start, end), (begin, stop) in zip(spans, others, strict=True):
        room = (end - start) - (stop - begin)
        if room < 0 or 0 < room < _SMALLEST_BOX or first[start:end] == second[begin:stop]:
            continue  # it does not fit, or there is nothing to tell: this fragment has no mark
        _check_movable(second, begin)
        filling = struct.pack(">I4s", room, b"free") + bytes(room - _BOX_HEAD) if room else b""
        stands.append(
            Stand(
                start,
                second[begin:stop] + filling,
                _of_samples(first[start:end]),
                _of_samples(second[begin:stop]),
            )
        )
    if not stands:
        raise MediaError("no fragment of the second file fits into the place of the first one's")
    return stands


def _of_samples(fragment: bytes) -> bytes:
    (box,) = _samples(fragment)
    return _digest(fragment[box.start + _head(fragment, box) : box.end])


def _check_movable(data: bytes, start: int) -> None:
    moof = next(_boxes(data, start))
    for traf in _boxes(data, moof.start + _BOX_HEAD, moof.end):
        if traf.kind != b"traf":
            continue
        for box in _boxes(data, traf.start + _BOX_HEAD, traf.end):
            if box.kind == b"tfhd" and data[box.start + 11] & _BASE_OFFSET_FLAG:
                raise MediaError(
                    "fragments of the second file count from its beginning; write it with `default_base_moof`"
                )


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
