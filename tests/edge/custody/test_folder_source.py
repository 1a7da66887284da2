"""Trees that somebody arranged to hurt: told, left, and never followed outside."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pratique.edge.custody.folder_source import MAX_DEPTH, FolderSource
from pratique.edge.custody.sources import Found, Gap, SourceGapError
from pratique.errors import InputError

NOBODY = 65_534


def walked(folder: Path) -> tuple[dict[str, Found], dict[str, str]]:
    found: dict[str, Found] = {}
    gaps: dict[str, str] = {}
    for one in FolderSource(folder).walk():
        if isinstance(one, Gap):
            gaps[one.what] = one.why
        else:
            assert one.key not in found
            found[one.key] = one
    return found, gaps


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a")
    (root / "sub" / "b.jsonl").write_bytes(b"bb")
    (root / "sub" / "deep" / "c.bin").write_bytes(b"")
    return root


@contextmanager
def no_superuser() -> Iterator[None]:
    """Without the superuser's right to read everything, whoever runs the tests."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def read(folder: Path, found: Found) -> bytes:
    buffer = bytearray(1000)
    with FolderSource(folder).open(found) as reader:
        got = reader.fill(memoryview(buffer))
        reader.finish()
    return bytes(buffer[:got])


def test_an_ordinary_tree_is_read_whole_and_in_order(tree: Path) -> None:
    found, gaps = walked(tree)
    assert list(found) == ["a.txt", "sub/b.jsonl", "sub/deep/c.bin"]
    assert gaps == {}
    assert [one.size for one in found.values()] == [1, 2, 0]
    assert read(tree, found["sub/b.jsonl"]) == b"bb"
    mtime = dict(found["a.txt"].metadata)["mtime"]
    assert float(mtime) == pytest.approx((tree / "a.txt").stat().st_mtime)
    assert list(FolderSource(tree).walk()) == list(FolderSource(tree).walk())


def test_links_are_read_only_within_the_folder(tree: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"canary")
    (tree / "inside").symlink_to("sub/b.jsonl")
    (tree / "absolute").symlink_to(tree / "a.txt")
    (tree / "outside").symlink_to(secret)
    (tree / "dotdot").symlink_to("../secret")
    (tree / "beside").symlink_to(tmp_path / "root-beside")
    (tmp_path / "root-beside").write_bytes(b"canary")  # begins with the root's own name
    (tree / "loop").symlink_to("loop")
    (tree / "nothing").symlink_to("nowhere")
    (tree / "folder").symlink_to("sub")
    (tree / "sub" / "up").symlink_to("..")
    found, gaps = walked(tree)
    assert read(tree, found["inside"]) == b"bb"
    assert read(tree, found["absolute"]) == b"a"
    assert set(found) == {"a.txt", "absolute", "inside", "sub/b.jsonl", "sub/deep/c.bin"}
    assert "out of the folder" in gaps["outside"]
    assert "out of the folder" in gaps["dotdot"]
    assert "out of the folder" in gaps["beside"]
    assert "back to itself" in gaps["loop"]
    assert "to nothing" in gaps["nothing"]
    assert "link" in gaps["folder"]
    assert set(gaps) == {"beside", "dotdot", "folder", "loop", "nothing", "outside", "sub/up"}


def test_a_name_that_is_exchanged_after_the_walk_leads_nowhere(tree: Path, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    (secret / "deep").mkdir(parents=True)
    (secret / "b.jsonl").write_bytes(b"canary")
    found, _ = walked(tree)
    (tree / "a.txt").unlink()
    (tree / "a.txt").symlink_to(secret / "b.jsonl")
    with pytest.raises(SourceGapError, match="out of the folder"):
        read(tree, found["a.txt"])
    (tree / "sub").rename(tmp_path / "aside")
    (tree / "sub").symlink_to(secret)
    with pytest.raises(SourceGapError, match="out of the folder"):
        read(tree, found["sub/b.jsonl"])
    (tree / "a.txt").unlink()
    os.mkfifo(tree / "a.txt")
    with pytest.raises(SourceGapError, match="no regular file"):
        read(tree, found["a.txt"])
    (tree / "a.txt").unlink()
    with pytest.raises(SourceGapError, match="gone"):
        read(tree, found["a.txt"])


def test_pipes_sockets_and_odd_names_are_told(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tree / "door"))
    (tree / "line\nbreak").write_bytes(b"x")
    (tree / ("k" * 200)).mkdir()
    long = "k" * 200
    deep = tree
    for _ in range(6):
        deep = deep / long
        deep.mkdir(exist_ok=True)
    (deep / "file").write_bytes(b"x")
    descriptor = os.open(os.fsencode(tree) + b"/bad\xff.txt", os.O_CREAT | os.O_WRONLY)
    os.close(descriptor)
    found, gaps = walked(tree)
    assert set(found) == {"a.txt", "sub/b.jsonl", "sub/deep/c.bin"}
    assert "no regular file" in gaps["pipe"]
    assert "no regular file" in gaps["door"]
    assert "not UTF-8" in gaps["bad\\xff.txt"]
    assert "cannot be a key" in gaps["line\nbreak"]
    assert any("1024 bytes" in why for why in gaps.values())


def test_what_may_not_be_read_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:  # a place that everybody may enter
        tree = Path(folder)
        tree.chmod(0o755)
        (tree / "a.txt").write_bytes(b"a")
        (tree / "sub").mkdir()
        (tree / "a.txt").chmod(0)
        (tree / "sub").chmod(0)
        with no_superuser():
            found, gaps = walked(tree)
            assert "may not be read" in gaps["sub/"]
            with pytest.raises(SourceGapError, match="may not be read"):
                read(tree, found["a.txt"])
        (tree / "sub").chmod(0o700)


def test_a_folder_without_end_has_one(tmp_path: Path) -> None:
    deep = tmp_path
    before = Path.cwd()
    try:
        os.chdir(deep)
        for _ in range(MAX_DEPTH + 5):
            os.mkdir("d")  # noqa: PTH102 - relative, because the whole name is too long for the system
            os.chdir("d")
    finally:
        os.chdir(before)
    _, gaps = walked(tmp_path)
    assert len(gaps) == 1
    assert "folders deep" in next(iter(gaps.values()))


@pytest.mark.parametrize("change", ["append", "truncate", "rewrite", "replace"])
def test_what_changes_while_it_is_read_is_told(tree: Path, change: str) -> None:
    path = tree / "a.txt"
    path.write_bytes(b"x" * 3000)
    found, _ = walked(tree)
    buffer = memoryview(bytearray(1000))
    with FolderSource(tree).open(found["a.txt"]) as reader:
        assert reader.fill(buffer) == 1000
        if change == "append":
            with path.open("ab") as file:
                file.write(b"more")
        elif change == "truncate":
            os.truncate(path, 1500)
        elif change == "rewrite":
            with path.open("r+b") as file:
                file.write(b"y" * 3000)
        else:
            other = tree / "other"
            other.write_bytes(b"z" * 3000)
            other.replace(path)  # what was opened stays as it was; its link count changes
        while reader.fill(buffer):
            pass
        with pytest.raises(SourceGapError, match="changed"):
            reader.finish()


def test_only_a_folder_is_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for wrong in (tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(InputError, match="no folder"):
            FolderSource(wrong)
    source = FolderSource(tmp_path)
    assert source.holds(tmp_path / "home" / "deep")
    assert source.holds(tmp_path)
    assert not source.holds(tmp_path.parent)
    assert not source.holds(Path(f"{tmp_path}-beside"))
