"""Archives made to exhaust their reader: bounded time, bounded memory, and a sentence that says why."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import msgspec
import pytest

from kit.archive_oracle import read_whole
from kit.tars import END, header, member, pax
from kit.zips import central, deflate, end, local, zip_of
from pratique.vet.archives.model import MIB, Limits, ProblemClass, Reading
from pratique.vet.archives.reader import open_archive

SMALL = Limits(
    ratio_free_bytes=MIB, held_bytes=64 * 1024, held_text_bytes=32 * 1024, head_bytes=4096,
    tail_bytes=512,
)  # fmt: skip
ZEROS = bytes(MIB)


def read_stream(
    chunks: Iterator[bytes], filename: str, limits: Limits | None = None, size: int = 0
) -> tuple[int, Reading]:
    """Members counted, nothing kept; stops when the reader wants no more, as the door does."""
    reader = open_archive(filename, limits=limits, size=size)
    count = 0
    for chunk in chunks:
        count += sum(1 for _ in reader.feed(chunk))
        if not reader.wants_more():
            break
    count += sum(1 for _ in reader.end())
    return count, reader.finish()


def unread(reading: Reading) -> list[str]:
    return [p.code for p in reading.problems if p.problem_class is ProblemClass.UNREAD]


def zeros_deflated(mebibytes: int, head: bytes = b"") -> bytes:
    """Raw deflate of zeros, made quickly: one block that stands for itself, many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * mebibytes + b"\x03\0"


def zeros_gzipped(mebibytes: int, head: bytes = b"") -> bytes:
    """The same as a gzip; its checksum is wrong, but nobody gets that far."""
    return b"\x1f\x8b\x08\0\0\0\0\0\2\3" + zeros_deflated(mebibytes, head) + bytes(8)


def one_entry(packed: bytes, size: int) -> bytes:
    entry = local(b"zeros", b"", raw=packed, packed=len(packed), size=size)
    row = central(b"zeros", b"", packed=len(packed), size=size, offset=0)
    return entry + row + end(1, len(row), len(entry))


def test_a_gigabyte_of_zeros_is_stopped_long_before_its_end() -> None:
    data = one_entry(zeros_deflated(1024), 1 << 30)
    began = time.process_time()
    _, reading = read_whole(data, "x-1.zip")
    assert time.process_time() - began < 3
    assert unread(reading) == ["limit-ratio"]
    assert reading.unpacked_bytes < 1 << 28
    (problem,) = [p for p in reading.problems if p.code == "limit-ratio"]
    assert problem.path == "zeros"
    assert problem.fatal


def test_a_gigabyte_member_that_is_allowed_costs_no_gigabyte_of_memory() -> None:
    """300 MB here, so that the test stays quick: what matters is that memory does not follow size."""
    data = one_entry(zeros_deflated(300), 300 * MIB)
    generous = msgspec.structs.replace(SMALL, ratio=2000)
    tracemalloc.start()
    members, _ = read_whole(data, "x-1.zip", generous)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (only,) = members
    assert (only.size, only.complete, only.data) == (300 * MIB, False, None)
    assert (len(only.head), len(only.tail)) == (SMALL.head_bytes, SMALL.tail_bytes)
    assert peak < 8 * MIB


def test_a_gzip_bomb_around_a_tar() -> None:
    _, reading = read_whole(zeros_gzipped(1024, header(b"x/zeros", 1 << 30)), "x-1.tar.gz")
    assert unread(reading) == ["limit-ratio"]


def test_a_tar_of_nothing_but_zeros() -> None:
    _, reading = read_whole(zeros_gzipped(512), "x-1.tar.gz")
    assert unread(reading) == ["limit-ratio"]


def nested_bomb(levels: int, width: int) -> bytes:
    """As 42.zip: each level holds some copies of the next."""
    data = zip_of([(b"0", ZEROS)])
    for _ in range(levels):
        data = zip_of([(b"%d.zip" % n, data) for n in range(width)])
    return data


def test_zips_in_zips_are_opened_to_their_depth_and_told_beyond() -> None:
    members, reading = read_whole(nested_bomb(4, 2), "x-1.zip")
    assert max(m.depth for m in members) == Limits().nesting
    assert "limit-nesting" in unread(reading)


