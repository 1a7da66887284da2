"""Old contents by path, from archives of any size that are read by pieces."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.distributions import make_sdist, make_wheel
from pratique.vet.old_files import Pieces, open_old

FILES = {"demo/__init__.py": "VALUE = 1\n", "demo/core.py": "def go():\n    return 2\n"}


def pieces(data: bytes) -> Pieces:
    return Pieces(len(data), lambda offset, count: data[offset : offset + count])


WAYS: list[Callable[[bytes], bytes | memoryview | Pieces]] = [bytes, memoryview, pieces]


@pytest.mark.parametrize("way", WAYS, ids=["bytes", "view", "pieces"])
@pytest.mark.parametrize("make", [make_wheel, make_sdist], ids=["wheel", "sdist"])
def test_sources_are_found_by_path(
    make: Callable[..., tuple[str, bytes]], way: Callable[[bytes], bytes | memoryview | Pieces]
) -> None:
    name, data = make("demo", "1.0", files=FILES)
    read = open_old(way(data), name)
    top = "" if name.endswith(".whl") else "demo-1.0/src/"
    for path, text in FILES.items():
        assert read(top + path) == text.encode()
    assert read("demo/absent.py") is None


@pytest.mark.parametrize("suffix", [".tar", ".tar.bz2", ".tar.xz"])
def test_other_compressions_of_tars(suffix: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{suffix[5:]}") as archive:
        info = tarfile.TarInfo("demo-1.0/a.py")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"a=1"))
    assert open_old(pieces(out.getvalue()), f"demo-1.0{suffix}")("demo-1.0/a.py") == b"a=1"


def test_of_a_large_wheel_only_what_is_asked_for_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("demo/data.bin", random.Random(1).randbytes(8 << 20))
        archive.writestr("demo/core.py", "VALUE = 1\n")
    data, taken = out.getvalue(), []

    def read_at(offset: int, count: int) -> bytes:
        taken.append(count)
        return data[offset : offset + count]

    read = open_old(Pieces(len(data), read_at), "demo-1.0-py3-none-any.whl")
    assert read("demo/core.py") == b"VALUE = 1\n"
    assert sum(taken) < 1 << 20
    assert max(taken) <= 1 << 20


def test_what_cannot_be_read_is_none() -> None:
    for name in ("demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-1.0.tar"):
        for data in (b"", b"\x1f\x8b", b"PK\x03\x04 nothing", bytes(700)):
            assert open_old(pieces(data), name)("demo/core.py") is None

    def broken(_offset: int, _count: int) -> bytes:
        raise OSError

    assert open_old(Pieces(100, broken), "demo-1.0.tar.gz")("demo/core.py") is None


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=8), st.integers(1, 64))
def test_pieces_are_a_file_like_any(data: bytes, places: list[int], size: int) -> None:
    ours, theirs = io.BufferedReader(pieces(data), size), io.BytesIO(data)
    for place in places:
        assert ours.seek(place) == theirs.seek(place)
        assert ours.read(size) == theirs.read(size)
        assert ours.tell() == theirs.tell()
    assert ours.seek(0, io.SEEK_END) == len(data)
    with pytest.raises((ValueError, OSError)):
        pieces(data).seek(-1)
