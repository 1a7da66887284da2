"""Metadata out of wheels: local and remote refuse the same archives."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.distributions import make_metadata, make_wheel
from pratique.edge import wheel_metadata
from pratique.edge.wheel_metadata import (
    MAX_METADATA,
    TAIL,
    metadata_from_wheel,
    read_remote_metadata,
)

NAME = "demo-1.0-py3-none-any.whl"
GOOD = make_metadata("demo", "1.0", requires=["helper>=2"])


def archive(*members: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as made:
        for path, content in members:
            made.writestr(zipfile.ZipInfo(path), content, compress_type=packed)
    return buffer.getvalue()


class Remote:
    """A remote file with a memory of what was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    async def __call__(self, start: int, stop: int) -> bytes:
        assert 0 <= start < stop <= len(self.content)
        self.asked.append((start, stop))
        return self.content[start:stop]

    @property
    def total(self) -> int:
        return sum(stop - start for start, stop in self.asked)


async def both(content: bytes, tmp_path: Path, *, filename: str = NAME) -> bytes | None:
    path = tmp_path / "blob"
    path.write_bytes(content)
    local = metadata_from_wheel(path, filename=filename)
    remote = Remote(content)
    over_http = await read_remote_metadata(remote, size=len(content), filename=filename)
    assert local == over_http
    return local


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
async def test_ordinary_wheels(tmp_path: Path, packed: int) -> None:
    _, wheel = make_wheel("demo", "1.0", requires=["helper>=2"], compression=packed)
    assert await both(wheel, tmp_path) == make_metadata("demo", "1.0", requires=["helper>=2"])


async def test_names_and_versions_are_compared_in_normal_form(tmp_path: Path) -> None:
    content = archive(("Demo.Pkg-1.0.dist-info/METADATA", make_metadata("demo-PKG", "1.0.0")))
    assert await both(content, tmp_path, filename="demo_pkg-1.0-py3-none-any.whl")


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("demo/__init__.py", b"")],
        [("other-1.0.dist-info/METADATA", GOOD)],
        [("demo-1.1.dist-info/METADATA", GOOD)],
        [("demo.dist-info/METADATA", GOOD)],
        [("inner/demo-1.0.dist-info/METADATA", GOOD)],
        [("demo-1.0.dist-info/metadata.json", GOOD)],
        [("demo-1.0.dist-info/METADATA", make_metadata("other", "1.0"))],
        [("demo-1.0.dist-info/METADATA", make_metadata("demo", "2.0"))],
        [("demo-1.0.dist-info/METADATA", b"Name: demo\n")],
        [("demo-1.0.dist-info/METADATA", b"\xff\xfe")],
        [("demo-1.0.dist-info/METADATA", GOOD), ("other-1.0.dist-info/METADATA", GOOD)],
        [("demo-1.0.dist-info/METADATA", GOOD), ("demo-1.0.DIST-INFO/metadata", GOOD)],
    ],
    ids=lambda members: "+".join(path for path, _ in members) or "empty",
)
async def test_archives_without_exactly_one_fitting_metadata(
    tmp_path: Path, members: list[tuple[str, bytes]]
) -> None:
    assert await both(archive(*members), tmp_path) is None


async def test_the_same_member_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(
            ("demo-1.0.dist-info/METADATA", GOOD), ("demo-1.0.dist-info/METADATA", GOOD)
        )
    assert await both(content, tmp_path) is None


@pytest.mark.parametrize("filename", ["demo-1.0.tar.gz", "demo.whl", "x-1.0-py3-none-any.whl"])
async def test_the_file_name_must_fit(tmp_path: Path, filename: str) -> None:
    _, wheel = make_wheel("demo", "1.0")
    assert await both(wheel, tmp_path, filename=filename) is None


async def test_bombs_and_giants_are_refused_before_they_unpack(tmp_path: Path) -> None:
    head = GOOD + b"\n"
    giant = archive(
        ("demo-1.0.dist-info/METADATA", head + b"x" * MAX_METADATA), packed=zipfile.ZIP_STORED
    )
    bomb = archive(("demo-1.0.dist-info/METADATA", head + b"x" * (MAX_METADATA - 1000)))
    for content in (giant, bomb):
        path = tmp_path / "wheel"
        path.write_bytes(content)
        tracemalloc.start()
        assert metadata_from_wheel(path, filename=NAME) is None
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
        tracemalloc.stop()


async def test_a_large_description_is_no_bomb(tmp_path: Path) -> None:
    text = "".join(f"line {number} of the description\n" for number in range(20_000)).encode()
    _, wheel = make_wheel("demo", "1.0", metadata_extra="\n" + text.decode())
    found = await both(wheel, tmp_path)
    assert found is not None
    assert found.endswith(b"line 19999 of the description\n")