def test_a_bomb_that_unfolds_in_width_is_stopped_by_what_it_unpacks_to() -> None:
    data = nested_bomb(3, 16)
    limits = msgspec.structs.replace(SMALL, nesting=5, ratio=100)
    began = time.process_time()
    _, reading = read_whole(data, "x-1.zip", limits)
    assert time.process_time() - began < 5
    assert unread(reading) == ["limit-ratio"]


def test_more_nested_archives_than_anybody_ships() -> None:
    inner = zip_of([(b"a", b"1")])
    data = zip_of([(b"%d.zip" % n, inner) for n in range(30)], method=0)
    _, reading = read_whole(data, "x-1.zip", Limits(nested_archives=10))
    assert set(unread(reading)) == {"limit-nested-archives"}


def overlapping(count: int) -> bytes:
    """Many rows that all name one entry: a bomb for who believes the list."""
    packed = zeros_deflated(4)
    entry = local(b"zeros", b"", raw=packed, packed=len(packed), size=4 * MIB)
    rows = b"".join(
        central(b"%d" % n, b"", packed=len(packed), size=4 * MIB, offset=0) for n in range(count)
    )
    return entry + rows + end(count, len(rows), len(entry))


def test_one_entry_listed_a_thousand_times_is_not_unpacked_a_thousand_times() -> None:
    began = time.process_time()
    _, reading = read_whole(overlapping(1000), "x-1.zip", SMALL)
    assert time.process_time() - began < 3
    assert "limit-ratio" in unread(reading)
    assert {"zip-overlap", "zip-entry-differs"} <= {p.code for p in reading.problems}


def test_rows_that_claim_no_size_cost_nothing_either() -> None:
    packed = zeros_deflated(4)
    entry = local(b"zeros", b"", raw=packed, packed=len(packed), size=4 * MIB)
    rows = b"".join(
        central(b"%d" % n, b"", packed=len(packed), size=0, offset=0) for n in range(5000)
    )
    data = entry + rows + end(5000, len(rows), len(entry))
    began = time.process_time()
    read_whole(data, "x-1.zip", msgspec.structs.replace(SMALL, ratio=2000))
    assert time.process_time() - began < 3


def quoted_overlap(count: int) -> bytes:
    """Each entry's data begins with a stored block that quotes the next entry's header."""
    kernel = deflate(bytes(100_000))
    tail = local(b"%04d" % (count - 1), b"", raw=kernel, packed=len(kernel), size=100_000)
    sizes = [(len(kernel), 100_000)]
    for number in reversed(range(count - 1)):
        quote = tail[: 30 + 4]
        block = b"\0" + len(quote).to_bytes(2, "little")
        block += (len(quote) ^ 0xFFFF).to_bytes(2, "little")
        packed, size = sizes[-1]
        sizes.append((packed + len(quote) + len(block), size + len(quote)))
        tail = (
            local(b"%04d" % number, b"", raw=block, packed=sizes[-1][0], size=sizes[-1][1]) + tail
        )
    rows, at = b"", 0
    for number in range(count):
        packed, size = sizes[count - 1 - number]
        rows += central(b"%04d" % number, b"", packed=packed, size=size, offset=at)
        at += 30 + 4 + 5
    return tail + rows + end(count, len(rows), len(tail))


def test_entries_that_quote_each_other_are_told_as_overlapping() -> None:
    _, reading = read_whole(quoted_overlap(200), "x-1.zip", SMALL)
    assert "zip-overlap" in {p.code for p in reading.problems}
    assert "limit-ratio" in unread(reading)


def test_a_million_members_stop_at_the_limit_while_streaming() -> None:
    entry = local(b"a", b"", method=0)
    began = time.process_time()
    count, reading = read_stream(
        (entry * 1000 for _ in range(1000)), "x-1.zip", Limits(members=50_000)
    )
    assert time.process_time() - began < 20
    assert count == 50_000
    assert unread(reading)[0] == "limit-members"


def test_a_million_tar_members_stop_at_the_limit() -> None:
    block = gzip.compress(header(b"x/a") * 1000)
    count, reading = read_stream((block for _ in range(1000)), "x-1.tar.gz", Limits(members=20_000))
    assert count == 20_000
    assert unread(reading) == ["limit-members"]


def test_a_list_of_members_without_end_stops_too() -> None:
    row = central(b"a", b"", method=0, offset=0)
    chunks = (row * 1000 for _ in range(1000))
    _, reading = read_stream(chunks, "x-1.zip", Limits(steps=50_000))
    assert "limit-steps" in unread(reading)


