"""Parts are Tink's, byte for byte; any range opens; nothing opens where it was not written."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit import tink_oracle
from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    RANDOM_BYTES,
    SEGMENT_CIPHERTEXT,
    TAG_BYTES,
    Header,
    Layout,
    PartCipher,
    Span,
    decrypt_part,
    derive_part_key,
    encrypt_part,
    header_from,
    parse_header,
    part_aad,
    part_name,
    part_plaintext,
)
from pratique.custody.errors import PartBrokenError
from pratique.custody.model import PART_BYTES, ObjectId

OBJECT = ObjectId("0123456789abcdef0123456789abcdef")
KEY = bytes(range(32))
AAD = part_aad(OBJECT, 3, 1)
SMALL = Layout(96)
"""80 bytes of plaintext a segment, 40 in the first."""
INNER = SEGMENT_CIPHERTEXT - TAG_BYTES
FIRST = INNER - HEADER_BYTES

EDGES = [
    0,
    1,
    FIRST - 1,
    FIRST,
    FIRST + 1,
    FIRST + INNER - 1,
    FIRST + INNER,
    FIRST + INNER + 1,
    300_000,
]


def written(plain: bytes, layout: Layout = OURS, seed: int = 1) -> bytearray:
    fresh = random.Random(seed).randbytes(RANDOM_BYTES)
    return encrypt_part(plain, object_key=KEY, aad=AAD, random=fresh, layout=layout)


def cipher(part: bytes | bytearray, layout: Layout = OURS) -> PartCipher:
    header = parse_header(part)
    return PartCipher(derive_part_key(KEY, header.salt, AAD), header.prefix, layout=layout)


def opened(part: bytes | bytearray, span: Span, layout: Layout = OURS) -> bytes:
    piece = memoryview(part)[span.cipher_start : span.cipher_end]
    return bytes(cipher(part, layout).decrypt_into(piece, span, bytearray(span.buffer_bytes)))


@pytest.mark.parametrize("size", EDGES)
def test_tink_reads_what_we_write(size: int) -> None:
    plain = random.Random(size).randbytes(size)
    part = bytes(written(plain))
    read = tink_oracle.decrypt(part, object_key=KEY, aad=AAD, segment_bytes=SEGMENT_CIPHERTEXT)
    assert read == plain


@pytest.mark.parametrize("size", EDGES)
def test_we_read_what_tink_writes(size: int) -> None:
    plain = random.Random(size).randbytes(size)
    part = tink_oracle.encrypt(plain, object_key=KEY, aad=AAD, segment_bytes=SEGMENT_CIPHERTEXT)
    assert len(part) == OURS.ciphertext(size)
    assert OURS.plaintext(len(part)) == size
    assert decrypt_part(part, object_key=KEY, aad=AAD) == plain


@pytest.mark.parametrize("size", range(0, 170, 7))
def test_tink_agrees_on_small_segments(size: int) -> None:
    plain = random.Random(size).randbytes(size)
    assert decrypt_part(
        tink_oracle.encrypt(plain, object_key=KEY, aad=AAD, segment_bytes=96),
        object_key=KEY, aad=AAD, layout=SMALL,
    ) == plain  # fmt: skip
    ours = bytes(written(plain, SMALL))
    assert tink_oracle.decrypt(ours, object_key=KEY, aad=AAD, segment_bytes=96) == plain


@given(st.integers(0, 700), st.data())
def test_every_range_opens_to_its_bytes(size: int, data: st.DataObject) -> None:
    plain = random.Random(size).randbytes(size)
    start = data.draw(st.integers(0, max(0, size - 1)))
    end = data.draw(st.integers(min(start + 1, size), size))
    part = written(plain, SMALL)
    span = SMALL.span(start, end, size)
    assert opened(part, span, SMALL) == plain[start:end]
    assert span.buffer_bytes <= end - start + 2 * (96 - TAG_BYTES)


@given(st.integers(0, PART_BYTES))
@example(FIRST)
@example(FIRST + INNER)
def test_lengths_go_both_ways(plain: int) -> None:
    assert OURS.plaintext(OURS.ciphertext(plain)) == plain


@given(st.integers(0, 2_000))
def test_a_length_is_of_a_part_or_refused(length: int) -> None:
    """There is a part of every length that `plaintext` gives an answer for, and of no other."""
    possible = {SMALL.ciphertext(plain): plain for plain in range(length)}
    if length in possible:
        assert SMALL.plaintext(length) == possible[length]
    else:
        with pytest.raises(PartBrokenError):
            SMALL.plaintext(length)


def test_a_range_in_the_real_size_needs_two_segments() -> None:
    span = OURS.span(SEGMENT_CIPHERTEXT, 2 * SEGMENT_CIPHERTEXT, PART_BYTES)
    assert (span.first, span.last, span.final) == (1, 2, False)
    assert (span.cipher_start, span.cipher_end) == (SEGMENT_CIPHERTEXT, 3 * SEGMENT_CIPHERTEXT)
    assert span.skip == 56


def test_the_caller_s_buffer_is_what_comes_back() -> None:
    plain = random.Random(5).randbytes(200_000)
    part = written(plain)
    span = OURS.span(70_000, 150_000, len(plain))
    buffer = bytearray(span.buffer_bytes + 10)
    piece = memoryview(part)[span.cipher_start : span.cipher_end]
    view = cipher(part).decrypt_into(piece, span, buffer)
    assert view.obj is buffer
    assert view == plain[70_000:150_000]
    assert buffer[-10:] == bytes(10)


@given(st.integers(1, 500), st.data())
@settings(max_examples=200)
def test_one_changed_bit_opens_nothing(size: int, data: st.DataObject) -> None:
    part = written(random.Random(size).randbytes(size), SMALL)
    bit = data.draw(st.integers(0, len(part) * 8 - 1))
    part[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PartBrokenError):
        decrypt_part(part, object_key=KEY, aad=AAD, layout=SMALL)


def test_segments_do_not_change_places() -> None:
    part = written(bytes(80 * 5), SMALL)
    part[96:192], part[192:288] = part[192:288], part[96:192]
    with pytest.raises(PartBrokenError):
        decrypt_part(part, object_key=KEY, aad=AAD, layout=SMALL)
    with pytest.raises(PartBrokenError):
        opened(part, SMALL.span(60, 70, 400), SMALL)


def test_a_segment_of_another_part_of_the_same_object_does_not_open() -> None:
    one, other = written(bytes(400), SMALL, seed=1), written(bytes(400), SMALL, seed=2)
    one[96:192] = other[96:192]
    with pytest.raises(PartBrokenError):
        opened(one, SMALL.span(60, 70, 400), SMALL)


@pytest.mark.parametrize("cut", [1, 16, 96, 97, 192])
def test_a_part_that_was_cut_does_not_open(cut: int) -> None:
    part = written(bytes(40 + 80 * 4), SMALL)
    with pytest.raises(PartBrokenError):
        decrypt_part(part[:-cut], object_key=KEY, aad=AAD, layout=SMALL)


def test_a_shorter_size_does_not_make_a_middle_segment_the_last_one() -> None:
    """Whoever writes the database cannot pretend that an object ends earlier."""
    part = written(bytes(40 + 80 * 4), SMALL)
    span = SMALL.span(0, 120, 120)
    assert span.final
    with pytest.raises(PartBrokenError):
        opened(part, span, SMALL)


def test_what_was_added_behind_the_end_is_never_read_as_more() -> None:
    part = written(bytes(120), SMALL) + b"x" * 96
    with pytest.raises(PartBrokenError):
        decrypt_part(part, object_key=KEY, aad=AAD, layout=SMALL)


@pytest.mark.parametrize(
    "aad", [part_aad(OBJECT, 2, 1), part_aad(OBJECT, 3, 0), part_aad(ObjectId("f" * 32), 3, 1)]
)
def test_another_place_is_another_key(aad: bytes) -> None:
    with pytest.raises(PartBrokenError):
        decrypt_part(written(b"words"), object_key=KEY, aad=aad)


def test_pieces_of_the_wrong_length_are_refused_before_anything_opens() -> None:
    part = written(bytes(400), SMALL)
    span = SMALL.span(0, 100, 400)
    for piece in (b"", part[40:60], part):
        with pytest.raises(PartBrokenError, match="cut short"):
            cipher(part, SMALL).decrypt_into(piece, span, bytearray(span.buffer_bytes))


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 2), (0, 11), (10, 10), (4, 4)])
def test_no_range_outside_the_part(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no range"):
        OURS.span(start, end, 10)


def test_headers() -> None:
    header = header_from(bytes(range(RANDOM_BYTES)))
    assert header == Header(salt=bytes(range(32)), prefix=bytes(range(32, 39)))
    assert parse_header(header.render() + b"more") == header
    for bad in (b"", bytes(40), header.render()[:-1]):
        with pytest.raises(PartBrokenError):
            parse_header(bad)
    with pytest.raises(ValueError, match="random"):
        header_from(bytes(38))


def test_names_and_sizes_of_parts() -> None:
    assert part_name(OBJECT, 7, 1) == f"01/{OBJECT}/7.1"
    assert part_aad(OBJECT, 258, 1) == b"pratique-part-1" + OBJECT.encode() + b"\0\0\1\2\1"
    assert [part_plaintext(PART_BYTES + 5, part) for part in range(3)] == [PART_BYTES, 5, 0]
    with pytest.raises(ValueError, match="object id"):
        part_aad(ObjectId("short"), 0, 0)
    with pytest.raises(ValueError, match="at least"):
        Layout(56)
