"""One zip, one view: what is in it, and each thing that makes it odd."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile

import pytest

from kit.archive_oracle import read_whole, seen_by_python, seen_here, zip_modes
from kit.zips import (
    central,
    deflate,
    descriptor,
    end,
    end64,
    local,
    locator,
    unicode_path,
    zip64_sizes,
    zip_of,
)
from pratique.vet.archives.model import MemberKind, ProblemClass, View

TEXT = b"import os\n" * 300


def codes(data: bytes, filename: str = "demo-1.0.zip") -> list[str]:
    return [problem.code for problem in read_whole(data, filename)[1].problems]


def one(entry: bytes, row: bytes) -> bytes:
    return entry + row + end(1, len(row), len(entry))


def test_members_come_with_their_content_hash_and_place() -> None:
    data = zip_of([(b"a/b.py", TEXT), (b"empty", b"")])
    members, reading = read_whole(data, "demo-1.0.zip")
    assert [m.path for m in members] == ["a/b.py", "empty"]
    first, second = members
    assert first.data == TEXT
    assert first.complete
    assert first.sha256 == hashlib.sha256(TEXT).digest()
    assert (first.size, first.offset, first.view) == (len(TEXT), 0, View.BOTH)
    assert second.data == b""
    assert data[second.offset :].startswith(b"PK\x03\x04")
    assert reading.problems == ()
    assert reading.whole
    assert (reading.container, reading.kind) == ("zip", "sdist")
    assert [m.path for m in reading.members] == ["a/b.py", "empty"]
    assert reading.archive_bytes == len(data)


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_every_method_of_zipfile_is_read(method: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("x/one.py", TEXT)
        archive.writestr("x/none", b"")
        archive.writestr("x/noise", bytes(range(256)) * 5000)
    here, reading = seen_here(made.getvalue(), "x-1.zip")
    assert here == seen_by_python(made.getvalue(), "x-1.zip")
    assert reading.problems == ()


class Unseekable(io.RawIOBase):
    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        self.taken += bytes(data)  # type: ignore[call-overload] # as zipfile calls it
        return len(bytes(data))  # type: ignore[call-overload] # as zipfile calls it


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_an_archive_written_as_a_stream_is_read(method: int, wide: bool) -> None:
    sink = Unseekable()
    with zipfile.ZipFile(sink, "w", method) as archive:  # type: ignore[call-overload] # as zipfile calls it
        for number in range(3):
            info = zipfile.ZipInfo(f"m{number}.py")
            info.compress_type = method
            with archive.open(info, "w", force_zip64=wide) as target:
                target.write(TEXT * number)
    here, reading = seen_here(bytes(sink.taken), "x-1.zip")
    assert here == seen_by_python(bytes(sink.taken), "x-1.zip")
    assert reading.problems == ()


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_all_four_forms_of_a_descriptor_are_known(mark: bool, wide: bool) -> None:
    packed = deflate(TEXT)
    entry = local(b"a", TEXT, flags=8, crc=0, packed=0, size=0) + descriptor(
        TEXT, len(packed), mark=mark, wide=wide
    )
    data = one(entry, central(b"a", TEXT, flags=8, offset=0))
    members, reading = read_whole(data, "x-1.zip")
    assert members[0].data == TEXT
    assert reading.problems == ()


def test_modes_come_from_the_list_at_the_end() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, mode in (("run.sh", 0o755), ("a.py", 0o644)):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, b"x")
    members, reading = read_whole(made.getvalue(), "x-1.zip")
    assert {m.path: m.mode for m in reading.members} == zip_modes(made.getvalue())
    assert [m.executable for m in reading.members] == [True, False]
    assert [m.mode for m in members] == [0, 0], "the entry itself does not say"


def test_a_folder_is_a_member_of_its_own_kind() -> None:
    members, reading = read_whole(zip_of([(b"pkg/", b""), (b"pkg/a", b"1")]), "x-1.zip")
    assert [(m.path, m.kind) for m in members] == [
        ("pkg", MemberKind.DIRECTORY),
        ("pkg/a", MemberKind.FILE),
    ]
    assert reading.problems == ()


def test_zip64_sizes_are_read() -> None:
    packed = deflate(TEXT)
    full = 0xFFFFFFFF
    extra = zip64_sizes(len(TEXT), len(packed))
    entry = local(b"a", TEXT, packed=full, size=full, extra=extra)
    row = central(b"a", TEXT, offset=0, packed=full, size=full, extra=extra)
    tail = end64(1, len(row), len(entry)) + locator(len(entry) + len(row))
    data = entry + row + tail + end(0xFFFF, full, full)
    members, reading = read_whole(data, "x-1.zip")
    assert members[0].data == TEXT
    assert reading.problems == ()
    assert seen_by_python(data, "x-1.zip")


def test_an_empty_zip_is_no_problem() -> None:
    members, reading = read_whole(end(0, 0, 0), "x-1.zip")
    assert members == []
    assert reading.problems == ()


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (local(b"a", TEXT, crc=1), "zip-checksum"),
        (local(b"a", TEXT, size=5), "zip-size"),
        (local(b"a", TEXT, raw=deflate(TEXT) + b"more"), "zip-slack"),
        (local(b"a", TEXT, raw=deflate(TEXT)[:-3]), "zip-bad-data"),
        (local(b"a", TEXT, raw=b"\xff" * 40), "zip-bad-data"),
        (local(b"a", TEXT, flags=1), "zip-encrypted"),
        (local(b"a", TEXT, method=93), "zip-method"),
        (local(b"a", TEXT, method=9), "zip-method"),
        (local(b"a", TEXT, extra=b"\x01\x00\x08\x00\x01"), "zip-extra"),
        (local(b"a", TEXT, extra=zip64_sizes(1) + zip64_sizes(2)), "zip-extra"),
        (local(b"a", TEXT, extra=b"abc"), "zip-extra"),
        (local(b"a", TEXT, size=0xFFFFFFFF, extra=zip64_sizes()), "zip-extra"),
        (local(b"a", TEXT, flags=8, crc=0, packed=0, size=0), "zip-descriptor"),
        (local(b"a/", TEXT), "folder-with-content"),
        (local(b"a", TEXT, extra=unicode_path(b"a", b"b.pth")), "zip-unicode-path"),
        (
            local(b"a", b"one", method=14, raw=b"\x09\x14\x05\x00\xff\xff\xff\xff\xff1"),
            "zip-bad-data",
        ),
        (
            local(b"a", b"one", method=14, raw=b"\x09\x14\x05\x00\x5d\xff\xff\xff\xff1"),
            "zip-bad-data",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(entry: bytes, code: str) -> None:
    assert code in codes(one(entry, central(b"a", TEXT, offset=0)))


def test_a_broken_entry_does_not_hide_the_next_one() -> None:
    broken = local(b"a", TEXT, raw=b"\xff" * 40)
    rows = central(b"a", TEXT, offset=0) + central(b"b", TEXT, offset=len(broken))
    body = broken + local(b"b", TEXT)
    members, reading = read_whole(body + rows + end(2, len(rows), len(body)), "x-1.zip")
    assert members[1].path == "b"
    assert members[1].data == TEXT
    assert not reading.whole


def test_an_encrypted_entry_makes_the_reading_incomplete() -> None:
    data = one(local(b"a", TEXT, flags=1), central(b"a", TEXT, flags=1, offset=0))
    members, reading = read_whole(data, "x-1.zip")
    assert members == []
    (problem,) = reading.problems
    assert (problem.code, problem.problem_class) == ("zip-encrypted", ProblemClass.UNREAD)
    assert problem.path == "a"
    assert not reading.whole


def test_a_size_told_only_behind_stored_data_is_read_from_the_other_end() -> None:
    entry = local(b"a", TEXT, method=0, flags=8, crc=0, packed=0, size=0)
    entry += descriptor(TEXT, len(TEXT))
    row = central(b"a", TEXT, method=0, flags=8, offset=0)
    members, reading = read_whole(one(entry, row), "x-1.zip")
    assert [(m.data, m.view) for m in members] == [(TEXT, View.CENTRAL)]
    assert {"zip-stored-descriptor", "zip-entry-differs"} == {p.code for p in reading.problems}
    assert reading.whole


def test_a_symbolic_link_is_told_and_marked() -> None:
    data = one(
        local(b"lib", b"../../etc", method=0),
        central(b"lib", b"../../etc", method=0, offset=0, mode=stat.S_IFLNK | 0o777),
    )
    members, reading = read_whole(data, "x-1.zip")
    assert members[0].data == b"../../etc"
    assert reading.members[0].kind is MemberKind.SYMLINK
    assert [p.code for p in reading.problems] == ["zip-symlink"]


def test_bytes_that_belong_to_no_entry_are_told() -> None:
    entry, gap = local(b"a", TEXT), b"between the lines"
    second = local(b"b", TEXT)
    rows = central(b"a", TEXT, offset=0) + central(b"b", TEXT, offset=len(entry) + len(gap))
    body = entry + gap + second
    members, reading = read_whole(body + rows + end(2, len(rows), len(body)), "x-1.zip")
    assert [m.path for m in members] == ["a", "b"]
    assert [(p.code, p.offset) for p in reading.problems] == [("zip-gap", len(entry))]


@pytest.mark.parametrize("shifted", [False, True])
def test_bytes_in_front_are_told_whether_offsets_count_them_or_not(shifted: bool) -> None:
    stub = b"#!/usr/bin/env python\n"
    shift = len(stub) if shifted else 0
    entry = local(b"a", TEXT)
    row = central(b"a", TEXT, offset=shift)
    data = stub + entry + row + end(1, len(row), len(entry) + shift)
    assert seen_by_python(data, "x-1.zip")
    members, reading = read_whole(data, "x-1.zip")
    assert [m.path for m in members] == ["a"]
    shift_told = [] if shifted else ["zip-end-record"]
    assert [p.code for p in reading.problems] == ["wrong-container", "zip-prefix", *shift_told]
    assert reading.whole


def test_a_name_for_zip_on_other_bytes_is_not_examined_silently() -> None:
    members, reading = read_whole(b"\x7fELF" + bytes(5000), "x-1.zip")
    assert members == []
    assert not reading.whole
    assert {p.code for p in reading.problems} >= {"wrong-container", "zip-no-directory"}


@pytest.mark.parametrize("data", [b"", b"P", b"PK", b"PK\x03\x04", b"hello"])
@pytest.mark.parametrize(
    "filename", ["x-1.zip", "x-1-py3-none-any.whl", "x-1.tar.gz", "x-1.tar", "x"]
)
def test_almost_nothing_is_never_an_archive(data: bytes, filename: str) -> None:
    members, reading = read_whole(data, filename)
    assert members == []
    assert not reading.whole
    assert any(p.fatal for p in reading.problems)
