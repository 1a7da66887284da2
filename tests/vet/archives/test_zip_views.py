"""Two readers, two archives: each way to make pip and uv see different files from the same bytes.

Sources: CVE-2025-54368 (uv), CVE-2025-8291 (zipfile), the index's upload checks of August 2025, and
"A better zip bomb" (overlapping entries).
"""

from __future__ import annotations

import io
import zipfile

import pytest

from kit.archive_oracle import plain_path, read_whole
from kit.zips import central, deflate, end, end64, local, locator, unicode_path, zip_of
from pratique.vet.archives.model import Member, Reading, View
from pratique.vet.archives.reader import open_archive

GOOD, EVIL = b"print('good')\n" * 20, b"print('evil')\n" * 20


def seen(members: list[Member]) -> set[tuple[str, bytes | None]]:
    return {(m.path, m.data) for m in members}


def by_zipfile(data: bytes) -> set[tuple[str, bytes | None]]:
    """What pip would install."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {(plain_path(i.filename), archive.read(i)) for i in archive.infolist()}


def read_as_stream(data: bytes) -> Reading:
    """Read without having the archive at the end, as at the index door."""
    reader = open_archive("x-1.zip")
    for start in range(0, len(data), 1000):
        for _ in reader.feed(data[start : start + 1000]):
            pass
    for _ in reader.end():
        pass
    return reader.finish()


def codes(reading: Reading) -> set[str]:
    return {p.code for p in reading.problems}


def local_only() -> bytes:
    """A member that is not in the list."""
    body = local(b"a.py", GOOD) + local(b"evil.pth", EVIL)
    rows = central(b"a.py", GOOD, offset=0)
    return body + rows + end(1, len(rows), len(body))


def name_differs() -> bytes:
    body = local(b"notes.txt", EVIL)
    rows = central(b"evil.pth", EVIL, offset=0)
    return body + rows + end(1, len(rows), len(body))


def concatenated() -> bytes:
    """Two whole zips: the last one counts for zipfile."""
    first = zip_of([(b"a.py", GOOD)])
    second = local(b"a.py", EVIL)
    rows = central(b"a.py", EVIL, offset=len(first))
    return first + second + rows + end(1, len(rows), len(first) + len(second))


def concatenated_as_they_are() -> bytes:
    """The same with offsets as if the second stood alone; zipfile corrects them."""
    return zip_of([(b"a.py", GOOD)]) + zip_of([(b"a.py", EVIL)])


def hidden_in_comment() -> bytes:
    """A whole zip in the comment of another."""
    inner = zip_of([(b"evil.pth", EVIL)])
    return zip_of([(b"a.py", GOOD)], comment=inner)


def hidden_in_stored_member() -> bytes:
    """The list points into the data of a stored member, which holds an entry of its own."""
    hidden = local(b"evil.pth", EVIL)
    carrier = local(b"data.bin", hidden, method=0)
    inside = carrier.index(b"PK\x03\x04", 4)
    rows = central(b"data.bin", hidden, method=0, offset=0)
    rows += central(b"evil.pth", EVIL, offset=inside)
    return carrier + rows + end(2, len(rows), len(carrier))


def other_list_named_by_zip64() -> bytes:
    """zipfile believes the zip64 record, older readers the plain one."""
    good, evil = local(b"a.py", GOOD), local(b"evil.pth", EVIL)
    good_rows = central(b"a.py", GOOD, offset=0)
    evil_rows = central(b"evil.pth", EVIL, offset=len(good))
    body = good + evil + good_rows
    start = len(body)
    wide = end64(1, len(evil_rows), start)
    tail = evil_rows + wide + locator(start + len(evil_rows))
    return body + tail + end(1, len(good_rows), len(good) + len(evil))


def locator_elsewhere() -> bytes:
    """CVE-2025-8291: the locator names another zip64 record than the one in front of it."""
    good, evil = local(b"a.py", GOOD), local(b"evil.pth", EVIL)
    good_rows = central(b"a.py", GOOD, offset=0)
    evil_rows = central(b"evil.pth", EVIL, offset=len(good))
    body = good + evil
    decoy = end64(1, len(good_rows), len(body))
    body += good_rows + decoy
    wide = end64(1, len(evil_rows), len(body))
    decoy_at = len(good) + len(evil) + len(good_rows)
    return body + evil_rows + wide + locator(decoy_at) + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def method_differs() -> bytes:
    """Stored for who reads the list: the packed bytes themselves are the file."""
    packed = deflate(EVIL)
    body = local(b"a.py", EVIL)
    rows = central(b"a.py", packed, method=0, offset=0)
    return body + rows + end(1, len(rows), len(body))


def cut_short() -> bytes:
    """The list says that the file is shorter: what comments out the rest is gone."""
    body = local(b"a.py", GOOD + EVIL, method=0)
    rows = central(b"a.py", GOOD, method=0, offset=0)
    return body + rows + end(1, len(rows), len(body))


def second_name() -> bytes:
    """An extra field renames it for newer Pythons."""
    body = local(b"notes.txt", EVIL)
    rows = central(b"notes.txt", EVIL, offset=0, extra=unicode_path(b"notes.txt", b"evil.pth"))
    return body + rows + end(1, len(rows), len(body))


def header_that_swallows() -> bytes:
    """The first entry claims to reach beyond the end; who reads the list never asks it."""
    good = local(b"big.bin", GOOD, method=0, packed=1 << 30, size=1 << 30)
    evil = local(b"evil.pth", EVIL)
    rows = central(b"big.bin", GOOD, method=0, offset=0) + central(
        b"evil.pth", EVIL, offset=len(good)
    )
    body = good + evil
    return body + rows + end(2, len(rows), len(body))


DIFFERENTIALS = [
    (local_only, {"zip-local-only"}),
    (name_differs, {"zip-entry-differs"}),
    (concatenated, {"zip-trailing-data", "zip-directory-differs"}),
    (concatenated_as_they_are, {"zip-trailing-data", "zip-directory-differs"}),
    (hidden_in_comment, {"zip-comment-directory", "zip-directory-differs"}),
    (hidden_in_stored_member, {"zip-central-only", "zip-overlap"}),
    (other_list_named_by_zip64, {"zip-directory-differs"}),
    (locator_elsewhere, {"zip-end-record"}),
    (method_differs, {"zip-entry-differs"}),
    (cut_short, {"zip-entry-differs"}),
    (second_name, {"zip-entry-differs"}),
    (header_that_swallows, {"truncated", "zip-central-only"}),
]


@pytest.mark.parametrize(("build", "told"), DIFFERENTIALS, ids=lambda v: getattr(v, "__name__", ""))
def test_both_views_are_examined_and_the_difference_is_told(build: object, told: set[str]) -> None:
    data: bytes = build()  # type: ignore[operator] # a function from the list above
    members, reading = read_whole(data, "x-1.zip")
    assert told <= codes(reading)
    assert "reader-failed" not in codes(reading)
    try:
        installed = by_zipfile(data)
    except zipfile.BadZipFile:
        installed = set()
    assert installed <= seen(members), "what pip installs was examined"
    assert {m.data for m in members} & {EVIL, GOOD + EVIL}, "and so was the hidden part"


@pytest.mark.parametrize(
    "build",
    [
        name_differs,
        hidden_in_comment,
        hidden_in_stored_member,
        method_differs,
        cut_short,
        second_name,
        header_that_swallows,
    ],
)
def test_without_the_archive_at_the_end_the_other_view_is_known_to_be_unread(build: object) -> None:
    reading = read_as_stream(build())  # type: ignore[operator] # a function from the list above
    assert not reading.whole
    assert {"second-look-needed", "truncated"} & codes(reading)


@pytest.mark.parametrize("build", [local_only, concatenated])
def test_what_the_stream_shows_is_whole_though_odd(build: object) -> None:
    reading = read_as_stream(build())  # type: ignore[operator] # a function from the list above
    assert reading.whole
    assert reading.problems


def test_only_the_stream_sees_a_member_that_is_not_listed() -> None:
    _, reading = read_whole(local_only(), "x-1.zip")
    assert {m.path: m.view for m in reading.members} == {
        "a.py": View.BOTH,
        "evil.pth": View.STREAM,
    }


def test_only_the_list_sees_a_member_inside_another() -> None:
    _, reading = read_whole(hidden_in_stored_member(), "x-1.zip")
    assert ("evil.pth", View.CENTRAL) in {(m.path, m.view) for m in reading.members}


def test_the_same_name_twice_is_told_with_other_content_and_without() -> None:
    twice = zip_of([(b"a.py", GOOD), (b"a.py", EVIL)])
    members, reading = read_whole(twice, "x-1.zip")
    assert [m.data for m in members] == [GOOD, EVIL]
    assert codes(reading) == {"duplicate-name"}
    assert codes(read_whole(zip_of([(b"a.py", GOOD)] * 2), "x-1.zip")[1]) == {"duplicate-same"}


def test_one_entry_listed_twice_is_told() -> None:
    body = local(b"a.py", GOOD)
    rows = central(b"a.py", GOOD, offset=0) * 2
    _, reading = read_whole(body + rows + end(2, len(rows), len(body)), "x-1.zip")
    assert codes(reading) == {"zip-overlap"}


@pytest.mark.parametrize(
    ("told", "listed"), [(0, 1), (2, 1), (7, 1)], ids=["fewer", "more", "many more"]
)
def test_a_wrong_count_is_told(told: int, listed: int) -> None:
    body = local(b"a.py", GOOD)
    rows = central(b"a.py", GOOD, offset=0) * listed
    _, reading = read_whole(body + rows + end(told, len(rows), len(body)), "x-1.zip")
    assert "zip-end-record" in codes(reading)


def test_several_disks_are_told() -> None:
    body = local(b"a.py", GOOD)
    rows = central(b"a.py", GOOD, offset=0)
    record = bytearray(end(1, len(rows), len(body)))
    record[4] = 1
    _, reading = read_whole(body + rows + bytes(record), "x-1.zip")
    assert codes(reading) == {"zip-end-record"}


@pytest.mark.parametrize("size", [-1, 1, 40])
def test_a_list_that_is_not_where_the_end_says_is_no_list(size: int) -> None:
    body = local(b"a.py", GOOD)
    rows = central(b"a.py", GOOD, offset=0)
    _, reading = read_whole(body + rows + end(1, len(rows) + size, len(body)), "x-1.zip")
    assert codes(reading) & {"zip-no-directory", "zip-end-record", "zip-directory-differs"}


def test_a_comment_and_rows_with_comments_are_honest() -> None:
    body = local(b"a.py", GOOD)
    rows = central(b"a.py", GOOD, offset=0, comment=b"made by hand")
    data = body + rows + end(1, len(rows), len(body), b"a comment\0\0")
    members, reading = read_whole(data, "x-1.zip")
    assert seen(members) == by_zipfile(data)
    assert reading.problems == ()
