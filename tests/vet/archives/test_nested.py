"""Archives inside archives: opened in memory, their members told with the way to them."""

from __future__ import annotations

import gzip
import lzma

import pytest

from kit.archive_oracle import read_whole
from kit.tars import END, member
from kit.zips import central, end, local, zip_of
from pratique.vet.archives.model import Limits, ProblemClass
from pratique.vet.archives.reader import open_archive

CODE = b"import os\n" * 90
INNER_ZIP = zip_of([(b"lib/a.py", CODE)])
INNER_TAR = member(b"x/a.py", CODE) + END


def paths(data: bytes, filename: str = "x-1.zip", limits: Limits | None = None) -> list[str]:
    return [m.path for m in read_whole(data, filename, limits)[0]]


@pytest.mark.parametrize(
    ("inner", "inside"),
    [
        (INNER_ZIP, "lib/a.py"),
        (INNER_TAR, "x/a.py"),
        (gzip.compress(INNER_TAR), "x/a.py"),
        (lzma.compress(INNER_TAR), "x/a.py"),
    ],
)
@pytest.mark.parametrize("method", [0, 8])
def test_what_is_inside_comes_before_the_archive_that_it_is_in(
    inner: bytes, inside: str, method: int
) -> None:
    data = zip_of([(b"data/server.crt", inner)], method=method)
    members, reading = read_whole(data, "x-1.zip")
    assert [m.path for m in members] == [f"data/server.crt!{inside}", "data/server.crt"]
    assert [m.depth for m in members] == [1, 0]
    assert members[0].data == CODE
    assert members[1].data == inner
    assert reading.problems == ()
    # Far from the end: pip would take a zip close to it for the whole file.
    tar = member(b"x-1/vendored.whl", inner) + END + bytes(70_000)
    assert paths(tar, "x-1.tar") == [f"x-1/vendored.whl!{inside}", "x-1/vendored.whl"]


def test_two_levels_are_opened_and_the_third_is_told() -> None:
    data = INNER_ZIP
    for level in (b"two.zip", b"one.zip"):
        data = zip_of([(level, data)])
    assert paths(data) == ["one.zip!two.zip!lib/a.py", "one.zip!two.zip", "one.zip"]
    members, reading = read_whole(zip_of([(b"zero.zip", data)]), "x-1.zip")
    assert "zero.zip!one.zip!two.zip" in [m.path for m in members]
    (problem,) = reading.problems
    assert (problem.code, problem.path) == ("limit-nesting", "zero.zip!one.zip!two.zip")
    assert problem.problem_class is ProblemClass.UNREAD


def test_packed_data_that_is_no_archive_is_an_ordinary_file() -> None:
    table = gzip.compress(b"a,b\n1,2\n" * 1000)
    zeros = gzip.compress(bytes(5000))
    members, reading = read_whole(zip_of([(b"t.csv.gz", table), (b"z.gz", zeros)]), "x-1.zip")
    assert [m.path for m in members] == ["t.csv.gz", "z.gz"]
    assert reading.problems == ()


def test_packed_data_too_deep_to_open_is_only_told_when_it_is_an_archive() -> None:
    table, tar = gzip.compress(b"a,b\n1,2\n" * 1000), gzip.compress(INNER_TAR)
    for inner, told in ((table, []), (tar, ["limit-nesting"])):
        data = zip_of([(b"deep", inner)])
        for _ in range(2):
            data = zip_of([(b"z", data)])
        assert [p.code for p in read_whole(data, "x-1.zip")[1].problems] == told


@pytest.mark.parametrize(
    "inner",
    [INNER_ZIP[:60], b"PK\x03\x04" + bytes(99), gzip.compress(INNER_TAR)[:60], INNER_TAR[:600]],
)
def test_broken_archives_among_the_data_are_notes(inner: bytes) -> None:
    members, reading = read_whole(zip_of([(b"tests/broken.zip", inner)]), "x-1.zip")
    assert members[-1].data == inner
    assert reading.whole
    assert {p.problem_class for p in reading.problems} == {ProblemClass.NOTE}
    assert all(p.path.startswith("tests/broken.zip") for p in reading.problems)


def test_a_locked_archive_inside_is_a_note() -> None:
    entry = local(b"secret", CODE, flags=1)
    row = central(b"secret", CODE, flags=1, offset=0)
    locked = entry + row + end(1, len(row), len(entry))
    _, reading = read_whole(zip_of([(b"locked.zip", locked)]), "x-1.zip")
    assert [(p.code, p.path) for p in reading.problems] == [("zip-encrypted", "locked.zip!secret")]
    assert reading.whole


def test_both_views_of_an_archive_inside_are_examined() -> None:
    hidden = local(b"evil.py", CODE)
    carrier = local(b"data.bin", hidden, method=0)
    rows = central(b"evil.py", CODE, offset=carrier.index(hidden))
    inner = carrier + rows + end(1, len(rows), len(carrier))
    assert "lib.zip!evil.py" in paths(zip_of([(b"lib.zip", inner)]))


@pytest.mark.parametrize("stub", [b"#!/usr/bin/env python3\n", b"\x7fELF" + bytes(9000)])
def test_an_archive_behind_something_else_is_opened_as_python_does(stub: bytes) -> None:
    members, reading = read_whole(zip_of([(b"tool.pyz", stub + INNER_ZIP)]), "x-1.zip")
    assert [m.path for m in members] == ["tool.pyz!lib/a.py", "tool.pyz"]
    assert reading.whole


def test_one_that_is_too_large_to_hold_is_told() -> None:
    limits = Limits(held_bytes=4096, held_text_bytes=4096)
    data = zip_of([(b"tool.pyz", bytes(range(256)) * 20 + INNER_ZIP)])
    _, reading = read_whole(data, "x-1.zip", limits)
    assert [p.code for p in reading.problems] == ["nested-too-large"]
    assert not reading.whole


def test_a_large_archive_inside_is_read_as_it_goes_by() -> None:
    inner = zip_of([(b"%d.bin" % n, bytes([n]) * 3000) for n in range(30)], method=0)
    limits = Limits(held_bytes=5000, held_text_bytes=5000)
    members, reading = read_whole(zip_of([(b"big.zip", inner)], method=0), "x-1.zip", limits)
    assert len(members) == 31
    assert members[-1].data is None
    assert reading.problems == ()


def test_members_inside_come_while_the_outer_one_still_arrives() -> None:
    inner = zip_of([(b"a", b"1" * 100), (b"b", bytes(100_000))], method=0)
    data = zip_of([(b"big.zip", inner)], method=0)
    reader = open_archive("x-1.zip")
    assert [m.path for m in reader.feed(data[:1000])] == ["big.zip!a"]
