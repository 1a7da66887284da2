"""Prepared second files: as long, recognised without their metadata, refused where they cannot stand in."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.marks.media import MediaError, content_digests, stand_ins


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(shade: int, *, text: bytes = b"", level: int = 9) -> bytes:
    rows = b"".join(b"\0" + bytes((x * shade) & 255 for x in range(64)) for _ in range(64))
    head = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    note = _chunk(b"tEXt", text) if text else b""
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + note + _chunk(b"IDAT", zlib.compress(rows, level))
        + _chunk(b"IEND", b"")
    )  # fmt: skip


def _jpeg(scan: bytes, *, exif: bytes = b"") -> bytes:
    app = b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif if exif else b""
    table = b"\xff\xdb" + struct.pack(">H", 4) + b"\x00\x01"
    return b"\xff\xd8" + app + table + b"\xff\xda\x00\x02" + scan + b"\xff\xd9"


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(data), kind) + data


def _mp4(fragments: list[bytes], *, head: bytes = b"x", base: int = 0) -> bytes:
    out = _box(b"ftyp", b"isom") + _box(b"moov", head)
    for samples in fragments:
        tfhd = _box(b"tfhd", bytes([0, 0, 0, base]) + b"\0\0\0\1")
        out += _box(b"moof", _box(b"traf", tfhd)) + _box(b"mdat", samples)
    return out


def test_a_picture_stands_in_for_another() -> None:
    first, second = _png(3, level=1), _png(5)
    assert len(second) < len(first)
    (stand,) = stand_ins(first, second)
    assert stand.start == 0
    assert len(stand.second) == len(first)
    assert stand.second.startswith(second)
    assert content_digests(stand.second) == (stand.second_digest,)
    assert content_digests(first) == (stand.first_digest,)
    assert content_digests(_png(5, text=b"Comment\0stripped or added")) == (stand.second_digest,)


def test_a_jpeg_is_recognised_without_its_exif() -> None:
    (stand,) = stand_ins(_jpeg(b"12345678"), _jpeg(b"87654321"))
    assert content_digests(_jpeg(b"87654321", exif=b"Exif\0\0GPS")) == (stand.second_digest,)
    assert content_digests(_jpeg(b"12345678") + b"\0\0\0") == (stand.first_digest,)


def test_each_fragment_of_a_film_is_a_mark_where_it_fits() -> None:
    first = _mp4([b"a" * 100, b"b" * 100, b"c" * 100, b"d" * 100])
    second = _mp4([b"A" * 92, b"B" * 100, b"C" * 101, b"d" * 100])
    stands = stand_ins(first, second)
    assert len(stands) == 2, "one is too long, one is the same"
    whole = bytearray(first)
    for stand in stands:
        whole[stand.start : stand.start + len(stand.second)] = stand.second
    assert len(whole) == len(first)
    digests = content_digests(bytes(whole))
    assert digests[0] == stands[0].second_digest
    assert digests[1] == stands[1].second_digest
    assert len(digests) == 4
    assert b"free" in whole


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (_png(3), _jpeg(b"1"), "same kind"),
        (_png(3), _png(3), "show the same"),
        (_jpeg(b"1"), _jpeg(b"12"), "bytes longer"),
        (_mp4([b"a"]), _mp4([b"b"], head=b"y"), "more than their fragments"),
        (_mp4([b"a"]), _mp4([b"b", b"c"]), "more than their fragments"),
        (_mp4([b"a" * 9]), _mp4([b"b" * 8]), "no fragment"),
        (_mp4([b"a" * 20]), _mp4([b"b" * 20], base=1), "default_base_moof"),
        (_box(b"ftyp", b"") + _box(b"mdat", b"a"), _mp4([b"b"]), "only fragmented"),
        (b"GIF89a", b"GIF89a", "same kind"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_is_told(first: bytes, second: bytes, why: str) -> None:
    with pytest.raises(MediaError, match=why):
        stand_ins(first, second)


@given(
    st.binary(max_size=80),
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0\0\0\x08ftyp"]),
)
def test_any_bytes_are_survived(data: bytes, magic: bytes) -> None:
    content_digests(magic + data)
    try:
        stand_ins(magic + data, magic + data[:-1])
    except MediaError:
        return