def test_compressed_parts_without_content_stop_too() -> None:
    empty = gzip.compress(b"")
    data = gzip.compress(header(b"x/a")) + empty * 3000
    _, reading = read_whole(data, "x-1.tar.gz", Limits(steps=1000))
    assert unread(reading) == ["limit-steps"]


def test_each_limit_says_that_it_was_reached() -> None:
    many = zip_of([(b"%d" % n, b"x" * 1000) for n in range(20)], method=0)
    for limits, code in (
        (Limits(archive_bytes=5000), "limit-archive-bytes"),
        (Limits(members=5), "limit-members"),
        (Limits(member_bytes=100), "limit-member"),
        (Limits(unpacked_bytes=5000, ratio_free_bytes=100), "limit-unpacked"),
        (Limits(ratio=1, ratio_free_bytes=100), None),
    ):
        _, reading = read_whole(many, "x-1.zip", limits)
        assert unread(reading) == ([code] if code else [])


def test_a_header_that_asks_for_memory_is_refused() -> None:
    huge = header(b"x", 1 << 33, kind=b"x", size_field=b"\x80" + (1 << 33).to_bytes(11, "big"))
    assert unread(read_whole(huge, "x-1.tar")[1]) == ["limit-header"]
    long = header(b"x", 1 << 33, kind=b"L", size_field=b"\x80" + (1 << 33).to_bytes(11, "big"))
    assert unread(read_whole(long, "x-1.tar")[1]) == ["limit-header"]
    row = pax((b"path", b"x")) * 20
    assert unread(read_whole(row + member(b"x/a") + END, "x-1.tar")[1]) == ["limit-header"]


def test_bytes_that_never_become_a_header_are_given_up() -> None:
    limits = Limits(skipped_bytes=100_000)
    data = local(b"a", b"1") + b"PK" * 200_000
    assert "limit-skipped" in unread(read_whole(data, "x-1.zip", limits)[1])
    data = member(b"x/a") + b"\xff" * 300_000
    assert "limit-skipped" in unread(read_whole(data, "x-1.tar", limits)[1])


def test_the_thousandth_problem_is_only_counted() -> None:
    data = zip_of([(b"../%d" % n, b"") for n in range(500)])
    _, reading = read_whole(data, "x-1.zip")
    assert len(reading.problems) < 50
    assert reading.problems[-1].sentence == "460 more of this kind: name-parent."
    _, reading = read_whole(data, "x-1.zip", Limits(problems=3))
    assert len(reading.problems) <= 5
    assert reading.problems


def test_what_is_held_depends_on_text_or_not() -> None:
    text, binary = b"x = 1\n" * 8000, b"x\0y" * 16_000
    limits = msgspec.structs.replace(SMALL, ratio=2000)
    members, _ = read_whole(zip_of([(b"t", text), (b"b", binary)]), "x-1.zip", limits)
    assert [m.complete for m in members] == [False, True]
    assert members[0].head == text[:4096]
    assert members[0].tail == text[-512:]
    assert members[1].data == binary


def test_a_scanner_sees_every_byte_of_what_is_not_held() -> None:
    class Count:
        def __init__(self, path: str) -> None:
            self.path, self.taken = path, bytearray()

        def feed(self, chunk: bytes, /) -> None:
            self.taken += chunk

    small, large = b"s" * 1000, bytes(range(256)) * 4000
    reader = open_archive("x-1.zip", limits=SMALL, open_scanner=Count)
    members = list(reader.feed(zip_of([(b"small", small), (b"large", large)])))
    assert members[0].scanner is None
    scanner = members[1].scanner
    assert isinstance(scanner, Count)
    assert (scanner.path, bytes(scanner.taken)) == ("large", large)


def test_memory_does_not_follow_the_archive() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for number in range(60):
            info = tarfile.TarInfo(f"x-1/{number}.bin")
            info.size = MIB
            archive.addfile(info, io.BytesIO(bytes([number]) * MIB))
    data = made.getvalue()
    tracemalloc.start()
    read_stream((data[n : n + 65536] for n in range(0, len(data), 65536)), "x-1.tar.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MIB


@pytest.mark.parametrize("filename", ["x-1.zip", "x-1.tar.gz", "x-1.tar"])
def test_random_bytes_end_with_a_sentence(filename: str) -> None:
    data = bytes((n * n * 7919 >> 5) & 255 for n in range(100_000))
    _, reading = read_whole(data, filename)
    assert unread(reading)
