"""Names and bytes of published files, after the examples of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.ledger.errors import EntryFormatError, EntryTooLargeError
from pratique.ledger.tiles import (
    TileName,
    names_between,
    parse_bundle,
    parse_path,
    render_bundle,
    render_index,
)


@pytest.mark.parametrize(
    ("index", "spelled"),
    [
        (0, "000"),
        (7, "007"),
        (999, "999"),
        (1000, "x001/000"),
        (1234067, "x001/x234/067"),
        (10**9, "x001/x000/x000/000"),
    ],
)
def test_published_index_spelling(index: int, spelled: str) -> None:
    assert render_index(index) == spelled


def test_published_tiles_of_a_log_of_70000() -> None:
    names = [name for name in names_between(0, 70_000) if name.level is not None]
    full = [n for n in names if n.width == 256]
    assert len([n for n in full if n.level == 0]) == 273
    assert len([n for n in full if n.level == 1]) == 1
    assert [n for n in names if n.width < 256] == [
        TileName(level=0, index=273, width=112),
        TileName(level=1, index=1, width=17),
        TileName(level=2, index=0, width=1),
    ]


def test_published_tiles_of_a_log_of_256() -> None:
    assert [name.path() for name in names_between(0, 256)] == [
        "tile/entries/000",
        "tile/0/000",
        "tile/1/000.p/1",
    ]


@given(st.integers(0, 200_000), st.integers(0, 3000))
def test_growth_adds_exactly_what_is_missing(old: int, more: int) -> None:
    new = old + more
    before, after = set(names_between(0, old)), set(names_between(0, new))
    added = list(names_between(old, new))
    assert len(added) == len(set(added))
    assert set(added) == after - before


@given(st.none() | st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_paths_read_back(level: int | None, index: int, width: int) -> None:
    name = TileName(level=level, index=index, width=width)
    assert parse_path(name.path()) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/64/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/data/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/-1/001",
        "/tile/0/001",
        "tile/0/001/",
        "tile/0/../001",
        "tile/entries/001\n",
        "",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not the path"):
        parse_path(path)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_read_back(leaves: list[bytes]) -> None:
    data = render_bundle(leaves)
    assert parse_bundle(data) == tuple(leaves)
    for cut in range(1, min(len(data), 40)):
        try:
            assert len(parse_bundle(data[:-cut])) < len(leaves)
        except EntryFormatError:
            continue


@pytest.mark.slow
def test_a_bundle_has_big_endian_lengths() -> None:
    assert render_bundle([b"ab", b"", b"x" * 258]) == (
        b"\x00\x02ab" + b"\x00\x00" + b"\x01\x02" + b"x" * 258
    )
    with pytest.raises(EntryTooLargeError):
        render_bundle([b"x" * 65536])
    for cut in (b"\x00", b"\x00\x05abcd"):
        with pytest.raises(EntryFormatError):
            parse_bundle(cut)