async def test_encrypted_or_oddly_packed_members_are_refused(tmp_path: Path) -> None:
    odd = archive(("demo-1.0.dist-info/METADATA", GOOD), packed=zipfile.ZIP_BZIP2)
    assert await both(odd, tmp_path) is None
    plain = bytearray(archive(("demo-1.0.dist-info/METADATA", GOOD)))
    at = plain.index(b"PK\x01\x02") + 8
    plain[at] |= 1
    assert await both(bytes(plain), tmp_path) is None


async def test_sizes_that_lie_are_refused(tmp_path: Path) -> None:
    for field, value in ((20, 3), (24, 3), (24, 9_000_000), (42, 999_999), (16, 1)):
        plain = bytearray(archive(("demo-1.0.dist-info/METADATA", GOOD)))
        at = plain.index(b"PK\x01\x02") + field
        plain[at : at + 4] = struct.pack("<I", value)
        assert await both(bytes(plain), tmp_path) is None, field


async def test_no_zip_at_all(tmp_path: Path) -> None:
    assert await both(b"PK", tmp_path) is None
    assert await both(b"\0" * 300_000, tmp_path) is None
    assert metadata_from_wheel(tmp_path / "missing", filename=NAME) is None


async def test_a_comment_longer_than_the_tail_costs_one_more_request() -> None:
    _, wheel = make_wheel("demo", "1.0", files={"demo/x": bytes(range(256)) * 1000}, compression=0)
    buffer = io.BytesIO(wheel)
    with zipfile.ZipFile(buffer, "a") as made:
        made.comment = b"c" * 65535
    remote = Remote(buffer.getvalue())
    assert await read_remote_metadata(remote, size=len(remote.content), filename=NAME)
    assert 2 <= len(remote.asked) <= 3


async def test_a_member_far_from_the_tail_costs_one_more_range() -> None:
    content = archive(
        ("demo-1.0.dist-info/METADATA", GOOD),
        ("demo/data.bin", bytes(range(256)) * 4000),
        packed=zipfile.ZIP_STORED,
    )
    remote = Remote(content)
    assert await read_remote_metadata(remote, size=len(content), filename=NAME) == GOOD
    assert len(remote.asked) == 2
    assert remote.total < TAIL + 20_000


async def test_a_large_directory_costs_one_more_range() -> None:
    members = [(f"demo/{number:06d}-{'x' * 100}.py", b"") for number in range(2000)]
    content = archive(*members, ("demo-1.0.dist-info/METADATA", GOOD))
    remote = Remote(content)
    assert await read_remote_metadata(remote, size=len(content), filename=NAME) == GOOD
    assert len(remote.asked) <= 3


async def test_a_directory_beyond_the_limit_is_not_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wheel_metadata, "MAX_DIRECTORY", 100_000)
    members = [(f"demo/{number:06d}-{'x' * 100}.py", b"") for number in range(2000)]
    remote = Remote(archive(*members, ("demo-1.0.dist-info/METADATA", GOOD)))
    assert await read_remote_metadata(remote, size=len(remote.content), filename=NAME) is None
    assert remote.total <= TAIL


async def test_what_the_upstream_raises_passes_through() -> None:
    async def broken(start: int, stop: int) -> bytes:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await read_remote_metadata(broken, size=1000, filename=NAME)


_, SMALL = make_wheel("demo", "1.0")


@settings(deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
async def test_damaged_archives_never_crash_nor_give_other_metadata(at: int, change: int) -> None:
    damaged = bytearray(SMALL)
    damaged[at] ^= change
    found = await read_remote_metadata(Remote(bytes(damaged)), size=len(damaged), filename=NAME)
    # The CRC guards the content; damage elsewhere may leave it readable.
    assert found in (None, make_metadata("demo", "1.0"))


@settings(deadline=None)
@given(st.binary(max_size=400))
async def test_rubbish_never_crashes(rubbish: bytes) -> None:
    if rubbish:
        assert await read_remote_metadata(Remote(rubbish), size=len(rubbish), filename=NAME) is None


async def test_offsets_before_the_start_are_refused(tmp_path: Path) -> None:
    plain = archive(("demo-1.0.dist-info/METADATA", GOOD))
    end = plain.index(b"PK\x05\x06")
    for difference in (1, 40, 1000):
        damaged = bytearray(plain)
        (offset,) = struct.unpack_from("<I", damaged, end + 16)
        struct.pack_into("<I", damaged, end + 16, offset + difference)
        assert await both(bytes(damaged), tmp_path) is None
