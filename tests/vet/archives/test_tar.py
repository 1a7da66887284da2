"""Tars in every compression, and each thing in them that readers take differently."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zlib

import pytest

from kit.archive_oracle import read_whole, seen_by_python, seen_here
from kit.tars import END, header, long_name, member, padded, pax
from kit.zips import zip_of
from pratique.vet.archives.model import ArchiveKind, MemberKind, ProblemClass

TEXT = b"import os\n" * 300
PACK = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}


def tar_codes(blocks: bytes) -> list[str]:
    return [p.code for p in read_whole(blocks, "x-1.tar")[1].problems]


def by_tarfile(form: int, *, wide_names: bool) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name in ("x-1/a.py", "x-1/" + "deep/" * 30 + "b.py" if wide_names else "x-1/b.py"):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(TEXT), 0o755
            archive.addfile(info, io.BytesIO(TEXT))
        folder = tarfile.TarInfo("x-1/folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("x-1/link")
        link.type, link.linkname = tarfile.SYMTYPE, "a.py"
        archive.addfile(link)
        hard = tarfile.TarInfo("x-1/hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "x-1/a.py"
        archive.addfile(hard)
    return made.getvalue()


@pytest.mark.parametrize("suffix", sorted(PACK))
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("wide_names", [False, True])
def test_all_formats_in_all_compressions_are_read(suffix: str, form: int, wide_names: bool) -> None:
    data = PACK[suffix](by_tarfile(form, wide_names=wide_names))
    here, reading = seen_here(data, "x-1" + suffix)
    assert here == seen_by_python(data, "x-1" + suffix)
    assert reading.problems == ()
    assert reading.kind is ArchiveKind.SDIST
    assert reading.container in {suffix[1:], "tar.gz"}


def test_links_folders_and_modes() -> None:
    members, _ = read_whole(by_tarfile(tarfile.PAX_FORMAT, wide_names=False), "x-1.tar")
    by_path = {m.path: m for m in members}
    assert by_path["x-1/a.py"].executable
    assert by_path["x-1/folder"].kind is MemberKind.DIRECTORY
    assert (by_path["x-1/link"].kind, by_path["x-1/link"].target) == (MemberKind.SYMLINK, "a.py")
    hard = by_path["x-1/hard"]
    assert (hard.kind, hard.target) == (MemberKind.HARDLINK, "x-1/a.py")
    assert hard.sha256 == hashlib.sha256(TEXT).digest(), "an installer writes that content there"
    assert (hard.size, hard.data, hard.complete) == (len(TEXT), None, False)


def test_an_npm_tarball_is_known_by_what_is_in_it() -> None:
    data = gzip.compress(member(b"package/package.json", b"{}") + END)
    assert read_whole(data, "left-pad-1.0.0.tgz")[1].kind is ArchiveKind.NPM
    data = gzip.compress(member(b"x-1/setup.py", b"") + END)
    assert read_whole(data, "x-1.tgz")[1].kind is ArchiveKind.SDIST


def test_git_writes_a_global_header_that_names_nothing() -> None:
    data = pax((b"comment", b"0" * 40), kind=b"g") + member(b"x/a", b"1") + END
    assert tar_codes(data) == []


def test_names_outside_ascii_and_base_256_sizes() -> None:
    size = b"\x80" + (3).to_bytes(11, "big")
    data = member("x/é.py".encode(), b"1") + header(b"x/b", size_field=size) + padded(b"abc") + END
    members, reading = read_whole(data, "x-1.tar")
    assert [(m.path, m.data) for m in members] == [("x/é.py", b"1"), ("x/b", b"abc")]
    assert reading.problems == ()


def test_size_in_an_extended_header_counts_and_the_contradiction_is_told() -> None:
    """TARmageddon: the header says zero, so its content reads as further members."""
    hidden = member(b"x/setup.py", TEXT)
    data = pax((b"size", str(len(hidden)).encode())) + header(b"x/inner.bin", 0) + hidden
    data += member(b"x/after", b"1") + END
    members, reading = read_whole(data, "x-1.tar")
    outer = [(m.path, m.size) for m in members if not m.depth]
    assert outer == [("x/inner.bin", len(hidden)), ("x/after", 1)]
    assert [p.code for p in reading.problems if "!" not in p.path][:1] == ["tar-size-differs"]
    assert seen_here(data, "x-1.tar")[0] == seen_by_python(data, "x-1.tar")


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        (pax((b"path", b"x/other"), kind=b"g") + member(b"x/a"), "tar-global-names"),
        (pax((b"path", b"x/one")) + long_name(b"x/two") + member(b"x/a"), "tar-mixed-headers"),
        (long_name(b"x/one") + pax((b"path", b"x/two")) + member(b"x/a"), "tar-mixed-headers"),
        (member(b"PaxHeader", b"garbage", kind=b"x") + member(b"x/a"), "tar-pax"),
        (member(b"PaxHeader", b"9999 path=x\n", kind=b"x") + member(b"x/a"), "tar-pax"),
        (member(b"PaxHeader", b"9 path=ab", kind=b"x") + member(b"x/a"), "tar-pax"),
        (pax((b"size", b"-1")) + member(b"x/a"), "tar-pax"),
        (pax((b"size", b"1e3")) + member(b"x/a"), "tar-pax"),
        (member(b"x/a", kind=b"3"), "special-file"),
        (member(b"x/a", kind=b"6"), "special-file"),
        (member(b"x/a", b"1", kind=b"Z"), "tar-unknown-type"),
        (member(b"x/a", b"1", kind=b"S"), "tar-sparse"),
        (pax((b"GNU.sparse.major", b"1")) + member(b"x/a", b"1"), "tar-sparse"),
        (header(b"x/a", 600, kind=b"2", link=b"b"), "tar-size-on-link"),
        (header(b"x/a/", 600, kind=b"5"), "tar-size-on-link"),
        (member(b"a", prefix=b"secret", magic=b"ustar  \0"), "tar-prefix"),
        (member(b"x/a", mode=0o4755), "special-mode"),
        (header(b"x/a", kind=b"2", link=b"../../etc/passwd"), "link-escapes"),
        (header(b"x/a", kind=b"2", link=b"/etc/passwd"), "link-escapes"),
        (header(b"x/a", kind=b"1", link=b"/etc/passwd"), "link-escapes"),
        (header(b"x/a", kind=b"1", link=b"x/nothing"), "link-dangling"),
        (member(b"x/a.txt") + header(b"x/a.pth", kind=b"1", link=b"x/a.txt"), "link-as-code"),
        (header(b"x/setup.py", kind=b"2", link=b"notes.txt"), "link-as-code"),
        (header(b"x/a", kind=b"2", link=b"b") + member(b"x/a/evil.py", TEXT), "through-link"),
        (member(b"x/a", b"1") + member(b"x/a", b"2"), "duplicate-name"),
        (member(b"x/a", b"1") + member(b"x/a", b"1"), "duplicate-same"),
        (member(b"x/README", b"1") + member(b"x/readme", b"1"), "name-collision"),
        (member(b"x/a", b"1") + b"\xff" * 512 + member(b"x/b", b"1"), "tar-bad-header"),
        (member(b"x/a") + header(b"x/b", size_field=b"0000000000-\0"), "tar-bad-number"),
        (member(b"x/a") + header(b"x/b", size_field=b"\xff" * 12), "tar-bad-number"),
        (member(b"x/a") + header(b"x/b", size_field=b"0o00000001\0\0"), "tar-bad-number"),
    ],
)
def test_what_readers_take_differently_is_told(blocks: bytes, code: str) -> None:
    assert code in tar_codes(blocks + END)


def test_what_stands_behind_the_end_is_still_examined() -> None:
    data = member(b"x/a", b"1") + END + member(b"x/evil.py", TEXT) + END
    members, reading = read_whole(data, "x-1.tar")
    assert [m.path for m in members] == ["x/a", "x/evil.py"]
    assert [(p.code, p.path) for p in reading.problems] == [("tar-after-end", "x/evil.py")]
    data = member(b"x/a", b"1") + END + b"rubbish" * 1000
    assert tar_codes(data) == ["tar-trailing-data"]


def test_a_member_behind_rubbish_is_found_again() -> None:
    data = member(b"x/a", b"1") + b"\xff" * 5120 + member(b"x/b", TEXT) + END
    members, reading = read_whole(data, "x-1.tar")
    assert members[1].data == TEXT
    assert not reading.whole


def test_a_missing_end_is_a_note_only() -> None:
    reading = read_whole(member(b"x/a", b"1"), "x-1.tar")[1]
    assert [(p.code, p.problem_class) for p in reading.problems] == [
        ("tar-no-end", ProblemClass.NOTE)
    ]


def test_a_sparse_file_is_passed_over_and_what_follows_is_read() -> None:
    sparse = bytearray(header(b"x/hole", 512, kind=b"S"))
    sparse[482] = 1
    sparse[148:156] = b"        "
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    more, last = bytearray(512), bytes(512)
    more[504] = 1
    data = bytes(sparse) + bytes(more) + last + padded(b"data") + member(b"x/after", b"1") + END
    members, reading = read_whole(data, "x-1.tar")
    assert [m.path for m in members] == ["x/after"]
    assert [p.code for p in reading.problems] == ["tar-sparse"]


# Around the tar.

PLAIN = member(b"x/a", TEXT) + END


def gz_codes(data: bytes) -> list[str]:
    return [p.code for p in read_whole(data, "x-1.tar.gz")[1].problems]


def test_a_gzip_in_several_parts_is_read_and_told() -> None:
    data = gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:])
    members, reading = read_whole(data, "x-1.tar.gz")
    assert members[0].data == TEXT
    assert [p.code for p in reading.problems] == ["compressed-members"]


def test_bzip2_in_several_parts_is_what_parallel_packers_write() -> None:
    data = bz2.compress(PLAIN[:700]) + bz2.compress(PLAIN[700:])
    members, reading = read_whole(data, "x-1.tar.bz2")
    assert members[0].data == TEXT
    assert reading.problems == ()


def test_padding_and_rubbish_behind_the_compressed_data() -> None:
    assert gz_codes(gzip.compress(PLAIN) + bytes(5000)) == []
    assert gz_codes(gzip.compress(PLAIN) + b"rubbish") == ["compressed-trailing-data"]
    assert gz_codes(gzip.compress(PLAIN) + bytes(5) + b"x") == ["compressed-trailing-data"]


def test_a_gzip_header_with_everything_in_it() -> None:
    head = b"\x1f\x8b\x08\x1e\0\0\0\0\2\3" + b"\3\0abc" + b"name.tar\0" + b"a comment\0" + b"\1\2"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(PLAIN) + packer.flush()
    tail = zlib.crc32(PLAIN).to_bytes(4, "little") + len(PLAIN).to_bytes(4, "little")
    members, reading = read_whole(head + body + tail, "x-1.tar.gz")
    assert members[0].data == TEXT
    assert reading.problems == ()
    assert gz_codes(head + body + bytes(8)) == ["compressed-checksum"]


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_broken_compression_is_told_and_ends_the_reading(suffix: str) -> None:
    data = bytearray(PACK[suffix](by_tarfile(tarfile.PAX_FORMAT, wide_names=True)))
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    reading = read_whole(bytes(data), "x-1" + suffix)[1]
    assert not reading.whole
    assert "reader-failed" not in {p.code for p in reading.problems}


def test_xz_that_wants_much_memory_is_refused() -> None:
    greedy = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    data = lzma.compress(PLAIN, filters=greedy)
    assert [p.code for p in read_whole(data, "x-1.tar.xz")[1].problems] == ["compressed-memory"]


def test_another_compression_than_the_name_says_is_told() -> None:
    members, reading = read_whole(bz2.compress(PLAIN), "x-1.tar.gz")
    assert members[0].data == TEXT
    assert [p.code for p in reading.problems] == ["wrong-container"]


def test_a_tar_that_pip_would_open_as_a_zip() -> None:
    """pip asks zipfile first, whatever the name says."""
    evil = zip_of([(b"x/setup.py", TEXT)])
    data = gzip.compress(PLAIN) + evil
    members, reading = read_whole(data, "x-1.tar.gz")
    assert {m.path for m in members} == {"x/a", "x/setup.py"}
    assert {p.code for p in reading.problems} >= {"also-a-zip", "compressed-trailing-data"}
    assert reading.whole


def test_a_zip_with_the_name_of_a_tar_is_read_as_the_zip_it_is() -> None:
    members, reading = read_whole(zip_of([(b"x/a", TEXT)]), "x-1.tar.gz")
    assert members[0].data == TEXT
    assert [p.code for p in reading.problems] == ["wrong-container"]
