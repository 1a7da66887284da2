"""Bytes on disk: whole or visibly not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.ledger.errors import FrameError
from pratique.ledger.frames import (
    FRAME_HEADER_BYTES,
    SLOT_BYTES,
    Frame,
    Head,
    SegmentHeader,
    entry_offsets,
    frame_first,
    frame_length,
    parse_frame,
    parse_segment_header,
    parse_slot,
    render_frame,
    render_segment_header,
    render_slot,
    salvage_frame,
)
from pratique.ledger.merkle import Frontier, extend, leaf_hash

sizes = st.integers(0, 2**53)
notes = st.text(st.characters(codec="utf-8"), max_size=400)
leaves = st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8)


def frontier(size: int) -> Frontier:
    hashes = tuple(leaf_hash(bytes([n])) for n in range(size.bit_count()))
    return Frontier(size=size, hashes=hashes)


@given(sizes, notes, st.binary(max_size=50))
def test_segment_headers_read_back(size: int, note: str, behind: bytes) -> None:
    header = SegmentHeader(frontier=frontier(size), checkpoint=note)
    data = render_segment_header(header)
    assert parse_segment_header(data + behind) == (header, len(data))
    assert header.first == size


@given(sizes, leaves, notes)
def test_frames_read_back(first: int, content: list[bytes], note: str) -> None:
    data = render_frame(first, content, note)
    frame = parse_frame(data)
    assert frame == Frame(first=first, leaves=tuple(content), checkpoint=note)
    assert frame.end == first + len(content)
    assert frame_length(data[:FRAME_HEADER_BYTES]) == len(data)
    assert frame_first(data[:FRAME_HEADER_BYTES]) == first
    for leaf, offset in zip(content, entry_offsets(frame), strict=True):
        assert data[offset : offset + len(leaf)] == leaf


@given(sizes, sizes, sizes, sizes, sizes)
def test_heads_read_back(size: int, generation: int, segment: int, frame: int, end: int) -> None:
    head = Head(
        generation=generation,
        frontier=frontier(size),
        segment=segment,
        frame=frame,
        end=end,
        checkpoint="c" * 700,
    )
    data = render_slot(head)
    assert len(data) == SLOT_BYTES
    assert parse_slot(data) == head
    assert head.size == size


FRAME = render_frame(5, [b"one", b"two", b"three"], "note\n")
HEADER = render_segment_header(SegmentHeader(frontier=frontier(7), checkpoint="note\n"))
SLOT = render_slot(
    Head(generation=9, frontier=frontier(7), segment=0, frame=4, end=5, checkpoint="note\n")
)


@pytest.mark.parametrize(
    ("data", "parse"), [(FRAME, parse_frame), (HEADER, parse_segment_header), (SLOT, parse_slot)]
)
def test_no_bit_can_flip_and_nothing_can_be_missing(data: bytes, parse: object) -> None:
    assert callable(parse)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(FrameError):
            parse(bytes(flipped))
        with pytest.raises(FrameError) as caught:
            parse(data[:place])
        assert caught.value.torn


def test_a_damaged_frame_is_read_as_far_as_it_goes() -> None:
    frame = salvage_frame(FRAME.replace(b"two", b"twO"))
    assert frame is not None
    assert frame.leaves == (b"one", b"twO", b"three")
    assert salvage_frame(FRAME[:-1]) is None
    assert salvage_frame(b"x" * 100) is None
    broken_length = FRAME.replace(b"\x00\x03two", b"\x00\x09two")
    assert salvage_frame(broken_length) is None


def test_the_deepest_tree_fits_its_slot() -> None:
    hashes = [leaf_hash(bytes([n])) for n in range(255)]
    deep, _ = extend(Frontier(), hashes)
    assert len(deep.hashes) == 8
    widest = Head(
        generation=1,
        frontier=frontier(2**53 - 1),
        segment=0,
        frame=0,
        end=0,
        checkpoint="é" * 400,
    )
    assert parse_slot(render_slot(widest)) == widest
    with pytest.raises(ValueError, match="does not fit"):
        render_slot(
            Head(
                generation=1,
                frontier=frontier(0),
                segment=0,
                frame=0,
                end=0,
                checkpoint="x" * SLOT_BYTES,
            )
        )
