"""The fast walk over a tar finds what tarfile finds, and nothing makes it raise."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import tars
from kit.packing import PACKERS, packed_widely
from pratique.inventory.images.layers import read_layer
from pratique.inventory.images.tar_walk import MAX_HEADERS_IN_ROW, Member, TarWalk
from pratique.inventory.images.unpacking import READ, Unpacked, UnpackError, compression_of


def reader(data: bytes):  # noqa: ANN201 - a closure over bytes
    return lambda offset, length: data[offset : offset + length]


def walk(data: bytes, **more: object) -> tuple[list[Member], TarWalk]:
    options = {"endings": (), "containing": (b"", b""), "max_members": 10_000, **more}
    walker = TarWalk(reader(data), **options)  # type: ignore[arg-type] # options by name
    return list(walker), walker


KINDS = st.sampled_from(
    [
        tarfile.REGTYPE,
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
    ]
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=180)
PATHS = (
    st.lists(NAMES, min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda path: path.strip("/ ") == path and path not in {".", ".."})
)
MEMBERS = st.lists(
    st.tuples(PATHS, KINDS, st.binary(max_size=1500), st.integers(0, 1 << 40), PATHS), max_size=12
)


@pytest.mark.slow
@given(MEMBERS, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
@settings(max_examples=150, deadline=None)
def test_it_finds_what_tarfile_finds(members: list, form: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for path, kind, content, modified, link in members:
            info = tarfile.TarInfo(path)
            info.type, info.mtime, info.linkname = kind, modified, link
            if kind in {tarfile.LNKTYPE, tarfile.SYMTYPE}:
                info.size = 0
            elif kind == tarfile.REGTYPE:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    data = buffer.getvalue()
    found, walker = walk(data)
    assert walker.defects == []
    with tarfile.open(fileobj=io.BytesIO(data)) as oracle:
        expected = oracle.getmembers()
        assert len(found) == len(expected)
        for member, told in zip(found, expected, strict=True):
            assert member.name.rstrip(b"/") == told.name.encode("utf-8", "surrogateescape").rstrip(
                b"/"
            )
            assert member.kind == told.type
            assert member.size == (told.size if told.isreg() else 0)
            assert member.modified == int(told.mtime)
            if told.issym() or told.islnk():
                assert member.link == told.linkname.encode()
            if told.isreg():
                content = data[member.content_at : member.content_at + member.size]
                assert content == oracle.extractfile(told).read()  # type: ignore[union-attr] # it is there


def test_only_what_is_asked_for_comes() -> None:
    data = b"".join(
        tars.member(name, b"x" * size)
        for name, size in (
            (b"a/METADATA", 3),
            (b"b", 600),
            (b"c/.wh.d", 0),
            (b"exact", 1),
            (b"DATA", 1),
        )
    )
    found, walker = walk(
        data + tars.END,
        endings=(b"/METADATA",),
        containing=(b".wh.", b"\0"),
        exactly=frozenset({b"exact"}),
    )
    assert [one.name for one in found] == [b"a/METADATA", b"c/.wh.d", b"exact"]
    assert walker.members == 5


def test_sizes_in_base_256_and_in_pax_are_believed() -> None:
    large = tars.header(b"large", size_field=b"\x80" + (700).to_bytes(11, "big")) + bytes(1024)
    pax = tars.pax((b"size", b"700")) + tars.header(b"p", 0) + bytes(1024)
    found, walker = walk(large + pax + tars.member(b"after") + tars.END)
    assert [(one.name, one.size) for one in found] == [(b"large", 700), (b"p", 700), (b"after", 0)]
    assert walker.defects == []


def test_sparse_files_are_passed_over_and_said_to_be() -> None:
    header = bytearray(tars.header(b"holes", 512, kind=b"S", magic=b"ustar  \0"))
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data = bytes(header) + bytes(512) + bytes(512) + tars.member(b"after") + tars.END
    found, _walker = walk(data)
    assert [(one.name, one.sparse) for one in found] == [(b"holes", True), (b"after", False)]


def test_a_long_name_counts_for_one_member_only() -> None:
    data = tars.long_name(b"n" * 300) + tars.member(b"short") + tars.member(b"next") + tars.END
    assert [one.name for one in walk(data)[0]] == [b"n" * 300, b"next"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (tars.member(b"a"), "cut short"),
        (tars.header(b"a", size_field=b"\xff" * 12) + tars.END, "cannot be read"),
        (tars.header(b"a", size_field=b"99999999999\0") + tars.END, "cannot be read"),
        (tars.header(b"a", kind=b"x", size=2 << 20) + tars.END, "without end"),
        (tars.long_name(b"x") * (MAX_HEADERS_IN_ROW + 1) + tars.END, "without end"),
        (tars.member(b"pax", b"12 nonsense", kind=b"x") + tars.END, "cannot be read"),
        (tars.pax((b"size", b"9" * 19)) + tars.header(b"a") + tars.END, "cannot be read"),
        (tars.pax((b"path", b"b")) + tars.END, "describes"),
        (b"x" * 512, "cannot be read"),
        (tars.header(b"a", 1 << 40), "cut short"),
        (tars.header(b"a", kind=b"V", checksum=1) + tars.END, "checksum"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, why: str) -> None:
    _found, walker = walk(data)
    assert why in " ".join(walker.defects)


def test_many_members_end_the_walk() -> None:
    data = tars.member(b"a") * 5000 + tars.END
    _found, walker = walk(data, max_members=2000)
    assert "more than 2,000" in walker.defects[0]
    assert walker.members < 4000


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_never_raises(data: st.DataObject) -> None:
    whole = bytearray(
        tars.pax((b"path", b"a.dist-info/METADATA"))
        + tars.member(b"x", b"Name: a\n")
        + tars.long_name(b"b/.wh.c")
        + tars.member(b"y")
        + tars.member(b"z.pth", b"import os")
        + tars.END
    )
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(whole)))
    layer = read_layer(reader(bytes(whole[:cut])), standing=frozenset(), max_members=100)
    assert layer.members <= 100


# Compression.


@given(st.lists(st.binary(max_size=3000), max_size=6), st.sampled_from(sorted(READ)), st.data())
@settings(max_examples=200, deadline=None)
def test_unpacking_reads_forward_like_the_plain_bytes(
    parts: list[bytes], name: str, data: st.DataObject
) -> None:
    plain = b"".join(parts)
    packed = b"".join(PACKERS[name](part) for part in parts)
    if name == "gzip":
        packed += bytes(data.draw(st.integers(0, 5)))
    if not parts:
        return
    unpacked = Unpacked(reader(packed), name, most=1 << 20)
    at = 0
    while at <= len(plain):
        length = data.draw(st.integers(1, 900))
        assert unpacked(at, length) == plain[at : at + length]
        at += length + data.draw(st.integers(0, 400))


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_ends(name: str) -> None:
    bomb = Unpacked(reader(PACKERS[name](bytes(50_000_000))), name, most=1 << 20)
    with pytest.raises(UnpackError, match="more than"):
        bomb(49_000_000, 1)


def test_zstd_takes_no_more_memory_than_a_window_may_have() -> None:
    wide = packed_widely(b"x" * 1000, window_log=30)
    unpacked = Unpacked(reader(wide), "zstd", most=1 << 20)
    with pytest.raises(UnpackError, match="does not unpack"):
        unpacked(0, 1)


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("cut", [1, 5, 12, 60, -1, -5])
def test_what_is_cut_says_so(cut: int, name: str) -> None:
    packed = PACKERS[name](bytes(range(256)) * 40)[:cut]
    unpacked = Unpacked(reader(packed), name, most=1 << 20)
    with pytest.raises(UnpackError):
        unpacked(20_000, 1)


def test_compressions_are_told_by_their_first_bytes() -> None:
    heads = (gzip.compress(b""), b"\x28\xb5\x2f\xfd1234", b"BZh9", b"\xfd7zXZ\0", b"plain")
    assert [compression_of(head) for head in heads] == ["gzip", "zstd", "bzip2", "xz", ""]
