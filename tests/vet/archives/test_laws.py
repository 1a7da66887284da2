"""Laws of reading: no exception ever, the same result however the bytes come, nothing installable unseen."""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.archive_oracle import plain_path, read_whole, seen_by_python, seen_here
from kit.archive_samples import (
    BASES,
    installed_by_tarfile,
    installed_by_zipfile,
    mutate,
    mutations,
)
from kit.tars import END, member
from kit.zips import zip_of
from pratique.vet.archives.model import Limits, Member, Reading
from pratique.vet.archives.reader import open_archive

NAMES = sorted(BASES)
STRIDE_FROM = 4000
"""Larger ones are cut at every seventh byte: a tar repeats itself every 512."""
QUICK = Limits(ratio_free_bytes=1 << 20, held_bytes=1 << 16, held_text_bytes=1 << 16)


def read_chunks(data: bytes, filename: str, cuts: list[int]) -> tuple[list[Member], Reading]:
    reader = open_archive(filename, size=len(data))
    members: list[Member] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        members += reader.feed(data[start:stop])
    members += reader.end(data)
    return members, reader.finish()


@pytest.mark.parametrize("name", NAMES)
def test_every_prefix_of_an_archive_is_told_to_be_one(name: str) -> None:
    data = BASES[name]
    whole = len(read_whole(data, name)[1].members)
    for length in range(0, len(data), 1 if len(data) < STRIDE_FROM else 7):
        members, reading = read_whole(data[:length], name)
        codes = {p.code for p in reading.problems}
        assert "reader-failed" not in codes
        if name.endswith(".tar"):
            # A tar's end is two blocks of zeros: without them all can still be there.
            assert codes or len(members) == whole
        else:
            assert not reading.whole, (name, length)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(min_value=0, max_value=1 << 16), max_size=12))
def test_chunks_make_no_difference(name: str, cuts: list[int]) -> None:
    data = BASES[name]
    assert read_chunks(data, name, cuts) == read_whole(data, name)


@pytest.mark.parametrize("name", NAMES)
def test_byte_by_byte_makes_no_difference(name: str) -> None:
    data = BASES[name]
    assert read_chunks(data, name, list(range(len(data)))) == read_whole(data, name)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=mutations(), cuts=st.lists(st.integers(min_value=0, max_value=1 << 16), max_size=4))
def test_chunks_make_no_difference_to_broken_archives_either(
    name: str, changes: list[tuple[str, int, int, int]], cuts: list[int]
) -> None:
    data = mutate(BASES[name], changes)
    pieces, whole = read_chunks(data, name, cuts), read_whole(data, name)
    assert pieces[1].whole == whole[1].whole
    # How much an unpacker gives before it finds its data broken depends on how it was fed.
    if not {"zip-bad-data", "compressed-broken", "nested-broken"} & {
        p.code for p in whole[1].problems
    }:
        assert pieces == whole


@pytest.mark.parametrize("name", [n for n in NAMES if n.endswith((".zip", ".whl"))])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=mutations())
def test_what_pip_would_unpack_of_a_broken_zip_was_examined(
    name: str, changes: list[tuple[str, int, int, int]]
) -> None:
    data = mutate(BASES[name], changes)
    members, reading = read_whole(data, name)
    assert "reader-failed" not in {p.code for p in reading.problems}
    if reading.whole:
        assert installed_by_zipfile(data) <= {(m.path, m.data) for m in members}


@pytest.mark.parametrize("name", [n for n in NAMES if ".t" in n])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=mutations())
def test_what_pip_would_unpack_of_a_broken_tar_was_examined(
    name: str, changes: list[tuple[str, int, int, int]]
) -> None:
    data = mutate(BASES[name], changes)
    members, reading = read_whole(data, name)
    assert "reader-failed" not in {p.code for p in reading.problems}
    if reading.whole:
        assert installed_by_tarfile(data) <= {(m.path, m.sha256) for m in members}


PATHS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1)
    .filter(lambda part: part not in {".", ".."}),
    min_size=1, max_size=4,
).map("/".join)  # fmt: skip
FILES = st.dictionaries(PATHS, st.binary(max_size=3000), max_size=8)


@settings(max_examples=60, deadline=None)
@given(files=FILES, method=st.sampled_from([0, 8, 12, 14]))
@example(files={"a" * 5000: b""}, method=0)
def test_honest_zips_are_read_as_zipfile_reads_them(files: dict[str, bytes], method: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    here, reading = seen_here(made.getvalue(), "x-1.zip")
    if all(len(path) < 4000 for path in files):
        assert here == seen_by_python(made.getvalue(), "x-1.zip")
    assert reading.whole


@settings(max_examples=60, deadline=None)
@given(files=FILES, form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_honest_tars_are_read_as_tarfile_reads_them(files: dict[str, bytes], form: int) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=form) as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    here, reading = seen_here(made.getvalue(), "x-1.tar.gz")
    assert here == seen_by_python(made.getvalue(), "x-1.tar.gz")
    assert reading.whole


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=2000), name=st.sampled_from(NAMES))
def test_any_bytes_under_any_name(data: bytes, name: str) -> None:
    for content in (data, b"PK\x03\x04" + data, gzip.compress(data), zlib.compress(data)):
        members, reading = read_whole(content, name, QUICK)
        assert "reader-failed" not in {p.code for p in reading.problems}
        assert len(reading.members) == len(members)


@given(paths=st.lists(st.text(min_size=1, max_size=20), max_size=6))
def test_members_and_reading_tell_the_same(paths: list[str]) -> None:
    raw = [path.encode("utf-8", "surrogatepass") for path in paths]
    for data, name in (
        (zip_of([(path, b"x") for path in raw]), "x-1.zip"),
        (b"".join(member(path, b"x") for path in raw) + END, "x-1.tar"),
    ):
        members, reading = read_whole(data, name)
        assert [(m.path, m.sha256, m.size) for m in members] == [
            (m.path, m.sha256, m.size) for m in reading.members
        ]
        assert all(plain_path(m.path) for m in members)
