"""Layouts and views: any bits, any range; sizes never change; stored forms come back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.marks.layout import (
    Layout,
    LayoutError,
    Stretch,
    Tail,
    TailPiece,
    parse_layout,
)
from pratique.custody.views import BLOCK_BYTES, INLINE, LONG_STRETCH, VARIANT, View


def _made(seed: int, size: int) -> tuple[list[Stretch], bytes, bytes]:
    rng = random.Random(seed)
    first = bytes(rng.randrange(128) for _ in range(size))
    stretches, second, at = [], bytearray(), 0
    while at < size and len(stretches) < 20:
        at += rng.randint(0, size // 4 + 1)
        length = rng.randint(1, 9)
        if at + length > size:
            break
        stretches.append(Stretch(rng.randrange(30), at, length))
        second += bytes(rng.randrange(128, 256) for _ in range(length))
        at += length
    return stretches, first, bytes(second)


def _through(view: View, first: bytes, second: bytes, start: int, end: int) -> bytes:
    out = bytearray(first[start:end])
    for at, stop, source, offset in view.overlays(start, end):
        data = {VARIANT: second, INLINE: view.inline}[source][offset : offset + stop - at]
        assert len(data) == stop - at
        out[at - start : stop - start] = data
    return bytes(out)


def _laid(view: View, first: bytes, second: bytes, start: int, end: int, ahead: int) -> bytes:
    """As the door does it: into a buffer that begins `ahead` bytes before the range."""
    into = bytearray(ahead) + first[start:end]
    blocks: dict[int, memoryview] = {}
    begin, stop = view.variant_span(start, end)
    while (missing := view.lay(memoryview(into), ahead - start, start, end, blocks)) >= 0:
        assert missing not in blocks
        assert begin < min(stop, (missing + 1) * BLOCK_BYTES)
        blocks[missing] = memoryview(second)[missing * BLOCK_BYTES : (missing + 1) * BLOCK_BYTES]
    assert into[:ahead] == bytes(ahead)
    return bytes(into[ahead:])


@given(st.integers(0, 2**32), st.integers(1, 200), st.data())
def test_every_range_is_cut_from_one_copy(seed: int, size: int, data: st.DataObject) -> None:
    stretches, first, second = _made(seed, size)
    bits = bytes(random.Random(seed + 1).getrandbits(1) for _ in range(30))
    layout = parse_layout(Layout(stretches).render())
    view = layout.view(bits, size)
    expected, at = bytearray(first), 0
    for mark, start, length in stretches:
        if bits[mark]:
            expected[start : start + length] = second[at : at + length]
        at += length
    assert layout.variant_size == at
    assert _through(view, first, second, 0, size) == expected
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    assert _through(view, first, second, start, end) == expected[start:end]
    assert (
        _laid(view, first, second, start, end, data.draw(st.integers(0, 3))) == expected[start:end]
    )
    pieces = view.pieces(start, end)
    assert [p.start for p in pieces] == [start, *[p.end for p in pieces[:-1]]][: len(pieces)]
    assert not pieces or pieces[-1].end == end
    assert sum(p.end - p.start for p in pieces) == end - start


def test_the_tail_is_put_together_for_each_lease_and_keeps_its_length() -> None:
    tail = Tail(
        start=10,
        pieces=(
            TailPiece(-1, b"head", b""),
            TailPiece(0, b"first", b"2nd"),
            TailPiece(-1, b"e", b""),
        ),
        end=b"PAR1",
    )
    layout = parse_layout(Layout([Stretch(0, 2, 3)], tail=tail).render())
    size = 10 + 10 + 4 + 4 + 2
    one = layout.view(b"\x00", size)
    two = layout.view(b"\x01", size)
    assert one.inline == b"\0\0headfirste" + (10).to_bytes(4, "little") + b"PAR1"
    assert two.inline == b"\0\0\0\0head2nde" + (8).to_bytes(4, "little") + b"PAR1"
    assert len(one.inline) == len(two.inline) == size - 10
    assert [e.source for e in two.pieces(0, size)] == [0, VARIANT, 0, INLINE]
    with pytest.raises(LayoutError):
        layout.view(b"\x00", size - 3)


def test_a_stretch_over_two_blocks_comes_from_both() -> None:
    size = 3 * BLOCK_BYTES
    lengths = (BLOCK_BYTES - 5, 10, 12_000)
    starts = (10, BLOCK_BYTES + 50, 2 * BLOCK_BYTES)
    stretches = [Stretch(n, *one) for n, one in enumerate(zip(starts, lengths, strict=True))]
    second = bytes(n % 251 + 1 for n in range(sum(lengths)))
    view = Layout(stretches).view(b"\x00\x01\x01", size)
    first = bytes(size)
    whole = _through(view, first, second, 0, size)
    assert _laid(view, first, second, 0, size, 0) == whole
    for start in range(BLOCK_BYTES + 45, BLOCK_BYTES + 65):
        for end in range(start, BLOCK_BYTES + 66):
            assert _laid(view, first, second, start, end, 1) == whole[start:end]


def test_long_stretches_and_what_only_one_lease_has_are_put_together_from_pieces() -> None:
    short = Layout([Stretch(0, 10, LONG_STRETCH - 1)]).view(b"\x01", 1 << 20)
    assert short.pieced_from > 1 << 20
    long = Layout([Stretch(0, 10, LONG_STRETCH)]).view(b"\x01", 1 << 20)
    assert long.pieced_from == 0
    assert Layout([Stretch(0, 10, LONG_STRETCH)]).view(b"\x00", 1 << 20).pieced_from > 1 << 20
    tail = Tail(start=100, pieces=(TailPiece(-1, b"x", b""),), end=b"PAR1")
    view = Layout([Stretch(0, 10, 5)], tail=tail).view(b"\x01", 120)
    assert view.pieced_from == 100


@given(st.binary(max_size=200))
def test_what_is_no_layout_is_refused(data: bytes) -> None:
    with pytest.raises(LayoutError):
        parse_layout(data)


def test_a_changed_layout_is_refused() -> None:
    data = Layout([Stretch(0, 1, 2), Stretch(1, 5, 2)]).render()
    for end in range(len(data)):
        with pytest.raises(LayoutError):
            parse_layout(data[:end])
