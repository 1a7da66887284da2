"""Writing past the page cache, where it is possible, and the same bytes where it is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pratique.edge.custody import direct_files
from pratique.edge.custody.direct_files import aligned_buffer, write_durably

MIB = 1 << 20


def filled(size: int) -> memoryview:
    buffer = aligned_buffer(size)
    buffer[:] = os.urandom(size)
    return buffer


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 4095, 3 * MIB + 4096])
def test_every_length_is_written_whole(tmp_path: Path, size: int) -> None:
    data = filled(size)
    write_durably(tmp_path / "part", data)
    assert (tmp_path / "part").read_bytes() == data
    assert (tmp_path / "part").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [bytes, bytearray, lambda data: memoryview(data)[1:]])
def test_what_does_not_lie_as_disks_want_it_is_written_too(tmp_path: Path, make: object) -> None:
    assert callable(make)
    data = make(filled(2 * MIB))
    write_durably(tmp_path / "part", memoryview(data))
    assert (tmp_path / "part").read_bytes() == bytes(data)


def test_large_parts_do_go_past_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[int] = []
    opened = os.open

    def watching(path: Path, how: int, mode: int = 0o777) -> int:
        flags.append(how)
        return opened(path, how, mode)

    monkeypatch.setattr(os, "open", watching)
    write_durably(tmp_path / "large", filled(2 * MIB))
    write_durably(tmp_path / "small", filled(1000))
    assert [bool(how & direct_files._DIRECT) for how in flags] == [
        bool(direct_files._DIRECT),
        False,
    ]


@pytest.mark.parametrize("step", ["open", "write"])
def test_a_file_system_without_it_gets_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    opened, wrote, refused = os.open, os.write, list[object]()

    def no_open(path: Path, how: int, mode: int = 0o777) -> int:
        if how & direct_files._DIRECT:
            Path(path).touch()  # tmpfs of old and some network file systems leave one behind
            refused.append(path)
            raise OSError(errno.EINVAL, "no")
        return opened(path, how, mode)

    def no_write(descriptor: int, data: memoryview) -> int:
        if not refused:
            refused.append(descriptor)
            raise OSError(errno.EINVAL, "no")
        return wrote(descriptor, data)

    if step == "open":
        monkeypatch.setattr(os, "open", no_open)
    else:
        monkeypatch.setattr(os, "write", no_write)
    data = filled(2 * MIB + 5)
    write_durably(tmp_path / "part", data)
    assert refused
    assert (tmp_path / "part").read_bytes() == data


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote = os.write
    monkeypatch.setattr(os, "write", lambda to, data: wrote(to, data[: 4096 * 100]))
    data = filled(MIB + 77)
    write_durably(tmp_path / "part", data)
    assert (tmp_path / "part").read_bytes() == data
    monkeypatch.setattr(os, "write", lambda to, data: wrote(to, data[:1000]))
    write_durably(tmp_path / "odd", data[: 100 * 1000])
    assert (tmp_path / "odd").read_bytes() == data[: 100 * 1000]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "part", filled(2 * MIB))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "part", filled(2 * MIB))
    assert (tmp_path / "part").read_bytes() == b"mine"
